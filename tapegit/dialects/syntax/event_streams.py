"""Streams of events: server-sent events, and JSON lines.

Rules: what comes out is a function of the bytes alone, not of how they were fed; an event that
is longer than 16 MiB, or that the end of the stream cuts off, comes out marked as such and is
not lost. Lines end with LF, CR LF or CR.

Source: tapesdialect-anthropic-messages(7), "Streams".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.syntax.json_records import BYTE_ORDER_MARK, MIB, read_document

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE_SIZE_MAX_BYTES: Final = 16 * MIB
EVENT_SIZE_MAX_BYTES: Final = 16 * MIB
CUT_OFF: Final = "cut off"
TOO_LONG: Final = "event too long"
NOT_JSON: Final = "not JSON"

_RETURN: Final = 13
_LINE_END = re.compile(rb"\r\n|\n|\r")


class Event(NamedTuple):
    """One event: its name (or None), its data, and why the data is not readable (or None)."""

    name: str | None
    data: bytes
    reason: str | None = None


class LineReader:
    """Cuts what it is fed into lines, without their ends."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._searched = 0
        self._is_first = True

    def feed(self, chunk: bytes) -> Iterator[tuple[bytes, bool]]:
        """Yield lines that are whole, each with whether it is; too long a one comes in pieces."""
        for start in range(0, len(chunk), MIB):
            self._buffer += chunk[start : start + MIB]
            if self._is_first or _RETURN in self._buffer:
                yield from self._take(is_end=False)
                continue
            for line in self._take_plain():
                yield line, True
            yield from self._take_long()

    def finish(self) -> Iterator[tuple[bytes, bool]]:
        """Yield what is left, which no line end follows."""
        yield from self._take(is_end=True)
        if self._buffer:
            yield bytes(self._buffer), False
            self._buffer.clear()

    def _take(self, *, is_end: bool) -> Iterator[tuple[bytes, bool]]:
        if self._is_first:
            if len(self._buffer) < len(BYTE_ORDER_MARK) and not is_end:
                return
            self._is_first = False
            if self._buffer.startswith(BYTE_ORDER_MARK):
                del self._buffer[: len(BYTE_ORDER_MARK)]
        if _RETURN not in self._buffer:
            for line in self._take_plain():
                yield line, True
            yield from self._take_long()
            return
        start = 0
        # No match outlives its line of code: a buffer that is looked into cannot be cut.
        ends = [found.span() for found in _LINE_END.finditer(self._buffer, self._searched)]
        for end, next_start in ends:
            is_lone_return = self._buffer[end] == _RETURN and next_start == end + 1
            if is_lone_return and next_start == len(self._buffer) and not is_end:
                break  # an LF may follow
            yield bytes(self._buffer[start:end]), True
            start = next_start
        del self._buffer[:start]
        yield from self._take_long()

    def _take_plain(self) -> list[bytes]:
        """Return lines that end with LF alone, which nearly all do."""
        end = self._buffer.rfind(b"\n", self._searched)
        if end < 0:
            return []
        lines = bytes(self._buffer[:end]).split(b"\n")
        del self._buffer[: end + 1]
        return lines

    def _take_long(self) -> Iterator[tuple[bytes, bool]]:
        """Yield what there is of a line that is too long, in pieces."""
        while len(self._buffer) > LINE_SIZE_MAX_BYTES:
            yield bytes(self._buffer[:LINE_SIZE_MAX_BYTES]), False
            del self._buffer[:LINE_SIZE_MAX_BYTES]
        self._searched = max(len(self._buffer) - 1, 0)


class SseReader:
    """Cuts a stream of server-sent events into them."""

    def __init__(self) -> None:
        self._lines = LineReader()
        self._name: str | None = None
        self._data: list[bytes] = []
        self._size = 0

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Yield the events that are complete once these bytes have come."""
        for line, is_whole in self._lines.feed(chunk):
            if line and is_whole:
                if self._take_field(line):
                    yield self._take_long()
            elif is_whole:
                if self._data:
                    yield self._take_event()
                self._name = None
            else:
                yield Event(self._name, line, TOO_LONG)

    def finish(self) -> Iterator[Event]:
        """Yield the event that the stream ended in, if its data is readable; else say so."""
        for line, is_whole in self._lines.finish():
            if not line:
                if self._data:
                    yield self._take_event()
                self._name = None
            elif not (is_whole or line.startswith((b"data", b"event", b":"))):
                yield Event(None, line, CUT_OFF)
            elif self._take_field(line):
                yield self._take_long()
        if self._data:
            event = self._take_event()
            yield event._replace(reason=CUT_OFF) if event.reason else event

    def _take_field(self, line: bytes) -> bool:
        """Take a field of an event; return whether the event is too long by now."""
        field, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if field == b"event":
            self._name = value[:256].decode("utf-8", "replace")
        elif field == b"data":
            self._data.append(value)
            self._size += len(value) + 64  # what a line of data costs in memory
        return self._size > EVENT_SIZE_MAX_BYTES

    def _take_long(self) -> Event:
        data, self._data, self._size = self._data, [], 0
        return Event(self._name, b"\n".join(data), TOO_LONG)

    def _take_event(self) -> Event:
        name, data = self._name, self._data
        self._name, self._data, self._size = None, [], 0
        return read_event(name, data[0] if len(data) == 1 else b"\n".join(data))


class JsonLineReader:
    """Cuts a stream of JSON lines into events without names."""

    def __init__(self) -> None:
        self._lines = LineReader()

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Yield the events that are complete once these bytes have come."""
        for line, is_whole in self._lines.feed(chunk):
            if not is_whole:
                yield Event(None, line, TOO_LONG)
            elif line.strip():
                yield read_event(None, line)

    def finish(self) -> Iterator[Event]:
        """Yield the line that the stream ended in."""
        for line, _ in self._lines.finish():
            if line.strip():
                event = read_event(None, line)
                yield event._replace(reason=CUT_OFF) if event.reason else event


def read_event(name: str | None, data: bytes) -> Event:
    """Return an event whose data is JSON, or why it is not; `[DONE]` is let through."""
    if data.strip() == b"[DONE]":
        return Event(name, b"[DONE]")
    document = read_document(data)
    return Event(name, data, NOT_JSON) if document is None else Event(name, document)
