"""From tapes back to the source that they were made of: which runs of records, in which order.

The records of one source are spread over its tapes (the main one, those of agents, what forks
left behind), and one session may have several sources. The numbers of the records say what
belongs together: the records of a source are numbered from 1 without a gap, and no number
comes twice. So from a tape on others are taken as long as one holds the first number that is
missing and none that is there already.

Numbers are found by cutting the raw bytes into records again, so everything is read once here
and once more when it is written; only ids and numbers are kept.

Source: tapesdialect-claude-code(7), "Promises".
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.syntax.json_records import read_raw_records
from tapegit.objects.rope_reader import iter_content
from tapegit.recorder.sources.tape_records import place_runs

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId
    from tapegit.objects.rope_reader import Find
    from tapegit.recorder.sources.tape_records import PlacedRun


GAP_SIZE_MAX: Final = 1 << 20
"""How many records may be missing in all before no more are looked for."""


class NumberedRun(NamedTuple):
    """Records that follow one another: the first number, the last, the objects with the bytes."""

    first: int
    last: int
    oids: tuple[ObjectId, ...]


class Reassembled(NamedTuple):
    """A source, as far as its tapes have it.

    Attributes:
        runs: All its runs, in order.
        tips: The tapes that it consists of.
        others: The other tapes that were offered: those of other sources.
        gaps: Records that no tape has: first and last number of each run of them.
        is_certain: False where a tape might as well be another source's, or where a number comes
            twice.
    """

    runs: list[NumberedRun]
    tips: list[ObjectId]
    others: list[ObjectId]
    gaps: list[tuple[int, int]]
    is_certain: bool = True


def reassemble(
    graph: TurnGraph, find: Find, tip: ObjectId, candidates: Iterable[ObjectId]
) -> Reassembled:
    """Return the source that a tape was made of.

    Args:
        graph: The turns.
        find: Finds objects.
        tip: The newest turn of the tape.
        candidates: The newest turns of other tapes of the session, those to prefer first.

    Raises:
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    group = _Group(graph, find)
    group.add(group.number(tip))
    waiting = [oid for oid in dict.fromkeys(candidates) if oid != tip]
    is_plain = _fill_gaps(group, group.number_all(waiting))
    members = set(group.tips)
    others = [oid for oid in waiting if oid not in members]
    runs = sorted(group.runs)
    gaps, is_single = _find_gaps(runs)
    is_certain = (
        not others
        or len(group.tips) == 1
        or (is_plain and all(group.is_apart(oid) for oid in others))
    )
    return Reassembled(runs, group.tips, others, gaps, is_single and is_certain)


def order_runs(graph: TurnGraph, find: Find, oids: Iterable[ObjectId]) -> list[NumberedRun]:
    """Return the runs of some turns, given parents first, in the order of their records.

    Turns whose parents are not among them begin anew: what they lead to comes after what was
    there before.

    Raises:
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    ends: dict[ObjectId, tuple[int, int]] = {}
    placed: list[tuple[int, NumberedRun]] = []
    for oid in oids:
        parent = next(iter(graph.parents(oid)), None)
        frame, before = ends.get(parent, (len(ends), 0)) if parent is not None else (len(ends), 0)
        runs = list(_iter_turn_runs(graph, find, oid, before, is_whole=parent is None))
        placed += [(frame, run) for run in runs]
        ends[oid] = frame, max((run.last for run in runs), default=before)
    return [run for _, run in sorted(placed)]


def iter_run_bytes(find: Find, runs: Iterable[NumberedRun]) -> Iterator[bytes]:
    """Yield the exact bytes of runs.

    Raises:
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    for run in runs:
        for oid in run.oids:
            yield from iter_content(find, oid)


class _Numbered(NamedTuple):
    """The turns of a tape that none numbered before it has: their runs, and what they go on from.

    `ends` has the last number of each turn.
    """

    tip: ObjectId
    runs: list[NumberedRun]
    ends: dict[ObjectId, int]
    parent: ObjectId | None


class _Group:
    """Tapes that make one source, and the numbers of those that might."""

    def __init__(self, graph: TurnGraph, find: Find) -> None:
        self._graph = graph
        self._find = find
        self._ends: dict[ObjectId, int] = {}
        self._members: set[ObjectId] = set()
        self.runs: list[NumberedRun] = []
        self.tips: list[ObjectId] = []

    def add(self, numbered: _Numbered) -> None:
        """Take a tape in."""
        self.tips.append(numbered.tip)
        self.runs += numbered.runs
        self._members.update(numbered.ends)

    def holds_records_before(self, numbered: _Numbered) -> bool:
        """Return whether all records that the tape goes on from are in the group."""
        parent = numbered.parent
        return parent is None or parent in self._members or not self._ends[parent]

    def goes_on(self, numbered: _Numbered) -> bool:
        """Return whether the tape goes on from records, and those are in the group."""
        parent = numbered.parent
        return parent in self._members and bool(self._ends[parent])

    def is_apart(self, tip: ObjectId) -> bool:
        """Return whether a tape has nothing to do with the group, and no other belongs to it.

        It shares no record with the group, and all its records follow one another.
        """
        oid: ObjectId | None = tip
        while oid is not None:
            turn = self._graph.read_turn(oid)
            is_shared = oid in self._members and self._ends[oid]
            if is_shared or any(piece.at is not None for piece in turn.raw):
                return False
            oid = turn.parent_ids[0] if turn.parents else None
        return True

    def number_all(self, tips: Iterable[ObjectId]) -> dict[ObjectId, _Numbered]:
        """Return the tapes that may belong to the group, numbered."""
        numbered: dict[ObjectId, _Numbered] = {}
        for tip in tips:
            oids, parent = self._own_turns(tip)
            # The beginning of another source: no need to read more of it.
            if parent is not None or not self._begins_twice(oids):
                numbered[tip] = self._number(tip, oids, parent)
        return numbered

    def number(self, tip: ObjectId) -> _Numbered:
        """Return a tape without what was numbered already."""
        return self._number(tip, *self._own_turns(tip))

    def _own_turns(self, tip: ObjectId) -> tuple[list[ObjectId], ObjectId | None]:
        """Return the turns of a tape, parents first, down to the first that has numbers."""
        oids: list[ObjectId] = []
        leader = self._graph.find_leader(tip)
        oid: ObjectId | None = tip
        while oid is not None and oid not in self._ends:
            oids.append(oid)
            # What a session goes on from is in another file.
            is_first = oid == leader
            oid = next(iter(self._graph.parents(oid)), None) if not is_first else None
        oids.reverse()
        return oids, oid

    def _begins_twice(self, oids: Sequence[ObjectId]) -> bool:
        if all(run.first != 1 for run in self.runs):
            return False
        for oid in oids[:2]:  # a leader may be without raw
            runs = place_runs(self._graph.read_turn(oid), 0)
            if runs:
                return runs[0].first == 1
        return False

    def _number(
        self, tip: ObjectId, oids: Iterable[ObjectId], parent: ObjectId | None
    ) -> _Numbered:
        before = self._ends[parent] if parent is not None else 0
        numbered = _Numbered(tip, [], {}, parent)
        for oid in oids:
            runs = list(_iter_turn_runs(self._graph, self._find, oid, before, is_whole=True))
            numbered.runs.extend(runs)
            before = numbered.ends[oid] = max((run.last for run in runs), default=0)
        self._ends.update(numbered.ends)
        return numbered


class _Coverage:
    """Which numbers there are, from 1 to a size; numbers beyond it are never there."""

    def __init__(self, size: int, runs: Iterable[NumberedRun]) -> None:
        self._marks = bytearray(size + 2)
        self._marks[0] = 1
        self.last = 0
        self.add(runs)

    def fits(self, runs: Iterable[NumberedRun]) -> bool:
        """Return whether none of the numbers is there, and all could be."""
        return all(
            run.first > 0 and run.last < len(self._marks) and self._is_free(run) for run in runs
        )

    def _is_free(self, run: NumberedRun) -> bool:
        return self._marks.find(1, run.first, run.last + 1) < 0

    def add(self, runs: Iterable[NumberedRun]) -> None:
        """Add numbers."""
        for run in runs:
            if run.first > 0 and run.last < len(self._marks):
                self._marks[run.first : run.last + 1] = b"\1" * (run.last + 1 - run.first)
                self.last = max(self.last, run.last)

    def find_missing(self, start: int) -> int | None:
        """Return the first number from `start` on that is not there."""
        found = self._marks.find(0, start)
        return found if found >= 0 else None


def _fill_gaps(group: _Group, numbered: dict[ObjectId, _Numbered]) -> bool:
    """Add tapes that have what is missing; return whether there was never another way."""
    firsts: dict[int, list[ObjectId]] = {}
    for oid, found in numbered.items():
        for run in found.runs:
            firsts.setdefault(run.first, []).append(oid)
    covered = _Coverage(_bound_numbers(group, numbered), group.runs)
    is_plain = True
    number: int | None = 0
    while number is not None and (number := covered.find_missing(number + 1)) is not None:
        fitting = [
            numbered[oid]
            for oid in firsts.get(number, ())
            if group.holds_records_before(numbered[oid]) and covered.fits(numbered[oid].runs)
        ]
        if not fitting:
            if number > covered.last:
                break
            continue
        is_inside = number < covered.last or group.goes_on(fitting[0])
        is_plain = is_plain and len(fitting) == 1 and is_inside
        group.add(fitting[0])
        covered.add(fitting[0].runs)
    return is_plain


def _bound_numbers(group: _Group, numbered: dict[ObjectId, _Numbered]) -> int:
    """Return up to which number records are looked for: no more than there are, and some gaps."""
    runs = [*group.runs, *chain.from_iterable(found.runs for found in numbered.values())]
    count = sum(run.last - run.first + 1 for run in runs)
    return min(max((run.last for run in runs), default=0), count + GAP_SIZE_MAX)


def _find_gaps(runs: Iterable[NumberedRun]) -> tuple[list[tuple[int, int]], bool]:
    """Return first and last number of each gap, and whether no number comes twice."""
    gaps = []
    expected = 1
    is_single = True
    for run in runs:
        if run.first > expected:
            gaps.append((expected, run.first - 1))
        is_single = is_single and run.first >= expected
        expected = max(expected, run.last + 1)
    return gaps, is_single


def _iter_turn_runs(
    graph: TurnGraph, find: Find, oid: ObjectId, before: int, *, is_whole: bool
) -> Iterator[NumberedRun]:
    for run in place_runs(graph.read_turn(oid), before):
        count = _count_records(find, run, is_whole=is_whole)
        if count:
            yield NumberedRun(run.first, run.first + count - 1, run.oids)


def _count_records(find: Find, run: PlacedRun, *, is_whole: bool) -> int:
    reader = read_raw_records(is_whole=is_whole and run.first == 1)
    chunks = chain.from_iterable(iter_content(find, oid) for oid in run.oids)
    return sum(1 for _ in reader.read_all(chunks))
