"""One entry of a pi session, with the members that threading, fields and parts need.

Source: tapesdialect-pi(7), "What a record is".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tapegit.dialects.syntax.members import (
    NO_VALUE,
    decode_members,
    has_value,
    is_object,
    read_text,
)
from tapegit.dialects.syntax.members import decode_record as decode_struct

if TYPE_CHECKING:
    from tapegit.dialects.syntax.members import Json

ELEMENT_COUNT_MAX: Final = 4096
ROLES: Final = frozenset(
    {"assistant", "bashExecution", "custom", "hookMessage", "toolResult", "user"}
)
_SIGNATURES: Final = {
    "branch_summary": "summary",
    "compaction": "summary",
    "custom_message": "customType",
    "model_change": "modelId",
    "thinking_level_change": "thinkingLevel",
}


class Entry(msgspec.Struct):
    """A line of a session."""

    type: msgspec.Raw = NO_VALUE
    id: msgspec.Raw = NO_VALUE
    parentId: msgspec.Raw = NO_VALUE  # noqa: N815 - the source's name, here and below
    timestamp: msgspec.Raw = NO_VALUE
    cwd: msgspec.Raw = NO_VALUE
    parentSession: msgspec.Raw = NO_VALUE  # noqa: N815
    branchedFrom: msgspec.Raw = NO_VALUE  # noqa: N815
    message: msgspec.Raw = NO_VALUE
    summary: msgspec.Raw = NO_VALUE
    tokensBefore: msgspec.Raw = NO_VALUE  # noqa: N815
    content: msgspec.Raw = NO_VALUE
    customType: msgspec.Raw = NO_VALUE  # noqa: N815
    modelId: msgspec.Raw = NO_VALUE  # noqa: N815
    thinkingLevel: msgspec.Raw = NO_VALUE  # noqa: N815


class Message(msgspec.Struct):
    """`message` of an entry."""

    role: msgspec.Raw = NO_VALUE
    content: msgspec.Raw = NO_VALUE
    timestamp: msgspec.Raw = NO_VALUE
    provider: msgspec.Raw = NO_VALUE
    model: msgspec.Raw = NO_VALUE
    usage: msgspec.Raw = NO_VALUE
    stopReason: msgspec.Raw = NO_VALUE  # noqa: N815
    errorMessage: msgspec.Raw = NO_VALUE  # noqa: N815
    toolCallId: msgspec.Raw = NO_VALUE  # noqa: N815
    isError: msgspec.Raw = NO_VALUE  # noqa: N815
    command: msgspec.Raw = NO_VALUE
    output: msgspec.Raw = NO_VALUE


class Usage(msgspec.Struct):
    """`usage` of a message."""

    input: msgspec.Raw = NO_VALUE
    output: msgspec.Raw = NO_VALUE
    cacheRead: msgspec.Raw = NO_VALUE  # noqa: N815
    cacheWrite: msgspec.Raw = NO_VALUE  # noqa: N815


class Block(msgspec.Struct):
    """An element of content."""

    type: msgspec.Raw = NO_VALUE
    text: msgspec.Raw = NO_VALUE
    thinking: msgspec.Raw = NO_VALUE
    thinkingSignature: msgspec.Raw = NO_VALUE  # noqa: N815
    redacted: msgspec.Raw = NO_VALUE
    id: msgspec.Raw = NO_VALUE
    name: msgspec.Raw = NO_VALUE
    arguments: msgspec.Raw = NO_VALUE
    data: msgspec.Raw = NO_VALUE
    mimeType: msgspec.Raw = NO_VALUE  # noqa: N815


class PiRecord(msgspec.Struct):
    """An entry, looked into once; without a message, `role` is None."""

    type: str | None
    role: str | None
    entry: Entry
    message: Message


def decode_record(data: bytes) -> PiRecord:
    """Return one entry; a value that is no object gives one without anything.

    Raises:
        msgspec.DecodeError: The bytes are no JSON.
    """
    entry = decode_struct(Entry, data)
    kind = read_text(entry.type)
    message = decode_members(Message, entry.message) if kind == "message" else Message()
    return PiRecord(kind, read_text(message.role), entry, message)


def is_pi(value: bytes) -> bool:
    """Return whether a record, given as JSON, can only come from pi."""
    try:
        record = decode_record(value)
    except msgspec.DecodeError:
        return False
    entry = record.entry
    if not has_value(entry.timestamp):
        return False
    if record.type == "session":
        return has_value(entry.id) and has_value(entry.cwd)
    if record.type == "message":
        return is_object(entry.message) and record.role in ROLES
    return record.type in _SIGNATURES and has_value(getattr(entry, _SIGNATURES[record.type]))


def is_true(raw: Json) -> bool:
    """Return whether JSON is `true`."""
    return bytes(raw) == b"true"
