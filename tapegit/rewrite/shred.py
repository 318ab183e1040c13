"""Removing objects for good: from loose files, packs, the trash and all that is derived.

Rules: a pack is written anew without what goes, and is durable and verified, before the old one
is unlinked; everything can be done again from the start at any time. The caller keeps writers
out. What is unlinked is not overwritten: on most media that would reach other blocks.

Source: tapesredaction(7), "Taking a secret out".
"""

from __future__ import annotations

import os
import re
from array import array
from typing import TYPE_CHECKING, Final

from tapegit.files import syscalls
from tapegit.files.durable import fsync_dir, is_in_use, replace_file
from tapegit.files.oserrors import storage_error, storage_errors
from tapegit.files.safe_read import map_file, read_file
from tapegit.formats.cruft import cruft_size, decode_cruft, encode_cruft
from tapegit.formats.packindex import PackIndex
from tapegit.repository.layout import (
    INDEX_NAME,
    LEFT_PREFIX,
    LOST_FOUND_NAME,
    PACK_NAME,
    REMOTE_NAME,
    TMP_NAME,
    TRASH_NAME,
)
from tapegit.store.pack_writer import PackWriter

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet
    from pathlib import Path

    from tapegit.objects.oid import ObjectId
    from tapegit.repository.repository import Repository
    from tapegit.store.pack_reader import PackReader

_EMPTIED: Final = (INDEX_NAME, TRASH_NAME, LOST_FOUND_NAME)
"""Folders that hold copies of what is elsewhere, or what nothing needs."""

_RUN_PREFIX: Final = "run-"
"""Begins the folder of a run: programs that stand in for clients, and nothing that was said."""

_GC_LOG: Final = "gc.log"
_ORPHAN: Final = re.compile(r"pack-[0-9a-f]{64}\.(?:idx|cruft)")
_KEEP_SIZE_MAX_BYTES: Final = 1 << 20


def shred(repository: Repository, doomed: AbstractSet[ObjectId]) -> int:
    """Remove objects wherever they are, durably; return how many files were removed.

    Raises:
        DataError: A pack is damaged; it is as it was.
        StorageError: A file cannot be removed or written.
    """
    root = repository.root
    count = sum(_empty(root / name, is_top=True) for name in _EMPTIED)
    count += _empty(root / TMP_NAME, is_top=True, is_kept=_is_running)
    count += _empty(root / REMOTE_NAME, is_top=True, is_kept=_is_left)
    count += _unlink(root / _GC_LOG)
    count += _shred_loose(repository, doomed)
    repository.objects.refresh()
    for reader in list(repository.objects.packs):
        if any(reader.index.find_position(oid) >= 0 for oid in doomed):
            _rewrite_pack(repository, reader, doomed)
            count += 1
    repository.objects.packed.raise_broken()
    _remove_orphans(root / PACK_NAME)
    fsync_dir(root)
    repository.objects.refresh()
    return count


def _shred_loose(repository: Repository, doomed: AbstractSet[ObjectId]) -> int:
    loose = repository.objects.loose
    folders = set()
    count = 0
    for oid in doomed:
        path = loose.path_of(oid)
        if _unlink(path):
            count += 1
        folders.add(path.parent)
    for folder in sorted(folders):
        # Also where nothing was left: the run that removed it may not have come so far.
        if folder.is_dir():
            fsync_dir(folder)
    loose.forget_listings()
    return count


def _rewrite_pack(
    repository: Repository, reader: PackReader, doomed: AbstractSet[ObjectId]
) -> None:
    """Write a pack anew without what goes, and remove the old one."""
    root, path, index = repository.root, reader.path, reader.index
    keep = _read_keep(path)
    times = _read_times(path, index)
    kept_times: dict[ObjectId, int] = {}
    with PackWriter(
        repository.objects,
        root / PACK_NAME,
        root / TMP_NAME,
        cold=True,
        threads=1,
        skip_existing=False,
    ) as writer:
        for ordinal in range(index.object_count):
            oid = index.oid_at(index.positions[ordinal])
            if oid in doomed:
                continue
            found = reader.read_at(ordinal, oid)
            writer.add(found.kind, found.data)
            if times is not None:
                kept_times[oid] = times[ordinal]
        summary = writer.finish()
    if summary is not None:
        if keep is not None:
            replace_file(summary.path.with_suffix(".keep"), keep, tmp_dir=root / TMP_NAME)
        if times is not None:
            _write_times(root, summary.path, kept_times)
    for ending in (".pack", ".idx", ".cruft", ".keep"):
        _unlink(path.with_suffix(ending))


def _read_keep(path: Path) -> bytes | None:
    try:
        return read_file(path.with_suffix(".keep"), size_max=_KEEP_SIZE_MAX_BYTES)
    except FileNotFoundError:
        return None


def _read_times(path: Path, index: PackIndex) -> array[int] | None:
    count = index.object_count
    try:
        data = read_file(path.with_suffix(".cruft"), size_max=cruft_size(count) + 1)
    except FileNotFoundError:
        return None
    checksum = index.header.pack_checksum
    return decode_cruft(data, pack_checksum=checksum, count=count, where=path)


def _write_times(root: Path, path: Path, kept: dict[ObjectId, int]) -> None:
    index = PackIndex(map_file(path.with_suffix(".idx")), where=path)
    times = array("q", bytes(8 * index.object_count))
    for oid, time_ms in kept.items():
        times[index.ordinals[index.find_position(oid)]] = time_ms
    data = encode_cruft(index.header.pack_checksum, times)
    replace_file(path.with_suffix(".cruft"), data, tmp_dir=root / TMP_NAME)


def _remove_orphans(pack_dir: Path) -> None:
    """Remove what is beside a pack that is gone: a run may have stopped in between."""
    with storage_errors("list", pack_dir):
        names = set(os.listdir(pack_dir))
    for name in sorted(names):
        if _ORPHAN.fullmatch(name) and f"{name.rpartition('.')[0]}.pack" not in names:
            _unlink(pack_dir / name)
    fsync_dir(pack_dir)


def _is_left(name: str) -> bool:
    return name.startswith(LEFT_PREFIX)


def _is_running(name: str) -> bool:
    return name.startswith(_RUN_PREFIX) and is_in_use(name)


def _empty(path: Path, *, is_top: bool, is_kept: Callable[[str], bool] | None = None) -> int:
    """Remove what is in a folder, and the folder below the top; links are not followed.

    What is kept stays, in a folder at the top.
    """
    try:
        entries = list(os.scandir(path))
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        raise storage_error(error, "list", path) from error
    count = 0
    for entry in entries:
        child = path / entry.name
        if is_kept is not None and is_kept(entry.name):
            continue
        if entry.is_dir(follow_symlinks=False):
            count += _empty(child, is_top=False)
        else:
            count += _unlink(child)
    if is_top:
        fsync_dir(path)
    else:
        with storage_errors("remove", path):
            syscalls.rmdir(path)
    return count


def _unlink(path: Path) -> int:
    try:
        syscalls.unlink(path)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise storage_error(error, "remove", path) from error
    return 1
