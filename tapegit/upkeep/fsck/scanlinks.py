"""Which kinds the references of an object may lead to, as bits.

Rules: bit `n` stands for the kind of number `n`; no bits stand for a mention, an id that the
object names and does not need. References come in the order in which ids stand in the data.

Source: tapesformat-object(5), "Links"; tapesformat-pack(5), "Records".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.formats.records import split_turn
from tapegit.objects.kind import KIND_NUMBERS, Kind
from tapegit.objects.rope import RopeNode

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapegit.objects.turn import Turn

MENTION: Final = 0
NEEDED: Final = 1
"""Set beside the kinds of a real link, so that one which no kind fits is no mention."""

_BITS: Final = {kind: 1 << number for kind, number in KIND_NUMBERS.items()}
BLOB: Final = _BITS[Kind.BLOB] | NEEDED
ROPE: Final = _BITS[Kind.ROPE] | NEEDED
TURN: Final = _BITS[Kind.TURN] | NEEDED
CONTENT: Final = BLOB | ROPE


def bits_of(kinds: Iterable[Kind]) -> int:
    """Return the kinds of a link as bits."""
    bits = NEEDED
    for kind in kinds:
        bits |= _BITS[kind]
    return bits


def kinds_of(bits: int) -> list[Kind]:
    """Return the kinds that bits stand for."""
    return [kind for kind, bit in _BITS.items() if bits & bit]


def expected_bits(decoded: Turn | RopeNode, data: bytes, count: int) -> list[int]:
    """Return what each reference of a record may lead to.

    Args:
        decoded: The object.
        data: Its data.
        count: How many references its record has.
    """
    if isinstance(decoded, RopeNode):
        return [BLOB if decoded.level == 0 else ROPE] * count
    parents, raw = len(decoded.parents), len(decoded.raw)
    if decoded.call is None and decoded.about is None and parents + raw == count:
        # In byte order of the keys, `parents` stands before `raw`, and no other id is named.
        return [TURN] * parents + [CONTENT] * raw
    return _bits_by_id(decoded, data)


def _bits_by_id(turn: Turn, data: bytes) -> list[int]:
    bits = dict.fromkeys(turn.parents, TURN)
    contents = [piece.oid for piece in turn.raw]
    if turn.call is not None:
        contents += [oid for oid in (turn.call.request, turn.call.response) if oid is not None]
    for oid in contents:
        bits[oid] = bits.get(oid, CONTENT) & CONTENT
    return [bits.get(oid.decode(), MENTION) for oid in split_turn(data)[0]]
