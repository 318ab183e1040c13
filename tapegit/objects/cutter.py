"""The cutter: where bytes are cut into pieces, as a pure function of the bytes.

An agent sends its whole conversation again with every call. Cutting a request at the elements
of its message list makes all but the last few pieces the same from call to call. The function
is frozen as version 1: another cut of the same bytes would be another object. So it must not
depend on a JSON library, nor on anything but the bytes.

It does not parse JSON. It follows strings and brackets, and looks at the grammar only on the
way to the elements it cuts at; what is inside an element need not be JSON. Where that small
grammar does not hold, the bytes are not cut.

The regular expressions here never repeat a group without a bound: `re` keeps a record per
repetition, which on bytes from outside would be memory without a bound.

Source: tapesformat-rope(5), "Cutter"; fixtures/vectors/cutter.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import crc32

from tapegit.objects.kind import MIB

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from mmap import mmap

    Source = bytes | bytearray | memoryview | mmap

ARRAY_NAMES: Final = frozenset((b"messages", b"input", b"contents", b"tools", b"system"))
"""Keys of the top-level object whose arrays are cut at their elements."""

JSON_SIZE_MIN_BYTES: Final = 4096
"""Smaller bodies stay whole: nodes and ids would cost more than they share."""

JSON_SIZE_MAX_BYTES: Final = 64 * MIB
"""Twice what the largest API takes; beyond it the scan would cost more than it gives."""

BRACKET_COUNT_MAX: Final = 1 << 22
"""Of all groups together: each costs a step of the scan, 0.3 us, and 64 MiB may be brackets."""

ELEMENT_COUNT_MAX: Final = 100_000
MEMBER_COUNT_MAX: Final = 100_000
BLOB_SIZE_MIN_BYTES: Final = 64
LITERAL_SIZE_MAX_BYTES: Final = 255
BLOB_COUNT_MIN: Final = 2

WHOLE_SIZE_MAX_BYTES: Final = 16 * MIB
PIECE_SIZE_MIN_BYTES: Final = MIB // 4
PIECE_SIZE_AIM_BYTES: Final = MIB
PIECE_SIZE_MAX_BYTES: Final = 4 * MIB
WINDOW_SIZE_BYTES: Final = MIB
WINDOW_LINE_COUNT_MAX: Final = 1 << 14
"""Bytes that are all line feeds would cost a second for each megabyte without it."""

_SPACE = re.compile(rb"[ \t\n\r]*")
_ATOM = re.compile(rb'[^"{}\[\],: \t\n\r]+')
_STRING_PART = re.compile(rb'[^"\\]*(?:\\.[^"\\]*){0,1000}', re.DOTALL)
_HOP = re.compile(
    rb'[^"{}\[\]]*(?:"[^"\\]*(?:\\.[^"\\]*){0,200}"[^"{}\[\]]*){0,100}',
    re.DOTALL,
)

_QUOTE, _COLON, _COMMA = b'":,'
_OBJECT, _OBJECT_END, _ARRAY, _ARRAY_END = b"{}[]"


class Span(NamedTuple):
    """One piece of the bytes, from `start` up to `end`; a literal, or else a blob."""

    start: int
    end: int
    is_literal: bool


class Member(NamedTuple):
    """A member of a JSON object: its name as it stands, where its value is, and its elements.

    Only the arrays that are cut have elements.
    """

    name: bytes
    start: int
    end: int
    elements: tuple[tuple[int, int], ...] = ()


class _NoJsonError(Exception):
    """The bytes do not keep to the cutter's grammar; they are not cut, which is no failure."""


def cut(data: Source, members: Sequence[Member] | None = None) -> list[Span]:
    """Return the pieces of the bytes: in order, without gaps, concatenating to all of them.

    One span that is no literal means "not cut": the bytes are one blob, of at most 16 MiB.
    Otherwise they are a rope, of at least two blobs, each of at most 4 MiB.

    Args:
        data: The bytes.
        members: What `find_members` says of them, for a caller who asked it already.
    """
    size = len(data)
    if JSON_SIZE_MIN_BYTES <= size <= JSON_SIZE_MAX_BYTES:
        spans = _cut_json(data, find_members(data) if members is None else members)
        if sum(not span.is_literal for span in spans) >= BLOB_COUNT_MIN:
            return spans
    if size > WHOLE_SIZE_MAX_BYTES:
        return list(_cut_lines(data, 0, size))
    return [Span(0, size, is_literal=False)]


def _cut_json(data: Source, members: Sequence[Member]) -> list[Span]:
    # No span at all where the grammar does not hold or there is no element to cut at.
    elements = [element for member in members for element in member.elements]
    spans: list[Span] = []
    literal_start = end_before = 0
    for start, end in _iter_segments(elements, len(data)):
        is_small = end - start < BLOB_SIZE_MIN_BYTES
        if is_small and end - literal_start <= LITERAL_SIZE_MAX_BYTES:
            end_before = end
            continue
        if literal_start < end_before:
            spans.append(Span(literal_start, end_before, is_literal=True))
        if is_small:
            literal_start, end_before = start, end
            continue
        if end - start > PIECE_SIZE_AIM_BYTES:
            spans.extend(_cut_lines(data, start, end))
        else:
            spans.append(Span(start, end, is_literal=False))
        literal_start = end_before = end
    if literal_start < end_before:
        spans.append(Span(literal_start, end_before, is_literal=True))
    return spans


def _iter_segments(elements: list[tuple[int, int]], size: int) -> Iterator[tuple[int, int]]:
    # Elements, and what is between them: all bytes in order, no segment empty.
    position = 0
    for start, end in elements:
        if position < start:
            yield position, start
        yield start, end
        position = end
    if elements and position < size:
        yield position, size


def find_members(data: Source) -> list[Member]:
    """Return the members of the object that the bytes are; none where the cutter cuts no JSON.

    Whoever wants to know which piece is what gets the very elements that `cut` cuts at.
    """
    try:
        return list(_iter_members(data))
    except _NoJsonError:
        return []


def _iter_members(data: Source) -> Iterator[Member]:
    budget = iter(range(BRACKET_COUNT_MAX))
    count = 0
    position = _expect(data, _skip_space(data, 0), _OBJECT)
    position = _skip_space(data, position)
    if _byte_at(data, position) == _OBJECT_END:
        return
    for _ in range(MEMBER_COUNT_MAX):
        _expect(data, position, _QUOTE)
        key_end = _string_end(data, position)
        name = bytes(data[position + 1 : key_end - 1])
        position = _expect(data, _skip_space(data, key_end), _COLON)
        start = position = _skip_space(data, position)
        elements: list[tuple[int, int]] = []
        if name in ARRAY_NAMES and _byte_at(data, position) == _ARRAY:
            position = _add_elements(data, position, elements, budget, count)
            count += len(elements)
        else:
            position = _value_end(data, position, budget)
        yield Member(name, start, position, tuple(elements))
        position = _skip_space(data, position)
        if _byte_at(data, position) != _COMMA:
            break
        position = _skip_space(data, position + 1)
    position = _skip_space(data, _expect(data, position, _OBJECT_END))
    if position != len(data):
        raise _NoJsonError


def _add_elements(
    data: Source,
    position: int,
    elements: list[tuple[int, int]],
    budget: Iterator[int],
    count_before: int,
) -> int:
    # Append the span of each element of the array that begins here; return the array's end.
    position = _skip_space(data, position + 1)
    if _byte_at(data, position) == _ARRAY_END:
        return position + 1
    while True:
        end = _value_end(data, position, budget)
        elements.append((position, end))
        if count_before + len(elements) > ELEMENT_COUNT_MAX:
            raise _NoJsonError
        position = _skip_space(data, end)
        if _byte_at(data, position) != _COMMA:
            return _expect(data, position, _ARRAY_END)
        position = _skip_space(data, position + 1)


def _value_end(data: Source, position: int, budget: Iterator[int]) -> int:
    byte = _byte_at(data, position)
    if byte in (_OBJECT, _ARRAY):
        return _group_end(data, position, budget)
    if byte == _QUOTE:
        return _string_end(data, position)
    found = _ATOM.match(data, position)
    if found is None:
        raise _NoJsonError
    return found.end()


def _group_end(data: Source, position: int, budget: Iterator[int]) -> int:
    # Both kinds of bracket count alike: this is where the depth is back at zero. Each turn of
    # the loop passes one bracket, and takes one from the budget of the whole scan.
    depth = 0
    size = len(data)
    hop = _HOP.match
    for _ in budget:
        depth += 1 if data[position] in (_OBJECT, _ARRAY) else -1
        position += 1
        if depth == 0:
            return position
        position = hop(data, position).end()  # type: ignore[union-attr]  # it matches nothing too
        while position < size and data[position] == _QUOTE:
            # More strings, or a string with more escapes, than a hop takes; or one without end.
            position = hop(data, _string_end(data, position)).end()  # type: ignore[union-attr]
        if position >= size:
            break
    raise _NoJsonError


def _string_end(data: Source, position: int) -> int:
    position += 1
    size = len(data)
    while True:
        end = _STRING_PART.match(data, position).end()  # type: ignore[union-attr]  # as above
        if end >= size or (data[end] != _QUOTE and end == position):
            raise _NoJsonError
        if data[end] == _QUOTE:
            return end + 1
        position = end


def _skip_space(data: Source, position: int) -> int:
    return _SPACE.match(data, position).end()  # type: ignore[union-attr]  # it matches nothing too


def _byte_at(data: Source, position: int) -> int:
    return data[position] if position < len(data) else -1


def _expect(data: Source, position: int, byte: int) -> int:
    if _byte_at(data, position) != byte:
        raise _NoJsonError
    return position + 1


def _cut_lines(data: Source, start: int, end: int) -> Iterator[Span]:
    # After newlines, decided by content: the same run of lines is cut alike wherever it is.
    while end - start > PIECE_SIZE_AIM_BYTES:
        piece_end = _line_cut(data, start, end)
        yield Span(start, piece_end, is_literal=False)
        start = piece_end
    if start < end:
        yield Span(start, end, is_literal=False)


def _line_cut(data: Source, start: int, end: int) -> int:
    window_start = start + PIECE_SIZE_MIN_BYTES
    window_end = min(window_start + WINDOW_SIZE_BYTES, end)
    lines = bytes(data[window_start:window_end]).split(b"\n", WINDOW_LINE_COUNT_MAX)
    lines.pop()  # what follows the last newline
    if lines:
        checks = list(map(crc32, lines))
        count = checks.index(min(checks)) + 1
        return window_start + count + sum(map(len, lines[:count]))
    piece_end = min(start + PIECE_SIZE_MAX_BYTES, end)
    newline = bytes(data[window_end:piece_end]).find(b"\n")
    return piece_end if newline < 0 else window_end + newline + 1
