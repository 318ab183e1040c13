"""Counts of objects in git's form, and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_KIB = 1024
_UNITS = ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


class ShownCounts(Protocol):
    """What is in a store; sizes in bytes."""

    @property
    def loose_count(self) -> int:
        """Loose objects."""

    @property
    def loose_bytes(self) -> int:
        """Their size."""

    @property
    def packed_count(self) -> int:
        """Objects in packs."""

    @property
    def pack_count(self) -> int:
        """Packs."""

    @property
    def pack_bytes(self) -> int:
        """Their size."""

    @property
    def packable_count(self) -> int:
        """Loose objects that are in a pack too."""

    @property
    def garbage(self) -> Sequence[Path]:
        """Files that belong to nothing."""

    @property
    def garbage_bytes(self) -> int:
        """Their size."""


def format_short(counts: ShownCounts, *, human: bool) -> str:
    """Return the line of `count-objects` without `-v`."""
    size = _size(counts.loose_bytes, human=human)
    return f"{counts.loose_count} objects, {size if human else f'{size} kilobytes'}"


def iter_long(counts: ShownCounts, *, human: bool) -> Iterator[str]:
    """Yield the lines of `count-objects -v`; sizes are in KiB unless for people."""
    yield f"count: {counts.loose_count}"
    yield f"size: {_size(counts.loose_bytes, human=human)}"
    yield f"in-pack: {counts.packed_count}"
    yield f"packs: {counts.pack_count}"
    yield f"size-pack: {_size(counts.pack_bytes, human=human)}"
    yield f"prune-packable: {counts.packable_count}"
    yield f"garbage: {len(counts.garbage)}"
    yield f"size-garbage: {_size(counts.garbage_bytes, human=human)}"


def counts_members(counts: ShownCounts) -> dict[str, object]:
    """Return counts as the members of a JSON object; sizes in bytes."""
    return {
        "count": counts.loose_count,
        "size": counts.loose_bytes,
        "in_pack": counts.packed_count,
        "packs": counts.pack_count,
        "size_pack": counts.pack_bytes,
        "prune_packable": counts.packable_count,
        "garbage": len(counts.garbage),
        "size_garbage": counts.garbage_bytes,
    }


def _size(size_bytes: int, *, human: bool) -> str:
    if not human:
        return str(-(-size_bytes // _KIB))
    for unit, name in _UNITS:
        if size_bytes >= unit:
            return f"{size_bytes / unit:.2f} {name}"
    return f"{size_bytes} bytes"
