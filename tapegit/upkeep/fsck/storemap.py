"""Every object of a store as a number, for fsck: packs first, then loose files.

Rules: numbers are dense, so that sets of objects are bytearrays and links arrays. An object
that is in several places has several numbers, and the first of them speaks for it. The map is
made from one look at the folders; what changes afterwards is for `confirm` of fsck to find.

Source: tapesmaintenance(7), "Fsck".
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from tapegit.objects.kind import KIND_NUMBERS
from tapegit.objects.oid import OID_SIZE_BYTES, ObjectId

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tapegit.store.loose import LooseEntry
    from tapegit.upkeep.fsck.packcheck import CheckedPack

NONE: Final = 0xFFFFFFFF
"""The number of no object."""


class StoreMap:
    """The objects of some packs and loose files, numbered.

    Attributes:
        packs: The packs, in the order of their numbers.
        bases: The number of the first object of each pack, then of the first loose object.
        loose: The loose objects, ascending by id.
        count: How many numbers there are.
        loose_kinds: The kind number of each loose object, 0 until it was read.
    """

    def __init__(self, packs: Sequence[CheckedPack], loose: Sequence[LooseEntry]) -> None:
        self.packs = list(packs)
        self.loose = list(loose)
        self.bases = array("Q", [0])
        for pack in self.packs:
            self.bases.append(self.bases[-1] + pack.object_count)
        self.loose_base = self.bases[-1]
        self.count = self.loose_base + len(self.loose)
        self.loose_kinds = bytearray(len(self.loose))
        self._loose_numbers = {
            bytes(entry.oid): self.loose_base + place for place, entry in enumerate(self.loose)
        }
        self.firsts = self._find_firsts()

    def find(self, oid: bytes) -> int:
        """Return the first number of an object, or NONE."""
        for place, pack in enumerate(self.packs):
            position = pack.index.find_position(oid)
            if position >= 0:
                return self.bases[place] + pack.index.ordinals[position]
        return self._loose_numbers.get(oid, NONE)

    def first_of(self, number: int) -> int:
        """Return the first number of the object of a number."""
        return self.firsts.get(number, number)

    def copies_of(self, first: int) -> list[int]:
        """Return all numbers of an object, given its first one."""
        oid = self.id_of(first)
        numbers = []
        for base, pack in zip(self.bases, self.packs, strict=False):
            position = pack.index.find_position(oid)
            if position >= 0:
                numbers.append(base + pack.index.ordinals[position])
        if bytes(oid) in self._loose_numbers:
            numbers.append(self._loose_numbers[bytes(oid)])
        return numbers

    def pack_place(self, number: int) -> int:
        """Return which pack has the object of this number; it must not be loose."""
        return bisect_right(self.bases, number) - 1

    def id_of(self, number: int) -> bytes:
        """Return the id of an object, as plain bytes."""
        if number >= self.loose_base:
            return self.loose[number - self.loose_base].oid
        place = bisect_right(self.bases, number) - 1
        index = self.packs[place].index
        return index.id_at(index.positions[number - self.bases[place]])

    def oid_of(self, number: int) -> ObjectId:
        """Return the id of an object."""
        return ObjectId(self.id_of(number))

    def kind_number_of(self, number: int) -> int:
        """Return the kind number of an object, 0 for a loose one that could not be read."""
        if number >= self.loose_base:
            return self.loose_kinds[number - self.loose_base]
        place = bisect_right(self.bases, number) - 1
        return KIND_NUMBERS[self.packs[place].kind_of(number - self.bases[place])]

    def _find_firsts(self) -> dict[int, int]:
        """Return the first number of each object that has an earlier one.

        Works through the ids of one first byte after the other, so that memory stays small.
        """
        firsts: dict[int, int] = {}
        if len(self.packs) > 1:
            for first_byte in range(256):
                seen: dict[bytes, int] = {}
                for base, pack in zip(self.bases, self.packs, strict=False):
                    for oid, ordinal in _iter_bucket(pack, first_byte):
                        first = seen.setdefault(oid, base + ordinal)
                        if first != base + ordinal:
                            firsts[base + ordinal] = first
        for number, entry in enumerate(self.loose, self.loose_base):
            first = self.find(entry.oid)
            if first != number:
                firsts[number] = first
        return firsts


def _iter_bucket(pack: CheckedPack, first_byte: int) -> Iterator[tuple[bytes, int]]:
    """Yield (id, ordinal) of the objects of a pack whose ids begin with a byte."""
    index = pack.index
    start = index.place_of(bytes([first_byte]) + bytes(OID_SIZE_BYTES - 1))
    end = index.object_count
    if first_byte < 255:
        end = index.place_of(bytes([first_byte + 1]) + bytes(OID_SIZE_BYTES - 1))
    return zip(map(index.id_at, range(start, end)), index.ordinals[start:end], strict=True)
