"""Short ids for long lists.

The first ids are looked up one by one, which costs nothing for a short list. From a number on
the beginnings of all ids are sorted once, and each further id takes one search in memory.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from tapegit.objects.oid import ObjectId
    from tapegit.store.database import ObjectDatabase

LOOKED_UP_COUNT_MAX: Final = 2000

_WORD_BITS: Final = 32
_WORD_DIGITS: Final = 8


class Abbreviator:
    """Shortens ids to the fewest digits, at least `length_min`, that no other object shares.

    What is stored while it is used may be left out of account.
    """

    def __init__(self, objects: ObjectDatabase, length_min: int) -> None:
        self._objects = objects
        self._length_min = length_min
        self._count = 0
        self._words: list[int] = []

    def __call__(self, oid: ObjectId) -> str:
        """Return the digits of an id."""
        if not self._words:
            self._count += 1
            if self._count <= LOOKED_UP_COUNT_MAX:
                return self._objects.abbreviate(oid, self._length_min)
            self._words = self._read_words()
        words = self._words
        word = int.from_bytes(oid[:4], "big")
        place = bisect_left(words, word)
        if place + 1 >= len(words) or words[place] != word:
            return self._objects.abbreviate(oid, self._length_min)
        # How many leading bits the nearest of the others shares, as whole digits and one more.
        near = min(word ^ words[place - 1], word ^ words[place + 1]) if place else 0
        length = (_WORD_BITS - near.bit_length()) // 4 + 1
        if length > _WORD_DIGITS:
            return self._objects.abbreviate(oid, self._length_min)
        return oid.hex()[: max(length, self._length_min)]

    def _read_words(self) -> list[int]:
        """Return the first four bytes of every id as numbers, ascending, one for each copy."""
        words = array("I")
        for reader in self._objects.packs:
            words.extend(reader.index.first_words())
        words.extend(int.from_bytes(oid[:4], "big") for oid in self._objects.loose.iter_oids())
        return sorted(words)
