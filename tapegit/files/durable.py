"""Writing files so that a crash leaves the old file, the new one or none, never a part.

Rules: bytes go to a file in `tmp/` first; what was written is compared with what the file
system says it holds (a write that lies is found here); it is synced before it gets its
name; and the name is safe only after `fsync_dir` of its folder, which the caller may delay
to do it once for many files. After a failed sync nothing is tried again: the bytes are
not acknowledged.

Source: tapesformat-store(5), "How files are written".
"""

from __future__ import annotations

import errno
import os
import re
from typing import TYPE_CHECKING, Final, Self

from tapegit.errors import StorageError
from tapegit.files import syscalls
from tapegit.files.oserrors import storage_error, storage_errors

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from tapegit.files.syscalls import ByteLike

_NO_HARD_LINKS: Final = frozenset(
    {errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.EMLINK, errno.ENOSYS}
)
_PID: Final = r"[a-z]+-([0-9]{1,10})-[0-9a-f]+"
_NO_DIRECTORY_SYNC: Final = frozenset({errno.EINVAL, errno.ENOTSUP, errno.EOPNOTSUPP})


def write_all(fd: int, data: ByteLike) -> None:
    """Write every byte, however few the system takes at a time.

    Raises:
        OSError: A write failed, or took nothing (as EIO).
    """
    view = memoryview(data).cast("B")
    while view:
        taken = syscalls.write(fd, view)
        if taken <= 0:
            raise OSError(errno.EIO, "a write stored nothing")
        view = view[taken:]


def fsync_dir(path: Path) -> None:
    """Make the names in a directory durable; a file system that cannot is taken as it is.

    Raises:
        StorageError: The directory is missing or the sync failed.
    """
    try:
        syscalls.fsync_dir(path)
    except OSError as error:
        if error.errno not in _NO_DIRECTORY_SYNC:
            raise storage_error(error, "sync folder", path) from error


def make_directory(path: Path, mode: int = 0o700) -> bool:
    """Create one directory and make its name durable; return whether it was missing.

    Raises:
        StorageError: It cannot be created, or something else has its name.
    """
    try:
        syscalls.mkdir(path, mode)
    except FileExistsError as error:
        if path.is_dir() and not path.is_symlink():
            return False
        raise storage_error(error, "create folder", path) from error
    except OSError as error:
        raise storage_error(error, "create folder", path) from error
    fsync_dir(path.parent)
    return True


def make_directories(path: Path, *, root: Path) -> None:
    """Create the missing directories from below `root` (which exists) down to `path`.

    Raises:
        StorageError: One of them cannot be created.
    """
    if path.is_dir():
        return
    if path != root:
        make_directories(path.parent, root=root)
    make_directory(path)


class TemporaryFile:
    """A file in `tmp/` that gets its real name when it is whole, or vanishes.

    Use: write, sync, then exactly one of `publish_new` and `replace`. Leaving the context
    without either removes the file.
    """

    def __init__(self, tmp_dir: Path, prefix: str, mode: int = 0o600) -> None:
        """Create the file.

        Raises:
            StorageError: It cannot be created.
        """
        self.path = tmp_dir / f"{prefix}-{os.getpid()}-{os.urandom(8).hex()}"
        self.size_bytes = 0
        self._is_synced = False
        self._is_named = False
        try:
            self.fd = self._open(tmp_dir, mode)
        except OSError as error:
            raise storage_error(error, "create", self.path) from error

    def _open(self, tmp_dir: Path, mode: int) -> int:
        try:
            return syscalls.open_new(self.path, mode)
        except FileNotFoundError:
            syscalls.mkdir(tmp_dir)
            return syscalls.open_new(self.path, mode)

    def write(self, data: ByteLike) -> None:
        """Append bytes.

        Raises:
            StorageError: The disk is full, or any other failure.
        """
        self._is_synced = False
        with storage_errors("write", self.path):
            write_all(self.fd, data)
        self.size_bytes += memoryview(data).nbytes

    def sync(self) -> None:
        """Check that the file holds as many bytes as were written, and make them durable.

        Raises:
            StorageError: It holds another number of bytes, or the sync failed.
        """
        with storage_errors("sync", self.path):
            size_bytes = os.fstat(self.fd).st_size
        if size_bytes != self.size_bytes:
            raise StorageError(
                f"cannot write '{self.path}': {size_bytes} of {self.size_bytes} bytes arrived",
                hint="the disk or its file system is not sound",
                path=self.path,
                errno=errno.EIO,
            )
        with storage_errors("sync", self.path):
            syscalls.fsync(self.fd)
        self._is_synced = True

    def publish_new(self, path: Path) -> bool:
        """Name the file `path`, unless a file has that name; return whether it was given.

        Where it was not, the other file is untouched and this one is removed.

        Raises:
            StorageError: The name cannot be given for another reason.
        """
        assert self._is_synced, "sync before publishing"
        self._close()
        try:
            syscalls.link(self.path, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_HARD_LINKS:
                raise storage_error(error, "create", path) from error
            self.replace(path)
        return True

    def replace(self, path: Path) -> None:
        """Name the file `path`; a file that had the name is replaced in the same instant.

        Raises:
            StorageError: The name cannot be given.
        """
        self._close()
        with storage_errors("replace", path):
            syscalls.rename(self.path, path)
        self._is_named = True

    def _close(self) -> None:
        if self.fd >= 0:
            fd, self.fd = self.fd, -1
            with storage_errors("close", self.path):
                os.close(fd)

    def discard(self) -> None:
        """Close and remove the file unless it was moved to its name; safe to call twice."""
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
        if not self._is_named:
            self._is_named = True
            try:
                syscalls.unlink(self.path)
            except OSError:
                # A left-over in tmp/ is harmless, gc sweeps it; the first error is the news.
                return

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.discard()


def replace_file(path: Path, data: bytes, *, tmp_dir: Path, mode: int = 0o600) -> None:
    """Replace or create a whole file durably.

    Raises:
        StorageError: It could not be done; the old file is as it was.
    """
    with TemporaryFile(tmp_dir, "file", mode) as file:
        file.write(data)
        file.sync()
        file.replace(path)
    fsync_dir(path.parent)


def replace_file_cheaply(path: Path, data: bytes, *, tmp_dir: Path) -> None:
    """Replace or create a whole file atomically for readers, but not durably.

    For what is derived and rebuilt: a power cut may leave the file empty.

    Raises:
        StorageError: It could not be done; the old file is as it was.
    """
    with TemporaryFile(tmp_dir, "file") as file:
        file.write(data)
        file.replace(path)


def is_in_use(name: str) -> bool:
    """Return whether the process whose number is in a name, as temporary ones have it, runs."""
    match = re.fullmatch(_PID, name)
    if match is None:
        return False
    try:
        os.kill(int(match[1]), 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True  # it is somebody else's, or no number of a process
    return True
