"""Many blobs or turns of one frame at a time: what a batch and a long log read.

The same bytes and the same checks as `PackReader.read_at`, without the calls that one object
costs there. Whatever is not as it should be is left to that: here it is only noticed.

Source: tapesformat-pack(5), "Records".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.formats.pack import SECTION_BLOBS, SECTION_ROPES, SECTION_TURNS, SPACE_BLOB, SPACE_TURN
from tapegit.objects.kind import Kind, Object, format_framing
from tapegit.objects.oid import hash_content, hash_framed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tapegit.formats.packindex import PackIndex
    from tapegit.objects.oid import ObjectId
    from tapegit.store.frames import DecodedFrame

COUNT_MIN: Final = 8
"""For fewer objects of a frame it is not worth the preparations."""


def read_blob_run(
    frame: DecodedFrame, wanted: Sequence[tuple[int, ObjectId]]
) -> list[Object | None]:
    """Return blobs, verified to their ids, or None for each that needs a closer look.

    Args:
        frame: A frame of blobs.
        wanted: Ordinals of blobs of the frame, and the ids they must have.
    """
    content, offsets, first = frame.content, frame.offsets, frame.first_ordinal
    found: list[Object | None] = []
    for ordinal, oid in wanted:
        place = ordinal - first
        data = bytes(content[offsets[place] : offsets[place + 1]])
        is_good = hash_framed(format_framing(Kind.BLOB, len(data)), data) == oid
        found.append(Object(Kind.BLOB, data) if is_good else None)
    return found


def read_turn_run(
    index: PackIndex,
    frame: DecodedFrame,
    section: Sequence[int],
    wanted: Sequence[tuple[int, ObjectId]],
) -> list[Object | None]:
    """Return turns, verified to their ids, or None for each that needs a closer look.

    Args:
        index: That of the pack.
        frame: A frame of turns.
        section: The section of the frame.
        wanted: Ordinals of turns of the frame, and the ids they must have.
    """
    content, offsets, first = frame.content, frame.offsets, frame.first_ordinal
    first_blob, end_blob, first_turn = (
        section[SECTION_BLOBS],
        section[SECTION_ROPES],
        section[SECTION_TURNS],
    )
    positions, id_at = index.positions, index.id_at
    framings: dict[int, bytes] = {}
    found: list[Object | None] = []
    for ordinal, oid in wanted:
        place = ordinal - first
        record = bytes(content[offsets[place] : offsets[place + 1]])
        data = None
        offset = 1
        tokens = []
        for _ in range(record[0]):
            number = record[offset]
            offset += 1
            shift = 7
            while number >> shift:  # the last byte taken says that more follow
                number += (record[offset] - 1) << shift
                offset += 1
                shift += 7
            value = number >> 2
            target = ordinal - value if number & 3 == SPACE_TURN else first_blob + value
            is_blob = number & 3 == SPACE_BLOB and target < end_blob
            if not is_blob and not (number & 3 == SPACE_TURN and first_turn <= target < ordinal):
                break
            tokens.append(b'"%s"' % id_at(positions[target]).hex().encode())
        else:
            parts = record[offset:].split(b"\0")
            if len(parts) == len(tokens) + 1:
                whole = [b""] * (2 * len(tokens) + 1)
                whole[::2] = parts
                whole[1::2] = tokens
                data = b"".join(whole)
        if data is not None:
            size = len(data)
            framing = framings.get(size)
            if framing is None:
                framing = framings[size] = format_framing(Kind.TURN, size)
            if hash_content(framing + data) != oid:
                data = None
        found.append(None if data is None else Object(Kind.TURN, data))
    return found
