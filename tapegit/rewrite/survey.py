"""Every object of a store once: what it is, what it names, and whether its own bytes matter.

Rules: packs are read in the order of their frames and loose objects after them, so a frame is
read once; an object that cannot be read stops it, since nobody knows what is in it. Objects are
numbered in the order they were read.

Source: tapesredaction(7), "Taking a secret out".
"""

from __future__ import annotations

import re
from array import array
from itertools import chain
from typing import TYPE_CHECKING, Final

from tapegit.errors import DataError
from tapegit.objects.kind import Kind
from tapegit.objects.links import iter_links
from tapegit.objects.oid import ObjectId
from tapegit.rewrite.seams import has_long_piece

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tapegit.objects.kind import Object
    from tapegit.store.database import ObjectDatabase

    Look = Callable[[Kind, bytes], bool]
    OnProgress = Callable[[str, int], None]

_KINDS = tuple(Kind)
_ID: Final = re.compile(rb'"([0-9a-f]{64})"')


class Survey:
    """The objects of a store as they were read.

    Args:
        objects: Of the store.
        look: Says of an object's own data whether it is looked for.

    Attributes:
        oids: The id of each object, by its number.
        found: The numbers of those that are looked for, ascending.
        long_ropes: The numbers of nodes of ropes that may have been cut inside of something.
    """

    def __init__(self, objects: ObjectDatabase, look: Look) -> None:
        self._objects = objects
        self._look = look
        self._numbers: dict[ObjectId, int] = {}
        self._kinds = bytearray()
        self._links: list[tuple[ObjectId, ...]] = []
        self._mentioned: dict[int, tuple[ObjectId, ...]] = {}
        self.oids: list[ObjectId] = []
        self.found: list[int] = []
        self.long_ropes: list[int] = []

    def __len__(self) -> int:
        return len(self.oids)

    def extend(self, on_progress: OnProgress | None = None) -> None:
        """Read every object that was not read yet, what they need from the trash too.

        Raises:
            DataError: An object is damaged.
            StorageError: One cannot be read.
        """
        before = len(self.oids)
        self._objects.refresh()
        self._objects.loose.forget_listings()
        for oid, found in self._iter_unread():
            self._take(oid, found)
            if on_progress is not None:
                on_progress(f"{len(self.oids)} objects", len(found.data))
        waiting = [oid for links in self._links[before:] for oid in links]
        while waiting:
            oid = waiting.pop()
            if oid in self._numbers:
                continue
            # It may be in the trash alone: then this brings it back.
            restored = self._objects.find(oid)
            if restored is not None:
                self._take(oid, restored)
                waiting += self._links[-1]

    def find(self, oid: ObjectId) -> int | None:
        """Return the number of an object, or None."""
        return self._numbers.get(oid)

    def kind(self, number: int) -> Kind:
        """Return the kind of an object."""
        return _KINDS[self._kinds[number]]

    def links(self, number: int) -> Iterator[int]:
        """Yield the objects that one names, of those that are there."""
        for oid in self._links[number]:
            target = self._numbers.get(oid)
            if target is not None:
                yield target

    def mentions(self, number: int) -> Iterator[int]:
        """Yield what a turn names and does not need: what a note is about."""
        for oid in self._mentioned.get(number, ()):
            target = self._numbers.get(oid)
            if target is not None:
                yield target

    def referrers(self, *, with_mentions: bool) -> list[array[int] | None]:
        """Return by number which objects name it."""
        table: list[array[int] | None] = [None] * len(self.oids)
        for number in range(len(self.oids)):
            named = self.links(number)
            for target in chain(named, self.mentions(number)) if with_mentions else named:
                row = table[target]
                if row is None:
                    row = table[target] = array("L")
                row.append(number)
        return table

    def read(self, number: int) -> Object:
        """Return an object.

        Raises:
            TapesError: It cannot be read.
        """
        return self._objects.read(self.oids[number])

    def _take(self, oid: ObjectId, found: Object) -> None:
        number = len(self.oids)
        self._numbers[oid] = number
        self.oids.append(oid)
        self._kinds.append(_KINDS.index(found.kind))
        self._links.append(tuple(link.oid for link in iter_links(found.kind, found.data)))
        if found.kind is Kind.TURN:
            links = set(self._links[-1])
            texts = _ID.findall(found.data)
            mentioned = {ObjectId.fromhex(text.decode()) for text in texts} - links
            if mentioned:
                self._mentioned[number] = tuple(mentioned)
        if found.kind is Kind.ROPE and has_long_piece(found.data):
            self.long_ropes.append(number)
        if self._look(found.kind, found.data):
            self.found.append(number)

    def _iter_unread(self) -> Iterator[tuple[ObjectId, Object]]:
        broken = self._objects.packed
        for reader in list(self._objects.packs):
            index = reader.index
            for ordinal in range(index.object_count):
                oid = index.oid_at(index.positions[ordinal])
                if oid not in self._numbers:
                    yield oid, self._read_packed(reader.read_at, ordinal, oid)
        broken.raise_broken()
        for oid in self._objects.loose.iter_oids():
            if oid not in self._numbers:
                found = self._objects.find(oid)
                if found is not None:
                    yield oid, found

    def _read_packed(
        self, read_at: Callable[[int, ObjectId], Object], ordinal: int, oid: ObjectId
    ) -> Object:
        try:
            return read_at(ordinal, oid)
        except DataError:
            return self._objects.read(oid)


def close_upwards(
    survey: Survey, numbers: Iterable[int], *, with_mentions: bool = True
) -> list[int]:
    """Return some objects and all that name one of them, at any remove; ascending."""
    referrers = survey.referrers(with_mentions=with_mentions)
    marked = bytearray(len(survey))
    waiting = list(numbers)
    for number in waiting:
        marked[number] = 1
    while waiting:
        for other in referrers[waiting.pop()] or ():
            if not marked[other]:
                marked[other] = 1
                waiting.append(other)
    return [number for number, mark in enumerate(marked) if mark]


def sort_links_first(survey: Survey, numbers: Iterable[int]) -> Iterator[int]:
    """Yield objects so that what one of them names comes before it."""
    wanted = set(numbers)
    done: set[int] = set()
    for start in sorted(wanted):
        stack = [start]
        while stack:
            number = stack[-1]
            if number in done:
                stack.pop()
                continue
            named = chain(survey.links(number), survey.mentions(number))
            waiting = [n for n in named if n in wanted and n not in done]
            if waiting:
                stack += waiting
                continue
            done.add(number)
            stack.pop()
            yield number
