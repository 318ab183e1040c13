"""The ids that a turn's source states: of messages, records, requests, calls and results.

They are the harness's and the provider's own, and what other programs and logs name things by.
Pure: raw bytes in, ids out, in the order of the source. Nothing raises for any bytes.

Source: tapesrevisions(7), "Names"; tapesformat-index(5), "Calls".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal, NamedTuple

import msgspec

from tapegit.dialects.meaning.injected import dialect_name
from tapegit.dialects.parts import ToolCall, ToolResult
from tapegit.dialects.syntax.json_records import read_document, read_raw_records
from tapegit.dialects.syntax.members import NO_VALUE, decode_members, read_text
from tapegit.dialects.wire_table import WIRE_DIALECTS
from tapegit.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tapegit.dialects.parts import AnyPart

IdKind = Literal["record", "message", "request", "call", "result"]
ID_KINDS: Final[tuple[IdKind, ...]] = ("record", "message", "request", "call", "result")
"""What ids are of, in the order in which a name is looked for among them."""


class StatedId(NamedTuple):
    """An id in the source's words.

    Attributes:
        kind: `message` is the provider's id of an answer, `request` that of the request for it;
            `record` is the harness's own of a message; `call` and `result` name a call of a tool.
        value: The id.
    """

    kind: IdKind
    value: str


class _Named(msgspec.Struct):
    """The members that may be ids, or hold some, in records of any transcript."""

    id: msgspec.Raw = NO_VALUE
    uuid: msgspec.Raw = NO_VALUE
    requestId: msgspec.Raw = NO_VALUE  # noqa: N815 - the source's name, here and below
    responseId: msgspec.Raw = NO_VALUE  # noqa: N815
    message: msgspec.Raw = NO_VALUE
    payload: msgspec.Raw = NO_VALUE


def iter_stated_ids(
    dialect: str | None, pieces: Iterable[bytes], parts: Iterable[AnyPart]
) -> Iterator[StatedId]:
    """Yield the ids that a turn states, each as often as it does.

    Args:
        dialect: Of the turn, with its version.
        pieces: Its raw bytes.
        parts: What they were decoded to.
    """
    yield from iter_message_ids(dialect, pieces)
    for part in parts:
        if isinstance(part, ToolCall) and part.id:
            yield StatedId("call", part.id)
        elif isinstance(part, ToolResult) and part.call_id:
            yield StatedId("result", part.call_id)


def iter_message_ids(dialect: str | None, pieces: Iterable[bytes]) -> Iterator[StatedId]:
    """Yield the ids of records, messages and requests that raw bytes state."""
    name = dialect_name(dialect)
    iter_record = _RECORDS.get(name)
    if iter_record is None:
        return
    reader = read_raw_records()
    for piece in pieces:
        element = read_document(piece) if name in _ELEMENTS else None
        if element is not None:
            yield from iter_record(element)
            continue
        for record in reader.feed(piece):
            if record.value is not None:
                yield from iter_record(record.value)
    for record in reader.finish():
        if record.value is not None:
            yield from iter_record(record.value)


def find_response_id(dialect: str | None, body: bytes) -> str | None:
    """Return the provider's id of an answer, from the body of a response, streamed or not."""
    wire = WIRE_DIALECTS.get(dialect or "")
    if wire is None:
        return None
    try:
        return wire.decode_response(body).id
    except FormatError:
        return wire.decode_stream(body).id


def _iter_claude_code(value: bytes) -> Iterator[StatedId]:
    named = decode_members(_Named, value)
    yield from _stated("record", named.uuid)
    yield from _stated("message", decode_members(_Named, named.message).id)
    yield from _stated("request", named.requestId)


def _iter_codex(value: bytes) -> Iterator[StatedId]:
    yield from _stated("record", decode_members(_Named, decode_members(_Named, value).payload).id)


def _iter_pi(value: bytes) -> Iterator[StatedId]:
    named = decode_members(_Named, value)
    yield from _stated("record", named.id)
    yield from _stated("message", decode_members(_Named, named.message).responseId)


def _iter_plain(value: bytes) -> Iterator[StatedId]:
    yield from _stated("record", decode_members(_Named, value).id)


def _stated(kind: IdKind, raw: msgspec.Raw) -> Iterator[StatedId]:
    value = read_text(raw)
    if value:
        yield StatedId(kind, value)


_RECORDS: Final[dict[str, Callable[[bytes], Iterator[StatedId]]]] = {
    "claude-code": _iter_claude_code,
    "codex": _iter_codex,
    "gemini-cli": _iter_plain,
    "pi": _iter_pi,
}
"""What reads the ids of one record; of other dialects only calls and results are known."""
_ELEMENTS: Final = frozenset({"gemini-cli"})
"""Dialects in which a piece may be one value over many lines: the element of a document."""
