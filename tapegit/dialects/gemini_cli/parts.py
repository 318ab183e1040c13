"""What the records of a Gemini CLI turn consist of: text, thinking, calls with results, the rest.

Pure: the exact bytes of a turn in, parts out. A message that was written again as it grew is
given once, as it was written last.

Source: tapesdialect-gemini-cli(7), "Parts".
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final

from tapegit.dialects.gemini_cli.record import (
    EVENT_TYPES,
    FunctionCall,
    FunctionResponse,
    GeminiRecord,
    InlineData,
    Line,
    Part,
    Response,
    Thought,
    decode_record,
    is_document,
    iter_calls,
    iter_parts_of,
    new_messages,
)
from tapegit.dialects.gemini_cli.summary import summarize_event, summarize_replacement
from tapegit.dialects.parts import (
    AnyPart,
    Attachment,
    Compaction,
    Failure,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Unknown,
)
from tapegit.dialects.syntax.json_records import find_value_end, read_document, read_raw_records
from tapegit.dialects.syntax.members import (
    decode_members,
    decode_string,
    has_value,
    is_object,
    iter_array,
    read_text,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import msgspec

HEAD_SIZE_BYTES: Final = 1 << 16
_BLANKS: Final = frozenset((b" ", b"\t", b"\r", b"\n"))
_FAILED: Final = frozenset({"cancelled", "error"})


def iter_parts(pieces: Iterable[bytes]) -> Iterator[AnyPart]:
    """Yield the parts of a turn from the pieces of its raw bytes.

    Shape: each part says which record of the turn it is in, counted from 1.
    """
    held: tuple[int, bytes, GeminiRecord] | None = None
    for number, value, reason in enumerate_records(pieces):
        if reason is not None:
            kind = f"unreadable: {reason}"
            yield Unknown(record=number, type=kind, raw=text_of(value))
            continue
        known = decode_record(value)
        if known.type is None:
            yield from _iter_other(number, value, known)
            continue
        if held is not None:
            yield from _iter_held(held, known)
        held = (number, value, known)
    if held is not None:
        yield from _iter_message(*held)


def enumerate_records(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes, str | None]]:
    """Yield number, value and why it cannot be read of each record that is not blank.

    The bytes are lines, or values that span lines: elements of a document, or a document.
    """
    source = iter(pieces)
    head = b""
    for piece in source:
        head += piece
        if b"\n" in piece or len(head) >= HEAD_SIZE_BYTES:
            break
    if _spans_lines(head):
        head += b"".join(source)
        values = _split_values(head)
        if values is not None:
            yield from ((number, value, None) for number, value in enumerate(values, 1))
            return
    for record in read_raw_records().read_all(chain((head,), source)):
        if record.reason is not None:
            yield record.number, record.data, record.reason
        elif record.value is not None:
            yield record.number, record.value, None


def _spans_lines(head: bytes) -> bool:
    """Return whether the first value goes on beyond its first line."""
    newline = head.find(b"\n")
    if newline < 0 or not head.startswith(b"{"):
        return False
    end = find_value_end(head, 0)
    return end is None or end > newline


def _split_values(data: bytes) -> list[bytes] | None:
    """Return values that stand one after the other, or None where something else does."""
    values = []
    position = 0
    while position < len(data):
        end = find_value_end(data, position)
        value = read_document(data[position:end]) if end is not None else None
        if end is None or value is None:
            return None
        values.append(value)
        position = end
        while data[position : position + 1] in _BLANKS:
            position += 1
    return values


def _iter_held(held: tuple[int, bytes, GeminiRecord], following: GeminiRecord) -> Iterator[AnyPart]:
    number, value, known = held
    is_same = bytes(known.line.id) == bytes(following.line.id)
    if is_same and known.type == following.type:
        yield Unknown(record=number, type=f"{known.type}/earlier", raw=text_of(value))
    else:
        yield from _iter_message(number, value, known)


def _iter_other(number: int, value: bytes, known: GeminiRecord) -> Iterator[AnyPart]:
    count = new_messages(known.line)
    if count is not None:
        yield Compaction(record=number, text=summarize_replacement(count))
        return
    kind = "record"
    if has_value(known.line.set_to):
        kind = "$set"
    elif has_value(known.line.rewind_to):
        kind = "$rewindTo"
    elif has_value(known.line.sessionId):
        kind = "document" if is_document(value) else "session"
    yield Unknown(record=number, type=kind, raw=text_of(value))


def _iter_message(number: int, value: bytes, known: GeminiRecord) -> Iterator[AnyPart]:
    line = known.line
    if known.type in EVENT_TYPES:
        if known.type == "error":
            yield Failure(record=number, text=summarize_event("error", line.content))
        else:
            yield from _iter_content(number, line.content, injected=True)
        return
    is_empty = True
    for part in _iter_said(number, line):
        is_empty = False
        yield part
    if is_empty:
        yield Unknown(record=number, type=known.type or "message", raw=text_of(value))


def _iter_said(number: int, line: Line) -> Iterator[AnyPart]:
    for element in iter_array(line.thoughts):
        thought = decode_members(Thought, element)
        texts = (decode_string(thought.subject), decode_string(thought.description))
        yield Thinking(record=number, text="\n".join(filter(None, texts)))
    yield from _iter_content(number, line.content, injected=False)
    for call in iter_calls(line):
        call_id = read_text(call.id)
        arguments = text_of(call.args) if has_value(call.args) else "{}"
        name = read_text(call.name) or "tool"
        yield ToolCall(record=number, name=name, arguments=arguments, id=call_id)
        if has_value(call.result) and bytes(call.result) != b"null":
            is_error = read_text(call.status) in _FAILED
            yield _result_part(number, call.result, call_id, is_error=is_error)


def _iter_content(number: int, content: msgspec.Raw, *, injected: bool) -> Iterator[AnyPart]:
    for part, raw in iter_parts_of(content):
        text = decode_string(part.text)
        if text is not None and bytes(part.thought) == b"true":
            yield Thinking(record=number, text=text)
        elif text:
            yield Text(record=number, text=text, injected=injected)
        elif text is None:
            yield _other_part(number, part, raw)


def _other_part(number: int, part: Part, raw: memoryview) -> AnyPart:
    if has_value(part.functionCall):
        call = decode_members(FunctionCall, part.functionCall)
        arguments = text_of(call.args) if has_value(call.args) else "{}"
        name = read_text(call.name) or "tool"
        return ToolCall(record=number, name=name, arguments=arguments, id=read_text(call.id))
    if has_value(part.functionResponse):
        answered = decode_members(FunctionResponse, part.functionResponse)
        return _result_part(number, raw, read_text(answered.id), is_error=False)
    if has_value(part.inlineData) or has_value(part.fileData):
        return _attachment(number, part)
    return Unknown(record=number, type="part", raw=text_of(raw))


def _attachment(number: int, part: Part) -> Attachment:
    data = decode_members(InlineData, part.inlineData or part.fileData)
    media_type = read_text(data.mimeType)
    return Attachment(
        record=number,
        kind="image" if (media_type or "").startswith("image/") else "document",
        media_type=media_type,
        data=decode_string(data.data),
        url=decode_string(data.fileUri),
    )


def _result_part(
    number: int, result: msgspec.Raw | memoryview, call_id: str | None, *, is_error: bool
) -> ToolResult:
    texts, attachments = [], []
    for part, raw in iter_parts_of(result):
        text = decode_string(part.text)
        if text is not None:
            texts.append(text)
        elif has_value(part.functionResponse):
            said, failed = _read_response(part.functionResponse)
            texts.append(said)
            is_error = is_error or failed
        elif has_value(part.inlineData) or has_value(part.fileData):
            attachments.append(_attachment(number, part))
        else:
            texts.append(text_of(raw))
    return ToolResult(
        record=number,
        text="\n".join(texts),
        is_error=is_error,
        call_id=call_id,
        attachments=tuple(attachments),
    )


def _read_response(raw: msgspec.Raw) -> tuple[str, bool]:
    answered = decode_members(FunctionResponse, raw)
    response = decode_members(Response, answered.response)
    output, error = decode_string(response.output), decode_string(response.error)
    if output is not None:
        return output, False
    if error is not None:
        return error, True
    shown = answered.response if is_object(answered.response) else raw
    return text_of(shown), False
