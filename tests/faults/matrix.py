"""One faulted run and everything that must hold after it.

Rules: the verdict is a list of sentences, empty where all is well; a case adds up its runs and
fails with all sentences at once, so that one report shows the whole picture.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from tests.faults import strace
from tests.faults.scenarios import Workbench, check_environment
from tests.faults.store_check import (
    RETRY_LIMIT_S,
    State,
    check_kept,
    list_leftovers,
    read_sound,
    read_state,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.scenarios import Scenario
    from tests.hostile.zygote import Zygote

INTERRUPTED = 130
ERROR_CODES = frozenset(range(1, 44)) | {INTERRUPTED, 141}
EMPTY = State({}, frozenset())
STRIDE = max(1, int(os.environ.get("TAPES_FAULTS_STRIDE", "1")))
"""Only every n-th point is tried: for a quick look."""


class Case:
    """A scenario with its reference run: what it met, what it leaves, which calls it makes."""

    def __init__(self, tapes: Zygote, scenario: Scenario, arena: Path) -> None:
        self.bench = Workbench(tapes, scenario, arena)
        self.tapes = tapes
        self.scenario = scenario
        folder = self.bench.copy()
        self.before = EMPTY if scenario.makes_store else read_state(tapes, folder)
        run = self.run(folder)
        assert run.code == 0, f"{scenario.name} fails without a fault: {run.err}"
        self.after = read_state(tapes, folder)
        self.points = strace.list_points(run.trace, folder)
        self.bench.drop(folder)

    def run(
        self,
        folder: Path,
        inject: str | None = None,
        names: tuple[str, ...] = strace.MUTATING,
        extra_env: dict[str, str] | None = None,
    ) -> strace.Run:
        """Run the command in a copy, under strace."""
        stdin = folder / self.scenario.stdin if self.scenario.stdin else None
        argv = strace.tapes_command() + self.scenario.command(folder)
        return strace.run(
            argv, folder, inject=inject, names=names, stdin=stdin, extra_env=extra_env
        )

    def judge(self, folder: Path, run: strace.Run) -> list[str]:
        """Return all that is wrong after a faulted run; the folder is used up."""
        return judge(self.bench, folder, run, self.before, self.after)


def judge(
    bench: Workbench, folder: Path, run: strace.Run, before: State, after: State
) -> list[str]:
    """Return all that is wrong after a faulted run of a scenario in `folder`."""
    tapes, scenario = bench.tapes, bench.scenario
    found = _judge_exit(run)
    try:
        if not scenario.makes_store or run.code == 0:
            check_kept(read_sound(tapes, folder), before, after, done=run.code == 0)
            if run.code > 0:
                left = list_leftovers(folder)
                found += [f"left in tmp: {left}"] if left and "unlink" not in run.trace else []
        wrong = _retry(bench, folder)
        if wrong is not None:
            found.append(wrong)
        check_kept(read_sound(tapes, folder), before, after, done=True)
    except AssertionError as error:
        found.append(str(error)[:600])
    return found


def _retry(bench: Workbench, folder: Path) -> str | None:
    """Run the command again without a fault; return what is wrong, or None."""
    scenario = bench.scenario
    stdin = (folder / scenario.stdin).read_bytes() if scenario.stdin else b""
    started = time.monotonic()
    result = bench.tapes.run(
        *scenario.command(folder),
        cwd=folder,
        stdin=stdin,
        env=check_environment(),
        timeout_s=60,
    )
    if time.monotonic() - started > RETRY_LIMIT_S:
        return f"retry took {time.monotonic() - started:.1f} s: a stale lock"
    if result.code in (0, 20):  # 20: the ref had moved before the fault, as the first run asked
        return None
    return f"retry: exit {result.code}: {result.error.strip()}"


def _judge_exit(run: strace.Run) -> list[str]:
    found = []
    if "Traceback" in run.err:
        found.append("traceback: " + run.err.strip().splitlines()[-1][:200])
    elif run.code > 0 and run.code not in ERROR_CODES:
        found.append(f"exit code {run.code}")
    elif run.code > 0 and run.code != INTERRUPTED and not _has_error_line(run):
        found.append(f"no error line: {run.err[:200]!r}")
    if run.code == strace_timeout():
        found.append("hung")
    return found


def _has_error_line(run: strace.Run) -> bool:
    return run.err.startswith("tapes: error: ")


def strace_timeout() -> int:
    """Return the code that stands for a run that did not end."""
    return -1000


def describe(verdicts: dict[str, list[str]]) -> str:
    """Return the bad runs, each sentence once with the points where it was seen."""
    by_sentence: dict[str, list[str]] = {}
    for point, sentences in verdicts.items():
        for sentence in sentences:
            by_sentence.setdefault(sentence, []).append(point)
    return "\n".join(
        f"- {sentence}\n    at {len(points)} points: {'; '.join(points[:4])}"
        for sentence, points in by_sentence.items()
    )
