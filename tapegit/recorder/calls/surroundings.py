r"""Where an agent ran, as far as the harness wrote it into the first request.

Source: tapeswire(7), "Turns".
"""

from __future__ import annotations

import re
from typing import Final

from tapegit.dialects.syntax.members import decode_string

_LOOKED_AT_BYTES: Final = 1 << 20
_LETTER: Final = rb"(?:[^\"\\\n<]|\\[\"\\/]|\\u[0-9a-fA-F]{4}){1,1000}"
_PLACES: Final = (
    re.compile(rb"Primary working directory: (" + _LETTER + rb")"),
    re.compile(rb"<cwd>(" + _LETTER + rb")</cwd>"),
    re.compile(rb"Working directory: (" + _LETTER + rb")"),
)


def find_cwd(body: bytes) -> str | None:
    """Return the working directory that a request names, or None."""
    for place in _PLACES:
        found = place.search(body, 0, _LOOKED_AT_BYTES)
        if found is not None:
            text = decode_string(b'"' + found[1] + b'"')
            if (text is not None and text.strip().startswith(("/", "~"))) or _is_windows(text):
                return (text or "").strip()
    return None


def _is_windows(text: str | None) -> bool:
    return text is not None and re.match(r"[A-Za-z]:[\\/]", text) is not None
