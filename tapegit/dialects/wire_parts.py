"""The raw bytes of turns from the wire: messages of a request, responses, events of a recorder.

Raw is either one message or several, one JSON value after another, as they stand in a request;
or a response, whole or as a stream. Which it is, the bytes say.

Source: tapeswire(7), "Raw".
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final

import msgspec

from tapegit.dialects.exchange import Message, Response
from tapegit.dialects.parts import AnyPart, Compaction, Text, ToolCall, Unknown
from tapegit.dialects.syntax.bodies import Members, read_members
from tapegit.dialects.syntax.json_records import find_value_end, read_document
from tapegit.dialects.syntax.members import decode_string, text_of
from tapegit.dialects.wire_table import WIRE_DIALECTS
from tapegit.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tapegit.dialects.exchange import WireDialect

    Decode = Callable[[Iterable[bytes]], Iterator[AnyPart]]

EVENTS: Final = "tapes.wire@1"
"""The dialect of what a recorder itself has to say."""

_BLANKS: Final = b" \t\r\n"
_NOTHING: Final = frozenset({b"false", b"null", b'""', b"[]", b"{}"})
_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_UNKNOWN_SIZE_MAX_BYTES: Final = 1 << 20
_ANSWER_KEYS: Final = (
    *("choices", "candidates", "done", "stop_reason", "usageMetadata", "promptFeedback"),
)


def wire_decoder(dialect: str) -> Decode | None:
    """Return what reads the raw of a turn in a dialect of the wire, or None for another."""
    if dialect == EVENTS:
        return iter_event_parts
    wire = WIRE_DIALECTS.get(dialect)
    return partial(iter_parts, wire) if wire is not None else None


def iter_parts(wire: WireDialect, pieces: Iterable[bytes]) -> Iterator[AnyPart]:
    """Yield the parts of a turn."""
    data = b"".join(pieces)
    values = list(iter_values(data))
    if values and not any(map(is_answer, map(read_members, values))):
        for value in values:
            yield from _message_parts(wire, value)
        return
    parts = decode_answer(wire, data).parts
    if not parts and data.strip(_BLANKS) and not values and not is_stream(data):
        yield _unknown("body", data)
    yield from parts


def iter_event_parts(pieces: Iterable[bytes]) -> Iterator[AnyPart]:
    """Yield what an event of a recorder says, and what it is about."""
    first, *rest = list(iter_values(b"".join(pieces))) or [b"{}"]
    members = read_members(first)
    kind = members.name("event") or "event"
    text = members.string("text") or kind
    yield Compaction(text=text) if kind == "compaction" else Text(text=text, injected=True)
    yield from (_unknown("message", value) for value in rest)


def decode_answer(wire: WireDialect, data: bytes) -> Response:
    """Return what a response says, whole or a stream, cut or not; nothing where it is none."""
    try:
        if data.lstrip(_BLANKS).startswith(b"{") and not wire.name.startswith("ollama"):
            return wire.decode_response(data)
    except FormatError:
        return Response(dialect=wire.name)
    try:
        return wire.decode_stream(data)
    except FormatError:
        return Response(dialect=wire.name)


def iter_values(data: bytes) -> Iterator[bytes]:
    """Yield JSON objects and strings that follow one another; nothing where it is not only they."""
    found = []
    position = 0
    while True:
        while position < len(data) and data[position] in _BLANKS:
            position += 1
        if position == len(data):
            break
        if data[position : position + 1] not in {b"{", b'"'}:
            return
        end = _string_end(data, position) or find_value_end(data, position)
        value = read_document(data[position:end]) if end is not None else None
        if end is None or value is None:
            return
        found.append(value)
        position = end
    yield from found


def _string_end(data: bytes, start: int) -> int | None:
    """Return where the string that begins at `start` ends, or None if none does."""
    found = _STRING.match(data, start)
    return found.end() if found is not None else None


def read_asked(dialect: str, body: bytes, what: str) -> bytes | None:
    """Return the `system` prompt of a request as text, or its `tools` as they stand, or None."""
    wire = WIRE_DIALECTS.get(dialect)
    try:
        request = wire.decode_request(body) if wire is not None else None
    except FormatError:
        request = None
    if request is None:
        return None
    if what == "tools":
        return "".join(tool.raw for tool in request.tools).encode("utf-8", "replace") or None
    texts = [part.text for part in request.system if isinstance(part, Text)]
    for message in request.messages:
        if message.role == "system":
            texts += [part.text for part in message.parts if isinstance(part, Text)]
    return "\n\n".join(texts).encode("utf-8", "replace") or None


def without_defaults(call: ToolCall) -> ToolCall:
    """Return a call without the arguments that say nothing: false, null, or empty.

    Harnesses put them in, where the model left them out, before they send its message again.
    """
    members = read_members(call.arguments.encode("utf-8", "replace"))
    kept = {name: raw for name, raw in members.items() if bytes(raw) not in _NOTHING}
    if len(kept) == len(members):
        return call
    told = ",".join(f"{_json_text(name)}:{text_of(raw)}" for name, raw in kept.items())
    return msgspec.structs.replace(call, arguments=f"{{{told}}}")


def _json_text(text: str) -> str:
    """Return a string as JSON."""
    return msgspec.json.encode(text).decode()


def is_answer(members: Members) -> bool:
    """Return whether an object is a response, not a message of a request."""
    if any(key in members for key in _ANSWER_KEYS) or members.name("object") == "response":
        return True
    return "error" in members and "role" not in members and members.name("type") in {None, "error"}


def is_stream(data: bytes) -> bool:
    """Return whether bytes begin as a stream of events does."""
    head = data[:64].lstrip(_BLANKS + b"\xef\xbb\xbf")
    return head.startswith((b"data:", b"event:", b":", b"id:", b"retry:"))


def _message_parts(wire: WireDialect, value: bytes) -> Iterator[AnyPart]:
    text = decode_string(value)
    if text is not None:
        yield Text(text=text)
        return
    try:
        message: Message = wire.decode_message(value)
    except FormatError:
        yield _unknown("message", value)
        return
    yield from message.parts


def _unknown(kind: str, data: bytes) -> Unknown:
    return Unknown(type=kind, raw=text_of(data[:_UNKNOWN_SIZE_MAX_BYTES]))
