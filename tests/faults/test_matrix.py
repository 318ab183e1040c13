"""Every call by which a command changes the disk, killed at and made to fail, one at a time."""

from __future__ import annotations

import pytest

from tests.faults import strace
from tests.faults.evidence import record
from tests.faults.matrix import STRIDE, Case, describe
from tests.faults.scenarios import SCENARIOS, Scenario

pytestmark = [
    pytest.mark.faults,
    pytest.mark.timeout(3600),
    pytest.mark.skipif(not strace.is_usable(), reason="strace is not here or may not trace"),
]

SPACE = strace.WRITES + strace.PUBLISHES + strace.FOLDERS + strace.OPENS + strace.COPIES
PROMISES = strace.PUBLISHES + strace.SYNCS + strace.WRITES
FAULTS = {
    "KILL": ("signal=KILL", strace.MUTATING),
    "TERM": ("signal=TERM", PROMISES),
    "INT": ("signal=INT", PROMISES),
    "ENOSPC": ("error=ENOSPC", SPACE + strace.SYNCS + ("ftruncate",)),
    "EIO": ("error=EIO", strace.MUTATING),
    "EFBIG": ("error=EFBIG", (*strace.WRITES, "ftruncate")),
    "EMFILE": ("error=EMFILE", strace.OPENS),
    "EROFS": ("error=EROFS", SPACE + strace.REMOVES + strace.MARKS),
}


def choose_points(case: Case, names: tuple[str, ...], fault: str) -> list[strace.Point]:
    """Return the calls to try; opening to read is tried only where descriptors run out."""
    points = [
        point
        for point in case.points
        if point.name in names and (fault == "EMFILE" or point.creates) and point.result >= 0
    ]
    return points[::STRIDE]


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_fault_at_each_call_keeps_the_store(tapes, arena, scenario: Scenario, fault: str):
    """A command killed or refused at any one call loses nothing and can simply be run again."""
    what, names = FAULTS[fault]
    case = Case(tapes, scenario, arena)
    verdicts = {}
    points = choose_points(case, names, fault)
    for point in points:
        folder = case.bench.copy()
        run = case.run(folder, f"{point.name}:{what}:when={point.number}")
        verdicts[f"{point.name}#{point.number}({point.text[:90]})"] = case.judge(folder, run)
        case.bench.drop(folder)
    bad = sum(bool(sentences) for sentences in verdicts.values())
    record(f"{scenario.name} {fault}", len(points), bad)
    assert not bad, describe(verdicts)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_lying_write_is_noticed(tapes, arena, scenario: Scenario):
    """A write that reports success and stores nothing is an error, or does no harm."""
    case = Case(tapes, scenario, arena)
    verdicts = {}
    points = [p for p in case.points if p.name in strace.WRITES and p.result > 0][::STRIDE]
    for point in points:
        folder = case.bench.copy()
        run = case.run(folder, f"{point.name}:retval={point.result}:when={point.number}")
        verdicts[f"{point.name}#{point.number}({point.text[:90]})"] = case.judge(folder, run)
        case.bench.drop(folder)
    bad = sum(bool(sentences) for sentences in verdicts.values())
    record(f"{scenario.name} lying write", len(points), bad)
    assert not bad, describe(verdicts)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_disk_that_stays_full_keeps_the_store(tapes, arena, scenario: Scenario):
    """From any write on, a disk that stays full costs nothing that was there before."""
    case = Case(tapes, scenario, arena)
    verdicts = {}
    points = choose_points(case, strace.WRITES, "ENOSPC")
    for point in points:
        folder = case.bench.copy()
        run = case.run(folder, f"{point.name}:error=ENOSPC:when={point.number}+")
        # The interpreter's 120 is its own: it could not say a last word on any stream.
        code = 1 if run.code == 120 else run.code
        quiet = run._replace(err=run.err or "tapes: error: (unwritable)", code=code)
        verdicts[f"{point.name}#{point.number}+"] = case.judge(folder, quiet)
        case.bench.drop(folder)
    bad = sum(bool(sentences) for sentences in verdicts.values())
    record(f"{scenario.name} ENOSPC for ever", len(points), bad)
    assert not bad, describe(verdicts)
