"""Images and documents that are given as `data:` URLs.

Source: tapesdialect-openai-chat(7), "Parts".
"""

from __future__ import annotations

import re
from typing import Final

from tapegit.dialects.parts import Attachment

_BASE64_URL: Final = re.compile(r"data:([^;,]{0,255}+)(?:;[^;,]{0,255}+){0,8}?;base64,", re.DOTALL)


def attachment_of(kind: str, url: str | None, file_id: str | None = None) -> Attachment | None:
    """Return what a URL or the id of a file stands for; None where there is neither."""
    if url is None:
        return Attachment(kind=kind, url=f"file:{file_id}") if file_id else None
    found = _BASE64_URL.match(url)
    if found is None:
        return Attachment(kind=kind, url=url)
    return Attachment(kind=kind, media_type=found[1] or None, data=url[found.end() :])


def url_of(attachment: Attachment) -> str | None:
    """Return an attachment as a URL; None where it has neither data nor a URL."""
    if attachment.data is None:
        return attachment.url
    return f"data:{attachment.media_type or 'application/octet-stream'};base64,{attachment.data}"
