"""The trash of a store: what gc removed, kept for a while so that a mistake costs nothing.

Rules: a file goes into the trash by one rename, under `trash/<batch>/<its path in the
store>`; a batch is named by its time in ms since the epoch; it comes back by its path; only
`expire` removes anything for good.

Source: tapesmaintenance(7).
"""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING, Final

from tapegit.files import syscalls
from tapegit.files.durable import fsync_dir, make_directories
from tapegit.files.oserrors import storage_error, storage_errors

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BATCH_NAME: Final = r"([0-9]{13})-[0-9a-f]{8}"


class Trash:
    """The `trash/` folder of the store at `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self.path = root / "trash"

    def open_batch(self, time_ms: int) -> TrashBatch:
        """Return a new batch to put files into; its folder is made with the first file."""
        name = f"{time_ms:013d}-{os.urandom(4).hex()}"
        return TrashBatch(self._root, self.path / name)

    def iter_batches(self) -> Iterator[tuple[int, Path]]:
        """Yield (time in ms, folder) of each batch, newest first.

        A link with the name of a batch is none: it would lead out of the store.
        """
        for name in sorted(_names(self.path), reverse=True):
            match = re.fullmatch(_BATCH_NAME, name)
            if match and not (self.path / name).is_symlink():
                yield int(match[1]), self.path / name

    def find(self, relative: str) -> Path | None:
        """Return where the file of this path in the store lies in the trash, newest first."""
        for _, batch in self.iter_batches():
            candidate = batch / relative
            if os.path.lexists(candidate):
                return candidate
        return None

    def restore(self, relative: str) -> bool:
        """Move a file back to its place, durably; return whether it is there now.

        A file that is already in the place is left alone and counts.

        Raises:
            StorageError: It is in the trash and cannot be moved.
        """
        target = self._root / relative
        source = self.find(relative)
        if source is None:
            return target.exists()
        make_directories(target.parent, root=self._root)
        if not target.exists():
            try:
                syscalls.rename(source, target)
            except FileNotFoundError:
                # Another process restored it between the two lines.
                return target.exists()
            except OSError as error:
                raise storage_error(error, "restore", target) from error
        fsync_dir(target.parent)
        return True

    def expire(self, *, before_ms: int) -> int:
        """Remove the batches older than a time for good; return how many bytes that frees.

        Raises:
            StorageError: A file cannot be removed.
        """
        freed_bytes = 0
        for time_ms, batch in self.iter_batches():
            if time_ms < before_ms:
                freed_bytes += _remove_tree(batch)
        return freed_bytes


class TrashBatch:
    """What one run of gc throws away together."""

    def __init__(self, root: Path, path: Path) -> None:
        self._root = root
        self.path = path
        self._made: set[Path] = set()

    def put(self, path: Path) -> bool:
        """Move a file of the store into the batch; return False where it is gone already.

        Raises:
            StorageError: It cannot be moved.
        """
        target = self.path / path.relative_to(self._root)
        if target.parent not in self._made:
            make_directories(target.parent, root=self._root)
            self._made.add(target.parent)
        try:
            syscalls.rename(path, target)
        except FileNotFoundError:
            return False
        except OSError as error:
            raise storage_error(error, "move to the trash", path) from error
        return True


def _names(path: Path) -> list[str]:
    try:
        return os.listdir(path)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise storage_error(error, "list", path) from error


def _remove_tree(path: Path) -> int:
    """Remove a folder without ever following a link; return how many bytes were in files."""
    freed_bytes = 0
    with storage_errors("remove", path):
        for entry in list(os.scandir(path)):
            child = path / entry.name
            if entry.is_dir(follow_symlinks=False):
                freed_bytes += _remove_tree(child)
            else:
                freed_bytes += entry.stat(follow_symlinks=False).st_size
                syscalls.unlink(child)
        try:
            syscalls.rmdir(path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
    return freed_bytes
