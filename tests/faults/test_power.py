"""Power that fails while commands run on ext4 and xfs: what was acknowledged is there after it.

Rules: a run starts from a copy of one image, so from a sound store; the cut comes at a random
moment; commands that had ended well by then are the acknowledged ones, and no machine without
power runs another. (What runs on meanwhile is not believed: xfs lets the sync of a folder
succeed once its log is shut down.) The volume is mounted anew, which replays the journal, and
is asked by real commands, without any repair. Some cases are also run with all syncs left out,
by a preloaded library, and must then be seen to fail.
"""

from __future__ import annotations

import os
import random
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.faults import shim, volume
from tests.faults.evidence import record
from tests.faults.matrix import EMPTY
from tests.faults.power_scripts import SCRIPTS, Script, Step
from tests.faults.scenarios import check_environment
from tests.faults.store_check import State, check_kept, check_sound, read_state

if TYPE_CHECKING:
    from tests.hostile.zygote import Zygote

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

RUNS = int(os.environ.get("TAPES_FAULTS_RUNS", "20"))
RUNS_WITHOUT_SYNC = 8
KINDS = ("ext4", "xfs")
WORK = "work"


class Outcome(NamedTuple):
    """How many commands were acknowledged before the cut, and what was wrong after it."""

    acknowledged: int
    wrong: list[str]


class Model:
    """A script, the states its steps lead to, and an image with the state before the first."""

    def __init__(self, tapes: Zygote, script: Script, kind: str, arena: Path) -> None:
        sources = arena / "sources"
        sources.mkdir()
        self.tapes = tapes
        self.steps = script.make_steps(tapes, sources)
        self.seconds = 0.0
        first = volume.Volume(kind, arena)
        first.make()
        try:
            folder = first.top / WORK
            folder.mkdir()
            script.prepare(tapes, folder)
            self.has_store = (folder / ".tapes").exists()
            os.sync()
            first.unmount()
            self.image = first.image.rename(arena / "before.img")
            self.volume = first
            self.states = self._play()
        finally:
            first.unmount()

    def _play(self) -> list[State]:
        """Run all steps without a cut; return the state before them and after each."""
        self.volume.copy_from(self.image)
        folder = self.volume.top / WORK
        states = [read_state(self.tapes, folder) if self.has_store else EMPTY]
        for step in self.steps:
            step.prepare()
            started = time.monotonic()
            result = run(self.tapes, step, folder)
            self.seconds += time.monotonic() - started
            assert result.code == 0, f"{step.argv}: {result.error}"
            states.append(read_state(self.tapes, folder))
        self.volume.unmount()
        return states

    def run(self, tapes: Zygote, at_s: float, extra_env: dict[str, str]) -> Outcome:
        """Run the steps on a copy of the image, cut the power, mount again and look."""
        self.volume.copy_from(self.image)
        folder = self.volume.top / WORK
        try:
            acknowledged, wrong = self._run_until_cut(tapes, folder, at_s, extra_env)
            self.volume.unmount()
            self.volume.mount()
            return Outcome(acknowledged, wrong + self._look(folder, acknowledged))
        finally:
            self.volume.unmount()

    def _run_until_cut(
        self, tapes: Zygote, folder: Path, at_s: float, extra_env: dict[str, str]
    ) -> tuple[int, list[str]]:
        is_cut = threading.Event()

        def cut() -> None:
            is_cut.set()
            self.volume.cut()

        clock = threading.Timer(at_s, cut)
        clock.start()
        acknowledged, wrong = 0, []
        for step in self.steps:
            step.prepare()
            result = run(tapes, step, folder, extra_env)
            if "Traceback" in result.error:
                wrong.append("traceback: " + result.error.strip().splitlines()[-1])
            if is_cut.is_set():
                break
            assert result.code == 0, f"{step.argv}: {result.error}"
            acknowledged += 1
        clock.join()
        return acknowledged, wrong

    def _look(self, folder: Path, acknowledged: int) -> list[str]:
        before = self.states[acknowledged]
        after = self.states[min(acknowledged + 1, len(self.steps))]
        try:
            if acknowledged or self.has_store:
                check_sound(self.tapes, folder)
                check_kept(read_state(self.tapes, folder), before, after, done=False)
            # And it goes on where it stopped, without any repair.
            for step in self.steps[acknowledged : acknowledged + 1]:
                step.prepare()
                result = run(self.tapes, step, folder)
                if result.code not in (0, 20):
                    return [f"again: {step.argv}: exit {result.code}: {result.error.strip()}"]
            check_sound(self.tapes, folder)
            check_kept(read_state(self.tapes, folder), before, after, done=True)
        except AssertionError as error:
            return [str(error)[:400]]
        return []


def run(tapes: Zygote, step: Step, folder: Path, extra_env: dict[str, str] | None = None):
    """Run one step in a folder."""
    return tapes.run(
        *step.argv,
        cwd=folder,
        stdin=step.stdin,
        env={**check_environment(), **(extra_env or {})},
        timeout_s=60,
    )


@pytest.fixture
def preloaded():
    """Give the process that runs `tapes` with the library in it that leaves syncs out."""
    with shim.start() as zygote:
        yield zygote


@pytest.fixture
def model(tapes, request):
    """Give the model of a script on a kind of file system."""
    script, kind = request.param
    reason = volume.reason_against(kind)
    if reason is not None:
        pytest.skip(f"{kind}: {reason}")
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    arena = Path(tempfile.mkdtemp(prefix="tapes-power-", dir=base))
    try:
        yield Model(tapes, script, kind, arena)
    finally:
        shutil.rmtree(arena)


CASES = [
    pytest.param((script, kind), id=f"{script.name}-{kind}") for script in SCRIPTS for kind in KINDS
]


@pytest.mark.parametrize("model", CASES, indirect=True)
def test_power_cut_loses_nothing_acknowledged(tapes, model, request):
    """Whenever it comes: what a command had said it did is done, and all else is as before."""
    name = request.node.callspec.id
    chance = random.Random(name)
    outcomes = [
        model.run(tapes, 0.02 + chance.random() * model.seconds * 0.8, {}) for _ in range(RUNS)
    ]
    bad = [outcome for outcome in outcomes if outcome.wrong]
    total = sum(outcome.acknowledged for outcome in outcomes)
    record(f"power {name}", len(outcomes), len(bad), f"{total} acknowledged, {len(bad)} lost")
    assert not bad


UNSAFE = [
    pytest.param((script, kind), id=f"{script.name}-{kind}")
    for script in SCRIPTS
    for kind in KINDS
    if script.name in {"hash-object", "import", "update-ref", "update-refs"}
]


@pytest.mark.parametrize("model", UNSAFE, indirect=True)
def test_power_cut_without_syncs_is_seen_to_lose(preloaded, model, request):
    """The method finds what it is to find: with all syncs left out, something is lost."""
    name = request.node.callspec.id
    chance = random.Random(name)
    lies = {"SYNC_SKIP": "fd", "FAULT_DIR": f"{model.volume.top}/"}
    bad = tried = 0
    while not bad and tried < RUNS_WITHOUT_SYNC:
        outcome = model.run(preloaded, model.seconds * (0.3 + 0.5 * chance.random()), lies)
        bad, tried = len(outcome.wrong), tried + 1
    record(f"power {name} without syncs", tried, int(bool(bad)), "meant to lose")
    assert bad
