"""Writers, a gc loop, an fsck loop and readers, on one store at the same time.

Every run of the tests has a small cast that plays for seconds; eight writers and two readers play
for a minute in `make faults`.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tapegit.objects.turn import decode_links
from tapegit.refs.names import RefName
from tapegit.repository.repository import Repository
from tests.builders import make_repo, make_tape

if TYPE_CHECKING:
    from tapegit.objects.oid import ObjectId

PROJECT = Path(__file__).parents[2]
RUNS_MIN = 3
"""How often everybody must have had its turn."""
LATER_S = 90
"""How much longer than planned they play on a slow machine, until everybody has."""

Cast = tuple[tuple[str, int], ...]


def make_cast(writers: int, readers: int) -> Cast:
    """Return so many of those that use the store."""
    return (
        *(("writer", number) for number in range(writers)),
        *(("reader", number) for number in range(readers)),
    )


FEW = make_cast(2, 2)
MANY = make_cast(8, 2)


class Play:
    """The processes that use one store, started together."""

    def __init__(self, arena: Path, cast: Cast) -> None:
        self._stop = arena / "stop"
        self._actors = []
        for role, number in cast:
            out = arena / f"{role}-{number}"
            out.touch()
            args = [role, str(arena / ".tapes"), str(number), str(self._stop), str(out)]
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.stress.actors", *args],
                cwd=PROJECT,
                stderr=subprocess.PIPE,
                env={**os.environ, "TAPES_DATE": ""},
            )
            self._actors.append((role, out, process))

    def notes(self) -> dict[str, list[list[dict]]]:
        """Return what each process has noted so far, by role."""
        found: dict[str, list[list[dict]]] = {}
        for role, out, _ in self._actors:
            lines = out.read_text().split("\n")[:-1]
            found.setdefault(role, []).append(list(map(json.loads, lines)))
        return found

    def perform(self, seconds: float) -> None:
        """Let them play, longer on a slow machine: until each has done something several times."""
        end, last = time.monotonic() + seconds, time.monotonic() + seconds + LATER_S
        while time.monotonic() < end or (time.monotonic() < last and not self._is_enough()):
            if any(process.poll() is not None for _, _, process in self._actors):
                break
            time.sleep(0.2)
        self._stop.touch()
        failures = []
        for role, _, process in self._actors:
            _, errors = process.communicate(timeout=60)
            if process.returncode:
                failures.append(f"{role}: {errors.decode()[-3000:]}")
        assert not failures, "\n".join(failures)

    def _is_enough(self) -> bool:
        return all(
            len(noted) >= RUNS_MIN
            for role, all_noted in self.notes().items()
            for noted in all_noted
            if role != "fsck"
        )


def run(arena: Path, cast: Cast, seconds: float, *, empties_trash: bool) -> None:
    """Let them play, with an fsck that may find what gc threw away, or without both."""
    root = arena / ".tapes"
    make_tape(make_repo(root), 1)
    (root / "config").write_text("[gc]\nauto = 0\n")
    upkeep: Cast = (("gc", 1),) if empties_trash else (("gc", 0), ("fsck", 0))
    play = Play(arena, (*cast, *upkeep))
    play.perform(seconds)
    check(root, play.notes())


def check(root: Path, notes: dict[str, list[list[dict]]]) -> None:
    """Check what everybody saw, and the store that is left."""
    counts = verify(root, [note for noted in notes["writer"] for note in noted])
    assert len(counts) == len(notes["writer"]) + 1
    (runs,) = notes["gc"]
    assert len(runs) >= RUNS_MIN, f"gc was starved: {runs}"
    removing = [note for note in runs if not note["report"]["locked_out"]]
    assert len(removing) * 2 >= len(runs), f"gc was locked out: {runs}"
    said = {line for noted in notes.get("fsck", []) for note in noted for line in note["lines"]}
    # A ref that moves while its log is read looks as if the two did not agree, which is no error.
    assert {line for line in said if not line.startswith("notice: the reflog of ")} == set()
    command = [sys.executable, "-m", "tapegit", "--tapes-dir", str(root), "fsck", "--full"]
    last = subprocess.run([*command, "--no-dangling"], capture_output=True, text=True, check=False)
    assert (last.returncode, last.stdout) == (0, "")
    assert os.listdir(root / "tmp") == []
    print(f"{sum(counts.values())} turns, {len(removing)} of {len(runs)} runs of gc removed")


def verify(root: Path, notes: list[dict]) -> Counter[str]:
    """Check that every turn that was acknowledged is on its tape; return how many each has."""
    repository = Repository.open(root)
    expected: dict[str, set[str]] = {}
    for note in notes:
        if note["did"] == "turn":
            expected.setdefault(note["ref"], set()).add(note["oid"])
    for name, oids in expected.items():
        tape = set()
        oid: ObjectId | None = repository.refs.read(RefName(name))
        while oid is not None:
            tape.add(str(oid))
            parents = decode_links(repository.objects.read(oid).data).parents
            oid = parents[0] if parents else None
        assert oids <= tape, f"{name} lost {len(oids - tape)} turns"
    return Counter({name: len(oids) for name, oids in expected.items()})


@pytest.fixture
def arena(tmp_path):
    """Give an empty folder in memory: many small syncs of one disk measure the disk."""
    base = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else tmp_path
    path = base / f"tapes-stress-{os.getpid()}"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir()
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_nothing_is_lost_while_gc_and_fsck_run(arena):
    """Every ref can be read at every instant, no object is lost, gc gets its turn, fsck is calm."""
    run(arena, FEW, 2, empties_trash=False)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_nothing_is_lost_also_when_the_trash_is_emptied_at_once(arena):
    """The same with no grace and no trash: the gate alone keeps what is being written."""
    run(arena, FEW, 2, empties_trash=True)


@pytest.mark.faults
@pytest.mark.timeout(700)
@pytest.mark.parametrize("empties_trash", [False, True])
def test_nothing_is_lost_in_a_minute(arena, empties_trash):
    """The same for 60 seconds."""
    run(arena, MANY, 60, empties_trash=empties_trash)
