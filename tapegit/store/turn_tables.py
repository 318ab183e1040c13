"""The facts of a pack's turns as an index keeps them: parents, generation, date.

Parents are noted turn by turn; generations and dates are worked out at the end, when it is
known which parents are in the pack, since a section may come before one it descends from.

Source: tapesformat-packindex(5), "Fields".
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from tapegit.errors import FormatError
from tapegit.formats.pack import (
    SECTION_FIRST_TURN,
    SECTION_TAGS,
    SECTION_TURNS,
    SECTION_WIDTH,
)
from tapegit.formats.packindex import LEADER_BIT, SEVERAL_PARENTS_BIT
from tapegit.objects.turn import decode_step
from tapegit.store.id_table import IdTable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tapegit.objects.oid import ObjectId
    from tapegit.store.source import TurnFacts

_DATE_UNKNOWN: Final = -(1 << 63)


class TurnTables:
    """Columns with a number for each turn, in the order of turn numbers.

    Attributes:
        parents: As in the index, with ordinals where it has positions.
        more_parents: The same.
        generations: With the leader bit; complete after `settle`.
        dates: Complete after `settle`.
        outer: The parents that are not in the pack, after `settle`.
    """

    def __init__(self, table: IdTable) -> None:
        """Take the table in which every object of the pack gets its ordinal as its number."""
        self._table = table
        self.parents = array("I")
        self.more_parents = array("I")
        self.generations = array("I")
        self.dates = array("q")
        self.outer = IdTable()
        self._named = IdTable()
        self._is_decoded = bytearray()

    def add(self, data: bytes, targets: Mapping[bytes, int]) -> None:
        """Note the next turn.

        Args:
            data: The turn.
            targets: The ordinal of each id that it names, negative where it is an outer id.
        """
        try:
            step = decode_step(data)
        except FormatError:
            self._append(0, 0, is_leader=False, is_decoded=False)
            return
        codes = [self._code(parent, targets) for parent in step.parents]
        if not codes:
            word = 0
        elif len(codes) == 1 and not codes[0] & 1:
            word = 1 + (codes[0] >> 1)
        else:
            word = SEVERAL_PARENTS_BIT + len(self.more_parents)
            self.more_parents.extend((len(codes), *codes))
        self._append(word, step.time_ms or 0, is_leader=step.is_leader, is_decoded=True)

    def _append(self, word: int, date: int, *, is_leader: bool, is_decoded: bool) -> None:
        self.parents.append(word)
        self.dates.append(date)
        self.generations.append(LEADER_BIT if is_leader else 0)
        self._is_decoded.append(is_decoded)

    def _code(self, parent: bytes, targets: Mapping[bytes, int]) -> int:
        target = targets.get(parent, -1)
        if target >= 0:
            return 2 * target
        self._named.add(parent)
        return 2 * self._named.find(parent) + 1

    def settle(
        self, sections: Sequence[int], find_facts: Callable[[ObjectId], TurnFacts | None] | None
    ) -> None:
        """Work out generations and dates, and which parents are outside the pack.

        Args:
            sections: The eight numbers of each section.
            find_facts: Returns the facts of a turn outside the pack, or None.
        """
        self._place_outer()
        self._outer_facts = [
            (facts.generation, facts.date_ms) if facts is not None else (0, _DATE_UNKNOWN)
            for facts in (
                find_facts(self.outer.oid_at(place)) if find_facts is not None else None
                for place in range(len(self.outer))
            )
        ]
        numbers = [
            list(sections[start : start + SECTION_WIDTH])
            for start in range(0, len(sections), SECTION_WIDTH)
        ]
        self._firsts = [section[SECTION_TURNS] for section in numbers]
        self._afters = [section[SECTION_TAGS] for section in numbers]
        self._first_numbers = [section[SECTION_FIRST_TURN] for section in numbers]
        self._settled = bytearray(len(self.parents))
        for turn in range(len(self.parents)):
            if not self._settled[turn]:
                self._settle_turn(turn)

    def _place_outer(self) -> None:
        """Tell parents in another section of this pack from those that are not here."""
        if not len(self._named):
            return
        codes = array("Q")
        for place in range(len(self._named)):
            oid = self._named.id_at(place)
            ordinal = self._table.find(oid)
            if ordinal < 0:
                self.outer.add(oid)
                codes.append(2 * self.outer.find(oid) + 1)
            else:
                codes.append(2 * ordinal)
        old = self.more_parents
        self.more_parents = new = array("I")
        for turn, word in enumerate(self.parents):
            if word < SEVERAL_PARENTS_BIT:
                continue
            start = word - SEVERAL_PARENTS_BIT
            placed = [
                codes[code >> 1] if code & 1 else code
                for code in old[start + 1 : start + 1 + old[start]]
            ]
            if len(placed) == 1 and not placed[0] & 1:
                self.parents[turn] = 1 + (placed[0] >> 1)
            else:
                self.parents[turn] = SEVERAL_PARENTS_BIT + len(new)
                new.extend((len(placed), *placed))

    def _codes_of(self, turn: int) -> Sequence[int]:
        word = self.parents[turn]
        if word == 0:
            return ()
        if word < SEVERAL_PARENTS_BIT:
            return (2 * (word - 1),)
        start = word - SEVERAL_PARENTS_BIT
        return self.more_parents[start + 1 : start + 1 + self.more_parents[start]]

    def _settle_turn(self, turn: int) -> None:
        """Work out a turn after its parents; usually they come before it anyway."""
        stack = [turn]
        while stack:
            current = stack[-1]
            waiting = [
                parent
                for code in self._codes_of(current)
                if not code & 1
                and (parent := self._turn_number(code >> 1)) >= 0
                and not self._settled[parent]
            ]
            if waiting:
                stack += waiting
                continue
            stack.pop()
            if not self._settled[current]:
                self._settle_from_parents(current)

    def _settle_from_parents(self, turn: int) -> None:
        generation, is_complete = 0, bool(self._is_decoded[turn])
        date = self.dates[turn]
        for code in self._codes_of(turn):
            if code & 1:
                parent_generation, parent_date = self._outer_facts[code >> 1]
            else:
                parent = self._turn_number(code >> 1)
                parent_generation = self.generations[parent] & ~LEADER_BIT if parent >= 0 else 0
                parent_date = self.dates[parent] if parent >= 0 else _DATE_UNKNOWN
            is_complete = is_complete and parent_generation > 0
            generation = max(generation, parent_generation)
            date = max(date, parent_date)
        self.dates[turn] = date
        if is_complete:
            self.generations[turn] |= generation + 1
        self._settled[turn] = 1

    def _turn_number(self, ordinal: int) -> int:
        """Return the number of the turn with this ordinal, or -1 where it is no turn."""
        section = bisect_right(self._firsts, ordinal) - 1
        if section < 0 or ordinal >= self._afters[section]:
            return -1
        return self._first_numbers[section] + ordinal - self._firsts[section]
