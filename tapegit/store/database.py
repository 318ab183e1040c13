"""The objects of a store, wherever they are: packs, loose files, and what gc threw away.

Rules:

- A reader takes no lock. Between looking into the folders and opening a file, gc may have
  moved the object; so a miss looks again once, then in the trash, before it is believed.
- One good copy is enough: where one source is damaged the others are asked, and the damage
  is reported only if none of them has the object.
- What is written here is loose and durable; bulk writes go to `PackWriter`.

Source: tapesformat-store(5), "Objects".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.errors import ObjectNotFoundError
from tapegit.store.loose import LooseSource

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tapegit.objects.kind import Kind, Object
    from tapegit.objects.oid import ObjectId, OidPrefix
    from tapegit.store.loose import LooseBatch
    from tapegit.store.source import ObjectHeader, TurnFacts

ABBREVIATION_LENGTH_MIN: Final = 7


class ObjectDatabase:
    """Every object of the store whose folder (`.tapes`) is `root`; an `ObjectSource`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.loose = LooseSource(root / "objects", root / "tmp")

    def contains(self, oid: ObjectId) -> bool:
        """Return whether the object is in this store, without reading its data."""
        return self.loose.contains(oid)

    def find(self, oid: ObjectId) -> Object | None:
        """Return the object, verified, or None where no source has it.

        Raises:
            DataError: Every copy of the object is damaged.
        """
        return self.loose.find(oid)

    def read(self, oid: ObjectId) -> Object:
        """Return the object, verified.

        Raises:
            ObjectNotFoundError: No source has it.
            DataError: Every copy of the object is damaged.
        """
        found = self.find(oid)
        if found is None:
            raise object_not_found(oid)
        return found

    def find_header(self, oid: ObjectId) -> ObjectHeader | None:
        """Return kind and size, or None."""
        return self.loose.find_header(oid)

    def read_header(self, oid: ObjectId) -> ObjectHeader:
        """Return kind and size; raises as `read`."""
        found = self.find_header(oid)
        if found is None:
            raise object_not_found(oid)
        return found

    def find_facts(self, oid: ObjectId) -> TurnFacts | None:
        """Return what a pack index knows of a turn, or None where no index knows it."""
        return None

    def match_prefix(self, prefix: OidPrefix, *, count_max: int = 2) -> list[ObjectId]:
        """Return up to `count_max` ids that begin with the prefix, ascending."""
        return self.loose.match_prefix(prefix, count_max=count_max)

    def iter_oids(self) -> Iterator[ObjectId]:
        """Yield every id in this store once, ascending."""
        return self.loose.iter_oids()

    def read_many(self, oids: Iterable[ObjectId]) -> Iterator[tuple[ObjectId, Object | None]]:
        """Yield each id asked for with its object or None, in the order asked.

        Memory is bounded however many are asked for, and packs are read in their own order.

        Raises:
            DataError: Every copy of one of them is damaged.
        """
        for oid in oids:
            yield oid, self.find(oid)

    def abbreviate(self, oid: ObjectId, length_min: int = ABBREVIATION_LENGTH_MIN) -> str:
        """Return the shortest first digits, at least `length_min`, that no other id here shares."""
        length = length_min
        for near in self.loose.find_neighbours(oid):
            length = max(length, common_length(oid, near) + 1)
        return oid.hex()[:length]

    def write(self, kind: Kind, data: bytes) -> ObjectId:
        """Store an object durably, unless it is here, and return its id.

        Raises:
            FormatError: The data is larger than an object of its kind may be.
            StorageError: It could not be stored.
        """
        with self.begin_batch() as batch:
            oid = batch.write(kind, data)
            batch.commit()
        return oid

    def begin_batch(self) -> LooseBatch:
        """Return a batch for the loose objects of one transaction.

        `batch.write(kind, data)` as often as needed, then `batch.commit()`, then the refs.
        """
        return self.loose.begin_batch()

    def refresh(self) -> None:
        """Look at the folders again: another process added packs or gc moved objects."""
        self.loose.forget_listings()


def common_length(one: bytes, other: bytes) -> int:
    """Return how many hexadecimal digits two ids have in common at their start."""
    for index, (left, right) in enumerate(zip(one, other, strict=True)):
        if left != right:
            return 2 * index + (left >> 4 == right >> 4)
    return 2 * len(one)


def object_not_found(oid: ObjectId) -> ObjectNotFoundError:
    """Return the error for an object that no source has."""
    return ObjectNotFoundError(
        f"no object '{oid}'", hint="run 'tapes fsck' to see what needs it", oid=oid
    )
