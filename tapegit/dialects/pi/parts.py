"""What the entries of a pi turn consist of: text, thinking, calls, results and the rest.

Pure: the exact bytes of a turn in, parts out, in the order of the source. Nothing is dropped.

Source: tapesdialect-pi(7), "Parts".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

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
from tapegit.dialects.pi.record import Block, Message, PiRecord, decode_record, is_true
from tapegit.dialects.pi.summary import summarize_compaction, summarize_failure
from tapegit.dialects.syntax.json_records import read_raw_records
from tapegit.dialects.syntax.members import (
    decode_members,
    decode_string,
    has_value,
    iter_array,
    read_count,
    read_text,
    text_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import msgspec

    from tapegit.dialects.syntax.json_records import Record


def iter_parts(pieces: Iterable[bytes]) -> Iterator[AnyPart]:
    """Yield the parts of a turn from the pieces of its raw bytes.

    Shape: each part says which record of the turn it is in, counted from 1.
    """
    for record in read_raw_records().read_all(pieces):
        yield from _iter_record(record)


def _iter_record(record: Record[bytes]) -> Iterator[AnyPart]:
    number = record.number
    if record.reason is not None:
        yield Unknown(record=number, type=f"unreadable: {record.reason}", raw=text_of(record.data))
        return
    if record.value is None:
        return
    known = decode_record(record.value)
    is_empty = True
    for part in _iter_known(number, known):
        is_empty = False
        yield part
    if is_empty:
        kind = "/".join(filter(None, (known.type, known.role))) or "record"
        yield Unknown(record=number, type=kind, raw=text_of(record.value))


def _iter_known(number: int, known: PiRecord) -> Iterator[AnyPart]:
    """Yield the parts of an entry that has any."""
    entry, message = known.entry, known.message
    if known.type == "compaction":
        text = decode_string(entry.summary)
        yield Compaction(
            record=number,
            text=text or summarize_compaction(entry),
            is_summary=bool(text),
            tokens_before=read_count(entry.tokensBefore),
        )
    elif known.type == "branch_summary":
        yield Text(record=number, text=decode_string(entry.summary) or "", injected=True)
    elif known.type == "custom_message":
        yield from _iter_content(number, entry.content, injected=True)
    elif known.role == "toolResult":
        yield _result_part(number, message)
    elif known.role == "bashExecution":
        command, output = decode_string(message.command), decode_string(message.output)
        yield Text(record=number, text=f"! {command or ''}\n{output or ''}".rstrip("\n"))
    elif known.role is not None:
        is_custom = known.role in {"custom", "hookMessage"}
        yield from _iter_content(number, message.content, injected=is_custom)
        if has_value(message.errorMessage) and decode_string(message.errorMessage):
            yield Failure(record=number, text=summarize_failure(message))


def _iter_content(number: int, content: msgspec.Raw, *, injected: bool) -> Iterator[AnyPart]:
    text = decode_string(content)
    if text is not None:
        yield Text(record=number, text=text, injected=injected)
        return
    for element in iter_array(content):
        yield _block_part(number, element, injected=injected)


def _block_part(number: int, element: memoryview, *, injected: bool) -> AnyPart:
    block = decode_members(Block, element)
    kind = read_text(block.type)
    text = decode_string(block.text) if kind == "text" else None
    if text is not None:
        return Text(record=number, text=text, injected=injected)
    if kind == "thinking":
        return Thinking(
            record=number,
            text=decode_string(block.thinking) or "",
            is_signed=bool(decode_string(block.thinkingSignature)),
            is_redacted=is_true(block.redacted),
        )
    name = read_text(block.name)
    if kind == "toolCall" and name is not None:
        arguments = text_of(block.arguments) if has_value(block.arguments) else "{}"
        return ToolCall(record=number, name=name, arguments=arguments, id=read_text(block.id))
    if kind == "image":
        return _image_part(number, block)
    return Unknown(record=number, type=kind or "block", raw=text_of(element))


def _image_part(number: int, block: Block) -> Attachment:
    media_type, data = read_text(block.mimeType), decode_string(block.data)
    return Attachment(record=number, kind="image", media_type=media_type, data=data)


def _result_part(number: int, message: Message) -> ToolResult:
    texts, images = [], []
    for part in _iter_content(number, message.content, injected=False):
        if isinstance(part, Text):
            texts.append(part.text)
        elif isinstance(part, Attachment):
            images.append(part)
        elif isinstance(part, Unknown):
            texts.append(part.raw)
    return ToolResult(
        record=number,
        text="\n".join(texts),
        is_error=is_true(message.isError),
        call_id=read_text(message.toolCallId),
        attachments=tuple(images),
    )
