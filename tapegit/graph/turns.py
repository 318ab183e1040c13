"""Turns as a graph: parents, generation and date of each, from pack indexes where they know.

Rules:

- Lazy. `parents` reads one turn at most. `facts` of a turn that no index knows reads its
  ancestors down to indexed ones, once, and keeps what it worked out; nothing is kept of turns
  that an index knows. No recursion: a chain may be a million turns long.
- An *order* is one integer made of date and generation, so that comparing two orders is
  comparing (date, generation). Both never fall along a chain and the generation always grows,
  so every turn has a larger order than each of its ancestors. Walks rest on that alone.
- A parent that is missing because history was cut off there (tapesformat-shallow(5)) is no
  parent: the turn is one without it.
- A turn with a missing or damaged ancestor has no generation (0). Its order is still above
  the orders of the ancestors that are here, but it proves nothing about others: see
  `is_complete`.

Source: tapesrevisions(7), "Order".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.errors import DataError, FormatError, IntegrityError, ObjectNotFoundError
from tapegit.objects.kind import Kind
from tapegit.objects.oid import ObjectId
from tapegit.objects.turn import decode_links, decode_subject, decode_turn
from tapegit.store.source import TurnFacts

if TYPE_CHECKING:
    from collections.abc import Container

    from tapegit.objects.turn import Subject, Turn
    from tapegit.store.source import ObjectSource

LOWEST_ORDER: Final = -(1 << 128)
"""The order of a turn that cannot be read: it comes after everything else."""

# Order = date, then 40 bits: 38 of generation, one "complete", one "leader".
_DATE_SHIFT: Final = 40
_GENERATION_SHIFT: Final = 2
_GENERATION_MASK: Final = (1 << (_DATE_SHIFT - _GENERATION_SHIFT)) - 1
_COMPLETE: Final = 2
_LEADER: Final = 1


def is_complete(order: int) -> bool:
    """Return whether the order was worked out from every ancestor of its turn.

    Only then must every ancestor of the turn, also one behind a missing turn, be below it.
    """
    return bool(order & _COMPLETE)


def generation_of(order: int) -> int:
    """Return the generation in an order; too small where the order is not complete."""
    return order >> _GENERATION_SHIFT & _GENERATION_MASK


class TurnGraph:
    """The turns of a source and how they hang together."""

    def __init__(self, objects: ObjectSource) -> None:
        self._objects = objects
        self._cuts: Container[ObjectId] = getattr(objects, "cuts", ())
        # Of turns that no index knows, and only of those: 1 parent is kept as the id alone.
        self._links: dict[ObjectId, ObjectId | tuple[ObjectId, ...]] = {}
        self._orders: dict[ObjectId, int] = {}

    def parents(self, oid: ObjectId) -> tuple[ObjectId, ...]:
        """Return the parents of a turn, in order; no generation is worked out.

        Raises:
            ObjectNotFoundError: The turn is missing.
            DataError: It is damaged, or no turn.
        """
        kept = self._links.get(oid)
        if kept is not None:
            return (kept,) if isinstance(kept, ObjectId) else kept
        facts = self._objects.find_facts(oid)
        parents = facts.parents if facts is not None else decode_links(self._read(oid)).parents
        return self._present(parents) if oid in self._cuts else parents

    def _present(self, parents: tuple[ObjectId, ...]) -> tuple[ObjectId, ...]:
        """Return those of the parents that are here."""
        return tuple(parent for parent in parents if self._objects.contains(parent))

    def facts(self, oid: ObjectId) -> TurnFacts:
        """Return what walks need to know of a turn; generation 0 where history is incomplete.

        Raises:
            ObjectNotFoundError: The turn is missing.
            DataError: It is damaged, or no turn.
        """
        facts = self._objects.find_facts(oid)
        if facts is not None and facts.generation:
            return facts
        order, parents = self.locate(oid)
        if parents is None:
            parents = self.parents(oid)
        return TurnFacts(
            generation=generation_of(order) if order & _COMPLETE else 0,
            date_ms=order >> _DATE_SHIFT,
            parents=parents,
            is_leader=bool(order & _LEADER),
        )

    def is_leader(self, oid: ObjectId) -> bool:
        """Return whether the turn is the first of a session; reads one turn at most.

        Raises:
            ObjectNotFoundError: The turn is missing.
            DataError: It is damaged, or no turn.
        """
        facts = self._objects.find_facts(oid)
        return facts.is_leader if facts is not None else self.read_turn(oid).role == "session"

    def find_leader(self, oid: ObjectId) -> ObjectId | None:
        """Return the nearest leader along first parents, or None where the tape has none.

        Raises:
            ObjectNotFoundError: A turn on the way is missing.
            DataError: One is damaged, or no turn.
        """
        # A source with indexes has a short cut through each pack; any other returns nothing.
        trace = getattr(self._objects, "trace_leader", None)
        seen = set()
        while True:
            if trace is not None:
                oid = trace(oid)
            if self.is_leader(oid):
                return oid
            if oid in seen:
                raise _cycle(oid)
            seen.add(oid)
            parents = self.parents(oid)
            if not parents:
                return None
            oid = parents[0]

    def peek(self, oid: ObjectId) -> tuple[int | None, tuple[ObjectId, ...]]:
        """Return a turn's order if it costs nothing to know, and its parents.

        Raises:
            ObjectNotFoundError: The turn is missing.
            DataError: It is damaged, or no turn.
        """
        kept = self._links.get(oid)
        if kept is not None:
            return self._orders.get(oid), (kept,) if isinstance(kept, ObjectId) else kept
        facts = self._objects.find_facts(oid)
        if facts is None or oid in self._cuts:
            return None, self.parents(oid)
        return (_order_of(facts) if facts.generation else None), facts.parents

    def locate(self, oid: ObjectId) -> tuple[int, tuple[ObjectId, ...] | None]:
        """Return a turn's order and its parents, or `LOWEST_ORDER` and None if it is unreadable.

        Raises:
            IntegrityError: A pack index says that a turn is its own ancestor.
        """
        order = self._orders.get(oid)
        if order is None:
            facts = self._objects.find_facts(oid)
            if facts is not None and facts.generation:
                return _order_of(facts), facts.parents
            if not self._work_out(oid):
                return LOWEST_ORDER, None
            order = self._orders[oid]
        kept = self._links[oid]
        return order, (kept,) if isinstance(kept, ObjectId) else kept

    def read_turn(self, oid: ObjectId) -> Turn:
        """Return a turn, decoded.

        Raises:
            ObjectNotFoundError: The turn is missing.
            DataError: It is damaged, or no turn.
        """
        return decode_turn(self._read(oid))

    def read_subject(self, oid: ObjectId) -> Subject:
        """Return role and summary of a turn; raises as `read_turn`."""
        return decode_subject(self._read(oid))

    def tip_date_ms(self, oid: ObjectId) -> int:
        """Return the date of a turn as its index or, failing that, the turn itself says.

        Cheap, and the same but for clocks that ran backwards; raises as `read_turn`.
        """
        facts = self._objects.find_facts(oid)
        return facts.date_ms if facts is not None else self.read_turn(oid).time or 0

    def _read(self, oid: ObjectId) -> bytes:
        found = self._objects.find(oid)
        if found is None:
            raise ObjectNotFoundError(
                f"turn '{oid}' is missing", hint="run 'tapes fsck' to see what needs it", oid=oid
            )
        if found.kind is not Kind.TURN:
            raise FormatError(
                f"object '{oid}' is a {found.kind}, not a turn",
                where=str(oid),
                expected=Kind.TURN,
                actual=found.kind,
            )
        return found.data

    def _work_out(self, oid: ObjectId) -> bool:
        """Work out the orders of a turn and of its ancestors, down to those that indexes know.

        Returns whether the turn could be read. Depth first with a stack of our own: a turn
        stays on it, opened, until all its parents are known.
        """
        work = _Work()
        stack = [oid]
        while stack:
            current = stack[-1]
            is_known = current in self._orders or current in work.known
            if is_known or (current not in work.opened and not self._open(current, work)):
                stack.pop()
            else:
                waiting = self._settle(current, work)
                if any(parent in work.opened for parent in waiting):
                    raise _cycle(current)
                stack.extend(waiting)
        return oid in self._orders

    def _open(self, oid: ObjectId, work: _Work) -> bool:
        """Note a turn's parents and its own date; return False if an index has its order."""
        facts = self._objects.find_facts(oid)
        if facts is not None and facts.generation:
            work.known[oid] = _order_of(facts)
            return False
        try:
            if facts is None:
                turn = self.read_turn(oid)
                facts = TurnFacts(0, turn.time or 0, turn.parent_ids, turn.role == "session")
        except (ObjectNotFoundError, DataError):
            work.known[oid] = LOWEST_ORDER  # reported by the walk that has to read it
            return False
        parents = self._present(facts.parents) if oid in self._cuts else facts.parents
        self._links[oid] = parents[0] if len(parents) == 1 else parents
        work.opened[oid] = facts.date_ms << _DATE_SHIFT | facts.is_leader
        return True

    def _settle(self, oid: ObjectId, work: _Work) -> list[ObjectId]:
        """Give an opened turn its order, or return the parents whose orders it waits for."""
        own = work.opened[oid]
        date, generation, complete = own >> _DATE_SHIFT, 0, _COMPLETE
        waiting = []
        for parent in self.parents(oid):
            order = self._orders.get(parent) or work.known.get(parent)
            if order is None:
                waiting.append(parent)
            elif order == LOWEST_ORDER:
                complete = 0
            else:
                date = max(date, order >> _DATE_SHIFT)
                generation = max(generation, generation_of(order))
                complete &= order
        if not waiting:
            del work.opened[oid]
            counted = generation + 1 << _GENERATION_SHIFT
            self._orders[oid] = date << _DATE_SHIFT | counted | complete | own & _LEADER
        return waiting


class _Work:
    """What is kept while orders are worked out.

    `opened` has each turn on the path to the one that is being looked at, with its date;
    `known` the orders that indexes gave, or `LOWEST_ORDER` for what cannot be read.
    """

    __slots__ = ("known", "opened")

    def __init__(self) -> None:
        self.opened: dict[ObjectId, int] = {}
        self.known: dict[ObjectId, int] = {}


def _order_of(facts: TurnFacts) -> int:
    counted = facts.generation << _GENERATION_SHIFT
    return facts.date_ms << _DATE_SHIFT | counted | _COMPLETE | facts.is_leader


def _cycle(oid: ObjectId) -> IntegrityError:
    return IntegrityError(
        f"turn '{oid}' is its own ancestor, says the index of a pack",
        hint="run 'tapes fsck'; indexes can be rebuilt with 'tapes index-pack'",
        oid=oid,
        where="pack index",
    )
