"""Streams from outside, in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.files.oserrors import storage_error

if TYPE_CHECKING:
    from collections.abc import Iterator
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
