"""Ids in the order they came, and the number of each: a dictionary that costs 45 bytes an id.

A hash table with open addressing over plain arrays. Ids are hashes already, so their first
bytes say where to look; a table of ten million ids is 450 MB less than a dictionary of them.
"""

from __future__ import annotations

from array import array
from typing import Final

from tapegit.objects.oid import OID_SIZE_BYTES, ObjectId

_SLOT_COUNT_MIN: Final = 1 << 10


class IdTable:
    """A growing list of distinct ids; numbers count from 0."""

    def __init__(self) -> None:
        self.ids = bytearray()
        self._slots = array("I", bytes(4 * _SLOT_COUNT_MIN))
        self._mask = _SLOT_COUNT_MIN - 1
        self._room = _SLOT_COUNT_MIN // 2

    def __len__(self) -> int:
        return len(self.ids) // OID_SIZE_BYTES

    def id_at(self, number: int) -> bytes:
        """Return the id of a number, as plain bytes."""
        return bytes(self.ids[number << 5 : (number + 1) << 5])

    def oid_at(self, number: int) -> ObjectId:
        """Return the id of a number."""
        return ObjectId(self.id_at(number))

    def find(self, oid: bytes) -> int:
        """Return the number of an id, or -1."""
        mask, slots, ids = self._mask, self._slots, self.ids
        slot = int.from_bytes(oid[:8], "little") & mask
        while number := slots[slot]:
            if ids[(number - 1) << 5 : number << 5] == oid:
                return number - 1
            slot = (slot + 1) & mask
        return -1

    def add(self, oid: bytes) -> bool:
        """Append an id and return True, or return False where it is here already."""
        mask, slots, ids = self._mask, self._slots, self.ids
        slot = int.from_bytes(oid[:8], "little") & mask
        while number := slots[slot]:
            if ids[(number - 1) << 5 : number << 5] == oid:
                return False
            slot = (slot + 1) & mask
        ids += oid
        slots[slot] = len(ids) >> 5
        self._room -= 1
        if self._room == 0:
            self._grow()
        return True

    def _grow(self) -> None:
        count = 2 * len(self._slots)
        mask, slots, ids = count - 1, array("I", bytes(4 * count)), self.ids
        for number in range(len(self)):
            slot = int.from_bytes(ids[number << 5 : (number << 5) + 8], "little") & mask
            while slots[slot]:
                slot = (slot + 1) & mask
            slots[slot] = number + 1
        self._slots, self._mask, self._room = slots, mask, count // 2 - len(self)
