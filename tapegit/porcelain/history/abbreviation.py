"""Short ids for long lists.

The first ids are looked up one by one, which costs nothing for a short list. From a number on
the beginnings of all ids are compared once, and only those that share one are looked up.
"""

from __future__ import annotations

from array import array
from itertools import compress, count, islice
from operator import eq
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tapegit.objects.oid import ObjectId
    from tapegit.store.database import ObjectDatabase

LOOKED_UP_COUNT_MAX: Final = 2000

_WORD_BITS: Final = 32


class Abbreviator:
    """Shortens ids to the fewest digits, at least `length_min`, that no other object shares.

    What is stored while it is used may be left out of account.
    """

    def __init__(self, objects: ObjectDatabase, length_min: int) -> None:
        self._objects = objects
        self._length_min = length_min
        self._left_count = LOOKED_UP_COUNT_MAX
        self._crowded: set[int] = set()

    def __call__(self, oid: ObjectId) -> str:
        """Return the digits of an id that is in the store."""
        if self._left_count:
            self._left_count -= 1
            if not self._left_count:
                self._crowded = self._find_crowded()
        elif int.from_bytes(oid[:4], "big") not in self._crowded:
            return oid.hex()[: self._length_min]
        return self._objects.abbreviate(oid, self._length_min)

    def _find_crowded(self) -> set[int]:
        """Return the first four bytes, as numbers, of ids that need more than the fewest digits."""
        words = array("I")
        for reader in self._objects.packs:
            words.extend(reader.index.first_words())
        words.extend(int.from_bytes(oid[:4], "big") for oid in self._objects.loose.iter_oids())
        ordered = sorted(words)
        shift = max(_WORD_BITS - 4 * self._length_min, 0)
        begun = [word >> shift for word in ordered]
        crowded: set[int] = set()
        for place in compress(count(), map(eq, begun, islice(begun, 1, None))):
            crowded.update(ordered[place : place + 2])
        return crowded
