"""Every object of a store as a number, and what each one needs as numbers.

Rules:

- Numbers are dense: first the objects of each pack by ordinal, pack after pack, then the loose
  objects by id. Sets of objects are bytearrays indexed by number, never sets of ids; links of
  packed objects are two arrays. So ten million objects fit into 150 MB.
- Packed links are read from the references of the records alone: no object is put together.
  References include any id that stands in a turn as a string, so a note keeps what it is about.
- An object that is in two packs is one object: links lead to its first copy (`canonical`).
- Loose objects are read when a walk first comes to them, and verified by the read.

Source: tapesmaintenance(7), "How gc works", step 3.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from typing import TYPE_CHECKING, Final

from tapegit.errors import DataError, ObjectNotFoundError
from tapegit.formats.pack import KINDS_BY_NUMBER
from tapegit.formats.packindex import FANOUT_COUNT
from tapegit.objects.kind import KIND_NUMBERS, Kind, Object
from tapegit.objects.links import iter_links
from tapegit.upkeep.gc.packlinks import NONE, MissingLink, read_pack_links

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from tapegit.objects.oid import ObjectId
    from tapegit.store.loose import LooseEntry, LooseSource
    from tapegit.upkeep.packview import PackView

_NO_LINKS: Final = array("I")


class LinkMap:
    """The objects of some packs and loose files, numbered, with their links.

    Attributes:
        packs: The packs, in the order of their numbers.
        bases: The number of the first object of each pack, then of the first loose object.
        loose: The loose objects, ascending by id.
        count: How many numbers there are.
        beyond: Turns that may be missing, because history was cut off before them.
        kind_numbers: The kind of each object by number; 0 for a loose one not read yet.
    """

    def __init__(
        self,
        packs: Sequence[PackView],
        loose: Sequence[LooseEntry],
        source: LooseSource,
        beyond: Container[ObjectId] = (),
    ) -> None:
        """Number everything and read the links of all packs; what is `beyond` may be missing.

        Raises:
            DataError: A frame of ropes or turns is damaged.
        """
        self.packs = list(packs)
        self.loose = list(loose)
        self._source = source
        self.beyond = beyond
        self.bases = array("Q", [0])
        for pack in self.packs:
            self.bases.append(self.bases[-1] + pack.index.object_count)
        self.loose_base = self.bases[-1]
        self.count = self.loose_base + len(self.loose)
        self._loose_numbers = {
            entry.oid: self.loose_base + place for place, entry in enumerate(self.loose)
        }
        self._loose_links: dict[int, array[int]] = {}
        self.kind_numbers = bytearray(self.count)
        self.canonical = self._find_duplicates()
        self._starts = array("I", [0])
        self._targets = array("I")
        self._missing: dict[int, list[MissingLink]] = {}
        for place, pack in enumerate(self.packs):
            self._read_pack(pack, self.bases[place])

    def find(self, oid: bytes) -> int:
        """Return the number of an object, its first copy's where it has several, or NONE."""
        for place, pack in enumerate(self.packs):
            position = pack.index.find_position(oid)
            if position >= 0:
                return self.bases[place] + pack.index.ordinals[position]
        return self._loose_numbers.get(oid, NONE)  # type: ignore[call-overload, no-any-return]

    def first_of(self, number: int) -> int:
        """Return the number of an object's first copy, from that of any copy."""
        if number >= self.loose_base:
            return self.find(self.loose[number - self.loose_base].oid)
        return number if self.canonical is None else self.canonical[number]

    def pack_place(self, number: int) -> int:
        """Return which pack has the object of this number; it must not be loose."""
        return bisect_right(self.bases, number) - 1

    def oid_of(self, number: int) -> ObjectId:
        """Return the id of the object of this number."""
        if number >= self.loose_base:
            return self.loose[number - self.loose_base].oid
        place = bisect_right(self.bases, number) - 1
        index = self.packs[place].index
        return index.oid_at(index.positions[number - self.bases[place]])

    def kind_of(self, number: int) -> Kind:
        """Return the kind of the object of this number.

        Raises:
            DataError: It is loose and damaged.
        """
        if number >= self.loose_base:
            self._links_of_loose(number)
        return KINDS_BY_NUMBER[self.kind_numbers[number]]

    def find_kind(self, number: int) -> Kind | None:
        """Return the kind of an object, or None where it is loose and cannot be read."""
        try:
            return self.kind_of(number)
        except (DataError, ObjectNotFoundError):
            return None

    def links_of(self, number: int) -> array[int]:
        """Return the numbers of what an object needs, NONE for each that is not here.

        Raises:
            DataError: It is loose and damaged.
        """
        if number >= self.loose_base:
            return self._links_of_loose(number)
        return self._targets[self._starts[number] : self._starts[number + 1]]

    def missing_of(self, number: int) -> list[MissingLink]:
        """Return what an object needs and this map does not have."""
        return self._missing.get(number, [])

    def new_marks(self) -> bytearray:
        """Return an empty set of objects: a byte for each number."""
        return bytearray(self.count)

    def mark(self, tips: Iterable[int], marks: bytearray, *, lenient: bool = False) -> None:
        """Add to a set what can be reached from some objects, themselves included.

        Args:
            tips: Numbers to start from.
            marks: The set; what is in it already is not walked again.
            lenient: Pass over what is missing or damaged: for unreachable objects.

        Raises:
            ObjectNotFoundError: Something needed is missing; fields oid, needed_by.
            DataError: A loose object on the way is damaged.
        """
        starts, targets, packed = self._starts, self._targets, self.loose_base
        missing = self._missing
        stack = [tip for tip in tips if not marks[tip]]
        while stack:
            number = stack.pop()
            if marks[number]:
                continue
            marks[number] = 1
            if number < packed:
                links = targets[starts[number] : starts[number + 1]]
            else:
                links = self._links_of_loose(number, lenient=lenient)
            if number in missing and not lenient:
                self._verify_not_needed(number)
            stack.extend([n for n in links if n != NONE and not marks[n]])

    def _verify_not_needed(self, number: int) -> None:
        """Refuse to go on where what is missing is really needed, and not just mentioned."""
        oid = self.oid_of(number)
        for link in self._missing[number]:
            if link.oid not in self.beyond and self.is_needed(number, link.oid):
                raise ObjectNotFoundError(
                    f"no object '{link.oid}', which {self.kind_of(number)} '{oid}' needs",
                    hint="run 'tapes fsck --full' to see what else is missing",
                    oid=link.oid,
                    needed_by=oid,
                )

    def is_needed(self, number: int, oid: ObjectId) -> bool:
        """Return whether an object has a link to this id, or only mentions it.

        Raises:
            DataError: The object is damaged.
        """
        if number >= self.loose_base:
            return True
        place = bisect_right(self.bases, number) - 1
        found = self.packs[place].read_object(number - self.bases[place])
        return any(link.oid == oid for link in iter_links(found.kind, found.data))

    def _read_pack(self, pack: PackView, base: int) -> None:
        links = read_pack_links(pack, base, self.find)
        index = pack.index
        for frame, kind_number in enumerate(index.frame_kind_numbers):
            count = index.record_count(frame)
            start = base + index.frame_first_ordinals[frame]
            self.kind_numbers[start : start + count] = bytes([kind_number]) * count
        offset = len(self._targets)
        if self.canonical is not None:
            canonical, loose = self.canonical, self.loose_base
            firsts = [n if n == NONE or n >= loose else canonical[n] for n in links.targets]
            links.targets = array("I", firsts)
        self._targets.extend(links.targets)
        self._starts.extend(array("I", [offset + end for end in links.ends]))
        self._missing.update(links.missing)

    def _links_of_loose(self, number: int, *, lenient: bool = False) -> array[int]:
        known = self._loose_links.get(number)
        if known is not None:
            return known
        try:
            found = self._read_loose(number)
            needed = list(iter_links(found.kind, found.data))
        except (DataError, ObjectNotFoundError):
            if lenient:
                return _NO_LINKS
            raise
        links = array("I")
        for link in needed:
            target = self.find(link.oid)
            links.append(target)
            if target == NONE:
                self._missing.setdefault(number, []).append(MissingLink(link.oid, link.kinds))
        self.kind_numbers[number] = KIND_NUMBERS[found.kind]
        self._loose_links[number] = links
        return links

    def _read_loose(self, number: int) -> Object:
        oid = self.loose[number - self.loose_base].oid
        found = self._source.find(oid)
        if found is None:
            raise ObjectNotFoundError(f"no object '{oid}'", oid=oid)
        return found

    def _find_duplicates(self) -> array[int] | None:
        """Return the number of each packed object's first copy, or None where all are first.

        Works through one bucket of the fan-out after the other, so that memory stays small.
        """
        if len(self.packs) < 2:
            return None
        canonical: array[int] | None = None
        for bucket in range(FANOUT_COUNT):
            seen: dict[bytes, int] = {}
            for place, pack in enumerate(self.packs):
                base = self.bases[place]
                for oid, ordinal in pack.iter_bucket(bucket):
                    number = base + ordinal
                    first = seen.setdefault(oid, number)
                    if first != number:
                        if canonical is None:
                            canonical = array("I", range(self.loose_base))
                        canonical[number] = first
        return canonical
