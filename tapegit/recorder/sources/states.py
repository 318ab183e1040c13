"""Whether one tape is an earlier state of another: two imports of one source as it grew.

A tape that was recorded while its source was being written ends in turns that may grow: more
records join the last message, a line that was cut off gets its end. So ids alone do not tell;
the records do. One tape is an earlier state of another if its records are a beginning of the
other's, the last of them perhaps cut off. A placeholder stands for any text: what other rules
for secrets recorded is the same.

Turns of transcripts have one parent at most, so a tape is a line.

Source: tapesdialect-claude-code(7), "Refs".
"""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.syntax.json_records import BLANK_BYTES, CUT_OFF
from tapegit.objects.kind import MIB
from tapegit.objects.oid import hash_content
from tapegit.recorder.sources.tape_records import iter_turn_records
from tapegit.redact.placeholders import are_one, is_beginning

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId
    from tapegit.objects.rope_reader import Find
    from tapegit.recorder.sources.tape_records import PlacedRecord

KEPT_SIZE_MAX_BYTES: Final = 32 * MIB


class Relation(Enum):
    """How one tape relates to another."""

    SAME = "same"
    EARLIER = "earlier"
    LATER = "later"
    NEITHER = "neither"
    EARLIER_BY_TAIL = "earlier by a tail"
    """The other has one record more, and that was cut off."""
    LATER_BY_TAIL = "later by a tail"

    def swapped(self) -> Relation:
        """Return how the other tape relates to the one."""
        return _SWAPPED.get(self, self)


_SWAPPED: Final = {
    Relation.EARLIER: Relation.LATER,
    Relation.LATER: Relation.EARLIER,
    Relation.EARLIER_BY_TAIL: Relation.LATER_BY_TAIL,
    Relation.LATER_BY_TAIL: Relation.EARLIER_BY_TAIL,
}


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
    base = None if place is None else line.oids[place]
    is_whole = base is None or not graph.read_turn(base).raw
    reader = _Reader(graph, find, is_whole=is_whole)
    if len(own) <= len(others):
        return _compare(reader, own, others)
    return _compare(reader, others, own).swapped()


def find_highest_number(graph: TurnGraph, find: Find, tip: ObjectId) -> int:
    """Return the highest number among the records of a tape; it reads the whole tape.

    Raises:
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    reader = _Reader(graph, find, is_whole=True)
    numbers = [
        record.number
        for records in reader.iter_turns(Line(graph, tip).oids)
        for record in records[-1:]
    ]
    return max(numbers, default=0)


class _Reader:
    """Reads the records of a run of turns, numbered from the last record before them."""

    def __init__(self, graph: TurnGraph, find: Find, *, is_whole: bool) -> None:
        self._graph = graph
        self._find = find
        self._is_whole = is_whole

    def iter_turns(self, oids: list[ObjectId]) -> Iterator[list[PlacedRecord]]:
        """Yield the records of each turn, by number."""
        before = 0
        for oid in oids:
            turn = self._graph.read_turn(oid)
            records = sorted(iter_turn_records(self._find, turn, before, is_whole=self._is_whole))
            yield records
            before = records[-1].number if records else 0


def _compare(reader: _Reader, few: list[ObjectId], many: list[ObjectId]) -> Relation:
    """Return how the few turns relate to the many; both begin after the same turn."""
    match = _Match(reader, few)
    held: PlacedRecord | None = None
    for records in reader.iter_turns(many):
        for record in records:
            if held is not None and not match.take(held):
                return Relation.NEITHER
            held = record
        if match.is_beyond and records and records[0].number > match.last:
            held = None
            break
    return match.judge(held)


class _Match:
    """The records of the few turns, and what those of the many say of them.

    A *tail* is the last record of a side if the source may have been cut off inside it. What it
    became may be on another tape, so its absence from the other side says nothing.
    """

    def __init__(self, reader: _Reader, few: list[ObjectId]) -> None:
        self._unseen: dict[int, _Kept] = {}
        self._size_bytes = 0
        last: PlacedRecord | None = None
        for records in reader.iter_turns(few):
            for record in records:
                self._keep(record)
                last = record if last is None else max(last, record)
        self.last = last.number if last is not None else 0
        self.is_beyond = False
        self._tail = last if last is not None and _is_tail(last) else None
        if self._tail is not None:
            del self._unseen[self.last]
        self._highest = 0
        self._is_cut_by_few = False
        self._is_cut_by_many = False
        self._is_redacted_otherwise = False

    def _keep(self, record: PlacedRecord) -> None:
        self._size_bytes += len(record.data)
        data = record.data if self._size_bytes <= KEPT_SIZE_MAX_BYTES else None
        self._unseen[record.number] = _Kept(hash_content(record.data), data)

    def take(self, record: PlacedRecord) -> bool:
        """Compare a record of the many; return False where the two cannot be one source."""
        self._highest = max(self._highest, record.number)
        if record.number > self.last:
            self.is_beyond = True
            return True
        if self._tail is not None and record.number == self.last:
            tail, self._tail = self._tail, None
            if are_one(record.data, tail.data):
                return True
            if is_beginning(record.data, tail.data):
                self._is_cut_by_many = True
                return _is_tail(record)
            self._is_cut_by_few = True
            return is_beginning(tail.data, record.data)
        own = self._unseen.pop(record.number, None)
        if own is None or self._is_cut_by_many:
            return False
        return hash_content(record.data) == own.digest or self._take_cut(record, own)

    def _take_cut(self, record: PlacedRecord, own: _Kept) -> bool:
        """Note which side was cut off inside a record; return False where neither was."""
        if own.data is None:
            return False
        if are_one(record.data, own.data):
            self._is_redacted_otherwise = True
            return True
        if record.number == self.last and is_beginning(own.data, record.data):
            self._is_cut_by_few = True
            return True
        self._is_cut_by_many = is_beginning(record.data, own.data)
        return self._is_cut_by_many

    def judge(self, last: PlacedRecord | None) -> Relation:
        """Return how the few relate to the many, all records of which but the last were taken."""
        tail = last if last is not None and self._is_tail_of_many(last) else None
        if last is not None and tail is None and not self.take(last):
            return Relation.NEITHER
        is_more = self.is_beyond or self._is_cut_by_few
        is_less = bool(self._unseen) or self._is_cut_by_many
        if (is_more and is_less) or min(self._unseen, default=self._highest) < self._highest:
            return Relation.NEITHER
        if is_more:
            return Relation.EARLIER
        if is_less:
            is_ahead = tail is not None and tail.number > self.last
            return Relation.NEITHER if is_ahead else Relation.LATER
        if self._is_redacted_otherwise and self._tail is None and tail is None:
            return Relation.SAME
        return _compare_tails(self._tail, tail)

    def _is_tail_of_many(self, last: PlacedRecord) -> bool:
        if not _is_tail(last) or last.number <= self._highest:
            return False
        if last.number in self._unseen:
            return False
        return self._tail is None or last.number != self.last


def _compare_tails(few: PlacedRecord | None, many: PlacedRecord | None) -> Relation:
    """Return the relation of sides that are the same but for what was cut off."""
    if few is not None and many is not None:
        return Relation.EARLIER if few.number < many.number else Relation.LATER
    if few is not None:
        return Relation.LATER_BY_TAIL
    return Relation.EARLIER_BY_TAIL if many is not None else Relation.NEITHER


def _is_tail(record: PlacedRecord) -> bool:
    """Return whether a record may have been cut off: an unreadable rest, or blanks alone."""
    return record.reason == CUT_OFF or not record.data.strip(BLANK_BYTES)


def _iter_back(graph: TurnGraph, tip: ObjectId) -> Iterator[ObjectId]:
    oid: ObjectId | None = tip
    while oid is not None:
        yield oid
        parents = graph.parents(oid)
        oid = parents[0] if parents else None
