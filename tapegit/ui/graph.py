r"""A history drawn with characters, beside the lines of a log.

Each line of history has a column; a turn is a `*` in its own. Between turns lines move: they
part where a turn has several parents, and join where turns share one.

    * | A        a turn; the other line passes by
    |/           they have one parent
    *   M        a turn with two parents
    |\
    * | B

Turns must come with every child before its parents. Each is drawn once; what moves to the
left goes one column per row and may cross a line that stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tapegit.objects.oid import ObjectId


class Drawing(NamedTuple):
    """The rows of one turn.

    Attributes:
        before: Rows that make room.
        row: That with the turn in it.
        after: Rows that move lines to where the next turn expects them.
        passing: What to put beside further lines of text.
    """

    before: list[str]
    row: str
    after: list[str]
    passing: str


class GraphDrawer:
    """Draws turns one after the other."""

    def __init__(self) -> None:
        self._lanes: list[ObjectId] = []

    def draw(self, oid: ObjectId, parents: Sequence[ObjectId]) -> Drawing:
        """Return the rows of a turn.

        Args:
            oid: The turn.
            parents: Those of its parents that will be drawn too.
        """
        lanes = self._lanes
        if oid not in lanes:
            lanes.append(oid)
        place = lanes.index(oid)
        more = max(len(parents) - 1, 0)
        count = len(lanes)
        before = [
            _row([(lane, "|") for lane in range(place + 1)], range(place + 1, count), shift)
            for shift in range(max(more - 1, 0))
            if place + 1 < count
        ]
        room = len(before)
        marks = [(lane, "|") for lane in range(place)]
        marks.append((place, "*" + "-" * (2 * more - 3) + "." if more > 1 else "*"))
        marks += [(lane + room, "|") for lane in range(place + 1, count)]
        row = _place(marks)
        lanes[place : place + 1] = parents
        after = []
        if more:
            after.append(_spread(place, more, count, room))
        after += self._settle(None if parents else place)
        width = 2 * max(count + room, len(lanes), place + more + 1)
        return Drawing(
            before, row.ljust(width), after, _place([(n, "|") for n in range(len(lanes))])
        )

    def _settle(self, gap: int | None) -> list[str]:
        """Move each line to its column, joining those that lead to one turn; return the rows."""
        lanes = self._lanes
        kept = list(dict.fromkeys(lanes))
        columns = {oid: column for column, oid in enumerate(kept)}
        moving = [
            (lane + (gap is not None and lane >= gap), columns[oid])
            for lane, oid in enumerate(lanes)
        ]
        self._lanes = kept
        rows = []
        while any(lane > column for lane, column in moving):
            marks = {
                (2 * lane - 1, "/") if lane > column else (2 * lane, "|") for lane, column in moving
            }
            rows.append(_plot(marks))
            moving = [(lane - (lane > column), column) for lane, column in moving]
        return rows


def _spread(place: int, more: int, count: int, room: int) -> str:
    """Return the row below a turn with several parents."""
    marks = {(2 * lane, "|") for lane in range(place + 1)}
    marks |= {(2 * (place + number) + 1, "\\") for number in range(more)}
    for lane in range(place + 1, count):
        shifted = lane + room
        target = lane + more
        marks.add((2 * shifted + 1, "\\") if shifted < target else (2 * shifted, "|"))
    return _plot(marks)


def _row(still: list[tuple[int, str]], moving: range, shift: int) -> str:
    """Return a row in which lines move one column to the right."""
    marks = {(2 * lane, mark) for lane, mark in still}
    marks |= {(2 * (lane + shift) + 1, "\\") for lane in moving}
    return _plot(marks)


def _place(marks: list[tuple[int, str]]) -> str:
    return _plot({(2 * lane, mark) for lane, mark in marks})


def _plot(marks: set[tuple[int, str]]) -> str:
    """Return a row with each mark at its position."""
    row = ""
    for position, mark in sorted(marks):
        row = row.ljust(position) + mark
    return row
