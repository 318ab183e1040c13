"""Whether one tape is an earlier state of another: two imports of one source as it grew.

A tape that was recorded while its source was being written ends in turns that may grow: more
records join the last message, a line that was cut off gets its end. So ids alone do not tell;
the records do. One tape is an earlier state of another if its records are a beginning of the
other's, the last of them perhaps cut off.

Turns of transcripts have one parent at most, so a tape is a line.

Source: tapesdialect-claude-code(7), "Refs".
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.objects.kind import MIB
from tapegit.objects.oid import hash_content
from tapegit.recorder.tape_records import iter_turn_records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId
    from tapegit.objects.rope_reader import Find
    from tapegit.recorder.tape_records import PlacedRecord

KEPT_SIZE_MAX_BYTES: Final = 32 * MIB


class Relation(Enum):
    """How one tape relates to another."""

    SAME = "same"
    EARLIER = "earlier"
    LATER = "later"
    NEITHER = "neither"

    def swapped(self) -> Relation:
        """Return how the other tape relates to the one."""
        return _SWAPPED.get(self, self)


_SWAPPED: Final = {Relation.EARLIER: Relation.LATER, Relation.LATER: Relation.EARLIER}


class _Kept(NamedTuple):
    digest: bytes
    data: bytes | None


class Line:
    """A tape from its leader to its tip, the tip last.

    Raises (also the constructor):
        ObjectNotFoundError: A turn is missing.
        DataError: A turn is damaged.
    """

    def __init__(self, graph: TurnGraph, tip: ObjectId) -> None:
        self.tip = tip
        oids = list(_iter_back(graph, tip))
        oids.reverse()
        self.oids = oids
        self._places = {oid: place for place, oid in enumerate(oids)}

    def find(self, oid: ObjectId) -> int | None:
        """Return the place of a turn on the line, from 0 for the leader, or None."""
        return self._places.get(oid)


def compare_to_line(graph: TurnGraph, find: Find, tip: ObjectId, line: Line) -> Relation:
    """Return how the tape that ends at `tip` relates to a line.

    Raises:
        ObjectNotFoundError: An object of one of them is missing.
        DataError: An object of one of them is damaged.
    """
    if tip == line.tip:
        return Relation.SAME
    own: list[ObjectId] = []
    place: int | None = None
    for oid in _iter_back(graph, tip):
        place = line.find(oid)
        if place is not None:
            break
        own.append(oid)
    own.reverse()
    others = line.oids[0 if place is None else place + 1 :]
    if not own:
        return Relation.EARLIER
    if not others:
        return Relation.LATER
    base = None if place is None else line.oids[place]
    is_whole = base is None or not graph.read_turn(base).raw
    reader = _Reader(graph, find, is_whole=is_whole)
    if len(own) <= len(others):
        return _compare(reader, own, others)
    return _compare(reader, others, own).swapped()


class _Reader:
    """Reads the records of a run of turns, numbered from the last record before them."""

    def __init__(self, graph: TurnGraph, find: Find, *, is_whole: bool) -> None:
        self._graph = graph
        self._find = find
        self._is_whole = is_whole

    def iter_turns(self, oids: list[ObjectId]) -> Iterator[list[PlacedRecord]]:
        before = 0
        for oid in oids:
            turn = self._graph.read_turn(oid)
            records = list(iter_turn_records(self._find, turn, before, is_whole=self._is_whole))
            yield records
            before = max((record.number for record in records), default=0)


def _compare(reader: _Reader, few: list[ObjectId], many: list[ObjectId]) -> Relation:
    """Return how the few turns relate to the many; both begin after the same turn."""
    kept = _keep(reader, few)
    last = max(kept, default=0)
    match = _Match(kept, last)
    for records in reader.iter_turns(many):
        if not all(map(match.take, records)):
            return Relation.NEITHER
        if match.is_beyond and min(record.number for record in records) > last:
            break
    return match.judge()


class _Match:
    """The records of the few turns, and what those of the many say of them."""

    def __init__(self, kept: dict[int, _Kept], last: int) -> None:
        self._unseen = kept
        self._last = last
        self._highest = 0
        self._is_cut_by_few = False
        self._is_cut_by_many = False
        self.is_beyond = False

    def take(self, record: PlacedRecord) -> bool:
        """Compare a record of the many; return False where the two cannot be one source."""
        if record.number > self._last:
            self.is_beyond = True
            return True
        own = self._unseen.pop(record.number, None)
        if own is None or self._is_cut_by_many:
            return False
        self._highest = max(self._highest, record.number)
        if hash_content(record.data) == own.digest:
            return True
        if own.data is None:
            return False
        if record.number == self._last and record.data.startswith(own.data):
            self._is_cut_by_few = True
            return True
        self._is_cut_by_many = own.data.startswith(record.data)
        return self._is_cut_by_many

    def judge(self) -> Relation:
        """Return how the few relate to the many, all records of which were taken."""
        is_more = self.is_beyond or self._is_cut_by_few
        is_less = bool(self._unseen) or self._is_cut_by_many
        if is_more == is_less or min(self._unseen, default=self._last) < self._highest:
            return Relation.NEITHER
        return Relation.EARLIER if is_more else Relation.LATER


def _keep(reader: _Reader, oids: list[ObjectId]) -> dict[int, _Kept]:
    """Return the records of some turns by number."""
    kept: dict[int, _Kept] = {}
    size = 0
    for records in reader.iter_turns(oids):
        for record in records:
            size += len(record.data)
            data = record.data if size <= KEPT_SIZE_MAX_BYTES else None
            kept[record.number] = _Kept(hash_content(record.data), data)
    return kept


def _iter_back(graph: TurnGraph, tip: ObjectId) -> Iterator[ObjectId]:
    oid: ObjectId | None = tip
    while oid is not None:
        yield oid
        parents = graph.parents(oid)
        oid = parents[0] if parents else None
