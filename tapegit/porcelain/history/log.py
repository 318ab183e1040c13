"""`log`: turns in the order of a walk, with what a log shows of each.

Turns come as they are found: the first ones are there before the last ones are looked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import FormatError
from tapegit.graph.walk import ORDER_TOPO, walk
from tapegit.objects.kind import Kind
from tapegit.store.database import object_not_found

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.graph.turns import TurnGraph
    from tapegit.graph.walk import WalkOptions
    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.turns.agents import AgentTape
    from tapegit.porcelain.turns.selection import Selection
    from tapegit.repository.repository import Repository


class LogEntry(NamedTuple):
    """A turn of a log: its data; if asked for, the parents that are shown too, and its agents."""

    oid: ObjectId
    data: bytes
    parents: tuple[ObjectId, ...] = ()
    agents: tuple[AgentTape, ...] = ()


def iter_log(
    repository: Repository,
    graph: TurnGraph,
    selection: Selection,
    options: WalkOptions,
    *,
    with_graph: bool = False,
) -> Iterator[LogEntry]:
    """Yield the turns of a walk.

    Args:
        repository: The store.
        graph: Its turns.
        selection: Where to start and what to leave out.
        options: Of the walk.
        with_graph: Line by line, and each entry with its parents, for a drawing.

    Raises:
        ObjectNotFoundError: A turn is missing.
        DataError: A turn is damaged.
    """
    if with_graph:
        options["order"] = ORDER_TOPO
    oids: Iterable[ObjectId] = walk(graph, selection.starts, exclude=selection.exclude, **options)
    shown: frozenset[ObjectId] | None = None
    if with_graph and _hides_parents(selection, options):
        oids = list(oids)
        shown = frozenset(oids)
    for oid, found in repository.objects.read_many(oids):
        if found is None:
            raise object_not_found(oid)
        if found.kind is not Kind.TURN:
            raise FormatError(f"object '{oid}' is a {found.kind}, not a turn", where=str(oid))
        parents: tuple[ObjectId, ...] = ()
        if with_graph:
            parents = graph.parents(oid)
            if options.get("first_parent"):
                parents = parents[:1]
            if shown is not None:
                parents = tuple(parent for parent in parents if parent in shown)
        yield LogEntry(oid, found.data, parents)


def _hides_parents(selection: Selection, options: WalkOptions) -> bool:
    """Return whether some parents are passed over, so that a drawing must not wait for them."""
    limits = ("since_ms", "until_ms", "skip", "min_parents", "max_parents")
    return bool(selection.exclude) or any(options.get(name) for name in limits)
