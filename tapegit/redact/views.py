r"""Texts as they read once their escapes are undone, and the way back to the bytes.

A secret may be written `\u0073k-...` in a JSON string, or be in a JSON text that is itself
in a string of another. So a text is looked at several times: as it is, with the escapes of
JSON undone, with those undone that show up then, and so on. Every view knows which bytes of
the source each of its own came from. What looks like an escape and was none does no harm: it
is looked at both ways.

Source: tapesredaction(7), "Where secrets are looked for".
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.redact.patterns import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

VIEW_COUNT_MAX: Final = 6
PERCENT_COUNT_MAX: Final = 2

_BACKSLASH: Final = ord("\\")


class Escapes(NamedTuple):
    """A way to write letters: what every escape begins with, what it is, and what it means."""

    mark: bytes
    pattern: re.Pattern[bytes]
    read: Callable[[re.Match[bytes]], bytes]


class View:
    """A text, and where its bytes came from.

    Attributes:
        data: The text.
    """

    def __init__(
        self, data: bytes, origin: View | None = None, escapes: Escapes | None = None
    ) -> None:
        self.data = data
        self._origin = origin
        self._escapes = escapes or JSON_ESCAPES
        # For every escape: where it and what it stands for begin and end.
        self._starts = array("q")
        self._ends = array("q")
        self._origin_starts = array("q")
        self._origin_ends = array("q")

    def unescape(self, escapes: Escapes | None = None) -> View | None:
        """Return the text with one level of escapes undone, or None where there are none."""
        escapes = escapes or JSON_ESCAPES
        if escapes.mark not in self.data:
            return None
        data = escapes.pattern.sub(escapes.read, self.data)
        return None if data == self.data else View(data, self, escapes)

    def to_source(self, span: Span) -> Span:
        """Return which bytes of the source a part of this view came from, whole escapes."""
        view: View = self
        while view._origin is not None:
            if not view._starts:
                view._map(view._origin.data)
            span = Span(view._start_of(span.start), view._end_of(span.end))
            view = view._origin
        return span

    def whole_escapes(self, span: Span) -> Span:
        """Return a part with what would be torn in two of an escape at its ends.

        One level down a backslash before the part makes an escape of its first letter, and a
        backslash at its end one of the letter after it.
        """
        before = _count_backslashes(self.data, span.start)
        inside = min(_count_backslashes(self.data, span.end), span.end - span.start - 1)
        return Span(span.start - before % 2, span.end - inside % 2)

    def _map(self, data: bytes) -> None:
        """Note where the escapes are; only a text in which something was found needs it."""
        shift = 0
        for match in self._escapes.pattern.finditer(data):
            start, end = match.span()
            size = len(self._escapes.read(match))
            self._starts.append(start - shift)
            self._ends.append(start - shift + size)
            self._origin_starts.append(start)
            self._origin_ends.append(end)
            shift += end - start - size

    def _start_of(self, position: int) -> int:
        number = bisect_right(self._starts, position) - 1
        if number < 0:
            return position
        if position < self._ends[number]:
            return self._origin_starts[number]
        return self._origin_ends[number] + position - self._ends[number]

    def _end_of(self, position: int) -> int:
        number = bisect_right(self._starts, position - 1) - 1
        if number < 0:
            return position
        if position <= self._ends[number]:
            return self._origin_ends[number]
        return self._origin_ends[number] + position - self._ends[number]


def iter_views(data: bytes, *, is_json: bool) -> Iterator[View]:
    """Yield a text with no, one, two ... levels of escapes undone; of JSON all but the first.

    Each is followed by what it reads as an address.
    """
    view: View | None = View(data)
    for number in range(VIEW_COUNT_MAX):
        assert view is not None
        following = view.unescape()
        if number or following is None or not is_json:
            yield view
            yield from _iter_decoded(view)
        if following is None:
            return
        view = following


def _iter_decoded(view: View) -> Iterator[View]:
    """Yield a text with its percent-encoding undone, again where that shows some."""
    for _ in range(PERCENT_COUNT_MAX):
        decoded = view.unescape(PERCENT_ESCAPES)
        if decoded is None:
            return
        yield decoded
        view = decoded


def _count_backslashes(data: bytes, end: int) -> int:
    start = end
    while start > 0 and data[start - 1] == _BACKSLASH:
        start -= 1
    return end - start


class _Texts(dict[bytes, bytes]):
    """What escapes stand for; half of a surrogate pair for a byte that is no text."""

    def __missing__(self, escape: bytes) -> bytes:
        code = int.from_bytes(bytes.fromhex(escape[2:].decode()), "big")
        text = b"\xff" if 0xD800 <= code < 0xE000 else chr(code).encode()
        if code < _REMEMBERED:
            self[escape] = text
        return text


_REMEMBERED: Final = 0x100
_texts: Final = _Texts(
    {
        b"\\b": b"\b",
        b"\\f": b"\f",
        b"\\n": b"\n",
        b"\\r": b"\r",
        b"\\t": b"\t",
        **{b"\\" + letter: letter for letter in (b'"', b"'", b"\\", b"/")},
    }
)


def _read_escape(match: re.Match[bytes]) -> bytes:
    return _texts[match[0]]


def _read_percent(match: re.Match[bytes]) -> bytes:
    return bytes((int(match[0][1:], 16),))


JSON_ESCAPES: Final = Escapes(
    b"\\", re.compile(rb'\\(?:u[0-9a-fA-F]{4}|["\\/bfnrt\'])'), _read_escape
)
PERCENT_ESCAPES: Final = Escapes(b"%", re.compile(rb"%[0-9a-fA-F]{2}"), _read_percent)
