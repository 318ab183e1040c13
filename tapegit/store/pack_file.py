"""The bytes of a pack file, read piece by piece.

Rules: read with pread, not mapped, so that a disk that fails or a file that was cut is an
error with a name and not a signal. A file is open only while something is read from it,
so that any number of packs costs no descriptors; whoever reads a whole pack holds it open.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Self

from tapegit.errors import StorageError, TruncatedError
from tapegit.files.oserrors import storage_error, storage_errors
from tapegit.files.safe_read import open_regular
from tapegit.formats.pack import SECTION_FIRST_OUTER, SECTION_OUTER_COUNT, outer_ids_offset
from tapegit.objects.oid import OID_SIZE_BYTES

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from tapegit.formats.packindex import PackIndex


class PackFile:
    """An open pack file; a context manager."""

    def __init__(self, path: Path) -> None:
        """Open the file.

        Raises:
            PackGoneError: There is no such file (any more).
            UnsafePathError: It is a link, a folder or a special file.
            StorageError: The system refused.
        """
        self.path = path
        try:
            self._fd, status = open_regular(path)
        except FileNotFoundError as error:
            raise PackGoneError(
                f"cannot read '{path}': it is gone", path=path, errno=errno.ENOENT
            ) from error
        self.size_bytes = status.st_size

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Return bytes from the file, exactly as many as asked for.

        Raises:
            TruncatedError: The file ends before.
            StorageError: The system refused.
        """
        if offset + size_bytes > self.size_bytes:
            raise self._truncated(offset + size_bytes, self.size_bytes)
        try:
            data = part = os.pread(self._fd, size_bytes, offset)
            while part and len(data) < size_bytes:
                part = os.pread(self._fd, size_bytes - len(data), offset + len(data))
                data += part
        except OSError as error:
            raise storage_error(error, "read", self.path) from error
        if len(data) < size_bytes:
            raise self._truncated(offset + size_bytes, offset + len(data))
        return data

    def read_into(self, buffer: memoryview, offset: int) -> None:
        """Fill a buffer with bytes of the file; errors are those of `read`."""
        if offset + len(buffer) > self.size_bytes:
            raise self._truncated(offset + len(buffer), self.size_bytes)
        got = 0
        try:
            while got < len(buffer) and (part := os.preadv(self._fd, [buffer[got:]], offset + got)):
                got += part
        except OSError as error:
            raise storage_error(error, "read", self.path) from error
        if got < len(buffer):
            raise self._truncated(offset + len(buffer), offset + got)

    def _truncated(self, wanted: int, got: int) -> TruncatedError:
        return TruncatedError(
            f"cannot read '{self.path}': it ends at {got}, not at {wanted} or later",
            where=self.path,
            wanted=wanted,
            got=got,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with storage_errors("close", self.path):
            os.close(self._fd)


class PackGoneError(StorageError):
    """A pack that was there is not any more: gc has folded it; look at the folder again."""


def read_outer_ids(file: PackFile, index: PackIndex, section: int) -> bytes:
    """Return the outer ids of a section, joined.

    Raises:
        TruncatedError: The pack ends before.
        StorageError: The system refused.
    """
    header, numbers = index.header, index.section(section)
    first, count = numbers[SECTION_FIRST_OUTER], numbers[SECTION_OUTER_COUNT]
    table = outer_ids_offset(header.directory_offset, header.frame_count, header.section_count)
    return file.read(table + first * OID_SIZE_BYTES, count * OID_SIZE_BYTES)
