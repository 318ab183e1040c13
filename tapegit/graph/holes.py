"""Holes: turns that are missing or damaged, and what may lie behind them.

What is excluded from a walk is excluded with everything it reaches. Where its history has a
hole, nobody knows what it reaches: any turn may be an ancestor of the one that is missing,
except a turn that itself reaches the hole, for nothing is its own ancestor. So an answer that
leaves out is exact if everything in it reaches every hole of what was left out, and otherwise
there is no answer. A session whose beginning was lost can still be asked for `a..b`.

Source: tapesrevisions(7), "Missing turns".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.errors import ObjectNotFoundError
from tapegit.graph.turns import LOWEST_ORDER, is_complete

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId


def list_partial(graph: TurnGraph, oids: Iterable[ObjectId]) -> list[ObjectId]:
    """Return those of the turns whose history has a hole, or that are one themselves.

    Raises:
        IntegrityError: A pack index says that a turn is its own ancestor.
    """
    return [oid for oid in oids if not is_complete(graph.locate(oid)[0])]


def verify_visible(graph: TurnGraph, shown: Iterable[ObjectId], hidden: list[ObjectId]) -> None:
    """Refuse an answer that may hold what lies behind a hole in the history of what is hidden.

    Args:
        graph: The turns.
        shown: What is to be answered, all of it outside the known history of `hidden`.
        hidden: Turns left out, with everything they reach.

    Raises:
        ObjectNotFoundError: A turn shown may lie behind a missing turn, which is named.
        DataError: It may lie behind a damaged one.
    """
    reached: dict[ObjectId, int] = {}
    holes: dict[ObjectId, int] = {}
    behind = 0
    for oid in hidden:
        behind |= _reach_holes(graph, oid, reached, holes)
    for oid in shown if behind else ():
        unproven = behind & ~_reach_holes(graph, oid, reached, holes)
        if unproven:
            refuse_unreadable(graph, [hole for hole, bit in holes.items() if bit & unproven])


def refuse_unreadable(graph: TurnGraph, oids: Iterable[ObjectId]) -> None:
    """Raise for the first of some turns that cannot be read, if there is one.

    Raises:
        ObjectNotFoundError: It is missing.
        DataError: It is damaged, or no turn.
    """
    for oid in oids:
        graph.parents(oid)
        raise ObjectNotFoundError(f"turn '{oid}' cannot be read", oid=oid)


def _reach_holes(
    graph: TurnGraph, oid: ObjectId, reached: dict[ObjectId, int], holes: dict[ObjectId, int]
) -> int:
    """Return a bit for each hole that a turn reaches; each turn is worked out once."""
    stack = [oid]
    while stack:
        current = stack[-1]
        if current in reached:
            stack.pop()
            continue
        order, parents = graph.locate(current)
        if order == LOWEST_ORDER or parents is None:
            reached[current] = holes.setdefault(current, 1 << len(holes))
        elif is_complete(order):
            reached[current] = 0
        else:
            waiting = [parent for parent in parents if parent not in reached]
            stack.extend(waiting)
            if not waiting:
                reached[current] = 0
                for parent in parents:
                    reached[current] |= reached[parent]
    return reached[oid]
