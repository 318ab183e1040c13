"""What of a turn is meant: the objects that `<rev>:raw/0`, `:request` and the like name.

A selector names an object where the bytes meant are one: a raw piece, a body, or the one piece
of a request that holds the system prompt or the tools. Everything else that a turn says is
spread over pieces, or has to be decoded by its dialect; for that a `Selected` keeps the
selector, and whoever knows dialects goes on from there.

Source: tapesrevisions(7), "Parts of a turn".
"""

from __future__ import annotations

import re
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import AmbiguousRevisionError, RefNotFoundError, UserError
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import iter_pieces

if TYPE_CHECKING:
    from tapegit.graph.revision import Selector
    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.turn import Turn
    from tapegit.store.source import ObjectSource


class Selected(NamedTuple):
    """An object, or what of a turn is meant where that is no single object.

    `selector` is None where `oid` is the object meant; else `oid` is the turn. `pieces` are
    the objects that hold the bytes, in order, as far as they are objects.
    """

    oid: ObjectId
    selector: Selector | None = None
    pieces: tuple[ObjectId, ...] = ()


def select(
    objects: ObjectSource, graph: TurnGraph, oid: ObjectId, selector: Selector, text: str
) -> Selected:
    """Return what a selector means of a turn; `text` is what the user wrote, for messages.

    Raises:
        RefNotFoundError: The turn has nothing of the kind.
        ObjectNotFoundError: The turn, or a node of its request, is missing.
        DataError: One of them is damaged.
    """
    if selector.what == "turn":
        return Selected(oid)
    if selector.what == "part":
        return Selected(oid, selector)
    turn = graph.read_turn(oid)
    if selector.what == "raw":
        number = selector.number or 0
        if number >= len(turn.raw):
            raise not_found(text, f"turn '{oid}' has {count_words(len(turn.raw), 'raw piece')}")
        return Selected(ObjectId.parse(turn.raw[number].oid))
    if selector.what in {"request", "response"}:
        return Selected(_find_body(turn, selector.what, oid, text))
    return _select_pieces(objects, turn, selector, oid, text)


def require_object(selected: Selected, text: str) -> ObjectId:
    """Return the object that was selected.

    Raises:
        AmbiguousRevisionError: The bytes meant are spread over several objects.
        UserError: They are no object of their own.
    """
    if selected.selector is None:
        return selected.oid
    if len(selected.pieces) > 1:
        listed = [str(piece) for piece in selected.pieces]
        raise AmbiguousRevisionError(
            f"'{shorten(text)}' is several objects",
            hint="it is made of these:\n" + "\n".join(f"  {line}" for line in listed),
            text=text,
            candidates=listed,
        )
    raise UserError(
        f"'{shorten(text)}' names no object of its own",
        hint="'tapes show' decodes turns and their parts",
        text=text,
    )


def not_found(text: str, reason: str, hint: str | None = None) -> RefNotFoundError:
    """Return the error for a revision that is well-formed and names nothing."""
    return RefNotFoundError(f"'{shorten(text)}' names nothing: {reason}", hint=hint, name=text)


def hint_at_turns(text: str) -> str:
    """Return the hint for a revision that goes beyond the turns there are."""
    start = re.split(r"[~^#:]", text, maxsplit=1)[0]
    return f"'tapes log --oneline {shorten(start) or 'HEAD'}' shows the turns there are"


def count_words(count: int, noun: str) -> str:
    """Return `1 parent`, `2 parents`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def shorten(text: str) -> str:
    """Return a revision as messages show it."""
    return text if len(text) <= 80 else text[:79] + "…"


def _find_body(turn: Turn, what: str, oid: ObjectId, text: str) -> ObjectId:
    call = turn.call
    hex_ = call and (call.request if what == "request" else call.response)
    if not hex_:
        raise not_found(text, f"turn '{oid}' has no {what}")
    return ObjectId.parse(hex_)


def _select_pieces(
    objects: ObjectSource, turn: Turn, selector: Selector, oid: ObjectId, text: str
) -> Selected:
    """Return the pieces of the request that hold the system prompt or the tools."""
    call = turn.call
    if call is None or not call.request:
        return Selected(oid, selector)  # only its dialect can tell
    numbers = set(call.system if selector.what == "system" else call.tools)
    if not numbers:
        return Selected(oid, selector)  # it is within a piece, if it is there
    pieces = iter_pieces(objects.find, ObjectId.parse(call.request))
    found = [piece.oid for number, piece in zip(count(), pieces, strict=False) if number in numbers]
    whole = tuple(piece for piece in found if piece is not None)
    if len(found) == 1 == len(whole):
        return Selected(whole[0])
    return Selected(oid, selector, whole)
