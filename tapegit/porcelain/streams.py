"""Streams from outside and files for outside, in pieces."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Final

from tapegit.files.durable import TemporaryFile, fsync_dir
from tapegit.files.oserrors import storage_error

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import BinaryIO

_CHUNK_SIZE_BYTES: Final = 1 << 20


def iter_chunks(stream: BinaryIO, where: str) -> Iterator[bytes]:
    """Yield what is left of a stream, in pieces of at most 1 MiB.

    Raises:
        StorageError: It cannot be read; the message names `where`.
    """
    while True:
        try:
            chunk = stream.read(_CHUNK_SIZE_BYTES)
        except OSError as error:
            raise storage_error(error, "read", where) from error
        if not chunk:
            return
        yield chunk


def write_file(path: Path, parts: Iterable[bytes], *, mode: int) -> None:
    """Write a file that the user named, durably; one of that name is replaced when it is whole.

    Raises:
        StorageError: Its folder is missing, or it cannot be written.
    """
    if not path.parent.is_dir():
        error = OSError(errno.ENOENT, "no such folder")
        raise storage_error(error, "create", path)
    with TemporaryFile(path.parent, f".{path.name[:40]}", mode) as file:
        for part in parts:
            file.write(part)
        file.sync()
        file.replace(path)
    fsync_dir(path.parent)
