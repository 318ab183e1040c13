"""`show`: objects for reading: turns with what was said, tags, and bytes as they are."""

from __future__ import annotations

from binascii import a2b_base64
from importlib import import_module
from itertools import chain, islice
from typing import TYPE_CHECKING, NamedTuple

from tapegit.dialects.parts import Attachment, ToolCall, Unknown
from tapegit.errors import RefNotFoundError, UserError
from tapegit.graph.revision import INCLUDE, parse_range
from tapegit.graph.walk import walk
from tapegit.objects.kind import Kind
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import iter_content
from tapegit.objects.rope_reader import iter_pieces as iter_rope
from tapegit.objects.tag import Tag, decode_tag
from tapegit.objects.turn import Turn, decode_turn
from tapegit.porcelain.turns.parts import iter_parts, iter_pieces
from tapegit.porcelain.turns.selection import select

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tapegit.dialects.parts import AnyPart
    from tapegit.graph.resolve import Resolver
    from tapegit.graph.selection import Selected
    from tapegit.graph.turns import TurnGraph
    from tapegit.porcelain.turns.selection import Selection
    from tapegit.repository.repository import Repository
    from tapegit.store.database import ObjectDatabase


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


class PartRange(NamedTuple):
    """Numbers of parts, from 0; both ends belong to it, and None is the end."""

    first: int
    last: int | None


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
        RefNotFoundError: A turn has no part of the number asked for, no system prompt, no tools.
        DataError: An object is damaged.
    """
    for oid, selector, _ in selected:
        if selector is None:
            yield from _iter_object(objects, oid)
        elif selector.what == "part":
            number = selector.number or 0
            yield from iter_chosen_parts(objects, oid, PartRange(number, number))
        else:
            yield ShownBytes(oid, Kind.BLOB, _iter_asked(objects, oid, selector.what))


def iter_raw(objects: ObjectDatabase, selected: Selected) -> Iterator[bytes]:
    """Yield the exact bytes that a turn was read from; of another object, those it stands for.

    Raises:
        ObjectNotFoundError: An object is missing.
        RefNotFoundError: As `iter_shown`.
        DataError: An object is damaged.
    """
    oid, selector, _ = selected
    found = objects.read(oid)
    if selector is not None and selector.what == "part":
        number = selector.number or 0
        for shown in iter_chosen_parts(objects, oid, PartRange(number, number)):
            yield part_data(shown.part)
    elif selector is not None:
        yield from _iter_asked(objects, oid, selector.what)
    elif found.kind is Kind.TURN:
        yield from iter_pieces(objects.find, decode_turn(found.data))
    elif found.kind is Kind.TAG:
        yield found.data
    else:
        yield from iter_content(objects.find, oid)


def iter_chosen_parts(
    objects: ObjectDatabase, oid: ObjectId, wanted: PartRange
) -> Iterator[ShownPart]:
    """Yield some parts of a turn; tags are followed to it.

    Raises:
        ObjectNotFoundError: An object is missing.
        RefNotFoundError: The turn has none of these parts, and they are not simply all.
        UserError: The object is no turn.
        DataError: An object is damaged.
    """
    *_, shown = _iter_object(objects, oid)
    if not isinstance(shown, ShownTurn):
        raise UserError(f"object '{oid}' is no turn: it has no parts")
    last = None if wanted.last is None else wanted.last + 1
    is_empty = True
    for number, part in enumerate(islice(shown.parts, wanted.first, last), wanted.first):
        is_empty = False
        yield ShownPart(shown.oid, number, part)
    if is_empty and wanted != PartRange(0, None):
        raise RefNotFoundError(
            f"turn '{shown.oid}' has no part {wanted.first}", name=f"{oid}:part/{wanted.first}"
        )


def part_data(part: AnyPart) -> bytes:
    """Return what a part holds, exactly: a text, the arguments of a call, the bytes of an image.

    An attachment that is not in the turn is its address.
    """
    if isinstance(part, Attachment):
        if part.data is None:
            return (part.url or "").encode("utf-8", "surrogatepass")
        try:
            return a2b_base64(part.data)
        except ValueError:
            return part.data.encode("utf-8", "surrogatepass")
    if isinstance(part, ToolCall):
        text = part.arguments
    elif isinstance(part, Unknown):
        text = part.raw
    else:
        text = part.text
    return text.encode("utf-8", "surrogatepass")


def _iter_object(objects: ObjectDatabase, oid: ObjectId) -> Iterator[Shown]:
    found = objects.read(oid)
    while found.kind is Kind.TAG:
        tag = decode_tag(found.data)
        yield ShownTag(oid, tag)
        oid = tag.oid
        found = objects.read(oid)
    if found.kind is Kind.TURN:
        turn = decode_turn(found.data)
        yield ShownTurn(oid, found.data, turn, iter_parts(objects.find, turn))
    else:
        yield ShownBytes(oid, found.kind, iter_content(objects.find, oid))


def _iter_asked(objects: ObjectDatabase, oid: ObjectId, what: str) -> Iterator[bytes]:
    """Yield the pieces of a turn's request that hold the system prompt or the tools.

    Where no piece holds them alone, the dialect tells them.
    """
    turn = decode_turn(objects.read(oid).data)
    call = turn.call
    if call is None or not call.request:
        raise RefNotFoundError(
            f"turn '{oid}' has no {what}: it was not captured on the wire", name=f"{oid}:{what}"
        )
    numbers = set(call.system if what == "system" else call.tools)
    if not numbers:
        # What reads requests is many modules, which nothing else here needs.
        read = import_module("tapegit.dialects.wire_parts").read_asked
        body = b"".join(iter_content(objects.find, ObjectId.parse(call.request)))
        found: bytes | None = read(turn.dialect or "", body, what)
        if found is None:
            raise RefNotFoundError(
                f"the request of turn '{oid}' has no {what}", name=f"{oid}:{what}"
            )
        yield found
        return
    for number, piece in enumerate(iter_rope(objects.find, ObjectId.parse(call.request))):
        if number in numbers:
            if piece.oid is None:
                yield piece.literal
            else:
                yield from iter_content(objects.find, piece.oid)
