"""Streams of Anthropic's Messages interface: events in, the message that they build out.

Blocks may be interleaved; each is given where it began. A block that the stream was cut in is
given as far as it came. `ping` says nothing; an event that is not known is `Unknown`.

Source: tapesdialect-anthropic-messages(7), "Streams".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tapegit.dialects.anthropic_messages.parts import NAME, decode_block, read_usage
from tapegit.dialects.exchange import Response
from tapegit.dialects.parts import AnyPart, Failure
from tapegit.dialects.syntax.bodies import Members, PartList, failure_text, read_members, unknown
from tapegit.dialects.syntax.event_streams import Event, SseReader
from tapegit.dialects.syntax.json_records import MIB

if TYPE_CHECKING:
    from collections.abc import Iterable

# Which member of its block a delta's text belongs to.
_TARGETS: Final = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "signature_delta": ("signature", "signature"),
    "compaction_delta": ("content", "content"),
}
_IGNORED_DELTAS: Final = frozenset({"citations_delta"})
_DELTA: Final = b'"content_block_delta"'
_SMALL_SIZE_BYTES: Final = MIB


class _Text(msgspec.Struct):
    """A delta as nearly all are."""

    type: str
    text: str = ""
    thinking: str = ""
    partial_json: str = ""


class _TextEvent(msgspec.Struct):
    """The event that it comes in."""

    type: str
    delta: _Text
    index: int = 0


_decoder: Final = msgspec.json.Decoder(_TextEvent)


class _Block:
    """A block as it grows: what it began with, and the texts that came since."""

    def __init__(self, raw: bytes) -> None:
        self._raw = raw
        self._texts: dict[str, list[str]] = {}
        self._json: list[str] = []

    def add(self, kind: str | None, delta: Members) -> bool:
        """Take a delta; return whether it is one that is known."""
        if kind == "input_json_delta":
            self._json.append(delta.string("partial_json") or "")
            return True
        target = _TARGETS.get(kind or "")
        if target is not None:
            key, member = target
            self._texts.setdefault(key, []).append(delta.string(member) or "")
        return target is not None or kind in _IGNORED_DELTAS

    def go_on(self, delta: _Text) -> bool:
        """Take a delta of one of the kinds that are most; return whether it is one of them."""
        if delta.type == "text_delta":
            self._texts.setdefault("text", []).append(delta.text)
        elif delta.type == "thinking_delta":
            self._texts.setdefault("thinking", []).append(delta.thinking)
        elif delta.type == "input_json_delta":
            self._json.append(delta.partial_json)
        else:
            return False
        return True

    def part(self) -> AnyPart:
        """Return the part that the block is by now."""
        block = read_members(self._raw)
        for key, texts in self._texts.items():
            whole = (block.string(key) or "") + "".join(texts)
            block[key] = msgspec.json.encode(whole)
        part = decode_block(msgspec.json.encode({key: _raw(value) for key, value in block.items()}))
        arguments = "".join(self._json)
        if arguments and hasattr(part, "arguments"):
            return msgspec.structs.replace(part, arguments=arguments)
        return part


def _raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(bytes(memoryview(value)))  # type: ignore[arg-type]


class AnthropicStream:
    """Reads a streamed response."""

    def __init__(self) -> None:
        self._reader = SseReader()
        self._bounds = PartList("response")
        self._places: list[_Block | AnyPart] = []
        self._open: dict[int, _Block] = {}
        self._message = Members()
        self._usage = Members()
        self._stop: str | None = None
        self._is_complete = False

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            FormatError: The response has more parts than one may have.
        """
        self._take_all(self._reader.feed(chunk))

    def finish(self) -> Response:
        """Return what has come, whole or cut."""
        self._take_all(self._reader.finish())
        return Response(
            dialect=NAME,
            id=self._message.name("id"),
            model=self._message.name("model"),
            parts=tuple(
                place.part() if isinstance(place, _Block) else place for place in self._places
            ),
            stop=self._stop,
            usage=read_usage(self._usage),
            is_complete=self._is_complete,
        )

    def _take_all(self, events: Iterable[Event]) -> None:
        for event in events:
            if event.reason is not None:
                self._add(unknown(event.reason, event.data))
            else:
                self._take(event)

    def _take(self, event: Event) -> None:
        if self._take_text(event.data):
            return
        members = read_members(event.data)
        kind = members.name("type") or event.name
        if kind == "content_block_delta":
            self._take_delta(members, event)
        elif kind == "content_block_start" and members.members("content_block"):
            block = _Block(bytes(members["content_block"]))
            self._open[members.count("index") or 0] = block
            self._add(block)
        elif kind == "message_start":
            self._message = members.members("message")
            self._usage.update(self._message.members("usage"))
            self._stop = self._message.name("stop_reason")
        elif kind == "message_delta":
            self._stop = members.members("delta").name("stop_reason") or self._stop
            self._usage.update(members.members("usage"))
        elif kind == "message_stop":
            self._is_complete = True
        elif kind == "error":
            self._add(Failure(text=failure_text(members.members("error"))))
        elif kind not in {"ping", "content_block_stop"}:
            self._add(unknown(kind or "event", event.data))

    def _take_text(self, data: bytes) -> bool:
        """Take an event that is a delta with nothing unusual in it; return whether it was one.

        Most events are. What this does not take is taken member by member, and says the same.
        """
        if _DELTA not in data or len(data) > _SMALL_SIZE_BYTES:
            return False
        try:
            event = _decoder.decode(data)
        except msgspec.DecodeError:
            return False
        if event.type != "content_block_delta":
            return False
        block = self._open.get(event.index)
        return block is not None and block.go_on(event.delta)

    def _take_delta(self, members: Members, event: Event) -> None:
        delta = members.members("delta")
        block = self._open.get(members.count("index") or 0)
        kind = delta.name("type")
        if block is None or not block.add(kind, delta):
            self._add(unknown(f"content_block_delta/{kind or 'unknown'}", event.data))

    def _add(self, place: _Block | AnyPart) -> None:
        self._bounds.count()
        self._places.append(place)
