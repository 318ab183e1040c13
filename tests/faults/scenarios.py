"""The commands of the matrix, each with the store it starts from.

Rules: a scenario's folder is made once by the real commands and copied for every run; it holds
`.tapes` and whatever the command reads. A scenario is deterministic: the same copy and the same
command end in the same refs and objects.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from typing import TYPE_CHECKING, NamedTuple

from tests.faults.store_check import HEX_ID

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.hostile.zygote import Zygote

    Prepare = Callable[[Zygote, Path], None]

GC_CONFIG = "[gc]\nauto = 0\n"


class Scenario(NamedTuple):
    """A command and the folder it starts from.

    `argv` may hold `{name}`: the text of the file `name` of the folder, stripped. `stdin` names a
    file of the folder. `makes_store` is true for the one command that starts without a store.
    """

    name: str
    argv: tuple[str, ...]
    prepare: Prepare
    stdin: str | None = None
    makes_store: bool = False

    def command(self, folder: Path) -> list[str]:
        """Return the arguments for one folder."""
        return [_fill(word, folder) for word in self.argv]


def _fill(word: str, folder: Path) -> str:
    if word.startswith("{") and word.endswith("}"):
        return (folder / word[1:-1]).read_text().strip()
    return word


def make_transcript(session: str, messages: int, *, size: int = 300) -> bytes:
    """Return a small Claude Code transcript of alternating messages."""
    lines = []
    parent = None
    for n in range(messages):
        uuid = f"{session}-4000-a000-{n:012d}"
        record: dict[str, object] = {
            "parentUuid": parent,
            "isSidechain": False,
            "cwd": "/home/dev/project",
            "sessionId": f"{session}-4000-a000-000000000000",
            "version": "2.1.12",
        }
        text = f"message {n} of {session} " + f"word{n} " * (size // 7)
        if n % 2:
            record |= {
                "type": "assistant",
                "message": {
                    "model": "model-1",
                    "id": f"msg_{session}_{n}",
                    "type": "message",
                    "role": "assistant",
                    "content": [{"type": "text", "text": text}],
                    "usage": {"input_tokens": n, "output_tokens": 2},
                },
            }
        else:
            record |= {"type": "user", "message": {"role": "user", "content": text}}
        record |= {"uuid": uuid, "timestamp": f"2026-01-05T08:{n // 60 % 60:02d}:{n % 60:02d}.000Z"}
        lines.append(json.dumps(record, separators=(",", ":")).encode() + b"\n")
        parent = uuid
    return b"".join(lines)


def run_ok(tapes: Zygote, folder: Path, *argv: str, stdin: bytes = b"") -> str:
    """Run a command that must succeed and return its output."""
    result = tapes.run(*argv, cwd=folder, stdin=stdin, env=check_environment(), timeout_s=60)
    assert result.code == 0, f"{argv}: {result.code} {result.error}"
    return result.out.decode()


def check_environment() -> dict[str, str]:
    """Return the environment in which stores are made and checked."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "TAPES_ACTOR": "faults",
        "TAPES_DATE": "1760000000000",
    }


def prepare_nothing(tapes: Zygote, folder: Path) -> None:
    """Leave the folder empty."""


def prepare_store(tapes: Zygote, folder: Path) -> None:
    """Make a store with one imported session, some loose objects, a branch and a tag."""
    run_ok(tapes, folder, "init")
    (folder / ".tapes" / "config").write_text(GC_CONFIG)
    (folder / "first.jsonl").write_bytes(make_transcript("11111111-1111", 8))
    run_ok(tapes, folder, "import", "first.jsonl")
    tips = HEX_ID.findall(run_ok(tapes, folder, "for-each-ref", "--format=%(objectname)"))
    (folder / "tip").write_text(tips[0])
    run_ok(tapes, folder, "update-ref", "refs/heads/main", tips[0])
    (folder / "parent").write_text(run_ok(tapes, folder, "rev-parse", "refs/heads/main~1"))
    for n in range(4):
        run_ok(tapes, folder, "hash-object", "-w", "--stdin", stdin=b"loose %d" % n * 50)


def prepare_import(tapes: Zygote, folder: Path) -> None:
    """Add a file not yet imported."""
    prepare_store(tapes, folder)
    (folder / "second.jsonl").write_bytes(make_transcript("22222222-2222", 12, size=3000))


def prepare_growth(tapes: Zygote, folder: Path) -> None:
    """Let the imported file have grown."""
    prepare_store(tapes, folder)
    (folder / "first.jsonl").write_bytes(make_transcript("11111111-1111", 14))


def prepare_many_refs(tapes: Zygote, folder: Path) -> None:
    """Write the orders for a transaction over several refs."""
    prepare_store(tapes, folder)
    tip, parent = (folder / "tip").read_text(), (folder / "parent").read_text().strip()
    run_ok(tapes, folder, "update-ref", "refs/heads/old", tip)
    orders = [f"update refs/heads/main {parent} {tip}", f"delete refs/heads/old {tip}"]
    orders += [f"create refs/heads/topic/{n} {tip}" for n in range(3)]
    (folder / "orders").write_text("".join(f"{order}\n" for order in orders))


def prepare_packs(tapes: Zygote, folder: Path) -> None:
    """Make several packs, loose objects, and objects that nothing needs, old and new."""
    prepare_store(tapes, folder)
    for n in range(3):
        path = folder / f"more-{n}.jsonl"
        path.write_bytes(make_transcript(f"3333333{n}-3333", 6))
        run_ok(tapes, folder, "import", path.name)
    old = HEX_ID.findall(
        run_ok(tapes, folder, "hash-object", "-w", "--stdin", stdin=b"forgotten " * 40)
    )[0]
    stale = time.time() - 90 * 86_400
    os.utime(folder / ".tapes" / "objects" / old[:2] / old[2:], (stale, stale))


def prepare_pack_file(tapes: Zygote, folder: Path) -> None:
    """Put a pack made by another store beside this one."""
    other = folder / "other"
    other.mkdir()
    prepare_store(tapes, folder)
    run_ok(tapes, other, "init")
    (other / "their.jsonl").write_bytes(make_transcript("44444444-4444", 10))
    run_ok(tapes, other, "import", "their.jsonl")
    pack = next((other / ".tapes" / "objects" / "pack").glob("*.pack"))
    shutil.copy(pack, folder / "incoming.pack")
    shutil.rmtree(other)


def prepare_bundle(tapes: Zygote, folder: Path) -> None:
    """Put a bundle made by another store beside this one."""
    other = folder / "other"
    other.mkdir()
    prepare_store(tapes, folder)
    run_ok(tapes, other, "init")
    (other / "their.jsonl").write_bytes(make_transcript("44444444-4444", 10))
    run_ok(tapes, other, "import", "their.jsonl")
    run_ok(tapes, other, "bundle", "create", "../their.bundle", "--all")
    shutil.rmtree(other)


SCENARIOS = (
    Scenario("init", ("init",), prepare_nothing, makes_store=True),
    Scenario("hash-object", ("hash-object", "-w", "first.jsonl"), prepare_store),
    Scenario("import", ("import", "second.jsonl"), prepare_import),
    Scenario("import-growth", ("import", "first.jsonl"), prepare_growth),
    Scenario("update-ref", ("update-ref", "refs/heads/main", "{parent}", "{tip}"), prepare_store),
    Scenario("update-refs", ("update-ref", "--stdin"), prepare_many_refs, stdin="orders"),
    Scenario("pack-refs", ("pack-refs", "--all"), prepare_many_refs),
    Scenario("gc", ("gc",), prepare_packs),
    Scenario("repack", ("repack", "-a", "-d"), prepare_packs),
    Scenario("index-pack", ("index-pack", "--stdin"), prepare_pack_file, stdin="incoming.pack"),
    Scenario("unbundle", ("bundle", "unbundle", "their.bundle"), prepare_bundle),
)


class Workbench:
    """Makes copies of a scenario's folder and knows how the command ends without a fault."""

    def __init__(self, tapes: Zygote, scenario: Scenario, arena: Path) -> None:
        self.tapes = tapes
        self.scenario = scenario
        self._arena = arena
        self._template = arena / "template"
        self._template.mkdir()
        scenario.prepare(tapes, self._template)
        self._count = 0

    def copy(self) -> Path:
        """Return a fresh copy of the folder; the path is equally long every time."""
        self._count += 1
        target = self._arena / f"run{self._count:05d}"
        shutil.copytree(self._template, target, symlinks=True)
        return target

    def drop(self, folder: Path) -> None:
        """Remove a copy."""
        shutil.rmtree(folder)
