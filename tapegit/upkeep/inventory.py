"""What files of objects a store has at one moment: packs with what lies beside them, loose files.

Rules: an index is verified when it is opened, and a pack that has another size than its index
says is an error: gc works with what it can rely on or not at all. For a pack without index one
is made in memory; an index without pack is nobody's.

Source: tapesmaintenance(7), "How gc works".
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import IntegrityError, UnsafePathError
from tapegit.files.oserrors import storage_error
from tapegit.files.safe_read import map_file, read_file
from tapegit.formats.cruft import cruft_size, decode_cruft
from tapegit.formats.packindex import PackIndex
from tapegit.repository.layout import PACK_NAME, TMP_NAME
from tapegit.store.index_builder import build_index
from tapegit.store.pack_file import PackFile
from tapegit.upkeep.packview import PackView

if TYPE_CHECKING:
    from array import array
    from collections.abc import Iterable
    from pathlib import Path

    from tapegit.store.loose import LooseEntry, LooseSource

_FOLDERS: Final = ("objects", PACK_NAME, "trash", TMP_NAME, "locks")
_PACK_FILE: Final = re.compile(r"(pack-[0-9a-f]{64})(\.pack|\.idx|\.cruft|\.keep)")


class PackEntry(NamedTuple):
    """A pack as gc sees it.

    `mtime_ms` is the time of its file; `cruft_times` are the times of its objects by ordinal,
    in ms, where it is a cruft pack.
    """

    view: PackView
    mtime_ms: int
    is_kept: bool
    cruft_times: array[int] | None

    @property
    def is_cruft(self) -> bool:
        """Whether it holds what nothing needed when gc looked."""
        return self.cruft_times is not None


class Inventory(NamedTuple):
    """The packs, kept ones first and cruft packs last, and the loose objects by id."""

    packs: list[PackEntry]
    loose: list[LooseEntry]

    @property
    def cruft_places(self) -> list[int]:
        """Which of the packs are cruft packs that may be replaced."""
        return [n for n, pack in enumerate(self.packs) if pack.is_cruft and not pack.is_kept]


def read_inventory(root: Path, loose: LooseSource) -> Inventory:
    """Return what a store has now.

    Raises:
        DataError: An index or a cruft file is damaged, or a pack is cut short.
        StorageError: A file or folder cannot be read.
    """
    pack_dir = root / PACK_NAME
    names = list_pack_files(pack_dir)
    packs = [
        _open_pack(pack_dir, name, suffixes)
        for name, suffixes in names.items()
        if ".pack" in suffixes
    ]
    packs.sort(key=_order)
    return Inventory(packs, list(loose.iter_entries()))


def verify_folders(root: Path) -> None:
    """Refuse a store in which a folder that gc moves or deletes files in is a link.

    Raises:
        UnsafePathError: One is.
    """
    for name in _FOLDERS:
        path = root / name
        if path.is_symlink():
            raise UnsafePathError(
                f"cannot use '{path}': it is a link, not a folder",
                hint="a store has no links in it; remove it, or copy the store again",
                path=path,
            )


def list_pack_files(pack_dir: Path) -> dict[str, set[str]]:
    """Return the endings of the files of each pack, by `pack-<checksum>`, sorted by name.

    Raises:
        StorageError: The folder cannot be listed.
    """
    found: dict[str, set[str]] = {}
    try:
        names = sorted(os.listdir(pack_dir))
    except FileNotFoundError:
        return found
    except OSError as error:
        raise storage_error(error, "list", pack_dir) from error
    for name in names:
        if match := _PACK_FILE.fullmatch(name):
            found.setdefault(match[1], set()).add(match[2])
    return found


def _order(pack: PackEntry) -> tuple[bool, bool, int, str]:
    # The first copy of an object speaks for it: the one that stays, and not a cruft pack's.
    return not pack.is_kept, pack.is_cruft, pack.mtime_ms, pack.view.path.name


def _open_pack(pack_dir: Path, name: str, suffixes: Iterable[str]) -> PackEntry:
    path = pack_dir / f"{name}.pack"
    index = _open_index(path)
    try:
        status = os.lstat(path)
    except OSError as error:
        raise storage_error(error, "read", path) from error
    checksum = index.header.pack_checksum
    if checksum.hex() != name.removeprefix("pack-") or status.st_size != index.header.pack_size:
        raise IntegrityError(
            f"cannot use '{path}': it and its index do not fit together",
            hint="run 'tapes fsck --full'",
            where=path,
        )
    times = None
    if ".cruft" in suffixes:
        times = read_cruft_times(pack_dir / f"{name}.cruft", index)
    mtime_ms = status.st_mtime_ns // 1_000_000
    return PackEntry(PackView(path, index), mtime_ms, ".keep" in suffixes, times)


def _open_index(path: Path) -> PackIndex:
    index_path = path.with_suffix(".idx")
    try:
        return PackIndex(map_file(index_path), where=index_path)
    except FileNotFoundError:
        with PackFile(path) as file:
            return PackIndex(memoryview(build_index(file).encode()), where=path)


def read_cruft_times(path: Path, index: PackIndex) -> array[int] | None:
    """Return the times of a pack's objects by ordinal, or None where it has no cruft file.

    Raises:
        DataError: The file is damaged or of another pack.
        TapesError: It cannot be read.
    """
    count, checksum = index.object_count, index.header.pack_checksum
    try:
        data = read_file(path, size_max=cruft_size(count) + 1)
    except FileNotFoundError:
        return None
    return decode_cruft(data, pack_checksum=checksum, count=count, where=path)
