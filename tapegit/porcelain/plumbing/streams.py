"""Streams from outside and files for outside, in pieces."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tapegit.errors import UserError
from tapegit.files import syscalls
from tapegit.files.durable import TemporaryFile, fsync_dir, write_all
from tapegit.files.oserrors import storage_error, storage_errors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
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


def write_output(name: str, parts: Iterable[bytes], *, store: Path) -> int:
    """Write what the user asked for to where they said; return how many bytes it was.

    A plain file is replaced when the new one is whole, and only its owner may read it; a link
    is followed. A pipe or a device is written to as it is.

    Args:
        name: The path.
        parts: What to write.
        store: The `.tapes` directory, which nothing is written into.

    Raises:
        UserError: The path leads into the store.
        StorageError: It cannot be written.
    """
    path = Path(os.path.realpath(name))
    if path.is_relative_to(os.path.realpath(store)):
        raise UserError(f"cannot write '{name}': it is inside the store")
    size_bytes = 0

    def counted() -> Iterator[bytes]:
        nonlocal size_bytes
        for part in parts:
            size_bytes += len(part)
            yield part

    if _is_special(path):
        _write_special(path, counted())
    else:
        write_file(path, counted(), mode=0o600)
    return size_bytes


def _is_special(path: Path) -> bool:
    try:
        return not stat.S_ISREG(os.stat(path).st_mode)
    except OSError:
        return False  # there is nothing, or creating it will tell


def _write_special(path: Path, parts: Iterable[bytes]) -> None:
    with storage_errors("open", path):
        fd = syscalls.open_special(path)
    try:
        for part in parts:
            with storage_errors("write", path):
                write_all(fd, part)
    finally:
        os.close(fd)
