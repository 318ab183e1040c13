"""A file system that is really full, of bytes or of files, at every stage of a command.

Rules: it has a little more room each time, from none to enough. Needs root, to mount.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from tests.faults import volume
from tests.faults.evidence import record
from tests.faults.matrix import EMPTY, STRIDE, describe, judge
from tests.faults.scenarios import SCENARIOS, Scenario, Workbench, check_environment
from tests.faults.store_check import check_kept, check_sound, read_state
from tests.faults.strace import Run

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(1800),
    pytest.mark.skipif(
        volume.reason_against("tmpfs") is not None, reason="mounting a small tmpfs needs root"
    ),
]
STEPS_MAX = 600
PAGE_SIZE_BYTES = os.sysconf("SC_PAGE_SIZE")
WORDS = (os.strerror(errno.ENOSPC).lower(), "space")


@pytest.fixture
def memory(tmp_path: Path) -> Iterator[volume.SmallMemory]:
    """Give a file system whose size can be changed."""
    memory = volume.SmallMemory(tmp_path)
    yield memory
    memory.unmount()


@pytest.mark.parametrize("what", ["space", "files"])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_full_tmpfs_costs_nothing(tapes, memory, scenario: Scenario, what: str):
    """What finds no room says so, loses nothing, and works once there is room."""
    bench = Workbench(tapes, scenario, memory.top)
    folder = bench.copy()
    before = EMPTY if scenario.makes_store else read_state(tapes, folder)
    assert _run(bench, folder).code == 0
    after = read_state(tapes, folder)
    bench.drop(folder)
    verdicts = {}
    for room in range(0, STEPS_MAX, STRIDE):
        folder = bench.copy()
        if what == "space":
            memory.leave_space(room * PAGE_SIZE_BYTES)
        else:
            memory.leave_files(room)
        run = _run(bench, folder)
        found = []
        try:
            if run.code != 0:
                if not any(word in run.err for word in WORDS):
                    found.append(f"does not say what is wrong: {run.err[:200]!r}")
                if not scenario.makes_store:
                    # While it is still full: what was there can be read.
                    check_sound(tapes, folder)
                    check_kept(read_state(tapes, folder), before, after, done=False)
        except AssertionError as error:
            found.append(f"while full: {str(error)[:400]}")
        memory.give_room()
        verdicts[f"room {room}"] = found + judge(bench, folder, run, before, after)
        bench.drop(folder)
        if run.code == 0:
            break
    bad = sum(bool(sentences) for sentences in verdicts.values())
    record(f"{scenario.name} tmpfs without {what}", len(verdicts), bad)
    assert not bad, describe(verdicts)


def _run(bench: Workbench, folder: Path) -> Run:
    scenario = bench.scenario
    result = bench.tapes.run(
        *scenario.command(folder),
        cwd=folder,
        stdin=(folder / scenario.stdin).read_bytes() if scenario.stdin else b"",
        env=check_environment(),
        timeout_s=60,
    )
    return Run(result.code, result.out.decode(), result.error, "")
