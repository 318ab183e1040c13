"""What of a message counts for the context id: the parts, reduced to what the model saw and said.

Pure: the parts of one message in, canonical items out. Left out is what harnesses change or
inject when they send a message again. Ids of calls stay in fields of their own, for the chain
to rename; they are never looked for in texts or arguments.

Source: tapescontext(7), "Projection".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from tapegit.dialects.meaning.injected import (
    CLAUDE_TEXTS,
    TRANSCRIPT_DIALECTS,
    dialect_name,
    strip_blocks,
)
from tapegit.dialects.parts import (
    Attachment,
    Text,
    ToolCall,
    ToolResult,
    Unknown,
)
from tapegit.objects.canonical import replace_surrogates_in_text
from tapegit.objects.oid import hash_content

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.dialects.parts import AnyPart

MESSAGE_ROLES: Final = frozenset({"user", "assistant", "tool"})
"""The roles of turns that are messages; all others are passed over."""

VOLATILE_KEYS: Final = frozenset(
    {"cache_control", "signature", "thoughtSignature", "encrypted_content"}
)
"""Keys of blocks that change when a message is sent again; never looked for in arguments."""
DEPTH_MAX: Final = 200

_JSON_ERRORS: Final = (msgspec.DecodeError, RecursionError, UnicodeError)


class Item(NamedTuple):
    """One projected part.

    Attributes:
        role: `user`, `assistant` or `tool`; of a call and a result whatever the turn's is.
        data: Canonical bytes, without ids.
        is_call: It is a call of a tool.
        is_result: It is the result of one.
        call_id: The call's id in the source's words, where it gives one.
    """

    role: str
    data: bytes
    is_call: bool = False
    is_result: bool = False
    call_id: str | None = None


def iter_items(dialect: str | None, role: str, parts: Iterable[AnyPart]) -> Iterator[Item]:
    """Yield what counts of a message, in order; nothing for a turn that is no message.

    Args:
        dialect: Of the turn, with its version.
        role: Of the turn.
        parts: Of the turn.
    """
    if role not in MESSAGE_ROLES:
        return
    name = dialect_name(dialect)
    for part in parts:
        if isinstance(part, Text):
            text = clean_text(part.text) if role == "assistant" else strip_text(part.text, name)
            if text and text not in CLAUDE_TEXTS:
                yield Item(role, _encode("text", text))
        elif isinstance(part, ToolCall):
            arguments = canonical_json(part.arguments)
            data = _encode("call", clean_text(part.name), arguments)
            yield Item("assistant", data, is_call=True, call_id=part.id)
        elif isinstance(part, ToolResult):
            yield _result_item(part, name)
        elif isinstance(part, Attachment):
            yield Item(role, _encode("attachment", *_attachment_fields(part)))
        elif isinstance(part, Unknown) and name not in TRANSCRIPT_DIALECTS:
            yield Item(role, _unknown(part))


def canonical_json(text: str, *, volatile: frozenset[str] = frozenset()) -> str:
    """Return JSON with its keys sorted and no blanks, without the keys named.

    What is no JSON, or nested too deep, comes back stripped of white space at its ends.
    """
    try:
        value = msgspec.json.decode(text)
        if volatile:
            value = _without(value, volatile, DEPTH_MAX)
        return msgspec.json.encode(value, order="deterministic").decode()
    except _JSON_ERRORS:
        return clean_text(text)


def strip_text(text: str, name: str) -> str:
    """Return what counts of a user's text or a tool's: without injected blocks of a dialect."""
    return strip_blocks(clean_text(text), name)


def clean_text(text: str) -> str:
    """Return what counts of a text: LF alone, no lone surrogates, no white space at its ends."""
    return replace_surrogates_in_text(text).replace("\r\n", "\n").strip()


def _unknown(part: Unknown) -> bytes:
    raw = canonical_json(part.raw, volatile=VOLATILE_KEYS)
    return _encode("unknown", clean_text(part.type), raw)


def _result_item(part: ToolResult, name: str) -> Item:
    attached = [_attachment_fields(attachment) for attachment in part.attachments]
    data = _encode("result", strip_text(part.text, name), part.is_error, *attached)
    return Item("tool", data, is_result=True, call_id=part.call_id)


def _attachment_fields(part: Attachment) -> tuple[str, str, str]:
    content = part.data if part.data is not None else part.url or ""
    digest = hash_content(content.encode("utf-8", "surrogatepass")).hex()
    return part.kind, part.media_type or "", digest


def _encode(*fields: object) -> bytes:
    return msgspec.json.encode(fields)


def _without(value: Any, keys: frozenset[str], depth: int) -> Any:
    if depth == 0:
        raise RecursionError
    if isinstance(value, dict):
        return {
            key: _without(item, keys, depth - 1) for key, item in value.items() if key not in keys
        }
    if isinstance(value, list):
        return [_without(item, keys, depth - 1) for item in value]
    return value
