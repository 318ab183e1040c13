"""One record of a Gemini CLI session, or a session as one document.

Source: tapesdialect-gemini-cli(7), "What a record is".
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec

from tapegit.dialects.syntax.members import (
    NO_VALUE,
    decode_members,
    decode_string,
    has_value,
    is_object,
    iter_array,
    read_text,
    starts_with,
)
from tapegit.dialects.syntax.members import decode_record as decode_struct

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.dialects.syntax.members import Json

ELEMENT_COUNT_MAX: Final = 4096
MESSAGE_TYPES: Final = frozenset({"error", "gemini", "info", "user", "warning"})
EVENT_TYPES: Final = frozenset({"error", "info", "warning"})


class Line(msgspec.Struct, rename={"set_to": "$set", "rewind_to": "$rewindTo"}):
    """A record: a message, a change of metadata, a rewind, or the head of a session."""

    sessionId: msgspec.Raw = NO_VALUE  # noqa: N815 - the source's name, here and below
    projectHash: msgspec.Raw = NO_VALUE  # noqa: N815
    startTime: msgspec.Raw = NO_VALUE  # noqa: N815
    lastUpdated: msgspec.Raw = NO_VALUE  # noqa: N815
    messages: msgspec.Raw = NO_VALUE
    set_to: msgspec.Raw = NO_VALUE
    rewind_to: msgspec.Raw = NO_VALUE
    id: msgspec.Raw = NO_VALUE
    timestamp: msgspec.Raw = NO_VALUE
    type: msgspec.Raw = NO_VALUE
    content: msgspec.Raw = NO_VALUE
    thoughts: msgspec.Raw = NO_VALUE
    tokens: msgspec.Raw = NO_VALUE
    model: msgspec.Raw = NO_VALUE
    toolCalls: msgspec.Raw = NO_VALUE  # noqa: N815


class Tokens(msgspec.Struct):
    """`tokens` of a message."""

    input: msgspec.Raw = NO_VALUE
    output: msgspec.Raw = NO_VALUE
    cached: msgspec.Raw = NO_VALUE
    thoughts: msgspec.Raw = NO_VALUE
    tool: msgspec.Raw = NO_VALUE


class Thought(msgspec.Struct):
    """An element of `thoughts`."""

    subject: msgspec.Raw = NO_VALUE
    description: msgspec.Raw = NO_VALUE


class ToolCallRecord(msgspec.Struct):
    """An element of `toolCalls`: a call with its result."""

    id: msgspec.Raw = NO_VALUE
    name: msgspec.Raw = NO_VALUE
    args: msgspec.Raw = NO_VALUE
    result: msgspec.Raw = NO_VALUE
    status: msgspec.Raw = NO_VALUE


class Part(msgspec.Struct):
    """An element of content, or of a result."""

    text: msgspec.Raw = NO_VALUE
    thought: msgspec.Raw = NO_VALUE
    functionCall: msgspec.Raw = NO_VALUE  # noqa: N815
    functionResponse: msgspec.Raw = NO_VALUE  # noqa: N815
    inlineData: msgspec.Raw = NO_VALUE  # noqa: N815
    fileData: msgspec.Raw = NO_VALUE  # noqa: N815


class FunctionCall(msgspec.Struct):
    """`functionCall`."""

    id: msgspec.Raw = NO_VALUE
    name: msgspec.Raw = NO_VALUE
    args: msgspec.Raw = NO_VALUE


class FunctionResponse(msgspec.Struct):
    """`functionResponse`."""

    id: msgspec.Raw = NO_VALUE
    response: msgspec.Raw = NO_VALUE


class Response(msgspec.Struct):
    """`functionResponse.response`."""

    output: msgspec.Raw = NO_VALUE
    error: msgspec.Raw = NO_VALUE


class InlineData(msgspec.Struct):
    """`inlineData` and `fileData`."""

    mimeType: msgspec.Raw = NO_VALUE  # noqa: N815
    data: msgspec.Raw = NO_VALUE
    fileUri: msgspec.Raw = NO_VALUE  # noqa: N815


class GeminiRecord(msgspec.Struct):
    """A record, looked into once; `type` is that of a message, else None."""

    type: str | None
    line: Line


def decode_record(data: bytes) -> GeminiRecord:
    """Return one record; a value that is no object gives one without anything.

    Raises:
        msgspec.DecodeError: The bytes are no JSON.
    """
    line = decode_struct(Line, data)
    kind = read_text(line.type)
    is_message = kind in MESSAGE_TYPES and has_value(line.id)
    return GeminiRecord(kind if is_message else None, line)


def is_session(value: bytes) -> bool:
    """Return whether a record, given as JSON, can only come from a session of Gemini CLI."""
    record = _decode(value)
    if record is None:
        return False
    line = record.line
    if read_text(line.sessionId) is not None and read_text(line.projectHash) is not None:
        return not has_value(line.messages)
    is_message = record.type is not None and has_value(line.timestamp) and has_value(line.content)
    return is_message or (read_text(line.rewind_to) is not None)


def is_document(value: bytes) -> bool:
    """Return whether JSON is a whole session of Gemini CLI."""
    record = _decode(value)
    if record is None or not starts_with(memoryview(record.line.messages), "["):
        return False
    line = record.line
    return read_text(line.sessionId) is not None and read_text(line.projectHash) is not None


def new_messages(line: Line) -> int | None:
    """Return how many messages a change of metadata puts in place of all, or None."""
    if not is_object(line.set_to):
        return None
    messages = decode_members(Line, line.set_to).messages
    if not starts_with(memoryview(messages), "["):
        return None
    return sum(1 for _ in iter_array(messages))


def iter_new_messages(record: GeminiRecord) -> Iterator[bytes]:
    """Yield the messages that a change of metadata puts in place of all."""
    if new_messages(record.line) is not None:
        messages = decode_members(Line, record.line.set_to).messages
        yield from map(bytes, iter_array(messages))


def iter_parts_of(content: Json) -> Iterator[tuple[Part, memoryview]]:
    """Yield the parts of content, each with its bytes; a string is one part."""
    if decode_string(content) is not None:
        yield Part(text=msgspec.Raw(bytes(content))), memoryview(content)
    elif is_object(content):
        yield decode_members(Part, content), memoryview(content)
    else:
        for element in islice(iter_array(content), ELEMENT_COUNT_MAX):
            if decode_string(element) is not None:
                yield Part(text=msgspec.Raw(bytes(element))), element
            else:
                yield decode_members(Part, element), element


def iter_calls(line: Line) -> Iterator[ToolCallRecord]:
    """Yield the calls of a message."""
    for element in islice(iter_array(line.toolCalls), ELEMENT_COUNT_MAX):
        yield decode_members(ToolCallRecord, element)


def _decode(value: bytes) -> GeminiRecord | None:
    try:
        return decode_record(value)
    except msgspec.DecodeError:
        return None
