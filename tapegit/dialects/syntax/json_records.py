"""Cutting a stream of bytes into JSON records, whatever is wrong with them.

Rules of this module: every byte that is fed comes out in exactly one record, in order; where
one record ends is a function of the bytes alone, not of how they were fed; what is unreadable
is a record too, with a reason; memory is bounded by the longest line that is looked into.

A line is decoded whole, once, by the decoder of a dialect; only what that refuses is looked
at more closely (glued values, lone surrogates, nesting).

Source: tapesdialect-claude-code(7), "Records".
"""

from __future__ import annotations

import re
from itertools import accumulate
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

MIB: Final = 1 << 20
LINE_SIZE_MAX_BYTES: Final = 64 * MIB
LONG_PIECE_SIZE_BYTES: Final = 16 * MIB
BLANK_SIZE_MAX_BYTES: Final = MIB
DEPTH_MAX: Final = 512

NOT_JSON: Final = "not JSON"
NOT_UTF8: Final = "not UTF-8"
TOO_DEEP: Final = "nested too deep"
TOO_LONG: Final = "line too long"
CUT_OFF: Final = "cut off"

BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
BLANK_BYTES: Final = b" \t\r\n"

_BLANKS = re.compile(rb"[ \t\r\n]*")
# Possessive, and without need of the closing quote: no bytes make these look back.
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+', re.DOTALL)
_STRING_OR_BRACKET = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?+|[\[{]++|[\]}]', re.DOTALL)
_SCALAR = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[^,\] \t\r\n]*+', re.DOTALL)
_AS_BRACES: Final = bytes.maketrans(b"[]", b"{}")
_NO_BRACKETS: Final = bytes(byte for byte in range(256) if byte not in b"[]{}")
_ROUND_COUNT: Final = 16
_STEP_COUNT: Final = 4096
_SKIP_SIZE_BYTES: Final = 1 << 16
_SURROGATES = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"  # a pair, left as it is
    rb"|\\u([dD][89a-fA-F][0-9a-fA-F]{2})"  # half of one
    rb"|\\[^u]|\\u",
    re.DOTALL,
)

_ARRAY_END, _COMMA = b"],"

_raw_decoder: Final = msgspec.json.Decoder(msgspec.Raw)

T = TypeVar("T")


class Record(NamedTuple, Generic[T]):
    """One record: its exact bytes, and its value or the reason why it has none.

    `number` counts records from 1, `line` is that of the value's first byte, from 1. A blank
    record has neither value nor reason.
    """

    number: int
    line: int
    data: bytes
    value: T | None
    reason: str | None


class RecordReader(Generic[T]):
    """Cuts what it is fed into records.

    Args:
        decode: Turns the bytes of one JSON value, blanks around it allowed, into what a
            dialect sees in them; raises msgspec.DecodeError where they are no JSON, and
            nothing else for anything that is.
        is_whole: Whether the first bytes are the first of a source, where a byte order mark
            counts as a blank; false for what was cut out of one.
    """

    def __init__(self, decode: Callable[[bytes], T], *, is_whole: bool = True) -> None:
        self._decode = decode
        self._may_have_mark = is_whole
        self._buffer = b""
        self._searched = 0
        self._number = 0
        self._line = 1
        self._is_in_long_line = False

    def feed(self, chunk: bytes) -> Iterator[Record[T]]:
        """Yield the records that are complete once these bytes have come.

        The iterator must be used up before more is fed.
        """
        buffer = self._buffer + chunk if self._buffer else chunk
        self._buffer = b""  # only one copy of a long line at a time
        start = 0
        searched = self._searched
        while True:
            if self._is_in_long_line:
                end = self._long_piece_end(buffer, start)
                if end is None:
                    break
                yield self._long_record(buffer[start:end])
                start = end
                continue
            value_start = self._skip_blanks(buffer, start)
            if value_start - start >= BLANK_SIZE_MAX_BYTES:
                yield self._blank_record(buffer[start : start + BLANK_SIZE_MAX_BYTES])
                start += BLANK_SIZE_MAX_BYTES
                continue
            newline = buffer.find(b"\n", max(value_start, searched))
            searched = 0
            if (newline if newline >= 0 else len(buffer) - 1) - start >= LINE_SIZE_MAX_BYTES:
                self._is_in_long_line = True
                continue
            if newline < 0 or value_start == len(buffer):
                break
            yield from self._read_line(buffer[start : newline + 1], value_start - start)
            start = newline + 1
        self._buffer = buffer[start:]
        self._searched = 0 if self._is_in_long_line else len(self._buffer)

    def read_all(self, chunks: Iterable[bytes]) -> Iterator[Record[T]]:
        """Yield the records of all chunks, what is left at the end included."""
        for chunk in chunks:
            yield from self.feed(chunk)
        yield from self.finish()

    def finish(self) -> Iterator[Record[T]]:
        """Yield what is left at the end: a last line without an LF, or blanks."""
        data, self._buffer = self._buffer, b""
        if not data:
            return
        if self._is_in_long_line:
            yield self._long_record(data)
            return
        value_start = self._skip_blanks(data, 0)
        if value_start == len(data):
            yield self._blank_record(data)
        else:
            yield from self._read_line(data, value_start)

    def _skip_blanks(self, buffer: bytes, start: int) -> int:
        if self._may_have_mark and self._number == 0 and buffer.startswith(BYTE_ORDER_MARK, start):
            start += len(BYTE_ORDER_MARK)
        elif start < len(buffer) and buffer[start] not in BLANK_BYTES:
            return start
        return _BLANKS.match(buffer, start).end()  # type: ignore[union-attr]

    def _long_piece_end(self, buffer: bytes, start: int) -> int | None:
        newline = buffer.find(b"\n", start, start + LONG_PIECE_SIZE_BYTES)
        if newline >= 0:
            self._is_in_long_line = False
            return newline + 1
        if len(buffer) - start >= LONG_PIECE_SIZE_BYTES:
            return start + LONG_PIECE_SIZE_BYTES
        return None

    def _long_record(self, data: bytes) -> Record[T]:
        record = self._record(data, None, TOO_LONG)
        self._line += data.count(b"\n")
        return record

    def _blank_record(self, data: bytes) -> Record[T]:
        record = self._record(data, None, None)
        self._line += data.count(b"\n")
        return record

    def _record(self, data: bytes, value: T | None, reason: str | None) -> Record[T]:
        self._number += 1
        return Record(self._number, self._line, data, value, reason)

    def _read_line(self, data: bytes, value_start: int) -> Iterator[Record[T]]:
        """Yield the records of one line; `data` begins with the blanks before it."""
        if value_start:
            self._line += data.count(b"\n", 0, value_start)
        value, reason = self._read_value(data, value_start, len(data))
        if reason is None:
            yield self._record(data, value, None)
        else:
            yield from self._read_glued(data, value_start, reason)
        self._line += data.endswith(b"\n")

    def _read_value(self, data: bytes, start: int, end: int) -> tuple[T | None, str | None]:
        """Return the value of these bytes, blanks around it allowed, or why there is none."""
        if start or end != len(data):
            data = data[start:end]
        if not is_utf8(data):
            return None, CUT_OFF if _ends_inside_character(data) else NOT_UTF8
        if is_too_deep(data):
            return None, TOO_DEEP
        try:
            return self._decode(data), None
        except msgspec.DecodeError:
            replaced = _replace_lone_surrogates(data)
        if replaced is not None:
            try:
                return self._decode(replaced), None
            except msgspec.DecodeError:
                pass
        return None, NOT_JSON if data.endswith(b"\n") else CUT_OFF

    def _read_glued(self, data: bytes, value_start: int, reason: str) -> Iterator[Record[T]]:
        """Yield the values that stand one after the other, and what is no value as one record.

        Each is looked at once: a line of a million values takes no longer than its bytes do.
        """
        start = 0
        while value_start < len(data):
            end = find_value_end(data, value_start)
            if end is None:
                break
            following = _BLANKS.match(data, end).end()  # type: ignore[union-attr]
            stop = end if following < len(data) else len(data)
            value, failure = self._read_value(data, value_start, end)
            if failure is not None:
                break
            yield self._record(data[start:stop], value, None)
            start, value_start = stop, following
        if start:
            if start == len(data):
                return
            value, rest_reason = self._read_value(data, value_start, len(data))
            yield self._record(data[start:], value, rest_reason)
        else:
            yield self._record(data, None, reason)


def read_raw_records(*, is_whole: bool = True) -> RecordReader[bytes]:
    """Return a reader whose records have the bytes of their JSON as their value."""
    return RecordReader(_decode_raw, is_whole=is_whole)


def _decode_raw(data: bytes) -> bytes:
    return bytes(_raw_decoder.decode(data))


def read_document(data: bytes) -> bytes | None:
    """Return bytes that are one readable value as a whole, or None where they are not.

    Escapes of lone surrogates are those of U+FFFD in what is returned; nothing else is changed,
    and no byte is moved.
    """
    if not is_utf8(data) or is_too_deep(data):
        return None
    try:
        _raw_decoder.decode(data)
    except msgspec.DecodeError:
        pass
    else:
        return data
    replaced = _replace_lone_surrogates(data)
    if replaced is None:
        return None
    try:
        _raw_decoder.decode(replaced)
    except msgspec.DecodeError:
        return None
    return replaced


def is_utf8(data: bytes) -> bool:
    """Return whether the bytes are well-formed UTF-8."""
    if data.isascii():
        return True
    try:
        # In steps, so that a line of 64 MiB does not become a string four times as large.
        for start in range(0, len(data), MIB):
            _decode_step(data, start)
    except UnicodeDecodeError:
        return False
    return True


def is_too_deep(data: bytes) -> bool:
    """Return whether more than 512 arrays and objects lie inside one another.

    Brackets in strings do not count, those that are never closed do.
    """
    if data.count(b"{") + data.count(b"[") <= DEPTH_MAX:
        return False
    brackets = _brackets_of(data)
    rest, rounds = _without_pairs(brackets, _ROUND_COUNT)
    depth = _depth_of(rest)
    if depth > DEPTH_MAX or depth + rounds <= DEPTH_MAX:
        return depth > DEPTH_MAX
    return _depth_of(brackets) > DEPTH_MAX


def find_value_end(data: bytes | memoryview, start: int) -> int | None:
    """Return where the array or object that begins at `start` ends, or None if none does."""
    if data[start : start + 1] not in (b"{", b"["):
        return None
    depth = count = 0
    position = start
    while position < len(data):
        for match in _STRING_OR_BRACKET.finditer(data, position):
            first = data[match.start()]
            if first in b"[{":
                depth += match.end() - match.start()
            elif first in b"]}":
                depth -= 1
                if depth == 0:
                    return match.end()
            count += 1
            if not count % _STEP_COUNT:
                break
        else:
            return None
        position, depth = _skip_inside(data, match.end(), depth)
    return None


def _skip_inside(data: bytes | memoryview, position: int, depth: int) -> tuple[int, int]:
    """Pass over bytes in which a value that is open so deep cannot end.

    Pairs of brackets are taken out at the speed of bytes: what a value of millions of small
    values would cost one by one.
    """
    while position < len(data):
        end = _string_boundary(data, position, position + _SKIP_SIZE_BYTES)
        rest, _ = _without_pairs(_brackets_of(bytes(data[position:end])), DEPTH_MAX)
        closing = rest.count(b"}")
        if closing >= depth:
            break
        depth += len(rest) - 2 * closing
        position = end
    return position, depth


def _string_boundary(data: bytes | memoryview, start: int, end: int) -> int:
    """Return `end`, or the end of the string that it lies in; `start` lies in none."""
    last = None
    for match in _STRING.finditer(data, start, end):
        last = match
    if last is None or last.end() < min(end, len(data)):
        return min(end, len(data))
    return _STRING.match(data, last.start()).end()  # type: ignore[union-attr]


def _brackets_of(data: bytes) -> bytes:
    """Return the brackets outside strings, all as braces.

    In steps: what is between the strings of 64 MiB is a list of millions of slices.
    """
    if len(data) <= MIB:
        return _STRING.sub(b"", data).translate(_AS_BRACES, _NO_BRACKETS)
    parts = []
    position = 0
    while position < len(data):
        end = _string_boundary(data, position, position + MIB)
        parts.append(_STRING.sub(b"", data[position:end]).translate(_AS_BRACES, _NO_BRACKETS))
        position = end
    return b"".join(parts)


def _without_pairs(brackets: bytes, round_count: int) -> tuple[bytes, int]:
    """Take out pairs that stand together, again and again; return the rest and how often."""
    for rounds in range(round_count):
        rest = brackets.replace(b"{}", b"")
        if len(rest) == len(brackets):
            return rest, rounds
        brackets = rest
    return brackets, round_count


def _depth_of(brackets: bytes) -> int:
    return max(accumulate(124 - bracket for bracket in brackets), default=0)


def iter_elements(array: memoryview) -> Iterator[memoryview]:
    """Yield the elements of what is known to be a JSON array, one at a time, none copied."""
    position = _skip_blanks(array, _skip_blanks(array, 0) + 1)
    while array[position] != _ARRAY_END:
        end = find_value_end(array, position)
        if end is None:
            end = _SCALAR.match(array, position).end()  # type: ignore[union-attr]
        yield array[position:end]
        position = _skip_blanks(array, end)
        if array[position] == _COMMA:
            position = _skip_blanks(array, position + 1)


def _skip_blanks(data: bytes | memoryview, start: int) -> int:
    return _BLANKS.match(data, start).end()  # type: ignore[union-attr]


def _decode_step(data: bytes, start: int) -> None:
    """Decode about one MiB from `start`, ending and beginning at whole characters."""
    end = _character_start(data, min(start + MIB, len(data)))
    str(data[_character_start(data, start) : end], "utf-8")


def _character_start(data: bytes, position: int) -> int:
    """Return the position, or up to three less, where a character begins."""
    if position >= len(data):
        return len(data)
    for back in range(4):
        if position - back <= 0 or data[position - back] & 0xC0 != 0x80:
            return max(position - back, 0)
    return position


def _ends_inside_character(data: bytes) -> bool:
    for back in range(1, min(4, len(data) + 1)):
        if data[-back] & 0xC0 == 0xC0:
            return is_utf8(data[:-back])
        if data[-back] & 0xC0 != 0x80:
            break
    return False


def _replace_lone_surrogates(data: bytes) -> bytes | None:
    """Return JSON with escapes of lone surrogates replaced by that of U+FFFD; None if none."""
    if b"\\ud" not in data and b"\\uD" not in data:
        return None
    return _SURROGATES.sub(lambda match: b"\\ufffd" if match.group(1) else match.group(), data)
