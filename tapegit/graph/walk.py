"""Walks: turns reachable from some and not from others, in a stated order.

Orders, with git's names:

- `date` (the default) and `date-order`: newest first, no turn before any of its children. The
  date is that of graph/turns, which never falls along a chain, so both are one.
- `topo`: as `date`, but lines of history do not interleave.

A walk yields as it goes: what is asked for is paid for. Nothing is kept of what it has
yielded. What is excluded is excluded exactly, whatever the clocks said; only where its history
has a hole the whole answer is worked out, and verified, before any of it is yielded.

Source: tapesrevisions(7), "Order".
"""

from __future__ import annotations

from itertools import dropwhile, islice, takewhile
from typing import TYPE_CHECKING, Final, TypedDict

from tapegit.graph.frontier import Frontier
from tapegit.graph.holes import list_partial, verify_visible

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Unpack

    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId

ORDER_DATE: Final = "date"
ORDER_TOPO: Final = "topo"
ORDERS: Final = (ORDER_DATE, "date-order", ORDER_TOPO, "topo-order")

_EXCLUDED: Final = 1


class WalkOptions(TypedDict, total=False):
    """What a walk may be told.

    `order`: one of
    `ORDERS`. `first_parent`: follow the first parent of each turn alone (what is excluded
    follows all). `since_ms`, `until_ms`: leave out what is older, or newer, both inclusive.
    `min_parents`, `max_parents`: leave out turns with fewer, or more, parents. `skip`: leave out
    so many, then yield at most `max_count` (none or a negative number: all). `reverse`: yield
    what was chosen in reverse.
    """

    order: str
    first_parent: bool
    since_ms: int | None
    until_ms: int | None
    min_parents: int
    max_parents: int | None
    skip: int
    max_count: int | None
    reverse: bool


def walk(
    graph: TurnGraph,
    starts: Iterable[ObjectId],
    *,
    exclude: Iterable[ObjectId] = (),
    **options: Unpack[WalkOptions],
) -> Iterator[ObjectId]:
    """Yield the turns reachable from `starts`, these included, each once.

    What is in `exclude`, and everything reachable from that, is left out.

    Raises:
        ObjectNotFoundError: A turn is missing; everything that is newer was yielded before.
        DataError: A turn is damaged, or an id names no turn.
    """
    order = options.get("order", ORDER_DATE)
    if order not in ORDERS:
        raise ValueError(order)
    starts = list(starts)
    exclude = list(exclude)
    linked = _iter_dated(graph, starts, exclude, first_parent=options.get("first_parent", False))
    if partial := list_partial(graph, exclude):
        linked = _iter_verified(graph, linked, partial)
    # Dates fall along the walk, so both limits cut pieces off its ends.
    since, until = options.get("since_ms"), options.get("until_ms")
    if until is not None:
        linked = dropwhile(lambda item: graph.facts(item[0]).date_ms > until, linked)
    if since is not None:
        linked = takewhile(lambda item: graph.facts(item[0]).date_ms >= since, linked)
    if order.startswith(ORDER_TOPO):
        chosen = _iter_topologically(starts if until is None else None, linked)
    else:
        chosen = (oid for oid, _ in linked)
    chosen = _filter(graph, chosen, options)
    count = options.get("max_count")
    skip = max(options.get("skip", 0), 0)
    stop = None if count is None or count < 0 else skip + count
    chosen = islice(chosen, skip, stop)
    return reversed(list(chosen)) if options.get("reverse") else chosen


def _filter(graph: TurnGraph, oids: Iterator[ObjectId], options: WalkOptions) -> Iterator[ObjectId]:
    """Yield those of the turns that are to be shown; what is left out is walked all the same."""
    fewest, most = options.get("min_parents", 0), options.get("max_parents")
    if fewest > 0 or most is not None:
        counted = ((oid, len(graph.parents(oid))) for oid in oids)
        oids = (oid for oid, n in counted if fewest <= n and (most is None or n <= most))
    return oids


def iter_first_parents(graph: TurnGraph, oid: ObjectId) -> Iterator[ObjectId]:
    """Yield a turn, its first parent, that one's first parent, and so on to the root.

    Raises:
        ObjectNotFoundError: A turn is missing.
        DataError: A turn is damaged, or an id names no turn.
    """
    return walk(graph, [oid], first_parent=True)


def _iter_dated(
    graph: TurnGraph,
    starts: Iterable[ObjectId],
    exclude: Iterable[ObjectId],
    *,
    first_parent: bool,
) -> Iterator[tuple[ObjectId, tuple[ObjectId, ...]]]:
    """Yield each turn with the parents that the walk follows, by falling order."""
    frontier = Frontier(graph, settled=_EXCLUDED)
    for oid in exclude:
        frontier.push(oid, _EXCLUDED)
    for oid in starts:
        frontier.push(oid, 0)
    while frontier.live:
        visit = frontier.pop()
        parents = visit.parents
        if not visit.flags:
            parents = parents[:1] if first_parent else parents
            yield visit.oid, parents
        for parent in parents:
            frontier.push(parent, visit.flags, visit)


def _iter_verified(
    graph: TurnGraph,
    linked: Iterator[tuple[ObjectId, tuple[ObjectId, ...]]],
    partial: list[ObjectId],
) -> Iterator[tuple[ObjectId, tuple[ObjectId, ...]]]:
    """Yield what `linked` yields, once nothing of it may lie behind a hole in what is excluded."""
    found = list(linked)
    verify_visible(graph, (oid for oid, _ in found), partial)
    yield from found


def _iter_topologically(
    starts: list[ObjectId] | None, linked: Iterator[tuple[ObjectId, tuple[ObjectId, ...]]]
) -> Iterator[ObjectId]:
    """Yield what `linked` yields so that no line of history is broken by another.

    Without `starts`, any turn may be one whose children are not among what `linked` yields.
    """
    explorer = _Explorer(linked)
    if starts is None:
        explorer.explore()
    for oid in starts or ():
        explorer.reaches(oid)
    wanted = explorer.found if starts is None else set(starts)
    # The newest start is shown first: it was found first, so it goes last on the stack.
    ready = [oid for oid in explorer.found if oid in wanted and not explorer.hidden.get(oid)]
    ready.reverse()
    while ready:
        oid = ready.pop()
        yield oid
        for parent in explorer.found.pop(oid):
            if explorer.reaches(parent):
                explorer.hidden[parent] -= 1
                if not explorer.hidden[parent]:
                    del explorer.hidden[parent]
                    ready.append(parent)


class _Explorer:
    """Looks ahead in a walk that yields children before parents.

    Once a turn has been found, so have all its children: `hidden` then says how many of them
    have not been shown. `found` has the parents of turns that were found and not shown.
    """

    def __init__(self, linked: Iterator[tuple[ObjectId, tuple[ObjectId, ...]]]) -> None:
        self.found: dict[ObjectId, tuple[ObjectId, ...]] = {}
        self.hidden: dict[ObjectId, int] = {}
        self._linked = linked

    def reaches(self, oid: ObjectId) -> bool:
        """Look ahead until the turn is found; return whether the walk has it at all."""
        return oid in self.found or self.explore(oid)

    def explore(self, wanted: ObjectId | None = None) -> bool:
        """Look ahead until a turn is found, or to the end; return whether it was found."""
        for oid, parents in self._linked:
            self.found[oid] = parents
            for parent in parents:
                self.hidden[parent] = self.hidden.get(parent, 0) + 1
            if oid == wanted:
                return True
        return False
