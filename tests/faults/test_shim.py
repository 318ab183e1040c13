"""Writes that store a part, and syncs that fail: by a preloaded library, without root or strace.

Rules: the numbers of the faulty calls go up until a run no longer meets one, so that every call
is tried, whatever the command does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.faults import shim
from tests.faults.evidence import record
from tests.faults.matrix import EMPTY, STRIDE, describe, judge
from tests.faults.scenarios import SCENARIOS, Scenario, Workbench, check_environment
from tests.faults.store_check import read_state
from tests.faults.strace import Run

if TYPE_CHECKING:
    from tests.hostile.zygote import Zygote

pytestmark = [pytest.mark.faults, pytest.mark.timeout(3600)]

FAULTS = ("FULL_AT", "SYNC_FAIL")
SIZES = ("1", "7", "100")
CALLS_MAX = 2000


@pytest.fixture(scope="session")
def preloaded():
    """Give the process that runs `tapes` with the library in it."""
    with shim.start() as zygote:
        yield zygote


class Shimmed:
    """A scenario, run with faults by the library."""

    def __init__(self, tapes: Zygote, preloaded: Zygote, scenario: Scenario, arena) -> None:
        self.bench = Workbench(tapes, scenario, arena)
        self.tapes = tapes
        self.preloaded = preloaded
        folder = self.bench.copy()
        self.before = EMPTY if scenario.makes_store else read_state(tapes, folder)
        assert self.run(folder).code == 0
        self.after = read_state(tapes, folder)
        self.bench.drop(folder)

    def run(self, folder, **faults: str) -> Run:
        """Run the command in a folder with these faults."""
        scenario = self.bench.scenario
        result = self.preloaded.run(
            *scenario.command(folder),
            cwd=folder,
            stdin=(folder / scenario.stdin).read_bytes() if scenario.stdin else b"",
            env={**check_environment(), "FAULT_DIR": f"{folder}/", **faults},
            timeout_s=60,
        )
        return Run(result.code, result.out.decode(), result.error, "")

    def count_writes(self) -> int:
        """Return how many writes a run makes below its folder."""
        folder = self.bench.copy()
        counts = folder.parent / "counts"
        self.run(folder, FAULT_COUNT=str(counts))
        self.bench.drop(folder)
        return int(counts.read_text().split()[0])

    def judge(self, folder, run: Run) -> list[str]:
        """Return all that is wrong after a run; the folder is used up."""
        found = judge(self.bench, folder, run, self.before, self.after)
        self.bench.drop(folder)
        return found


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_half_a_write_or_a_failed_sync_keeps_the_store(tapes, preloaded, arena, scenario, fault):
    """From the n-th write on the disk is full, or the n-th sync fails: nothing old is lost."""
    case = Shimmed(tapes, preloaded, scenario, arena)
    verdicts = {}
    for number in range(1, CALLS_MAX, STRIDE):
        folder = case.bench.copy()
        run = case.run(folder, **{fault: str(number)})
        verdicts[f"{fault}={number}"] = case.judge(folder, run)
        if run.code == 0:
            break
    bad = sum(bool(sentences) for sentences in verdicts.values())
    record(f"{scenario.name} {fault}", len(verdicts), bad)
    assert len(verdicts) > 1, "no call was met"
    assert not bad, describe(verdicts)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_short_writes_go_on_where_they_stopped(tapes, preloaded, arena, scenario, size):
    """A system that takes a few bytes at a time gets all of them: the result is the same."""
    case = Shimmed(tapes, preloaded, scenario, arena)
    folder = case.bench.copy()
    run = case.run(folder, SHORT_MAX=size)
    found = case.judge(folder, run)
    if run.code != 0:
        found.append(f"exit {run.code}: {run.err}")
    record(f"{scenario.name} writes of {size}", 1, int(bool(found)))
    assert not found


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_each_write_cut_short_is_made_whole(tapes, preloaded, arena, scenario):
    """The n-th write stores half of its bytes and says so: the command ends as ever."""
    case = Shimmed(tapes, preloaded, scenario, arena)
    verdicts = {}
    for number in range(1, case.count_writes() + 1, STRIDE):
        folder = case.bench.copy()
        run = case.run(folder, SHORT_AT=str(number))
        found = case.judge(folder, run)
        verdicts[f"SHORT_AT={number}"] = [f"exit {run.code}: {run.err}"] if run.code else found
    bad = sum(bool(sentences) for sentences in verdicts.values())
    record(f"{scenario.name} half a write", len(verdicts), bad)
    assert verdicts, "no call was met"
    assert not bad, describe(verdicts)
