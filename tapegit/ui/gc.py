"""What gc and repack did, as lines and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class ShownRemoved(Protocol):
    """How many files went into the trash."""

    @property
    def pack_count(self) -> int:
        """Packs."""

    @property
    def loose_count(self) -> int:
        """Loose objects."""

    @property
    def kept_back_count(self) -> int:
        """Files that somebody had touched meanwhile."""


class ShownCollected(Protocol):
    """What a run over the objects did."""

    @property
    def packs_before(self) -> int:
        """Packs when it began."""

    @property
    def packs_folded(self) -> int:
        """Packs that went into the new one."""

    @property
    def written_count(self) -> int:
        """Objects written anew."""

    @property
    def copied_count(self) -> int:
        """Objects copied with their sections."""

    @property
    def cruft_count(self) -> int:
        """Unreachable objects in the cruft pack."""

    @property
    def expired_count(self) -> int:
        """Unreachable objects that are gone."""

    @property
    def loose_count(self) -> int:
        """Loose objects that went into the new pack."""

    @property
    def written_bytes(self) -> int:
        """Size of what was written."""

    @property
    def pack_name(self) -> str | None:
        """The new pack."""

    @property
    def removed(self) -> ShownRemoved:
        """What went into the trash."""

    @property
    def is_locked_out(self) -> bool:
        """Whether nothing could be removed."""


class ShownSwept(Protocol):
    """What was deleted for good."""

    @property
    def trash_bytes(self) -> int:
        """Size of what was in the trash."""

    @property
    def tmp_count(self) -> int:
        """Files that were left in `tmp/`."""


class ShownGc(Protocol):
    """What a run of gc did."""

    @property
    def collected(self) -> ShownCollected:
        """To the objects."""

    @property
    def reflog_count(self) -> int:
        """Reflog entries that were too old."""

    @property
    def ref_count(self) -> int:
        """Refs that were packed."""

    @property
    def swept(self) -> ShownSwept:
        """What was deleted for good."""

    @property
    def is_dry_run(self) -> bool:
        """Whether it only says what it would do."""


def iter_gc_lines(report: ShownGc) -> Iterator[str]:
    """Yield a line for each thing that was done, or would be."""
    done = report.collected
    would = "would have " if report.is_dry_run else ""
    if report.reflog_count:
        yield f"{would}expired {_count(report.reflog_count, 'reflog entry', 'reflog entries')}"
    if report.ref_count:
        yield f"packed {_count(report.ref_count, 'ref')}"
    yield from iter_collected_lines(done, would=would)
    if done.expired_count:
        yield f"{would}removed {_count(done.expired_count, 'unreachable object')}"
    if report.swept.trash_bytes:
        yield f"emptied the trash of {report.swept.trash_bytes} bytes"
    if report.swept.tmp_count:
        yield f"deleted {_count(report.swept.tmp_count, 'left-over file')}"


def iter_collected_lines(done: ShownCollected, *, would: str = "") -> Iterator[str]:
    """Yield what became of packs and objects."""
    total = done.written_count + done.copied_count
    if total:
        packs = _count(done.packs_folded, "pack")
        loose = _count(done.loose_count, "loose object")
        yield f"{would}packed {_count(total, 'object')} of {packs} and {loose}"
    if done.cruft_count:
        are = _count(done.cruft_count, "unreachable object")
        yield f"{would}kept {are} that {'is' if done.cruft_count == 1 else 'are'} young"
    moved = done.removed.pack_count + done.removed.loose_count
    if moved:
        yield f"moved {_count(moved, 'file')} to the trash"


def gc_members(report: ShownGc) -> dict[str, object]:
    """Return what gc did as the members of a JSON object."""
    return {
        "dry_run": report.is_dry_run,
        "reflog_entries_expired": report.reflog_count,
        "refs_packed": report.ref_count,
        **collected_members(report.collected),
        "trash_bytes_deleted": report.swept.trash_bytes,
        "tmp_files_deleted": report.swept.tmp_count,
    }


def collected_members(done: ShownCollected) -> dict[str, object]:
    """Return what became of packs and objects as the members of a JSON object."""
    members: dict[str, object] = {
        "packs_before": done.packs_before,
        "packs_folded": done.packs_folded,
        "objects_written": done.written_count,
        "objects_copied": done.copied_count,
        "loose_packed": done.loose_count,
        "cruft_objects": done.cruft_count,
        "expired_objects": done.expired_count,
        "bytes_written": done.written_bytes,
        "packs_removed": done.removed.pack_count,
        "loose_removed": done.removed.loose_count,
        "kept_back": done.removed.kept_back_count,
        "locked_out": done.is_locked_out,
    }
    if done.pack_name is not None:
        members["pack"] = done.pack_name
    return members


def _count(count: int, one: str, many: str | None = None) -> str:
    return f"{count} {one if count == 1 else many or one + 's'}"
