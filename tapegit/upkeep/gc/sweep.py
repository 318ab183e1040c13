"""The last step of gc: what is old in the trash and in `tmp/` goes for good.

Rules: this is the only place that deletes. Trash goes by the time of its batch; a file in
`tmp/` goes when it is a day old and the process in its name has ended; what a removed pack
left behind in `objects/pack` goes into the trash first.

Source: tapesmaintenance(7), "How gc works", step 7.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.files import syscalls
from tapegit.files.durable import is_in_use
from tapegit.files.oserrors import storage_error, storage_errors
from tapegit.files.trash import Trash
from tapegit.repository.layout import PACK_NAME, TMP_NAME
from tapegit.upkeep.inventory import list_pack_files

if TYPE_CHECKING:
    from pathlib import Path

TMP_AGE_MS: Final = 24 * 3600 * 1000


class Swept(NamedTuple):
    """How much was deleted."""

    trash_bytes: int
    tmp_count: int


def sweep(root: Path, *, trash_before_ms: int, now_ms: int) -> Swept:
    """Delete what is old.

    Args:
        root: The store.
        trash_before_ms: Batches of the trash older than this go.
        now_ms: The time now.

    Raises:
        StorageError: A file cannot be removed.
    """
    _put_orphans(root, now_ms)
    trash_bytes = Trash(root).expire(before_ms=trash_before_ms)
    return Swept(trash_bytes, _sweep_tmp(root / TMP_NAME, now_ms - TMP_AGE_MS))


def _put_orphans(root: Path, now_ms: int) -> None:
    """Put indexes and cruft files whose packs are gone where their packs went."""
    batch = Trash(root).open_batch(now_ms)
    pack_dir = root / PACK_NAME
    for name, suffixes in list_pack_files(pack_dir).items():
        if ".pack" not in suffixes:
            for suffix in sorted(suffixes - {".keep"}):
                batch.put(pack_dir / f"{name}{suffix}")


def _sweep_tmp(tmp_dir: Path, before_ms: int) -> int:
    count = 0
    try:
        names = os.listdir(tmp_dir)
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise storage_error(error, "list", tmp_dir) from error
    for name in names:
        path = tmp_dir / name
        try:
            status = os.lstat(path)
        except OSError:
            continue
        if status.st_mtime_ns // 1_000_000 < before_ms and not is_in_use(name):
            count += _delete(path, is_folder=stat.S_ISDIR(status.st_mode))
    return count


def _delete(path: Path, *, is_folder: bool) -> int:
    """Delete a file, or a folder with all in it, following no link; return how many files."""
    if not is_folder:
        with storage_errors("remove", path):
            syscalls.unlink(path)
        return 1
    with storage_errors("remove", path):
        _make_writable(path)
        entries = list(os.scandir(path))
        count = sum(
            _delete(path / entry.name, is_folder=entry.is_dir(follow_symlinks=False))
            for entry in entries
        )
        syscalls.rmdir(path)
    return count


def _make_writable(path: Path) -> None:
    """Let entries of a folder be removed: commands make folders read-only in their scratch copy."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        if stat.S_IMODE(os.fstat(fd).st_mode) & stat.S_IRWXU != stat.S_IRWXU:
            syscalls.fchmod(fd, stat.S_IRWXU)
    finally:
        os.close(fd)
