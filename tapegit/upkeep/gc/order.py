"""The order in which gc writes objects: as they were recorded, session after session.

Rules: what an object needs comes before it, so that it is named by a small number; the turns of
a chain come oldest first, each after its content, since neighbours in time are what repeats and
what is read together. Nothing here recurses: a chain may have a million turns.

Source: tapesmaintenance(7), "How gc works", step 5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.objects.kind import KIND_NUMBERS, Kind
from tapegit.upkeep.gc.packlinks import NONE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.upkeep.gc.linkmap import LinkMap

_CONTENT: Final = frozenset({KIND_NUMBERS[Kind.BLOB], KIND_NUMBERS[Kind.ROPE]})


def iter_in_order(links: LinkMap, tips: Iterable[int], wanted: bytearray) -> Iterator[int]:
    """Yield the objects of a set, each once.

    Args:
        links: All objects.
        tips: Where sessions end, in the order in which the sessions are to stand; what they do
            not reach comes after them.
        wanted: The set.
    """
    walk = _Walk(links, wanted)
    for tip in tips:
        yield from walk.visit(tip)
    number = wanted.find(1)
    while number >= 0:
        if not walk.seen[number]:
            yield from walk.visit(number)
        number = wanted.find(1, number + 1)


class _Walk:
    """A walk in post-order that remembers where it was."""

    def __init__(self, links: LinkMap, wanted: bytearray) -> None:
        self._links = links
        self._wanted = wanted
        self.seen = links.new_marks()

    def visit(self, tip: int) -> Iterator[int]:
        """Yield what is wanted of an object and all it needs: along the chain, from its start."""
        links, seen, wanted = self._links, self.seen, self._wanted
        stack = [tip]
        while stack:
            number = stack.pop()
            if number < 0:
                yield from self._iter_content(~number)
                if wanted[~number]:
                    yield ~number
            elif not seen[number]:
                if self._kind(number) in _CONTENT:
                    yield from self._iter_one_content(number)
                    continue
                seen[number] = 1
                stack.append(~number)
                targets = links.links_of(number)
                stack.extend([n for n in reversed(targets) if self._is_chain(n)])

    def _iter_content(self, turn: int) -> Iterator[int]:
        for target in self._links.links_of(turn):
            if target != NONE and not self.seen[target]:
                yield from self._iter_one_content(target)

    def _iter_one_content(self, top: int) -> Iterator[int]:
        links, seen, wanted = self._links, self.seen, self._wanted
        stack = [top]
        while stack:
            number = stack.pop()
            if number < 0:
                yield ~number
            elif not seen[number]:
                seen[number] = 1
                targets = links.links_of(number)
                if wanted[number]:
                    if not targets:
                        yield number
                        continue
                    stack.append(~number)
                stack.extend([n for n in reversed(targets) if n != NONE and not seen[n]])

    def _is_chain(self, number: int) -> bool:
        return number != NONE and not self.seen[number] and self._kind(number) not in _CONTENT

    def _kind(self, number: int) -> int:
        kinds = self._links.kind_numbers
        return kinds[number] or KIND_NUMBERS[self._links.kind_of(number)]
