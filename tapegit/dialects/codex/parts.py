"""What the records of a Codex turn consist of: text, thinking, calls, results and the rest.

Pure: the exact bytes of a turn in, parts out, in the order of the source. A rollout says much
twice, as an item and as an event: the event is left out where an item of the turn says the
same, and comes after the items where none does.

Source: tapesdialect-codex(7), "Parts".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.dialects.codex.record import (
    CALL_TYPES,
    COMPACTION_TYPES,
    OUTPUT_TYPES,
    CodexRecord,
    Content,
    decode_record,
    read_string,
)
from tapegit.dialects.codex.summary import (
    call_name,
    is_injected,
    read_arguments,
    read_output,
    summarize_event,
)
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
    decode_members,
    iter_array,
    read_text,
    text_of,
)
from tapegit.objects.oid import hash_content

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.dialects.syntax.json_records import Record

ECHO_TYPES: Final = frozenset(
    {"agent_message", "agent_reasoning", "agent_reasoning_raw_content", "user_message"}
)
ECHO_COUNT_MAX: Final = 1024
SAID_COUNT_MAX: Final = 4096


def iter_parts(pieces: Iterable[bytes]) -> Iterator[AnyPart]:
    """Yield the parts of a turn from the pieces of its raw bytes.

    Shape: each part says which record of the turn it is in, counted from 1.
    """
    turn = _TurnParts()
    for record in read_raw_records().read_all(pieces):
        yield from turn.iter_record(record)
    yield from turn.iter_echoes()


class _TurnParts:
    """The parts of one turn: what was said by items, and what events said besides."""

    def __init__(self) -> None:
        self._said: set[bytes] = set()
        self._echoes: list[Text | Thinking] = []

    def iter_record(self, record: Record[bytes]) -> Iterator[AnyPart]:
        """Yield the parts of a record, but for what may be said again."""
        number = record.number
        if record.reason is not None:
            kind = f"unreadable: {record.reason}"
            yield Unknown(record=number, type=kind, raw=text_of(record.data))
            return
        if record.value is None:
            return
        known = decode_record(record.value)
        if known.kind == "event_msg" and known.type in ECHO_TYPES:
            echo = _echo_part(number, known)
            if echo is not None and len(self._echoes) < ECHO_COUNT_MAX:
                self._echoes.append(echo)
                return
        is_empty = True
        for part in _iter_known(number, known):
            is_empty = False
            self._note(part)
            yield part
        if is_empty:
            yield Unknown(record=number, type=_kind_of(known), raw=text_of(record.value))

    def iter_echoes(self) -> Iterator[AnyPart]:
        """Yield what events said and no item did."""
        for echo in self._echoes:
            if _digest(echo.text) not in self._said:
                yield echo

    def _note(self, part: AnyPart) -> None:
        if isinstance(part, Text | Thinking) and len(self._said) < SAID_COUNT_MAX:
            self._said.add(_digest(part.text))


def _digest(text: str) -> bytes:
    return hash_content(text.strip().encode("utf-8", "surrogatepass"))


def _echo_part(number: int, known: CodexRecord) -> Text | Thinking | None:
    payload = known.payload
    is_reasoning = known.type not in {"agent_message", "user_message"}
    text = read_string(payload.text if is_reasoning else payload.message)
    if text is None:
        return None
    if is_reasoning:
        return Thinking(record=number, text=text)
    return Text(record=number, text=text)


def _iter_known(number: int, known: CodexRecord) -> Iterator[AnyPart]:
    """Yield the parts of a record that has any."""
    if known.kind == "response_item":
        yield from _iter_item(number, known, known.type or "")
    elif known.kind == "compacted":
        text = read_string(known.payload.message)
        yield Compaction(record=number, text=text or "compacted", is_summary=bool(text))
    elif known.kind == "event_msg" and known.type in {"error", "stream_error", "turn_aborted"}:
        yield Failure(record=number, text=summarize_event(known.type, known.payload))


def _iter_item(number: int, known: CodexRecord, kind: str) -> Iterator[AnyPart]:
    payload = known.payload
    if kind in {"agent_message", "message"}:
        yield from _iter_message(number, known)
    elif kind in COMPACTION_TYPES:
        yield Compaction(record=number, text="compacted")
    elif kind == "reasoning":
        yield from _iter_reasoning(number, known)
    elif kind in CALL_TYPES:
        yield _call_part(number, known, kind)
    elif kind in OUTPUT_TYPES:
        output = read_output(payload)
        yield ToolResult(
            record=number,
            text="\n".join(output.texts),
            is_error=output.is_error,
            call_id=read_text(payload.call_id),
            attachments=tuple(_image_part(number, url) for url in output.images),
        )


def _iter_message(number: int, known: CodexRecord) -> Iterator[AnyPart]:
    content = known.payload.content
    is_user = read_text(known.payload.role) == "user"
    is_agent = known.type == "agent_message"
    text = read_string(content)
    if text is not None:
        yield Text(record=number, text=text, injected=is_agent or (is_user and is_injected(text)))
        return
    for element in iter_array(content):
        member = decode_members(Content, element)
        text, image = read_string(member.text), read_string(member.image_url)
        if text is not None:
            yield Text(
                record=number, text=text, injected=is_agent or (is_user and is_injected(text))
            )
        elif image is not None:
            yield _image_part(number, image)
        else:
            yield Unknown(
                record=number, type=read_text(member.type) or "content", raw=text_of(element)
            )


def _iter_reasoning(number: int, known: CodexRecord) -> Iterator[AnyPart]:
    payload = known.payload
    is_signed = read_string(payload.encrypted_content) is not None
    is_empty = True
    for raw in (payload.summary, payload.content):
        for element in iter_array(raw):
            text = read_string(decode_members(Content, element).text)
            if text is not None:
                is_empty = False
                yield Thinking(record=number, text=text, is_signed=is_signed)
    if is_empty and is_signed:
        yield Thinking(record=number, text="", is_signed=True, is_redacted=True)


def _call_part(number: int, known: CodexRecord, kind: str) -> ToolCall:
    payload = known.payload
    arguments = read_arguments(payload) or read_string(payload.input) or "{}"
    call_id = read_text(payload.call_id) or read_text(payload.id)
    return ToolCall(record=number, name=call_name(kind, payload), arguments=arguments, id=call_id)


def _image_part(number: int, url: str) -> Attachment:
    head, comma, data = url.partition(",")
    if comma and head.startswith("data:"):
        media_type = head.removeprefix("data:").partition(";")[0] or None
        return Attachment(record=number, kind="image", media_type=media_type, data=data)
    return Attachment(record=number, kind="image", url=url)


def _kind_of(known: CodexRecord) -> str:
    return "/".join(filter(None, (known.kind, known.type))) or "record"
