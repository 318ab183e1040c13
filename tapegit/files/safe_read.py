"""Reading files whose names or bytes a stranger may have put there.

Rules: no link is followed at the last step, no device, FIFO or folder is read (opening a
FIFO would hang), and no more than the caller's limit is taken into memory.
"""

from __future__ import annotations

import errno
import mmap
import os
import stat
from typing import TYPE_CHECKING, Final

from tapegit.errors import FormatError, UnsafePathError
from tapegit.files.oserrors import storage_error

if TYPE_CHECKING:
    from pathlib import Path

_FLAGS: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_CHUNK_SIZE_BYTES: Final = 1 << 20


def open_regular(path: Path | str) -> tuple[int, os.stat_result]:
    """Open a regular file; return its descriptor, which the caller closes, and its status.

    Raises:
        FileNotFoundError: There is no such file, or a part of its path is a file.
        UnsafePathError: It is a link, a folder, a FIFO or a device.
        StorageError: The system refused.
    """
    try:
        fd = os.open(path, _FLAGS)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno == errno.ENOTDIR:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from error
        if error.errno == errno.ELOOP:
            raise unsafe_path(path, "a symbolic link") from error
        if error.errno == errno.ENXIO:
            raise unsafe_path(path, "a socket or a device") from error
        raise storage_error(error, "open", path) from error
    status = os.fstat(fd)
    if not stat.S_ISREG(status.st_mode):
        os.close(fd)
        raise unsafe_path(path, "a folder" if stat.S_ISDIR(status.st_mode) else "a special file")
    return fd, status


def unsafe_path(path: Path | str, what: str) -> UnsafePathError:
    """Return the error for a path that is `what` where a plain file is expected."""
    return UnsafePathError(
        f"cannot read '{path}': it is {what}, not a plain file",
        hint="a store has no links in it; remove it, or copy the store again",
        path=path,
    )


def read_file(path: Path | str, *, size_max: int) -> bytes:
    """Return all bytes of a regular file of at most `size_max` bytes.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafePathError: It is a link, a folder, a FIFO or a device.
        FormatError: It is larger.
        StorageError: The system refused.
    """
    fd, status = open_regular(path)
    try:
        data = _read_up_to(fd, size_max + 1, status.st_size)
    except OSError as error:
        raise storage_error(error, "read", path) from error
    finally:
        os.close(fd)
    if len(data) > size_max:
        raise FormatError(
            f"cannot read '{path}': it is larger than {size_max} bytes",
            where=path,
            expected=size_max,
        )
    return data


def _read_up_to(fd: int, size_bytes: int, stated_bytes: int) -> bytes:
    """Return the bytes of a file that states its size; what it states is not relied on."""
    data = os.read(fd, min(size_bytes, stated_bytes + 1, _CHUNK_SIZE_BYTES))
    if len(data) == stated_bytes:
        return data
    # A file of several chunks, or one that is not as large as it was: read on.
    parts = [data]
    size_bytes -= len(data)
    while size_bytes > 0 and (part := os.read(fd, min(size_bytes, _CHUNK_SIZE_BYTES))):
        parts.append(part)
        size_bytes -= len(part)
    return b"".join(parts)


def map_file(path: Path | str) -> memoryview:
    """Return a read-only view of a whole regular file; the file is unmapped with the view.

    Only for files that are replaced and never changed in place.

    Raises:
        FileNotFoundError: There is no such file.
        UnsafePathError: It is a link, a folder, a FIFO or a device.
        StorageError: The system refused.
    """
    fd, status = open_regular(path)
    try:
        if status.st_size == 0:
            return memoryview(b"")
        return memoryview(mmap.mmap(fd, status.st_size, access=mmap.ACCESS_READ))
    except (OSError, ValueError) as error:
        cause = error if isinstance(error, OSError) else OSError(str(error))
        raise storage_error(cause, "map", path) from error
    finally:
        os.close(fd)
