"""The folder of packs as fsck opens it: packs that can be worked with, and what is wrong.

Source: tapesmaintenance(7), "Fsck".
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from tapegit.errors import DataError, TapesError
from tapegit.files.oserrors import storage_error
from tapegit.formats.packindex import PackIndex
from tapegit.repository.layout import PACK_NAME
from tapegit.store.index_builder import build_index
from tapegit.store.pack_file import PackFile, PackGoneError
from tapegit.upkeep.findings import CORRUPT, NOTICE, Finding
from tapegit.upkeep.inventory import read_cruft_times
from tapegit.upkeep.packcheck import CheckedPack, describe, iter_pack_damage, open_index

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
    for name in list_packs(path):
        pack = _open_pack(path / f"{name}.pack", folder, repository)
        if pack is not None:
            _check_file(pack, folder, full=full)
            _check_cruft(pack, folder)
            folder.packs.append(pack)
    return folder


def list_packs(pack_dir: Path) -> list[str]:
    """Return the names of all packs, `pack-<checksum>`, ascending.

    Raises:
        StorageError: The folder cannot be read.
    """
    try:
        found = os.listdir(pack_dir)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise storage_error(error, "list", pack_dir) from error
    matches = (_NAME.fullmatch(name) for name in found)
    return sorted(match[1] for match in matches if match and match[2] == "pack")


def _open_pack(path: Path, folder: PackFolder, repository: Repository) -> CheckedPack | None:
    name, index_path = path.stem, path.with_suffix(".idx")
    try:
        return CheckedPack(path, open_index(index_path, name))
    except FileNotFoundError:
        folder.findings.append(Finding(NOTICE, f"'{name}.pack' has no index", where=str(path)))
    except TapesError as error:
        what = describe(error, index_path)
        where = f"{PACK_NAME}/{index_path.name}"
        folder.findings.append(Finding(CORRUPT, what, where=where, in_pack=True))
    folder.broken_indexes.append(name)
    try:
        with PackFile(path) as file:
            built = build_index(file, find_facts=repository.objects.find_facts)
    except PackGoneError:
        folder.broken_indexes.pop()
        return None
    except TapesError as error:
        what = f"{describe(error, path)}, and there is no index to read it by"
        where = f"{PACK_NAME}/{path.name}"
        folder.findings.append(Finding(CORRUPT, what, where=where, in_pack=True))
        folder.unusable.append(name)
        return None
    pack = CheckedPack(path, PackIndex(memoryview(built.encode()), where=index_path))
    pack.is_index_damaged = True
    return pack


def _check_file(pack: CheckedPack, folder: PackFolder, *, full: bool) -> None:
    try:
        damage = list(iter_pack_damage(pack, full=full))
    except PackGoneError:
        return  # whoever reads its frames finds out, and looks again
    except DataError as error:
        damage = [describe(error, pack.path)]
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
