"""Ancestry: who descends from whom, best common ancestors, ahead and behind.

Every answer is exact, whatever the clocks said and whether generations are known: the
frontier yields by falling order, so flags are final when a turn is visited, and nothing has
to be guessed or looked at twice. A missing turn that the answer depends on is an error.

Source: tapesrevisions(7), "Order".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.graph.frontier import Frontier
from tapegit.graph.holes import list_partial, refuse_unreadable, verify_visible
from tapegit.graph.turns import is_complete

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId

_ONE: Final = 1
_OTHER: Final = 2
_BOTH: Final = _ONE | _OTHER
_BELOW: Final = 4  # an ancestor of a result

_PROBE_COUNT: Final = 64


def is_ancestor(graph: TurnGraph, ancestor: ObjectId, descendant: ObjectId) -> bool:
    """Return whether `descendant` reaches `ancestor` by parents; a turn is its own ancestor.

    Raises:
        ObjectNotFoundError: A missing turn may lie between the two.
        DataError: A turn is damaged, or an id names no turn.
    """
    # A fast-forward by a few turns is by far the most frequent question, and of loose turns:
    # a few parents answer it before any generation has to be worked out.
    near = _probe(graph, ancestor, descendant)
    if near is not None:
        return near
    order_min = graph.locate(ancestor)[0]
    frontier = Frontier(graph, settled=_ONE)
    frontier.push(descendant, 0)
    while frontier.live:
        visit = frontier.pop()
        if visit.oid == ancestor:
            return True
        # Only an order that all ancestors went into proves that this one is not among them.
        if is_complete(visit.ceiling) and visit.ceiling < order_min:
            continue
        for parent in visit.parents:
            frontier.push(parent, 0, visit)
    return False


def merge_bases(graph: TurnGraph, one: ObjectId, *others: ObjectId) -> list[ObjectId]:
    """Return the best common ancestors of `one` and of a merge of `others`, newest first.

    A common ancestor is best if no other common ancestor descends from it. There may be
    several (criss-cross merges), or none.

    Raises:
        ObjectNotFoundError: The answer depends on a missing turn.
        DataError: A turn is damaged, or an id names no turn.
    """
    frontier = Frontier(graph, settled=_BELOW)
    frontier.push(one, _ONE)
    for other in others:
        frontier.push(other, _OTHER)
    found = []
    while frontier.live:
        visit = frontier.pop()
        flags = visit.flags
        if flags == _BOTH:
            found.append(visit.oid)
            flags |= _BELOW
        for parent in visit.parents:
            frontier.push(parent, flags, visit)
    if len(found) > 1:
        # One of them may descend from another by way of a turn that cannot be read.
        refuse_unreadable(graph, frontier.unreadable)
    return found


def octopus_bases(graph: TurnGraph, oids: Sequence[ObjectId]) -> list[ObjectId]:
    """Return the best common ancestors of all the turns, newest first.

    Raises:
        ObjectNotFoundError: The answer depends on a missing turn.
        DataError: A turn is damaged, or an id names no turn.
    """
    found = list(oids[:1])
    for oid in oids[1:]:
        bases = [base for kept in found for base in merge_bases(graph, kept, oid)]
        found = independent(graph, bases)
    return found


def independent(graph: TurnGraph, oids: Iterable[ObjectId]) -> list[ObjectId]:
    """Return those of the turns that no other of them reaches, newest first.

    Raises:
        ObjectNotFoundError: The answer depends on a missing turn.
        DataError: A turn is damaged, or an id names no turn.
    """
    frontier = Frontier(graph, settled=_BELOW)
    wanted = dict.fromkeys(oids)
    for oid in wanted:
        frontier.push(oid, 0)
    found = []
    while frontier.live:
        visit = frontier.pop()
        if not visit.flags:
            found.append(visit.oid)
        for parent in visit.parents:
            frontier.push(parent, _BELOW, visit)
    if len(found) > 1:
        refuse_unreadable(graph, frontier.unreadable)
    return found


def count_ahead_behind(graph: TurnGraph, ours: ObjectId, theirs: ObjectId) -> tuple[int, int]:
    """Return how many turns only `ours` reaches, and how many only `theirs` does.

    Raises:
        ObjectNotFoundError: The answer depends on a missing turn.
        DataError: A turn is damaged, or an id names no turn.
    """
    frontier = Frontier(graph, settled=_BOTH)
    frontier.push(ours, _ONE)
    frontier.push(theirs, _OTHER)
    counts = {_ONE: 0, _OTHER: 0, _BOTH: 0}
    partial = list_partial(graph, (ours, theirs))
    counted: list[tuple[ObjectId, int]] = []
    while frontier.live:
        visit = frontier.pop()
        counts[visit.flags] += 1
        if partial:
            counted.append((visit.oid, visit.flags))
        for parent in visit.parents:
            frontier.push(parent, visit.flags, visit)
    for side, tip in ((_ONE, theirs), (_OTHER, ours)):
        if tip in partial:
            verify_visible(graph, (oid for oid, flags in counted if flags == side), [tip])
    return counts[_ONE], counts[_OTHER]


def _probe(graph: TurnGraph, ancestor: ObjectId, descendant: ObjectId) -> bool | None:
    """Look at the nearest ancestors without working anything out; None if that says nothing."""
    seen = {descendant}
    queue = [descendant]
    for oid in queue:
        if oid == ancestor:
            return True
        if len(queue) > _PROBE_COUNT:
            return None
        parents = [parent for parent in graph.parents(oid) if parent not in seen]
        seen.update(parents)
        queue.extend(parents)
    return False
