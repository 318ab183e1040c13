"""The system calls that change a disk, and no others.

Rules: this is the only module that calls them; each function is one call and decides
nothing; errors leave as OSError. Callers name the module (`syscalls.fsync(fd)`), never a
function imported from it, so that the crash checker can stand in for any of them.
"""

from __future__ import annotations

import fcntl
import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

    ByteLike = bytes | bytearray | memoryview

_NEW: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_APPEND: Final = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
_LOCK: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_F_FULLFSYNC: Final = 51
"""On macOS fsync stops at the drive's cache; this fcntl command does not."""


def open_new(path: Path, mode: int = 0o600) -> int:
    """Create a file that must not exist yet; return a descriptor to read and write it."""
    return os.open(path, _NEW, mode)


def open_append(path: Path, mode: int = 0o600) -> int:
    """Open a file, created where missing, so that each write goes to its end."""
    return os.open(path, _APPEND, mode)


def open_special(path: Path) -> int:
    """Open a pipe or a device to write to it, as it is."""
    return os.open(path, os.O_WRONLY | os.O_NOCTTY | os.O_CLOEXEC)


def open_lock(path: Path) -> int:
    """Open a lock file, created where missing, without changing what is in it."""
    return os.open(path, _LOCK, 0o600)


def write(fd: int, data: ByteLike) -> int:
    """Write at the descriptor's position; return how many bytes the system took."""
    return os.write(fd, data)


def pwrite(fd: int, data: ByteLike, offset_bytes: int) -> int:
    """Write at an offset; return how many bytes the system took."""
    return os.pwrite(fd, data, offset_bytes)


def ftruncate(fd: int, size_bytes: int) -> None:
    """Cut an open file to a size."""
    os.ftruncate(fd, size_bytes)


def fsync(fd: int) -> None:
    """Wait until the file's bytes and its metadata are on the medium."""
    if sys.platform == "darwin":
        fcntl.fcntl(fd, _F_FULLFSYNC)
    else:
        os.fsync(fd)


def fdatasync(fd: int) -> None:
    """Wait until the file's bytes and its size are on the medium."""
    if sys.platform == "darwin":
        fsync(fd)
    else:
        os.fdatasync(fd)


def fsync_dir(path: Path) -> None:
    """Wait until the names in a directory are on the medium."""
    fd = os.open(path, _DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def fchmod(fd: int, mode: int) -> None:
    """Set the permissions of an open file."""
    os.fchmod(fd, mode)


def link(source: Path, target: Path) -> None:
    """Give a file a second name, which must not exist yet."""
    os.link(source, target, follow_symlinks=False)


def rename(source: Path, target: Path) -> None:
    """Move a name; a file of the target's name is replaced in the same instant."""
    os.rename(source, target)


def unlink(path: Path) -> None:
    """Remove a name of a file."""
    os.unlink(path)


def mkdir(path: Path, mode: int = 0o700) -> None:
    """Create a directory that must not exist yet."""
    os.mkdir(path, mode)


def rmdir(path: Path) -> None:
    """Remove an empty directory."""
    os.rmdir(path)


def utime(path: Path, times_ns: tuple[int, int] | None = None) -> None:
    """Set access and modification time, to now where no times are given."""
    os.utime(path, ns=times_ns, follow_symlinks=False) if times_ns else os.utime(
        path, follow_symlinks=False
    )
