"""`show`: objects for reading: turns with what was said, tags, and bytes as they are."""

from __future__ import annotations

from itertools import chain, islice
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.parts import Text, Unknown
from tapegit.dialects.table import find_decoder
from tapegit.errors import RefNotFoundError
from tapegit.graph.revision import INCLUDE, parse_range
from tapegit.graph.walk import walk
from tapegit.objects.kind import Kind
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import iter_content
from tapegit.objects.tag import Tag, decode_tag
from tapegit.objects.turn import Turn, decode_turn
from tapegit.porcelain.selection import select

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tapegit.dialects.parts import AnyPart
    from tapegit.graph.resolve import Resolver
    from tapegit.graph.selection import Selected
    from tapegit.graph.turns import TurnGraph
    from tapegit.porcelain.selection import Selection
    from tapegit.repository.repository import Repository
    from tapegit.store.database import ObjectDatabase

UNKNOWN_SIZE_MAX_BYTES: Final = 1 << 20


class ShownTurn(NamedTuple):
    """A turn: its data, decoded, and its parts, decoded as they are asked for."""

    oid: ObjectId
    data: bytes
    turn: Turn
    parts: Iterator[AnyPart]


class ShownTag(NamedTuple):
    """A tag; what it names follows it."""

    oid: ObjectId
    tag: Tag


class ShownBytes(NamedTuple):
    """A blob, or what a rope stands for, in pieces."""

    oid: ObjectId
    kind: Kind
    pieces: Iterator[bytes]


class ShownPart(NamedTuple):
    """One part of a turn."""

    oid: ObjectId
    number: int
    part: AnyPart


Shown = ShownTurn | ShownTag | ShownBytes | ShownPart


def iter_selection(
    repository: Repository,
    resolver: Resolver,
    graph: TurnGraph,
    revisions: Sequence[str],
    *,
    directory: str | None,
) -> tuple[Selection | None, Iterator[Selected]]:
    """Return what revisions name, in order, and the session taken if there are none.

    Shape: a range gives its turns, newest first.

    Raises:
        UserError: A revision names nothing, or there is nothing at all.
        DataError: An object on the way is damaged.
    """
    if revisions:
        return None, chain.from_iterable(_iter_named(resolver, graph, text) for text in revisions)
    selection = select(repository, resolver, (), directory=directory)
    return selection, (resolver.resolve_selected(str(oid)) for oid in selection.starts)


def _iter_named(resolver: Resolver, graph: TurnGraph, text: str) -> Iterator[Selected]:
    if parse_range(text).form == INCLUDE:
        yield resolver.resolve_selected(text)
        return
    include, exclude = resolver.resolve_range([text])
    for oid in walk(graph, include, exclude=exclude):
        yield resolver.resolve_selected(str(oid))


def iter_shown(objects: ObjectDatabase, selected: Iterable[Selected]) -> Iterator[Shown]:
    """Yield what there is to show of each object, a tag before what it names.

    Raises:
        ObjectNotFoundError: An object is missing.
        RefNotFoundError: A turn has no part of the number asked for.
        DataError: An object is damaged.
    """
    for oid, selector, pieces in selected:
        if selector is None:
            yield from _iter_object(objects, oid)
        elif selector.what == "part":
            yield _find_part(objects, oid, selector.number or 0)
        else:
            yield ShownBytes(
                oid, Kind.BLOB, chain.from_iterable(_content(objects, piece) for piece in pieces)
            )


def iter_raw(objects: ObjectDatabase, oid: ObjectId) -> Iterator[bytes]:
    """Yield the exact bytes that a turn was read from; of another object, those it stands for.

    Raises:
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    found = objects.read(oid)
    if found.kind is Kind.TURN:
        yield from _iter_pieces(objects, decode_turn(found.data))
    elif found.kind is Kind.TAG:
        yield found.data
    else:
        yield from _content(objects, oid)


def _iter_object(objects: ObjectDatabase, oid: ObjectId) -> Iterator[Shown]:
    found = objects.read(oid)
    while found.kind is Kind.TAG:
        tag = decode_tag(found.data)
        yield ShownTag(oid, tag)
        oid = tag.oid
        found = objects.read(oid)
    if found.kind is Kind.TURN:
        turn = decode_turn(found.data)
        yield ShownTurn(oid, found.data, turn, _iter_parts(objects, turn))
    else:
        yield ShownBytes(oid, found.kind, _content(objects, oid))


def _find_part(objects: ObjectDatabase, oid: ObjectId, number: int) -> ShownPart:
    turn = decode_turn(objects.read(oid).data)
    part = next(islice(_iter_parts(objects, turn), number, None), None)
    if part is None:
        raise RefNotFoundError(f"turn '{oid}' has no part {number}", name=f"{oid}:part/{number}")
    return ShownPart(oid, number, part)


def _iter_parts(objects: ObjectDatabase, turn: Turn) -> Iterator[AnyPart]:
    pieces = _iter_pieces(objects, turn)
    decode = find_decoder(turn.dialect)
    if decode is not None:
        yield from decode(pieces)
    elif turn.value is not None:
        yield Text(text=turn.value)
    else:
        for piece in pieces:
            head = piece[:UNKNOWN_SIZE_MAX_BYTES].decode("utf-8", "backslashreplace")
            yield Unknown(type=turn.dialect or "raw", raw=head)


def _iter_pieces(objects: ObjectDatabase, turn: Turn) -> Iterator[bytes]:
    for piece in turn.raw:
        yield from _content(objects, ObjectId.parse(piece.oid))


def _content(objects: ObjectDatabase, oid: ObjectId) -> Iterator[bytes]:
    return iter_content(objects.find, oid)
