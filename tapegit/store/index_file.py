"""The index of a pack as readers get it: from its file, or made in memory where there is none.

Source: tapesformat-packindex(5), "If lost".
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Final

from tapegit.errors import FormatError
from tapegit.files.safe_read import map_file, read_file
from tapegit.formats.packindex import PackIndex
from tapegit.store.pack_file import PackFile

if TYPE_CHECKING:
    from pathlib import Path

    from tapegit.store.index_builder import BuiltIndex

INDEX_SIZE_MAX_BYTES: Final = 1 << 38
_MAPPED_SIZE_MIN_BYTES: Final = 1 << 20
"""A mapping keeps a descriptor; an index is mapped only where reading it costs a multiple."""


def read_index(path: Path) -> PackIndex:
    """Return the index in a file, verified, and of the pack that its name says.

    Raises:
        FileNotFoundError: There is no such file.
        DataError: It is damaged, or of another pack.
        UnsafePathError: It is a link, a folder or a special file.
        StorageError: The system refused.
    """
    if _is_large(path):
        file = map_file(path)
    else:
        file = memoryview(read_file(path, size_max=INDEX_SIZE_MAX_BYTES))
    index = PackIndex(file, where=path)
    if f"pack-{index.header.pack_checksum.hex()}" != path.stem:
        raise FormatError(
            f"cannot read '{path}': it is the index of another pack",
            hint="run 'tapes index-pack' on the pack of this name",
            where=path,
        )
    return index


def _is_large(path: Path) -> bool:
    try:
        return os.lstat(path).st_size > _MAPPED_SIZE_MIN_BYTES
    except OSError:
        return False  # whoever reads it finds out why


def read_index_of(path: Path) -> PackIndex:
    """Return the index beside a pack; raises as `read_index`."""
    return read_index(path.with_suffix(".idx"))


def build_index_of(path: Path) -> PackIndex:
    """Return the index of a pack that has none, made in memory.

    Raises:
        PackGoneError: The pack is not there any more.
        DataError: It is damaged.
        StorageError: The system refused.
    """
    # Hardly any command meets such a pack, and each would wait for what only they need.
    builder = import_module("tapegit.store.index_builder")
    with PackFile(path) as file:
        built: BuiltIndex = builder.build_index(file)
    return PackIndex(memoryview(built.encode()), where=path)
