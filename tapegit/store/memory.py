"""A source that keeps its objects in memory: for tests and for work not yet written."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import TYPE_CHECKING

from tapegit.objects.kind import Kind, Object, object_id
from tapegit.store.source import ObjectHeader, TurnFacts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.objects.oid import ObjectId, OidPrefix


class MemorySource:
    """Objects in a dictionary; it satisfies `ObjectSource` and can be written to."""

    def __init__(self) -> None:
        self._objects: dict[ObjectId, Object] = {}
        self._sorted: list[ObjectId] = []

    def write(self, kind: Kind, data: bytes) -> ObjectId:
        """Store an object and return its id; storing it again changes nothing."""
        oid = object_id(kind, data)
        if oid not in self._objects:
            self._objects[oid] = Object(kind, data)
            insort(self._sorted, oid)
        return oid

    def contains(self, oid: ObjectId) -> bool:
        """Return whether the object is here."""
        return oid in self._objects

    def find(self, oid: ObjectId) -> Object | None:
        """Return the object, or None."""
        return self._objects.get(oid)

    def find_header(self, oid: ObjectId) -> ObjectHeader | None:
        """Return kind and size, or None."""
        found = self._objects.get(oid)
        return None if found is None else ObjectHeader(found.kind, len(found.data))

    def find_facts(self, oid: ObjectId) -> TurnFacts | None:
        """Return None: memory keeps no facts, the graph works them out."""
        return None

    def match_prefix(self, prefix: OidPrefix, *, count_max: int = 2) -> list[ObjectId]:
        """Return up to `count_max` ids that begin with the prefix, ascending."""
        low, high = prefix.bounds()
        start = bisect_left(self._sorted, low)
        return [oid for oid in self._sorted[start : start + count_max] if oid <= high]

    def iter_oids(self) -> Iterator[ObjectId]:
        """Yield every id, ascending."""
        return iter(list(self._sorted))
