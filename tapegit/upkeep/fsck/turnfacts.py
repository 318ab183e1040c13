"""Whether what an index states of a turn follows from the turn.

Source: tapesformat-packindex(5), "Fields".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.formats.pack import SECTION_FIRST_TURN, SECTION_TAGS, SECTION_TURNS
from tapegit.formats.packindex import LEADER_BIT, SEVERAL_PARENTS_BIT

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tapegit.formats.packindex import PackIndex
    from tapegit.objects.turn import Turn

_GENERATION_MASK = LEADER_BIT - 1


def are_facts_right(index: PackIndex, ordinal: int, turn: Turn, section: Sequence[int]) -> bool:
    """Return whether generation, date, role and parents of a turn are right in an index.

    Generation and date of a turn with a parent outside the pack cannot be known from it, and
    are not judged.

    Args:
        index: The index, its tables verified.
        ordinal: The turn's.
        turn: The turn.
        section: The numbers of its section.
    """
    number = section[SECTION_FIRST_TURN] + ordinal - section[SECTION_TURNS]
    if (index.turn_generations[number] >= LEADER_BIT) != (turn.role == "session"):
        return False
    parents = _find_parents(index, number, turn)
    if parents is None:
        return False
    numbers = [_turn_number(index, parent, section) for parent in parents]
    if -1 in numbers:
        return True  # one is outside, or no turn, which the check of links reports
    return _are_numbers_right(index, number, turn.time or 0, numbers)


def _find_parents(index: PackIndex, number: int, turn: Turn) -> list[int] | None:
    """Return the ordinals of a turn's parents, -1 for one outside; None where they are wrong."""
    word = index.turn_parents[number]
    if not turn.parents:
        return None if word else []
    if len(turn.parents) == 1 and 0 < word < SEVERAL_PARENTS_BIT:
        is_right = index.id_at(word - 1).hex() == turn.parents[0]
        return [index.ordinals[word - 1]] if is_right else None
    if [oid.hex() for oid in index.parents_at(number)] != list(turn.parents):
        return None
    positions = [index.find_position(bytes.fromhex(oid)) for oid in turn.parents]
    return [index.ordinals[position] if position >= 0 else -1 for position in positions]


def _are_numbers_right(index: PackIndex, number: int, time_ms: int, parents: Sequence[int]) -> bool:
    generations = [index.turn_generations[parent] & _GENERATION_MASK for parent in parents]
    expected = 0 if 0 in generations else 1 + max(generations, default=0)
    date_ms = max([time_ms, *(index.turn_dates[parent] for parent in parents)])
    stated = index.turn_generations[number] & _GENERATION_MASK
    return stated == expected and index.turn_dates[number] == date_ms


def _turn_number(index: PackIndex, ordinal: int, section: Sequence[int]) -> int:
    """Return the turn number of an ordinal, or -1 where it is no turn's."""
    if ordinal < 0:
        return -1
    if not section[SECTION_TURNS] <= ordinal < section[SECTION_TAGS]:
        owner = index.frame_sections[index.frame_of(ordinal)]
        section = index.section(owner)
        if not section[SECTION_TURNS] <= ordinal < section[SECTION_TAGS]:
            return -1
    return int(section[SECTION_FIRST_TURN] + ordinal - section[SECTION_TURNS])


def iter_parents(index: PackIndex, ordinal: int, section: Sequence[int]) -> Iterator[bytes]:
    """Yield the parents that an index states of a turn, as plain bytes."""
    yield from index.parents_at(section[SECTION_FIRST_TURN] + ordinal - section[SECTION_TURNS])
