"""The folder of packs as fsck opens it: packs that can be worked with, and what is wrong.

Source: tapesmaintenance(7), "Fsck".
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from tapegit.errors import StorageError, TapesError, UnsafePathError
from tapegit.files.oserrors import storage_error
from tapegit.formats.packindex import PackIndex
from tapegit.repository.layout import PACK_NAME
from tapegit.store.index_builder import build_index
from tapegit.store.pack_file import PackFile, PackGoneError
from tapegit.upkeep.fsck.findings import CORRUPT, NOTICE, Finding
from tapegit.upkeep.fsck.packcheck import CheckedPack, describe, iter_pack_damage, open_index
from tapegit.upkeep.inventory import read_cruft_times

if TYPE_CHECKING:
    from pathlib import Path

    from tapegit.repository.repository import Repository

_NAME: Final = re.compile(r"(pack-[0-9a-f]{64})\.(pack|idx)", re.ASCII)


class PackFolder:
    """What was found in the folder.

    Attributes:
        packs: The packs that can be worked with, by name.
        findings: What is wrong.
        broken_indexes: Names of packs whose index is missing or damaged.
        unusable: Names of packs of which neither the file nor the index is any good.
    """

    def __init__(self) -> None:
        self.packs: list[CheckedPack] = []
        self.findings: list[Finding] = []
        self.broken_indexes: list[str] = []
        self.unusable: list[str] = []


def open_packs(repository: Repository, *, full: bool) -> PackFolder:
    """Open every pack of a store.

    Args:
        repository: The store.
        full: Verify the checksum of each pack.

    Raises:
        StorageError: The folder cannot be read.
    """
    folder = PackFolder()
    path = repository.root / PACK_NAME
    names = _list_names(path)
    for name in sorted(names["idx"] - names["pack"]):
        what = f"'{name}.idx' has no pack, and is passed over"
        folder.findings.append(Finding(NOTICE, what, where=f"{PACK_NAME}/{name}.idx"))
    for name in sorted(names["pack"]):
        pack = _open_pack(path / f"{name}.pack", folder, repository)
        if pack is not None:
            _check_file(pack, folder, full=full)
            _check_cruft(pack, folder)
            folder.packs.append(pack)
    return folder


def _list_names(pack_dir: Path) -> dict[str, set[str]]:
    """Return the names of all packs and of all indexes, `pack-<checksum>`, by their ending."""
    names: dict[str, set[str]] = {"pack": set(), "idx": set()}
    try:
        found = os.listdir(pack_dir)
    except FileNotFoundError:
        return names
    except OSError as error:
        raise storage_error(error, "list", pack_dir) from error
    for name in found:
        if match := _NAME.fullmatch(name):
            names[match[2]].add(match[1])
    return names


def _open_pack(path: Path, folder: PackFolder, repository: Repository) -> CheckedPack | None:
    name, index_path = path.stem, path.with_suffix(".idx")
    try:
        return CheckedPack(path, open_index(index_path, name))
    except FileNotFoundError:
        where = f"{PACK_NAME}/{path.name}"
        folder.findings.append(Finding(NOTICE, f"'{name}.pack' has no index", where=where))
    except TapesError as error:
        folder.findings.append(_corrupt(index_path, error))
    folder.broken_indexes.append(name)
    try:
        with PackFile(path) as file:
            built = build_index(file, find_facts=repository.objects.find_facts)
    except PackGoneError:
        folder.broken_indexes.pop()
        folder.findings.pop()
        return None
    except (StorageError, UnsafePathError) as error:
        # Not known to be damaged: nothing that salvage should touch.
        folder.broken_indexes.pop()
        folder.findings.append(_corrupt(path, error))
        return None
    except TapesError as error:
        what = f"{describe(error, path)}, and there is no index to read it by"
        where = f"{PACK_NAME}/{path.name}"
        folder.findings.append(Finding(CORRUPT, what, where=where, in_pack=True))
        folder.unusable.append(name)
        return None
    return CheckedPack(path, PackIndex(memoryview(built.encode()), where=index_path))


def _check_file(pack: CheckedPack, folder: PackFolder, *, full: bool) -> None:
    try:
        damage = list(iter_pack_damage(pack, full=full))
    except PackGoneError:
        return  # whoever reads its frames finds out, and looks again
    except (StorageError, UnsafePathError) as error:
        pack.is_unreadable = True
        folder.findings.append(_corrupt(pack.path, error))
        return
    for what in damage:
        pack.is_damaged = True
        where = f"{PACK_NAME}/{pack.path.name}"
        folder.findings.append(Finding(CORRUPT, what, where=where, in_pack=True))


def _check_cruft(pack: CheckedPack, folder: PackFolder) -> None:
    """Report a damaged cruft file: nothing else reads it but gc, which then stops."""
    path = pack.path.with_suffix(".cruft")
    try:
        read_cruft_times(path, pack.index)
    except TapesError as error:
        where = f"{PACK_NAME}/{path.name}"
        folder.findings.append(Finding(CORRUPT, describe(error, path), where=where, in_pack=True))


def _corrupt(path: Path, error: TapesError) -> Finding:
    where = f"{PACK_NAME}/{path.name}"
    return Finding(CORRUPT, describe(error, path), where=where, in_pack=True)
