"""One section of a pack in the making: numbers of objects, records, frames before compression.

Pure but for the ids it remembers: objects go in, contents of frames come out, and the writer
of the pack compresses and places them. An object is named by number if it is in this section
already, else by its id.

Source: tapesformat-pack(5), "Records".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.formats.pack import (
    RECORD_COUNT_MAX,
    SPACE_BLOB,
    SPACE_OUTER,
    SPACE_ROPE,
    SPACE_TURN,
    encode_frame_content,
)
from tapegit.formats.records import encode_record, split_rope, split_turn
from tapegit.objects.kind import MIB, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

BLOB_CONTENT_COLD_BYTES: Final = 16 * MIB
BLOB_CONTENT_RECENT_BYTES: Final = MIB
LINKED_CONTENT_BYTES: Final = MIB // 4
TAIL_BYTES: Final = MIB // 4
TAILED_CONTENT_BYTES_MIN: Final = 4 * MIB
"""What was recorded last is read most: the end of a large frame becomes a small one."""

_SPACES: Final = {Kind.BLOB: SPACE_BLOB, Kind.ROPE: SPACE_ROPE, Kind.TURN: SPACE_TURN}


class FrameContent(NamedTuple):
    """A frame that is full, or the last of its kind, before compression."""

    kind: Kind
    content: bytes
    record_count: int


class SectionWriter:
    """The records and numbers of one section.

    Attributes:
        object_count: How many objects are in the section.
        blob_size_bytes: The size of all its blobs together.
        outer_ids: The ids named by id, joined, in the order of their places.
    """

    def __init__(self, blob_content_size: int) -> None:
        self.object_count = 0
        self.blob_size_bytes = 0
        self.outer_ids = bytearray()
        self._content_sizes = {
            Kind.BLOB: blob_content_size,
            Kind.ROPE: LINKED_CONTENT_BYTES,
            Kind.TURN: LINKED_CONTENT_BYTES,
            Kind.TAG: LINKED_CONTENT_BYTES,
        }
        self._counts = dict.fromkeys(Kind, 0)
        self._places: dict[bytes, int] = {}
        self._outer: dict[bytes, int] = {}
        self._records: dict[Kind, list[bytes]] = {kind: [] for kind in Kind}
        self._sizes = dict.fromkeys(Kind, 0)

    def add(self, oid: bytes, kind: Kind, data: bytes) -> FrameContent | None:
        """Take an object that is not in the section, and return a frame that this filled.

        Raises:
            FormatError: The data cannot be that of a rope or turn.
            TruncatedError: A rope ends too early.
        """
        record = data if kind is Kind.BLOB or kind is Kind.TAG else self._encode(kind, data)
        full = self._make_room(kind, len(record))
        self._records[kind].append(record)
        self._sizes[kind] += 4 + len(record)
        if kind is Kind.BLOB:
            self.blob_size_bytes += len(data)
        if kind is not Kind.TAG:
            self._places[oid] = self._counts[kind] << 2 | _SPACES[kind]
        self._counts[kind] += 1
        self.object_count += 1
        return full

    def take_rest(self, kind: Kind) -> Iterator[FrameContent]:
        """Yield what there is of a kind and not in a frame yet, at the end of the section."""
        records = self._records[kind]
        if kind is Kind.BLOB and self._sizes[kind] >= TAILED_CONTENT_BYTES_MIN:
            start, size = len(records) - 1, len(records[-1])
            while start and size + len(records[start - 1]) <= TAIL_BYTES:
                start -= 1
                size += len(records[start])
            if start:
                yield _frame(kind, records[:start])
                records = records[start:]
        if records:
            yield _frame(kind, records)
        self._empty(kind)

    def _empty(self, kind: Kind) -> None:
        self._records[kind] = []
        self._sizes[kind] = 0

    def _make_room(self, kind: Kind, size_bytes: int) -> FrameContent | None:
        size = self._sizes[kind] + 4 + size_bytes
        records = self._records[kind]
        if not records or (size <= self._content_sizes[kind] and len(records) < RECORD_COUNT_MAX):
            return None
        full = _frame(kind, records)
        self._empty(kind)
        return full

    def _encode(self, kind: Kind, data: bytes) -> bytes:
        if kind is Kind.ROPE:
            ids, template = split_rope(data)
        else:
            tokens, template = split_turn(data)
            ids = [bytes.fromhex(token.decode()) for token in tokens]
        return encode_record(self._refer(kind, ids), template)

    def _refer(self, kind: Kind, ids: Sequence[bytes]) -> list[int]:
        number, places = self._counts[kind], self._places
        distance_spaces = (SPACE_ROPE,) if kind is Kind.ROPE else (SPACE_TURN,)
        references = []
        for oid in ids:
            reference = places.get(oid, -1)
            if reference < 0 or (kind is Kind.ROPE and reference & 3 == SPACE_TURN):
                reference = self._outer_place(oid) << 2 | SPACE_OUTER
            elif reference & 3 in distance_spaces:
                reference = (number - (reference >> 2)) << 2 | reference & 3
            references.append(reference)
        return references

    def _outer_place(self, oid: bytes) -> int:
        place = self._outer.get(oid)
        if place is None:
            place = self._outer[oid] = len(self._outer)
            self.outer_ids += oid
        return place


def _frame(kind: Kind, records: list[bytes]) -> FrameContent:
    return FrameContent(kind, encode_frame_content(records), len(records))
