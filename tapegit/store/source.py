"""What every place that holds objects can do: the protocol of sources.

Loose files, packs, memory and the database that unites them all satisfy `ObjectSource`, and
one conformance suite (tests/conformance/test_object_source.py) runs against each. Every read
verifies: what is returned hashes to the id that was asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.objects.kind import Kind, Object
    from tapegit.objects.oid import ObjectId, OidPrefix


class ObjectHeader(NamedTuple):
    """What an object is, without its data; the size is that of the data, in bytes."""

    kind: Kind
    size_bytes: int


class TurnFacts(NamedTuple):
    """What walks need to know of a turn, without reading it.

    `generation` is 1 for a turn without parents, else 1 + the largest of its parents'; it is
    0 where a parent was missing when it was worked out. `date_ms` is the turn's time, raised
    to the largest date among its parents (0 where no time is known), so that it never runs
    backwards along a chain. `is_leader` is true for role `session`.
    """

    generation: int
    date_ms: int
    parents: tuple[ObjectId, ...]
    is_leader: bool


class ObjectSource(Protocol):
    """A place that holds objects."""

    def contains(self, oid: ObjectId) -> bool:
        """Return whether the object is here, without reading its data."""
        ...

    def find(self, oid: ObjectId) -> Object | None:
        """Return the object, or None where it is not here.

        Raises:
            DataError: What is stored under this id is damaged; the message names the id.
        """
        ...

    def find_header(self, oid: ObjectId) -> ObjectHeader | None:
        """Return kind and size, or None where the object is not here."""
        ...

    def find_facts(self, oid: ObjectId) -> TurnFacts | None:
        """Return a turn's facts where this source keeps them, else None (also for no turn)."""
        ...

    def match_prefix(self, prefix: OidPrefix, *, count_max: int = 2) -> list[ObjectId]:
        """Return up to `count_max` ids that begin with the prefix, ascending."""
        ...

    def iter_oids(self) -> Iterator[ObjectId]:
        """Yield every id here once, ascending."""
        ...
