"""Context ids along a line of turns that is in a store.

Source: tapescontext(7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.dialects.meaning.projection import MESSAGE_ROLES
from tapegit.dialects.parts import Unknown
from tapegit.dialects.table import find_decoder
from tapegit.index.context import ContextChain
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import iter_content

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.dialects.parts import AnyPart
    from tapegit.graph.turns import TurnGraph
    from tapegit.index.context import ContextId
    from tapegit.objects.rope_reader import Find
    from tapegit.objects.turn import Turn
    from tapegit.store.source import ObjectSource


def list_line(graph: TurnGraph, tip: ObjectId) -> list[ObjectId]:
    """Return the turns from a tape's beginning to its tip, along first parents.

    Raises:
        ObjectNotFoundError: A turn is missing.
        DataError: A turn is damaged.
    """
    line = []
    oid: ObjectId | None = tip
    while oid is not None:
        line.append(oid)
        parents = graph.parents(oid)
        oid = parents[0] if parents else None
    line.reverse()
    return line


def iter_contexts(
    find: Find, graph: TurnGraph, line: Iterable[ObjectId]
) -> Iterator[tuple[ObjectId, ContextId]]:
    """Yield each turn of a line with the context id after it.

    Args:
        find: Finds objects.
        graph: The turns.
        line: Turns, each the parent of the next; the first one is that of the tape.

    Raises:
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    chain = ContextChain()
    for oid in line:
        turn = graph.read_turn(oid)
        if turn.role == "event" or turn.role in MESSAGE_ROLES:
            chain.add(turn.dialect, turn.role, _iter_parts(find, turn))
        yield oid, chain.id


def list_contexts(
    objects: ObjectSource, graph: TurnGraph, tip: ObjectId
) -> dict[ObjectId, ContextId]:
    """Return the context id after each answer of a tape.

    Raises:
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    return {
        oid: context
        for oid, context in iter_contexts(objects.find, graph, list_line(graph, tip))
        if graph.read_turn(oid).role == "assistant"
    }


def _iter_parts(find: Find, turn: Turn) -> Iterator[AnyPart]:
    decode = find_decoder(turn.dialect)
    if decode is None:
        for piece in turn.raw:
            yield Unknown(type=turn.dialect or "", raw=piece.oid)
        return
    pieces = (part for piece in turn.raw for part in iter_content(find, ObjectId.parse(piece.oid)))
    yield from decode(pieces)
