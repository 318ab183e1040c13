"""Salvage: getting out of damaged files what can be got, and putting the files aside.

Rules:

- What is written is verified object by object and durable before anything is moved; nothing
  is deleted, damaged files go to `trash/lost/`, where gc leaves them.
- gc is kept out meanwhile.
- It can be run again at any point, also after a crash, and does then what is left to do.

Source: tapesmaintenance(7), "Salvage".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import DataError, TapesError
from tapegit.files.durable import TemporaryFile, fsync_dir, replace_file
from tapegit.files.safe_read import map_file
from tapegit.formats.pack import KINDS_BY_NUMBER
from tapegit.formats.packindex import PackIndex
from tapegit.formats.packindex_writer import iter_index_parts
from tapegit.objects.kind import object_id
from tapegit.objects.oid import OID_SIZE_BYTES, hash_content
from tapegit.repository.layout import PACK_NAME, TMP_NAME
from tapegit.store.index_builder import build_index
from tapegit.store.pack_file import PackFile
from tapegit.store.pack_writer import PackWriter
from tapegit.upkeep.fsck.packcheck import CheckedPack, open_index, verify_index
from tapegit.upkeep.fsck.packrecords import RecordJoiner
from tapegit.upkeep.fsck.scan import read_records
from tapegit.upkeep.salvage.aside import put_aside
from tapegit.upkeep.salvage.lists import find_damaged_lists, repair_lists
from tapegit.upkeep.salvage.names import find_damaged_names, repair_names
from tapegit.upkeep.salvage.rescue import iter_rescued

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tapegit.objects.kind import Kind
    from tapegit.repository.repository import Repository
    from tapegit.upkeep.fsck.fsck import FsckReport

_PACK_ENDINGS: Final = (".idx", ".keep", ".cruft", ".pack")


class Salvaged(NamedTuple):
    """What was done.

    Attributes:
        pack: The name of the new pack, or None where none was needed.
        object_count: How many objects went into it.
        indexes: Names of the packs that got a new index.
        put_aside: Where damaged files are now, as paths in the store.
        notes: What was done to names and lists.
    """

    pack: str | None
    object_count: int
    indexes: list[str]
    put_aside: list[str]
    notes: list[str]


def salvage(repository: Repository, report: FsckReport) -> Salvaged:
    """Repair what a full check found.

    Args:
        repository: The store.
        report: What `check_store` with `full` returned for it.

    Raises:
        LockedError: gc did not end in time.
        StorageError: Something could not be written; what was there is as it was.
    """
    with repository.gate:
        pack, count = _rescue(repository, report)
        # A pack that came out as it once was has taken the place of the damaged one.
        aside = [
            path
            for name in report.damaged_packs
            if name != pack
            for path in _put_pack_aside(repository.root, name)
        ]
        damaged = set(report.damaged_packs)
        indexes = [
            name
            for name in report.broken_indexes
            if name not in damaged and _rebuild_index(repository, name, aside)
        ]
        for path in report.damaged_loose:
            aside += put_aside(repository.root, path)
        repository.objects.refresh()
        notes = list(repair_lists(repository, find_damaged_lists(report.findings)))
        notes += repair_names(repository, find_damaged_names(report.findings))
    return Salvaged(pack, count, indexes, aside, notes)


def is_needed(report: FsckReport) -> bool:
    """Return whether salvage has anything to do for what a full check found."""
    return bool(
        report.damaged_packs
        or report.broken_indexes
        or report.damaged_loose
        or find_damaged_lists(report.findings)
        or find_damaged_names(report.findings)
    )


def _rescue(repository: Repository, report: FsckReport) -> tuple[str | None, int]:
    """Write what the damaged packs give into a new pack; return its name and its size."""
    if not report.damaged_packs:
        return None, 0
    pack_dir = repository.root / PACK_NAME
    writer = PackWriter(
        repository.objects,
        pack_dir,
        repository.root / TMP_NAME,
        cold=False,
        skip_existing=False,
    )
    with writer:
        for name in report.damaged_packs:
            for kind, data in iter_sound_objects(pack_dir / f"{name}.pack"):
                writer.add(kind, data)
        summary = writer.finish()
    if summary is None:
        return None, 0
    if any((pack_dir / f"{name}.keep").exists() for name in report.damaged_packs):
        keep = summary.path.with_suffix(".keep")
        replace_file(keep, b"", tmp_dir=repository.root / TMP_NAME)
    return summary.path.stem, summary.object_count


def iter_sound_objects(path: Path) -> Iterator[tuple[Kind, bytes]]:
    """Yield every object that a damaged pack gives, each verified to an id, links first.

    The ids are those of its index, also of one whose checksum does not match: a wrong id only
    means that its object is passed over. Where the index is no good, sound frames vouch for
    their objects; then an object may come twice.

    Raises:
        StorageError: The pack is gone.
    """
    with PackFile(path) as file:
        index, is_sound = _open_any_index(path)
        if index is not None:
            yield from _iter_indexed(CheckedPack(path, index), file)
        if not is_sound:
            try:
                for _, found in iter_rescued(file, _ignore):
                    yield found.kind, found.data
            except DataError:
                return


def _ignore(_what: str) -> None:
    """Take what is wrong with a pack that is known to be damaged."""


def _open_any_index(path: Path) -> tuple[PackIndex | None, bool]:
    """Return the index of a pack, and whether it is sound."""
    index_path = path.with_suffix(".idx")
    try:
        return open_index(index_path, path.stem), True
    except (TapesError, FileNotFoundError):
        pass
    try:
        body = bytes(map_file(index_path)[:-OID_SIZE_BYTES])
        index = PackIndex(memoryview(body + hash_content(body)), where=index_path)
        verify_index(index)
    except (TapesError, FileNotFoundError):
        return None, False
    return index, False


def _iter_indexed(pack: CheckedPack, file: PackFile) -> Iterator[tuple[Kind, bytes]]:
    index = pack.index
    joiner: RecordJoiner | None = None
    for frame in range(index.header.frame_count):
        section = index.frame_sections[frame]
        if joiner is None or joiner.number != section:
            joiner = RecordJoiner(pack, 0, section, file)
        kind = KINDS_BY_NUMBER[index.frame_kind_numbers[frame]]
        records, _ = read_records(pack, frame, file)
        for ordinal, record in enumerate(records, index.frame_first_ordinals[frame]):
            if record is None:
                continue
            data = _verified(joiner, record, kind, ordinal)
            if data is not None:
                yield kind, data


def _verified(joiner: RecordJoiner, record: bytes, kind: Kind, ordinal: int) -> bytes | None:
    index = joiner.pack.index
    try:
        data = joiner.join(record, kind, ordinal).data
        oid = object_id(kind, data)
    except DataError:
        return None
    return data if oid == index.id_at(index.positions[ordinal]) else None


def _rebuild_index(repository: Repository, name: str, aside: list[str]) -> bool:
    """Build the index of a sound pack and put it into place; return whether it was needed."""
    root = repository.root
    path = root / PACK_NAME / f"{name}.pack"
    index_path = path.with_suffix(".idx")
    try:
        with PackFile(path) as file:
            built = build_index(file, find_facts=repository.objects.find_facts)
    except DataError:
        return False  # the next check reports it
    with TemporaryFile(root / TMP_NAME, "idx", 0o444) as index_file:
        for part in iter_index_parts(built.tables, built.identity):
            index_file.write(part)
        index_file.sync()
        aside += put_aside(root, f"{PACK_NAME}/{index_path.name}")
        index_file.replace(index_path)
    fsync_dir(index_path.parent)
    return True


def _put_pack_aside(root: Path, name: str) -> list[str]:
    # The index goes first: a pack without one is still found, an index without pack is not.
    return [
        path for ending in _PACK_ENDINGS for path in put_aside(root, f"{PACK_NAME}/{name}{ending}")
    ]
