"""The packed refs of a store, read again whenever the file is another one.

Rules: the file is only ever replaced, never changed; a copy in memory is good as long as
the name leads to the same file. A mapping of its first byte, never looked at, keeps the
file's number from being used again while the copy lives.

Source: tapesformat-packedrefs(5).
"""

from __future__ import annotations

import mmap
import os
from typing import TYPE_CHECKING, Final

from tapegit.errors import FormatError
from tapegit.files.oserrors import storage_error
from tapegit.files.safe_read import open_regular
from tapegit.formats.packedrefs import EMPTY_FILE, PACKED_REFS_SIZE_MAX_BYTES, PackedRefs

if TYPE_CHECKING:
    from pathlib import Path

_EMPTY: Final = PackedRefs(EMPTY_FILE)


class PackedRefsFile:
    """The `packed-refs` file of the store at `root`, which need not exist."""

    def __init__(self, root: Path) -> None:
        self.path = root / "packed-refs"
        self._where = str(self.path)
        self._refs = _EMPTY
        self._status: os.stat_result | None = None
        self._pin: mmap.mmap | None = None

    def load(self) -> PackedRefs:
        """Return the packed refs as they are now.

        Raises:
            DataError: The file is damaged or of another version.
            UnsafePathError: It is a link or a special file.
            StorageError: The system refused.
        """
        try:
            status = os.lstat(self._where)
        except FileNotFoundError:
            self._refs, self._status, self._pin = _EMPTY, None, None
            return self._refs
        except OSError as error:
            raise storage_error(error, "open", self._where) from error
        if self._status is None or not _is_same(status, self._status):
            try:
                self._read()
            except FileNotFoundError:
                return _EMPTY
        return self._refs

    def _read(self) -> None:
        fd, status = open_regular(self._where)
        try:
            if status.st_size > PACKED_REFS_SIZE_MAX_BYTES:
                raise FormatError(
                    f"'packed-refs' is larger than {PACKED_REFS_SIZE_MAX_BYTES} bytes",
                    where=self._where,
                )
            data = _read_whole(fd, status.st_size)
            pin = mmap.mmap(fd, 1, access=mmap.ACCESS_READ) if data else None
        except OSError as error:
            raise storage_error(error, "read", self._where) from error
        finally:
            os.close(fd)
        self._refs = PackedRefs(data)
        self._status, self._pin = status, pin


def _is_same(one: os.stat_result, other: os.stat_result) -> bool:
    return (
        one.st_ino == other.st_ino
        and one.st_dev == other.st_dev
        and one.st_size == other.st_size
        and one.st_mtime_ns == other.st_mtime_ns
    )


def _read_whole(fd: int, size_bytes: int) -> bytes:
    data = os.read(fd, size_bytes + 1)
    if len(data) == size_bytes:
        return data
    parts = [data]
    while part := os.read(fd, size_bytes):
        parts.append(part)
    return b"".join(parts)
