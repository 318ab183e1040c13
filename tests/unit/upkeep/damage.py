"""Stores with something wrong in them, and what fsck says of them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tapegit.errors import TapesError
from tapegit.porcelain.maintenance.fsck import run_fsck, run_salvage
from tapegit.repository.repository import Repository
from tapegit.upkeep.fsck.fsck import FsckOptions
from tests.command import ACTOR, TIME_MS

if TYPE_CHECKING:
    from pathlib import Path

    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.maintenance.fsck import FsckResult

FULL = FsckOptions(full=True)


def reopen(root: Path) -> Repository:
    """Open a store as a new process would."""
    return Repository.open(root, clock=lambda: TIME_MS, actor=ACTOR)


def check(root: Path, options: FsckOptions = FULL) -> FsckResult:
    """Check a store."""
    return run_fsck(reopen(root), options)


def repair(root: Path) -> FsckResult:
    """Check a store and salvage what is damaged."""
    return run_salvage(reopen(root), FULL)


def labels(result: FsckResult) -> list[str]:
    """Return the sorts of findings, each once, without notices and what is only unneeded."""
    quiet = ("notice", "dangling", "unreachable")
    return sorted({f.label for f in result.findings if f.label not in quiet})


def ids(result: FsckResult, *wanted: str) -> set[ObjectId]:
    """Return the ids of the findings of some sorts."""
    return {f.oid for f in result.findings if f.label in wanted}


def overwrite(path: Path, data: bytes) -> None:
    """Change a file of a store behind its back."""
    if path.exists():
        path.chmod(0o600)
    path.write_bytes(data)


def flip(path: Path, offset: int, mask: int = 0x01) -> None:
    """Change one byte of a file."""
    data = bytearray(path.read_bytes())
    data[offset] ^= mask
    overwrite(path, bytes(data))


def find_readable(root: Path, oids: set[ObjectId]) -> set[ObjectId]:
    """Return which of some objects a reader gets; what it does not get is a named error."""
    objects = reopen(root).objects
    readable = set()
    for oid in oids:
        try:
            found = objects.find(oid)
        except TapesError:
            continue
        if found is not None:
            readable.add(oid)
    return readable


def find_pack(root: Path, ending: str = ".pack") -> Path:
    """Return the file of the only pack."""
    (name,) = [n for n in os.listdir(root / "objects/pack") if n.endswith(ending)]
    return root / "objects/pack" / name
