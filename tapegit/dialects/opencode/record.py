"""One message of a session of OpenCode, or a session as its export has it.

Source: tapesdialect-opencode(7), "What a record is".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from tapegit.dialects.parts import (
    Attachment,
    Compaction,
    Failure,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from tapegit.dialects.syntax.bodies import (
    Members,
    failure_text,
    is_null,
    read_members,
    unknown,
)
from tapegit.dialects.syntax.data_urls import attachment_of
from tapegit.dialects.syntax.members import is_object, iter_array, starts_with

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.dialects.parts import AnyPart
    from tapegit.dialects.syntax.members import Json

EXECUTED: Final = "The following tool was executed by the user"
"""What the client sends for a subtask."""
COMPACTED: Final = "compacted"

_NOT_SENT: Final = frozenset({"text/plain", "application/x-directory"})
"""Types of files whose content stands in a text beside them."""
_ABORTED: Final = "MessageAbortedError"
_SILENT: Final = frozenset({"step-start", "reasoning"})
_raw_decoder: Final = msgspec.json.Decoder(msgspec.Raw)


class MessagePart(NamedTuple):
    """An element of `parts`, looked into once."""

    kind: str | None
    members: Members
    raw: Json


class OpenCodeMessage(msgspec.Struct):
    """A message, looked into once; `role` is `event` for what is no message of a conversation."""

    role: str
    info: Members
    parts: tuple[MessagePart, ...]
    data: bytes


def decode_record(data: bytes) -> OpenCodeMessage:
    """Return one message; a value that is no object gives an event without anything.

    Raises:
        msgspec.DecodeError: The bytes are no JSON.
    """
    value = bytes(_raw_decoder.decode(data))
    members = read_members(value)
    info = members.members("info")
    parts = tuple(map(_read_part, members.elements("parts")))
    return OpenCodeMessage(_find_role(info, parts), info, parts, value)


def is_export(value: bytes) -> bool:
    """Return whether JSON is a session as OpenCode exports it."""
    if not is_object(value):
        return False
    members = read_members(value)
    messages = members.get("messages", b"")
    if not starts_with(memoryview(messages), "["):
        return False
    info = members.members("info")
    if info.name("id") is None or info.name("version") is None or not info.members("time"):
        return False
    first = next(iter_array(messages), None)
    return first is None or read_members(first).members("info").name("role") is not None


def iter_message_parts(record: OpenCodeMessage) -> Iterator[AnyPart]:
    """Yield the parts of a message, or of an event."""
    if not record.info:
        yield unknown("record", record.data)
        return
    for part in record.parts:
        yield from _iter_part(part)
    failure = find_failure(record.info)
    if failure is not None:
        yield failure


def find_failure(info: Members) -> Failure | None:
    """Return the error that a message ended with."""
    error = info.members("error")
    if not error:
        return None
    text = failure_text(error.members("data"))
    kind = error.name("name")
    return Failure(text=": ".join(filter(None, (kind, text if text != "error" else None))))


def _read_part(raw: Json) -> MessagePart:
    members = read_members(raw)
    return MessagePart(members.name("type"), members, raw)


def _find_role(info: Members, parts: tuple[MessagePart, ...]) -> str:
    role = info.name("role")
    if role == "user":
        return "event" if any(part.kind == "compaction" for part in parts) else "user"
    if role != "assistant":
        return "event"
    if "error" not in info or is_null(info["error"]):
        return "assistant"
    # What failed is not sent again, but for what was stopped after something had come.
    is_kept = info.members("error").name("name") == _ABORTED
    is_said = any(part.kind not in _SILENT for part in parts)
    return "assistant" if is_kept and is_said else "event"


def _iter_part(part: MessagePart) -> Iterator[AnyPart]:
    kind, members, raw = part
    text = members.string("text")
    if kind == "text" and text is not None and not members.flag("ignored"):
        if text:
            yield Text(text=text, injected=members.flag("synthetic"))
    elif kind == "reasoning" and text is not None:
        yield _thinking(members, text)
    elif kind == "tool":
        yield from _iter_call(members)
    elif kind == "file" and members.name("mime") not in _NOT_SENT:
        yield _attachment(members)
    elif kind == "subtask":
        yield Text(text=EXECUTED, injected=True)
    elif kind == "compaction":
        yield Compaction(text=COMPACTED, trigger="auto" if members.flag("auto") else "manual")
    elif kind == "retry":
        yield Failure(text=failure_text(members.members("error").members("data")))
    else:
        yield unknown(kind, raw)


def _thinking(part: Members, text: str) -> Thinking:
    for raw in part.members("metadata").values():
        signature = read_members(raw).string("signature")
        if signature:
            return Thinking(text=text, is_signed=True, signature=signature)
    return Thinking(text=text)


def _iter_call(part: Members) -> Iterator[AnyPart]:
    state = part.members("state")
    call_id = part.name("callID")
    name = part.string("tool") or "tool"
    yield ToolCall(name=name, arguments=state.json("input") or "{}", id=call_id)
    status = state.name("status")
    if status == "completed":
        files = tuple(_attachment(read_members(raw)) for raw in state.elements("attachments"))
        text = state.string("output") or ""
        yield ToolResult(text=text, call_id=call_id, attachments=files)
    elif status == "error":
        yield ToolResult(text=state.string("error") or "", call_id=call_id, is_error=True)


def _attachment(part: Members) -> Attachment:
    mime = part.name("mime") or ""
    kind = "image" if mime.startswith("image/") else "document"
    found = attachment_of(kind, part.string("url"))
    return found or Attachment(kind=kind, media_type=mime or None)
