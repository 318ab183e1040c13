"""A source of objects over a store that keeps what is written to it in memory.

For an import that is only tried: what it would write can be read here, and the store stays as
it is. Turns are kept, raw bytes up to a limit; beyond it a comparison of tapes finds them missing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.objects.kind import MIB, Kind, Object, object_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.objects.oid import ObjectId, OidPrefix
    from tapegit.store.source import ObjectHeader, ObjectSource, TurnFacts

KEPT_SIZE_MAX_BYTES: Final = 64 * MIB


class Rehearsal:
    """What is written here, and behind it the store; an `ObjectSource`."""

    def __init__(self, objects: ObjectSource) -> None:
        self._objects = objects
        self._kept: dict[ObjectId, Object] = {}
        self._size_bytes = 0

    def write(self, kind: Kind, data: bytes) -> ObjectId:
        """Return an object's id, and keep it to be read here."""
        oid = object_id(kind, data)
        self._size_bytes += len(data)
        if kind is Kind.TURN or self._size_bytes <= KEPT_SIZE_MAX_BYTES:
            self._kept[oid] = Object(kind, data)
        return oid

    def find(self, oid: ObjectId) -> Object | None:
        """Return an object that was written here or that the store has."""
        return self._kept.get(oid) or self._objects.find(oid)

    def contains(self, oid: ObjectId) -> bool:
        """Return whether the object is here or in the store."""
        return oid in self._kept or self._objects.contains(oid)

    def find_header(self, oid: ObjectId) -> ObjectHeader | None:
        """Return what the store says of an object."""
        return self._objects.find_header(oid)

    def find_facts(self, oid: ObjectId) -> TurnFacts | None:
        """Return what the store knows of a turn."""
        return self._objects.find_facts(oid)

    def match_prefix(self, prefix: OidPrefix, *, count_max: int = 2) -> list[ObjectId]:
        """Return ids of the store that begin with the prefix."""
        return self._objects.match_prefix(prefix, count_max=count_max)

    def iter_oids(self) -> Iterator[ObjectId]:
        """Yield the ids of the store."""
        return self._objects.iter_oids()
