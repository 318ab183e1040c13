"""A small store with a file of every kind, and what reading it whole prints."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, NamedTuple

from tapegit.objects.kind import Kind
from tests.builders import make_repo, make_tape, set_ref, write_bytes, write_tag, write_turn
from tests.command import Runner, run_here

if TYPE_CHECKING:
    from pathlib import Path

    from tests.command import Result

COMMANDS: dict[str, tuple[str, ...]] = {
    "log": ("log", "--all", "--json"),
    "log-oneline": ("log", "--oneline", "--graph", "side"),
    "show": ("show", "--json", "main"),
    "raw": ("show", "--raw", "side"),
    "rev-parse": ("rev-parse", "HEAD", "main~2", "v1^{turn}", "main@{1}", "side#2"),
    "rev-list": ("rev-list", "--all", "--objects"),
    "merge-base": ("merge-base", "--all", "main", "side"),
    "batch": ("cat-file", "--batch-all-objects", "--batch"),
    "batch-check": ("cat-file", "--batch-all-objects", "--batch-check"),
    "show-ref": ("show-ref", "--head", "--dereference"),
    "status": ("status", "--json"),
    "for-each-ref": ("for-each-ref", "--format", "%(refname) %(objectname) %(*objectname)"),
    "reflog": ("reflog", "show", "main"),
    "fsck": ("fsck",),
    "fsck-full": ("fsck", "--full"),
}
CHECKS = ("fsck", "fsck-full")


def build_store(root: Path) -> None:
    """Make a store: packs with and without cruft, loose objects, refs of every form, reflogs."""
    tapes = Runner(run_here, root.parent)
    repository = make_repo(root)
    turns = make_tape(repository, 5)
    side = make_tape(repository, 2, name="refs/heads/side", start=turns[1], label="side")
    request = {"messages": [f"{n} " + "word " * 20 for n in range(60)]}
    rope = write_bytes(repository, json.dumps(request).encode())
    long = write_turn(repository, "with a rope", parents=(side[-1],), raw=(rope,))
    set_ref(repository, "refs/heads/side", long)
    set_ref(repository, "refs/tags/v1", write_tag(repository, turns[3]))
    write_turn(repository, "nobody needs this")
    tapes("gc", "--quiet")
    tapes("repack", "--cruft", "-d", "-q")
    tapes("pack-refs", "--all")
    # What gc put into the trash would be taken back where a copy is damaged: not here.
    shutil.rmtree(root / "trash")
    (root / "trash").mkdir(mode=0o700)
    # After the packs: what is loose, and refs with files of their own.
    tip = make_tape(repository, 2, start=turns[-1], label="later")[-1]
    set_ref(repository, "refs/sessions/claude-code/0b5a/file/main", tip)
    write_bytes(repository, b"loose and unneeded\n")
    (root / "LATEST").write_bytes(b"ref: refs/sessions/claude-code/0b5a/file/main\n")
    tapes("config", "gc.auto", "2000")


class Outcome(NamedTuple):
    """How one command ended."""

    code: int
    out: bytes
    err: str


def read_all(root: Path, names: tuple[str, ...] = tuple(COMMANDS)) -> dict[str, Outcome]:
    """Run every command that reads."""
    tapes = Runner(run_here, root.parent)
    return {name: _outcome(tapes(*COMMANDS[name], code=None)) for name in names}


def _outcome(result: Result) -> Outcome:
    return Outcome(result.code, result.data, result.err)


def split_batch(data: bytes) -> list[tuple[bytes, bytes]]:
    """Return header and data of each object that `cat-file --batch` printed."""
    found = []
    at = 0
    while at < len(data):
        end = data.index(b"\n", at)
        header = data[at:end]
        size = int(header.rsplit(b" ", 1)[1]) if header.split(b" ")[1] in KINDS else -1
        found.append((header, data[end + 1 : end + 1 + size] if size >= 0 else b""))
        at = end + 1 + (size + 1 if size >= 0 else 0)
    return found


KINDS = tuple(kind.value.encode() for kind in Kind)


def list_files(root: Path) -> list[str]:
    """Return every file of a store, below its root."""
    found = []
    for folder, _, names in os.walk(root):
        found += [os.path.relpath(os.path.join(folder, name), root) for name in names]
    return sorted(found)
