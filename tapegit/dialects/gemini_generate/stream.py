"""Streams of Gemini's generateContent interface: server-sent events, or one array of bodies.

Each event is a body of its own; texts that follow one another are one part. Nothing ends a
stream but a `finishReason`.

Source: tapesdialect-gemini-generate(7), "Streams".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tapegit.dialects.exchange import Response
from tapegit.dialects.gemini_generate.parts import NAME, Answer, read_usage
from tapegit.dialects.parts import AnyPart, Text, Thinking
from tapegit.dialects.syntax.bodies import (
    BODY_SIZE_MAX_BYTES,
    Members,
    PartList,
    read_members,
    unknown,
)
from tapegit.dialects.syntax.event_streams import CUT_OFF, TOO_LONG, Event, SseReader, read_event
from tapegit.dialects.syntax.json_records import find_value_end

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BETWEEN: Final = b" \t\r\n,"


class GeminiStream:
    """Reads a streamed response."""

    def __init__(self) -> None:
        self._reader = SseReader()
        self._start = bytearray()
        self._array: bytearray | None = None
        self._array_is_too_long = False
        self._bounds = PartList("response")
        self._parts: list[AnyPart] = []
        self._texts: list[str] = []
        self._usage = Members()
        self._id: str | None = None
        self._model: str | None = None
        self._stop: str | None = None
        self._is_complete = False

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes.

        Raises:
            FormatError: The response has more parts than one may have.
        """
        if self._array is not None:
            self._feed_array(chunk)
            return
        if not self._start.strip():
            self._start += chunk
            if not self._start.strip():
                return
            chunk, self._start = bytes(self._start), bytearray(b"x")
            if chunk.lstrip().startswith(b"["):
                self._array = bytearray()
                self._feed_array(chunk.lstrip()[1:])
                return
        self._take_all(self._reader.feed(chunk))

    def finish(self) -> Response:
        """Return what has come, whole or cut."""
        if self._array is not None:
            self._take_all(_iter_array(bytes(self._array), is_too_long=self._array_is_too_long))
        else:
            self._take_all(self._reader.finish())
        self._close_text()
        return Response(
            dialect=NAME,
            id=self._id,
            model=self._model,
            parts=tuple(self._parts),
            stop=self._stop,
            usage=read_usage(self._usage),
            is_complete=self._is_complete,
        )

    def _feed_array(self, chunk: bytes) -> None:
        """Keep an array until its end, which no event ends: it is bounded as a body is."""
        assert self._array is not None
        room = BODY_SIZE_MAX_BYTES - len(self._array)
        self._array_is_too_long |= len(chunk) > room
        self._array += chunk[:room]

    def _take_all(self, events: Iterable[Event]) -> None:
        for event in events:
            if event.reason is not None:
                self._add(unknown(event.reason, event.data))
            elif event.data != b"[DONE]":
                self._take(event)

    def _take(self, event: Event) -> None:
        members = read_members(event.data)
        answer = Answer(members)
        before = len(self._parts)
        for part in answer.iter_parts():
            self._add(part)
        self._id = self._id or answer.id
        self._model = self._model or answer.model
        self._stop = answer.stop or self._stop
        self._is_complete |= answer.stop is not None
        usage = members.members("usageMetadata")
        self._usage.update(usage)
        known = usage or answer.id or answer.stop or "candidates" in members
        if len(self._parts) == before and not known:
            self._add(unknown(event.name or "event", event.data))

    def _add(self, part: AnyPart) -> None:
        last = self._parts[-1] if self._parts else None
        if isinstance(part, Text | Thinking):
            if type(part) is type(last) and not last.signature:
                self._texts.append(part.text)
                if part.signature:
                    signed = {"is_signed": True} if isinstance(part, Thinking) else {}
                    self._parts[-1] = msgspec.structs.replace(
                        self._parts[-1], signature=part.signature, **signed
                    )
                return
            if not part.text and not part.signature:
                return
        self._close_text()
        self._bounds.count()
        self._parts.append(part)
        self._texts = [part.text] if isinstance(part, Text | Thinking) else []

    def _close_text(self) -> None:
        if len(self._texts) > 1:
            self._parts[-1] = msgspec.structs.replace(self._parts[-1], text="".join(self._texts))
        self._texts = []


def _iter_array(data: bytes, *, is_too_long: bool) -> Iterator[Event]:
    """Yield the bodies of an array whose bracket has been taken off."""
    position = 0
    while True:
        while position < len(data) and data[position] in _BETWEEN:
            position += 1
        if position == len(data) or data[position : position + 1] == b"]":
            return
        end = find_value_end(data, position)
        if end is None:
            yield Event(None, data[position:], TOO_LONG if is_too_long else CUT_OFF)
            return
        yield read_event(None, data[position:end])
        position = end
