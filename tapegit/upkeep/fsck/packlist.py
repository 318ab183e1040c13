"""verify-pack: one pack and its index, compared to the last byte, and what is in it.

Source: tapesformat-packindex(5), "Checking".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import FormatError
from tapegit.formats.packindex import LEADER_BIT, PackIndex
from tapegit.store.index_builder import build_index
from tapegit.store.pack_file import PackFile
from tapegit.upkeep.fsck.packcheck import CheckedPack, open_index, verify_tables

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tapegit.objects.kind import Kind, Object
    from tapegit.objects.oid import ObjectId

_SAME_TABLES = (
    "frame_offsets",
    "ordinals",
    "positions",
    "frame_compressed_sizes",
    "frame_content_sizes",
    "frame_first_ordinals",
    "frame_sections",
    "sections",
    "turn_parents",
    "more_parents",
    "frame_kind_numbers",
)


class PackedObject(NamedTuple):
    """An object of a pack: sizes in bytes; `frame_offset` is where its frame starts."""

    oid: ObjectId
    kind: Kind
    size_bytes: int
    frame_size_bytes: int
    frame_offset: int


def verify_pack_and_index(
    path: Path, visit: Callable[[PackedObject], None] | None = None
) -> PackIndex:
    """Verify a pack, its index, and that they agree; return the index.

    Args:
        path: The pack; the index lies beside it.
        visit: Takes each object, in the order of the pack, before the whole is known to be good.

    Raises:
        FileNotFoundError: There is no index.
        DataError: One of them is damaged, or they do not agree.
        StorageError: The system refused to read.
    """
    index_path = path.with_suffix(".idx")
    index = open_index(index_path, path.stem)

    def take(ordinal: int, oid: ObjectId, found: Object) -> None:
        if visit is not None:
            frame = index.frame_of(ordinal)
            visit(
                PackedObject(
                    oid,
                    found.kind,
                    len(found.data),
                    index.frame_compressed_sizes[frame],
                    index.frame_offsets[frame],
                )
            )

    with PackFile(path) as file:
        verify_tables(CheckedPack(path, index), file)
        built = build_index(file, visit=take)
    _compare(PackIndex(memoryview(built.encode()), where=index_path), index)
    return index


def _compare(built: PackIndex, index: PackIndex) -> None:
    """Refuse an index that differs from the one built; what depends on other packs may."""
    same = built.header == index.header and all(
        getattr(built, name) == getattr(index, name) for name in _SAME_TABLES
    )
    same = same and all(
        built.id_at(position) == index.id_at(position) for position in range(built.object_count)
    )
    same = same and all(
        built.outer_parent_at(place) == index.outer_parent_at(place)
        for place in range(built.header.outer_parent_count)
    )
    if not same or not _are_facts_same(built, index):
        raise FormatError(
            f"cannot use '{index.where}': it is not the index of its pack",
            hint="'tapes index-pack' builds it anew",
            where=index.where,
        )


def _are_facts_same(built: PackIndex, index: PackIndex) -> bool:
    for turn in range(built.header.turn_count):
        generation, stated = built.turn_generations[turn], index.turn_generations[turn]
        if generation & LEADER_BIT != stated & LEADER_BIT:
            return False
        is_known = generation & ~LEADER_BIT
        if is_known and (generation, built.turn_dates[turn]) != (stated, index.turn_dates[turn]):
            return False
    return True
