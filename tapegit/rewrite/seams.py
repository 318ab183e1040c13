"""Secrets across the end of a piece: where long content was cut, and a secret with it.

Rules: JSON is cut between its elements, which nothing crosses. Only a piece that is as long as one
that was cut by its length has an end that means nothing; there as much as a secret may be long is
looked at on both sides.

Source: tapesredaction(7), "Taking a secret out".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.objects.cutter import PIECE_SIZE_MIN_BYTES
from tapegit.objects.kind import Kind
from tapegit.objects.rope import decode_rope
from tapegit.objects.rope_reader import iter_content

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tapegit.objects.oid import ObjectId
    from tapegit.objects.rope_reader import Find
    from tapegit.redact.placeholders import Secret
    from tapegit.rewrite.survey import Survey

    FindSecrets = Callable[[bytes], list[Secret]]

REACH_BYTES: Final = 1 << 16


class Seam(NamedTuple):
    """An end of a piece that secrets cross.

    Attributes:
        number: Of the piece, from 0.
        left: The end of the piece.
        right: The beginning of the next one.
        secrets: In both together, in order.
    """

    number: int
    left: bytes
    right: bytes
    secrets: list[Secret]


def has_long_piece(data: bytes) -> bool:
    """Return whether a node of a rope names a piece that may have been cut by its length."""
    node = decode_rope(data)
    is_leaf = node.level == 0
    return is_leaf and any(entry.size_bytes >= PIECE_SIZE_MIN_BYTES for entry in node.entries)


def iter_seams(pieces: Iterable[bytes], find: FindSecrets) -> Iterator[Seam]:
    """Yield the ends of pieces that secrets cross.

    Args:
        pieces: In order.
        find: Finds secrets in a text.
    """
    before = b""
    for number, piece in enumerate(pieces):
        if len(before) >= PIECE_SIZE_MIN_BYTES:
            left, right = before[-REACH_BYTES:], piece[:REACH_BYTES]
            across = [s for s in find(left + right) if s.start < len(left) < s.end]
            if across:
                yield Seam(number - 1, left, right, across)
        before = piece


def find_split(survey: Survey, find_object: Find, find: FindSecrets) -> list[int]:
    """Return the whole ropes that have a secret across the end of a piece, ascending.

    Raises:
        TapesError: A piece cannot be read.
    """
    if not survey.long_ropes:
        return []
    referrers = survey.referrers(with_mentions=False)
    roots: set[int] = set()
    waiting, seen = list(survey.long_ropes), set(survey.long_ropes)
    while waiting:
        number = waiting.pop()
        others = referrers[number] or ()
        if not others or any(survey.kind(other) is not Kind.ROPE for other in others):
            roots.add(number)
        above = {n for n in others if survey.kind(n) is Kind.ROPE} - seen
        seen |= above
        waiting += above
    return sorted(n for n in roots if has_seam(find_object, survey.oids[n], find))


def has_seam(find_object: Find, oid: ObjectId, find: FindSecrets) -> bool:
    """Return whether a secret crosses the end of a piece of a rope."""
    return any(True for _ in iter_seams(iter_content(find_object, oid), find))
