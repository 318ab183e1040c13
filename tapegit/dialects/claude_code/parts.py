"""What the records of a Claude Code turn consist of: text, thinking, calls, results and the rest.

Pure: the exact bytes of a turn in, parts out, in the order of the source. Nothing is dropped:
a record or block that has no part of its own is `Unknown`, with its bytes.

Source: tapesdialect-claude-code(7), "What a record is".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tapegit.dialects.claude_code.record import (
    ClaudeRecord,
    CompactMetadata,
    decode_leniently,
    decode_record,
)
from tapegit.dialects.claude_code.summary import is_injected, summarize_event
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
from tapegit.dialects.syntax.json_records import read_raw_records
from tapegit.dialects.syntax.members import (
    clean_count,
    clean_text,
    decode_string,
    has_value,
    iter_array,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tapegit.dialects.syntax.json_records import Record


class _Source(msgspec.Struct):
    type: str | None = None
    media_type: str | None = None
    data: str | None = None
    url: str | None = None


class _Block(msgspec.Struct):
    """An element of `message.content`, or of the content of a result."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = msgspec.Raw()
    tool_use_id: str | None = None
    content: msgspec.Raw = msgspec.Raw()
    is_error: bool | None = None
    source: msgspec.Raw = msgspec.Raw()


class _Content(msgspec.Struct):
    content: msgspec.Raw = msgspec.Raw()


class _Envelope(msgspec.Struct):
    message: msgspec.Raw = msgspec.Raw()
    data: msgspec.Raw = msgspec.Raw()
    attachment: msgspec.Raw = msgspec.Raw()


class _Kind(msgspec.Struct):
    type: str | None = None


def iter_parts(pieces: Iterable[bytes]) -> Iterator[AnyPart]:
    """Yield the parts of a turn from the pieces of its raw bytes.

    Shape: each part says which record of the turn it is in, counted from 1.
    """
    for record in read_raw_records().read_all(pieces):
        yield from _iter_record(record)


def _iter_record(record: Record[bytes]) -> Iterator[AnyPart]:
    number = record.number
    if record.reason is not None:
        yield Unknown(record=number, type=f"unreadable: {record.reason}", raw=_text(record.data))
        return
    if record.value is None:
        return
    value = record.value
    known = decode_record(value)
    if known.type in {"user", "assistant"} and known.message is not None:
        parts = _iter_message(number, known, decode_leniently(_Envelope, value).message)
        yield from map(_fail, parts) if known.isApiErrorMessage is True else parts
    elif known.type == "system":
        yield _system_part(number, known, value)
    else:
        yield Unknown(record=number, type=_kind_of(known, value), raw=_text(value))


def _fail(part: AnyPart) -> AnyPart:
    """Return a part of a message that the harness made up to tell of an error."""
    return Failure(record=part.record, text=part.text) if isinstance(part, Text) else part


def _iter_message(number: int, known: ClaudeRecord, message: msgspec.Raw) -> Iterator[AnyPart]:
    content = decode_leniently(_Content, message).content
    is_meta = known.isCompactSummary is True or clean_text(known.sourceToolUseID) is not None
    text = decode_string(content) if has_value(content) else None
    if text is not None:
        injected = known.type == "user" and (is_meta or is_injected(text))
        yield Text(record=number, text=text, injected=injected)
        return
    if has_value(content) and bytes(memoryview(content)[:1]) not in b"[n":
        yield Unknown(record=number, type="content", raw=_text(memoryview(content)))
    for element in iter_array(content):
        part = _block_part(number, element, is_user=known.type == "user")
        if isinstance(part, Text) and is_meta:
            part = Text(record=number, text=part.text, injected=True)
        yield part


def _block_part(number: int, element: memoryview, *, is_user: bool) -> AnyPart:
    text = decode_string(element)
    block = decode_leniently(_Block, element) if text is None else _Block("text", text)
    if block.type == "text" and block.text is not None:
        return Text(record=number, text=block.text, injected=is_user and is_injected(block.text))
    make = _PART_MAKERS.get(block.type or "")
    part = make(number, block) if make is not None else None
    return part or Unknown(record=number, type=block.type or "block", raw=_text(element))


def _thinking_part(number: int, block: _Block) -> Thinking:
    return Thinking(record=number, text=block.thinking or "", is_signed=bool(block.signature))


def _redacted_part(number: int, block: _Block) -> Thinking:
    return Thinking(record=number, text="", is_redacted=True)


def _call_part(number: int, block: _Block) -> ToolCall | None:
    if block.name is None:
        return None
    arguments = _text(bytes(block.input)) if has_value(block.input) else "{}"
    return ToolCall(record=number, name=block.name, arguments=arguments, id=block.id)


def _result_part(number: int, block: _Block) -> ToolResult:
    text = decode_string(block.content) if has_value(block.content) else None
    texts = [text] if text is not None else []
    attachments = []
    for element in iter_array(block.content) if text is None else ():
        part = _block_part(number, element, is_user=False)
        if isinstance(part, Text):
            texts.append(part.text)
        elif isinstance(part, Attachment):
            attachments.append(part)
        else:
            texts.append(_text(element))
    return ToolResult(
        record=number,
        text="\n".join(texts),
        is_error=block.is_error is True,
        call_id=block.tool_use_id,
        attachments=tuple(attachments),
    )


def _attachment(number: int, block: _Block) -> Attachment:
    source = (
        decode_leniently(_Source, bytes(block.source)) if has_value(block.source) else _Source()
    )
    return Attachment(
        record=number,
        kind=block.type or "attachment",
        media_type=source.media_type,
        data=source.data,
        url=source.url,
    )


_PART_MAKERS: Final[dict[str, Callable[[int, _Block], AnyPart | None]]] = {
    "thinking": _thinking_part,
    "redacted_thinking": _redacted_part,
    "tool_use": _call_part,
    "server_tool_use": _call_part,
    "tool_result": _result_part,
    "image": _attachment,
    "document": _attachment,
}


def _system_part(number: int, known: ClaudeRecord, value: bytes) -> AnyPart:
    if known.subtype in {"compact_boundary", "microcompact_boundary"}:
        metadata = known.compactMetadata or known.microcompactMetadata or CompactMetadata()
        return Compaction(
            record=number,
            text=decode_string(known.content) or summarize_event(known),
            is_partial=known.subtype == "microcompact_boundary",
            trigger=clean_text(metadata.trigger),
            tokens_before=clean_count(metadata.preTokens),
        )
    if known.subtype == "api_error":
        return Failure(record=number, text=summarize_event(known))
    text = decode_string(known.content) if has_value(known.content) else None
    if known.subtype == "local_command" and text is not None:
        return Text(record=number, text=text, injected=True)
    return Unknown(record=number, type=_kind_of(known, value), raw=_text(value))


def _kind_of(known: ClaudeRecord, value: bytes) -> str:
    """Return the type of a record, with the type of what it carries after a slash."""
    kind = clean_text(known.type) or "record"
    if known.type == "system":
        return f"{kind}/{clean_text(known.subtype) or 'unknown'}"
    envelope = decode_leniently(_Envelope, value)
    for carried in (envelope.data, envelope.attachment):
        inner = clean_text(decode_leniently(_Kind, bytes(carried)).type)
        if inner is not None:
            return f"{kind}/{inner}"
    return kind


def _text(data: bytes | memoryview) -> str:
    return bytes(data).decode("utf-8", "backslashreplace")
