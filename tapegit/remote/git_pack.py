"""Git packs as they are written: version 2, no deltas, any number of objects, one pass.

The number of objects stands at the head of a pack and its hash at the end, so objects go to a
file first, and the pack is what `iter_chunks` gives.

Source: gitformat-pack(5).
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from typing import TYPE_CHECKING, Final

from tapegit.files.oserrors import storage_errors
from tapegit.remote.mapping import GIT_BLOB, GIT_COMMIT, GIT_TREE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.files.durable import TemporaryFile
    from tapegit.remote.mapping import GitObject

_TYPES: Final = {GIT_COMMIT: 1, GIT_TREE: 2, GIT_BLOB: 3}
_LEVEL: Final = 1
_FRAME_SIZE_BYTES: Final = 12 + 20
_BUFFER_SIZE_BYTES: Final = 1 << 20
_CHUNK_SIZE_BYTES: Final = 1 << 20


class GitPack:
    """A pack that grows in a temporary file; each id goes in once."""

    def __init__(self, file: TemporaryFile) -> None:
        self._file = file
        self._buffer = bytearray()
        self._written: set[bytes] = set()

    @property
    def count(self) -> int:
        """How many objects are in it."""
        return len(self._written)

    @property
    def size_bytes(self) -> int:
        """How many bytes `iter_chunks` gives."""
        return _FRAME_SIZE_BYTES + self._file.size_bytes + len(self._buffer)

    def contains(self, git_id: bytes) -> bool:
        """Return whether the object is in it."""
        return git_id in self._written

    def add(self, made: GitObject) -> None:
        """Put an object in, unless it is there.

        Raises:
            StorageError: The disk is full, or any other failure.
        """
        if made.git_id in self._written:
            return
        self._written.add(made.git_id)
        self._buffer += _encode_head(_TYPES[made.kind], len(made.data))
        self._buffer += zlib.compress(made.data, _LEVEL)
        if len(self._buffer) >= _BUFFER_SIZE_BYTES:
            self._flush()

    def _flush(self) -> None:
        self._file.write(self._buffer)
        self._buffer = bytearray()

    def iter_chunks(self) -> Iterator[bytes]:
        """Yield the bytes of the pack.

        Raises:
            StorageError: The file cannot be read back.
        """
        self._flush()
        head = struct.pack(">4sII", b"PACK", 2, self.count)
        hasher = hashlib.sha1(head, usedforsecurity=False)
        yield head
        offset = 0
        while offset < self._file.size_bytes:
            with storage_errors("read", self._file.path):
                chunk = os.pread(self._file.fd, _CHUNK_SIZE_BYTES, offset)
            offset += len(chunk)
            hasher.update(chunk)
            yield chunk
        yield hasher.digest()


def _encode_head(type_number: int, size_bytes: int) -> bytes:
    """Return type and size: 4 bits of the size in the first byte, then 7 in each."""
    byte = type_number << 4 | size_bytes & 15
    size_bytes >>= 4
    head = bytearray()
    while size_bytes:
        head.append(byte | 0x80)
        byte = size_bytes & 0x7F
        size_bytes >>= 7
    head.append(byte)
    return bytes(head)
