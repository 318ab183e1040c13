"""Links: which objects an object needs.

What a store must hold for an object to be whole. A note's `about` is no link: a note may
outlive, or arrive before, the turn that it is about.

Source: tapesformat-object(5), "Links".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.objects.kind import Kind
from tapegit.objects.rope import decode_rope
from tapegit.objects.tag import decode_tag
from tapegit.objects.turn import decode_links

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.objects.oid import ObjectId

_TURN: Final = (Kind.TURN,)
_CONTENT: Final = (Kind.BLOB, Kind.ROPE)
_BLOB: Final = (Kind.BLOB,)
_ROPE: Final = (Kind.ROPE,)


class Link(NamedTuple):
    """An object that another one needs, and the kinds it may be of."""

    oid: ObjectId
    kinds: tuple[Kind, ...]


def iter_links(kind: Kind, data: bytes) -> Iterator[Link]:
    """Yield what an object needs, in the order it names them; an id may come twice.

    Raises:
        DataError: The data is no object of this kind.
    """
    if kind is Kind.TURN:
        links = decode_links(data)
        yield from (Link(oid, _TURN) for oid in links.parents)
        yield from (Link(oid, _CONTENT) for oid in links.contents)
    elif kind is Kind.ROPE:
        node = decode_rope(data)
        kinds = _BLOB if node.level == 0 else _ROPE
        yield from (Link(entry.oid, kinds) for entry in node.entries if entry.oid is not None)
    elif kind is Kind.TAG:
        tag = decode_tag(data)
        yield Link(tag.oid, (tag.kind,))
