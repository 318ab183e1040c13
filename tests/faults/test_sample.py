"""A sample of the fault matrix, small enough for every run of the tests; it needs no root.

Rules: the points are spread over the whole run of a command, the same ones every time; the
whole matrix is `make faults`.
"""

from __future__ import annotations

import pytest

from tests.faults import strace
from tests.faults.matrix import Case, describe
from tests.faults.scenarios import SCENARIOS
from tests.faults.test_matrix import FAULTS, choose_points

pytestmark = [
    pytest.mark.skipif(not strace.is_usable(), reason="strace is not here or may not trace"),
]

POINTS = {"KILL": 2, "EIO": 1, "ENOSPC": 1}
LYING_POINTS = 1


def spread(points: list[strace.Point], count: int) -> list[strace.Point]:
    """Return so many points at even distances, none at the very beginning."""
    return [points[(2 * n + 1) * len(points) // (2 * count)] for n in range(count)]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_some_faults_keep_the_store(tapes, arena, scenario):
    """A command killed or refused at a few calls loses nothing and can simply be run again."""
    case = Case(tapes, scenario, arena)
    tried = [
        (point, FAULTS[fault][0])
        for fault, count in POINTS.items()
        for point in spread(choose_points(case, FAULTS[fault][1], fault), count)
    ]
    writes = [point for point in case.points if point.name in strace.WRITES and point.result > 0]
    tried += [(point, f"retval={point.result}") for point in spread(writes, LYING_POINTS)]
    verdicts = {}
    for point, what in tried:
        folder = case.bench.copy()
        run = case.run(folder, f"{point.name}:{what}:when={point.number}")
        verdicts[f"{what} {point.name}#{point.number}"] = case.judge(folder, run)
        case.bench.drop(folder)
    assert not any(verdicts.values()), describe(verdicts)
