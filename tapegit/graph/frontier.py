"""The frontier of a walk: the turns that were found and not yet visited.

Turns leave it by falling order (see graph/turns), so a turn leaves it after all its
descendants that the walk can reach. That makes three things true at once: flags that flow
from child to parent are final when a turn leaves; no turn comes back once it has left, so
nothing but the frontier itself is kept in memory; and a walk may stop when every turn left in
it is *settled*, whatever the clocks of the recording machines said.

While it holds a single turn no order is needed, and none is worked out: following a chain of
loose turns costs one read for each.

Source: tapesrevisions(7), "Order".
"""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import IntegrityError, ObjectNotFoundError
from tapegit.graph.turns import LOWEST_ORDER

if TYPE_CHECKING:
    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId

_NO_CEILING: Final = 1 << 256


class Visit(NamedTuple):
    """A turn that left the frontier.

    `ceiling` is an order that its parents must be below; it is the turn's own where known.
    """

    oid: ObjectId
    flags: int
    parents: tuple[ObjectId, ...]
    ceiling: int


class Frontier:
    """Turns waiting to be visited, each with flags; those with all `settled` flags do not count.

    Attributes:
        live: How many turns in it are not settled.
        unreadable: The turns in it that are known to be missing or damaged.
    """

    __slots__ = ("_flags", "_graph", "_heap", "_lone", "_settled", "live", "unreadable")

    def __init__(self, graph: TurnGraph, *, settled: int) -> None:
        self.live = 0
        self.unreadable: set[ObjectId] = set()
        self._graph = graph
        self._settled = settled
        self._flags: dict[ObjectId, int] = {}
        self._heap: list[tuple[int, ObjectId, tuple[ObjectId, ...] | None, ObjectId | None]] = []
        self._lone: tuple[ObjectId, ObjectId | None, int] | None = None

    def push(self, oid: ObjectId, flags: int, child: Visit | None = None) -> None:
        """Add a turn, found as a parent of `child`, or add flags to it if it is here.

        Raises:
            IntegrityError: A pack index contradicts itself or the turns.
        """
        old = self._flags.get(oid)
        if old is not None:
            merged = old | flags
            if merged != old:
                self._flags[oid] = merged
                self.live += self._is_live(merged) - self._is_live(old)
            return
        self.live += self._is_live(flags)
        entry = (oid, child.oid, child.ceiling) if child else (oid, None, _NO_CEILING)
        if not self._flags:
            self._lone = entry
        else:
            if self._lone is not None:
                self._enter(*self._lone)
                self._lone = None
            self._enter(*entry)
        self._flags[oid] = flags

    def pop(self) -> Visit:
        """Remove and return the turn with the largest order; of equals, the smallest id.

        Raises:
            ObjectNotFoundError: It is missing.
            DataError: It is damaged, or no turn.
        """
        if self._lone is not None:
            oid, child, ceiling = self._lone
            self._lone = None
            order, parents = self._peek(oid, child)
            if order is not None:
                _verify_falls(oid, order, ceiling)
                ceiling = order
        else:
            negative, oid, readable, child = heappop(self._heap)
            ceiling = -negative
            parents = readable if readable is not None else self._peek(oid, child)[1]
        flags = self._flags.pop(oid)
        self.live -= self._is_live(flags)
        return Visit(oid, flags, parents, ceiling)

    def flags_of(self, oid: ObjectId) -> int | None:
        """Return the flags of a turn in the frontier, or None if it is not in it."""
        return self._flags.get(oid)

    def _is_live(self, flags: int) -> bool:
        return flags & self._settled != self._settled

    def _enter(self, oid: ObjectId, child: ObjectId | None, ceiling: int) -> None:
        order, parents = self._graph.locate(oid)
        _verify_falls(oid, order, ceiling)
        if order == LOWEST_ORDER:
            self.unreadable.add(oid)
        heappush(self._heap, (-order, oid, parents, child))

    def _peek(
        self, oid: ObjectId, child: ObjectId | None
    ) -> tuple[int | None, tuple[ObjectId, ...]]:
        try:
            return self._graph.peek(oid)
        except ObjectNotFoundError as error:
            if child is None:
                raise
            raise missing_turn(oid, child) from error


def missing_turn(oid: ObjectId, child: ObjectId) -> ObjectNotFoundError:
    """Return the error for a turn that another one names as its parent and that is not here."""
    return ObjectNotFoundError(
        f"turn '{oid}' is missing, a parent of turn '{child}'",
        hint="run 'tapes fsck' to see what else is",
        oid=oid,
        referrer=child,
    )


def _verify_falls(oid: ObjectId, order: int, ceiling: int) -> None:
    if order >= ceiling:
        raise IntegrityError(
            f"turn '{oid}' is not older than its child, says the index of a pack",
            hint="run 'tapes fsck'; indexes can be rebuilt with 'tapes index-pack'",
            oid=oid,
            where="pack index",
        )
