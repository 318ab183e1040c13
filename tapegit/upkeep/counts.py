"""How many objects a store has, in what kind of files, and how much space they take.

Only listings and indexes are read, no object.

Source: tapes-count-objects(1).
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import TapesError
from tapegit.files.oserrors import storage_error
from tapegit.files.safe_read import map_file
from tapegit.formats.packindex import PackIndex
from tapegit.repository.layout import FANOUT_NAMES, OBJECTS_NAME, PACK_NAME
from tapegit.upkeep.inventory import list_pack_files

if TYPE_CHECKING:
    from pathlib import Path

    from tapegit.repository.repository import Repository

_LOOSE_NAME: Final = re.compile(r"[0-9a-f]{62}")


class Counts(NamedTuple):
    """What is in a store; sizes in bytes.

    Attributes:
        loose_count: Loose objects.
        loose_bytes: Their size.
        packed_count: Objects in packs; one in two packs counts twice.
        pack_count: Packs, cruft packs included.
        pack_bytes: Size of packs with all that lies beside them.
        packable_count: Loose objects that are in a pack too.
        garbage: Files that belong to no object and no pack.
        garbage_bytes: Their size.
    """

    loose_count: int
    loose_bytes: int
    packed_count: int
    pack_count: int
    pack_bytes: int
    packable_count: int
    garbage: list[Path]
    garbage_bytes: int


def count_objects(repository: Repository) -> Counts:
    """Return what is in a store.

    Raises:
        StorageError: A folder cannot be listed.
    """
    objects_dir = repository.root / OBJECTS_NAME
    pack_dir = repository.root / PACK_NAME
    indexes, packs, pack_bytes = [], 0, 0
    garbage: list[Path] = []
    for name, suffixes in list_pack_files(pack_dir).items():
        paths = [pack_dir / f"{name}{suffix}" for suffix in suffixes]
        if ".pack" not in suffixes:
            garbage += paths
            continue
        index = _open_index(pack_dir / f"{name}.idx")
        if index is None:
            garbage += paths
            continue
        indexes.append(index)
        packs += 1
        pack_bytes += sum(map(_size, paths))
    known = {f"{name}{end}" for name, ends in list_pack_files(pack_dir).items() for end in ends}
    garbage += [pack_dir / name for name in _names(pack_dir) if name not in known]
    entries = list(repository.objects.loose.iter_entries())
    for fanout in FANOUT_NAMES:
        folder = objects_dir / fanout
        garbage += [folder / n for n in _names(folder) if not _LOOSE_NAME.fullmatch(n)]
    packable = sum(any(i.find_position(e.oid) >= 0 for i in indexes) for e in entries)
    return Counts(
        len(entries),
        sum(entry.size_bytes for entry in entries),
        sum(index.object_count for index in indexes),
        packs,
        pack_bytes,
        packable,
        sorted(garbage),
        sum(map(_size, garbage)),
    )


def _open_index(path: Path) -> PackIndex | None:
    """Return an index, or None where it is missing or damaged: then its pack counts as garbage."""
    try:
        return PackIndex(map_file(path), where=path)
    except (FileNotFoundError, TapesError):
        return None


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise storage_error(error, "list", folder) from error


def _size(path: Path) -> int:
    try:
        return os.lstat(path).st_size
    except OSError:
        return 0  # gone in this instant
