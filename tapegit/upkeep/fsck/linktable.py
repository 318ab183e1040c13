"""The links of all objects of a store as two arrays of numbers, and walks over them.

Rules: a target is always the first number of its object (`StoreMap.firsts`), so an object that
is in several places is one node. Objects without links have none; nothing is looked up.

Source: tapesmaintenance(7), "Fsck".
"""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tapegit.upkeep.fsck.objectcheck import LinkBlock
    from tapegit.upkeep.fsck.storemap import StoreMap


class LinkTable:
    """Which objects each object needs.

    Args:
        store: The store, numbered.
        blocks: The links as they were read, in any order; those of a copy join those of the
            object's first number.
    """

    def __init__(self, store: StoreMap, blocks: Iterable[LinkBlock]) -> None:
        self.count = store.count
        self._ends = array("Q")
        self._targets = array("I")
        firsts = store.firsts
        for block in sorted(blocks, key=lambda block: block.first):
            self._pad(block.first)
            base = len(self._targets)
            self._ends.extend([base + end for end in block.ends])
            if firsts:
                self._targets.extend([firsts.get(target, target) for target in block.targets])
            else:
                self._targets.extend(block.targets)
        self._pad(self.count)

    def _pad(self, number: int) -> None:
        missing = number - len(self._ends)
        if missing > 0:
            self._ends.extend(array("Q", [len(self._targets)]) * missing)

    def links_of(self, number: int) -> Sequence[int]:
        """Return the numbers of what an object needs."""
        return self._targets[self._ends[number - 1] if number else 0 : self._ends[number]]

    def mark(self, tips: Iterable[int]) -> bytearray:
        """Return the set of what can be reached, a byte for each number, tips included."""
        marks = bytearray(self.count)
        ends, targets = self._ends, self._targets
        stack = list(tips)
        while stack:
            number = stack.pop()
            if marks[number]:
                continue
            marks[number] = 1
            stack.extend(targets[ends[number - 1] if number else 0 : ends[number]])
        return marks

    def mark_needed(self, sources: Iterable[int]) -> bytearray:
        """Return the set of what some objects need directly."""
        marks = bytearray(self.count)
        for number in sources:
            for target in self.links_of(number):
                if target != number:
                    marks[target] = 1
        return marks

    def mark_dependents(self, lost: Iterable[int]) -> bytearray:
        """Return the set of what needs one of some objects, directly or not, them included."""
        referrers = self._invert()
        marks = bytearray(self.count)
        stack = list(lost)
        while stack:
            number = stack.pop()
            if not marks[number]:
                marks[number] = 1
                stack.extend(referrers(number))
        return marks

    def _invert(self) -> Callable[[int], Sequence[int]]:
        """Return what gives the numbers of the objects that need an object."""
        ends, targets = self._ends, self._targets
        counts = array("Q", bytes(8 * (self.count + 1)))
        for target in targets:
            counts[target + 1] += 1
        for number in range(self.count):
            counts[number + 1] += counts[number]
        places = counts[:]
        referrers = array("I", bytes(4 * len(targets)))
        start = 0
        for number, end in enumerate(ends):
            for target in targets[start:end]:
                referrers[places[target]] = number
                places[target] += 1
            start = end
        return lambda number: referrers[counts[number] : counts[number + 1]]


def find_losers(
    links: LinkTable, roots: Sequence[tuple[str, int]], lost: Iterable[int], *, count_max: int
) -> dict[int, tuple[str, ...]]:
    """Return which refs need each lost object.

    Args:
        links: The links of the store.
        roots: Names of refs and the numbers they lead to.
        lost: Numbers of lost objects.
        count_max: How many refs to look at.
    """
    wanted = set(lost)
    if not wanted:
        return {}
    concerned = links.mark_dependents(wanted)
    found: dict[int, list[str]] = {number: [] for number in wanted}
    looked_at = [(name, number) for name, number in roots if concerned[number]][:count_max]
    for name, root in looked_at:
        seen = set()
        stack = [root]
        while stack:
            number = stack.pop()
            if number not in seen and concerned[number]:
                seen.add(number)
                stack.extend(links.links_of(number))
        for number in seen & wanted:
            found[number].append(name)
    return {number: tuple(names) for number, names in found.items()}
