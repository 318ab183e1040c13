"""What runs on a volume until its power is cut: commands, one after another, without end in sight.

Rules: a script is a list of steps, each one command with all its input ready before; the same
steps on a store elsewhere give the state that must hold once so many of them are acknowledged.
What commands read lies outside of the volume.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, NamedTuple

from tests.faults.scenarios import make_transcript, prepare_nothing, prepare_store, run_ok

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.hostile.zygote import Zygote


class Step(NamedTuple):
    """One command, run in the work folder of the volume; a source is copied to `path` before."""

    argv: tuple[str, ...]
    stdin: bytes = b""
    copy_from: Path | None = None
    copy_to: Path | None = None

    def prepare(self) -> None:
        """Put in its place what the command is to read."""
        if self.copy_from is not None and self.copy_to is not None:
            self.copy_to.write_bytes(self.copy_from.read_bytes())


class Script(NamedTuple):
    """A name, what the work folder holds before, and how to make the steps."""

    name: str
    prepare: Callable[[Zygote, Path], None]
    make_steps: Callable[[Zygote, Path], list[Step]]


def _session(number: int) -> str:
    return f"{number:08d}-5555"


def _order(text: str, tip: str, parent: str) -> bytes:
    return text.format(tip=tip, parent=parent).encode()


def _tip_and_parent(tapes: Zygote, sources: Path) -> tuple[str, str]:
    """Return two ids that `prepare_store` stores wherever it runs."""
    folder = sources / "model"
    folder.mkdir()
    prepare_store(tapes, folder)
    return (folder / "tip").read_text(), (folder / "parent").read_text().strip()


def hash_objects(tapes: Zygote, sources: Path) -> list[Step]:
    """Store one object after the other."""
    return [
        Step(("hash-object", "-w", "--stdin"), b"object %d " % n * (1 + n % 7 * 40))
        for n in range(120)
    ]


def imports(tapes: Zygote, sources: Path) -> list[Step]:
    """Import one transcript after the other."""
    steps = []
    for n in range(40):
        path = sources / f"{n}.jsonl"
        path.write_bytes(make_transcript(_session(n), 6 + n % 5, size=200 + n % 4 * 900))
        steps.append(Step(("import", str(path))))
    return steps


def growth(tapes: Zygote, sources: Path) -> list[Step]:
    """Import one transcript again and again while it grows."""
    steps = []
    for n in range(40):
        path = sources / f"{n}.part"
        path.write_bytes(make_transcript(_session(1), 2 + 2 * n))
        target = sources / "growing.jsonl"
        steps.append(Step(("import", str(target)), copy_from=path, copy_to=target))
    return steps


def update_refs_singly(tapes: Zygote, sources: Path) -> list[Step]:
    """Move a ref back and forth, and make new ones."""
    tip, parent = _tip_and_parent(tapes, sources)
    steps = []
    for n in range(60):
        steps.append(Step(("update-ref", "refs/heads/main", (parent, tip)[n % 2])))
        steps.append(Step(("update-ref", f"refs/heads/new/{n}", tip)))
    return steps


def update_refs_together(tapes: Zygote, sources: Path) -> list[Step]:
    """Move several refs in each transaction: all of them or none."""
    tip, parent = _tip_and_parent(tapes, sources)
    steps = [Step(("update-ref", "--stdin"), _order("create refs/heads/pair {tip}\n", tip, parent))]
    there, back = (
        "".join(f"update refs/heads/{name} {{{new}}} {{{old}}}\n" for name in ("main", "pair"))
        for new, old in (("parent", "tip"), ("tip", "parent"))
    )
    for n in range(80):
        orders = f"{(there, back)[n % 2]}create refs/heads/new/{n} {{tip}}\n"
        steps.append(Step(("update-ref", "--stdin"), _order(orders, tip, parent)))
    return steps


def pack_refs(tapes: Zygote, sources: Path) -> list[Step]:
    """Make a ref, put all into the one file, and again."""
    steps = []
    for step in update_refs_singly(tapes, sources):
        steps += (step, Step(("pack-refs", "--all")))
    return steps


def collect(tapes: Zygote, sources: Path) -> list[Step]:
    """Import and store, then clean up, and again."""
    steps = []
    for step in imports(tapes, sources)[:20]:
        steps += (step, Step(("hash-object", "-w", "--stdin"), b"loose %d" % len(steps) * 30))
        steps.append(Step(("gc",)))
    return steps


def repack(tapes: Zygote, sources: Path) -> list[Step]:
    """Import, then write all packs anew, and again."""
    steps = []
    for step in imports(tapes, sources)[:25]:
        steps += (step, Step(("repack", "-a", "-d")))
    return steps


def _others(tapes: Zygote, sources: Path) -> list[Path]:
    folders = []
    for n in range(30):
        other = sources / f"other{n}"
        other.mkdir()
        run_ok(tapes, other, "init")
        (other / "their.jsonl").write_bytes(make_transcript(_session(n), 6))
        run_ok(tapes, other, "import", "their.jsonl")
        folders.append(other)
    return folders


def index_packs(tapes: Zygote, sources: Path) -> list[Step]:
    """Take in packs of other stores."""
    steps = []
    for other in _others(tapes, sources):
        (pack,) = (other / ".tapes" / "objects" / "pack").glob("*.pack")
        steps.append(Step(("index-pack", "--stdin"), pack.read_bytes()))
    return steps


def unbundle(tapes: Zygote, sources: Path) -> list[Step]:
    """Take in bundles of other stores."""
    steps = []
    for other in _others(tapes, sources):
        run_ok(tapes, other, "bundle", "create", "their.bundle", "--all")
        steps.append(Step(("bundle", "unbundle", str(other / "their.bundle"))))
    return steps


def init(tapes: Zygote, sources: Path) -> list[Step]:
    """Make a store and put something in it: only the first step of a run can be cut early."""
    steps = [Step(("init",))]
    return steps + imports(tapes, sources)[:3] + hash_objects(tapes, sources)[:5]


def prepare_old(tapes: Zygote, folder: Path) -> None:
    """Make a store with an object that gc may drop."""
    prepare_store(tapes, folder)
    oid = run_ok(tapes, folder, "hash-object", "-w", "--stdin", stdin=b"forgotten " * 40).strip()
    stale = time.time() - 90 * 86_400
    os.utime(folder / ".tapes" / "objects" / oid[:2] / oid[2:], (stale, stale))


SCRIPTS = (
    Script("init", prepare_nothing, init),
    Script("hash-object", prepare_store, hash_objects),
    Script("import", prepare_store, imports),
    Script("import-growth", prepare_store, growth),
    Script("update-ref", prepare_store, update_refs_singly),
    Script("update-refs", prepare_store, update_refs_together),
    Script("pack-refs", prepare_store, pack_refs),
    Script("gc", prepare_old, collect),
    Script("repack", prepare_store, repack),
    Script("index-pack", prepare_store, index_packs),
    Script("unbundle", prepare_store, unbundle),
)
