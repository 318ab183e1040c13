"""Whole processes measured: wall time, processor time and peak memory, ours and git's in turn.

Rules: two sides of one comparison are run alternately, so that a slow moment of the machine hits
both; what counts is the median of the ratios of neighbouring runs.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.launcher import run_measured

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROOT = Path(__file__).resolve().parents[1]
TAPES = [str(Path(sys.executable).with_name("tapes"))]


class Options(NamedTuple):
    """Where data is kept between runs, and how much of it is made."""

    folder: Path
    size: float

    def scale(self, full: float) -> float:
        """Return a size of the design, made smaller for a quick look."""
        return full * self.size

    def count(self, full: int) -> int:
        """Return how often to repeat."""
        return full if self.size >= 1 else max(3, full // 3)


class Run(NamedTuple):
    """One process: seconds of wall time and of processor time, peak memory in MB, its output."""

    wall_s: float
    cpu_s: float
    peak_mb: float
    out: bytes


def own_peak_mb(argv: Sequence[str], cwd: Path) -> float:
    """Return the peak memory in MB of a process to its end, without that of its children.

    A remote at a path is a child, whose memory the system adds to its parent's.
    """
    peak_kb = 0
    with subprocess.Popen(
        argv, cwd=cwd, env=environment(), stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        status = Path(f"/proc/{process.pid}/status")
        while process.poll() is None:
            lines = dict(line.split(":", 1) for line in status.read_text().splitlines())
            peak_kb = max(peak_kb, int(lines.get("VmHWM", "0 kB").split()[0]))
            time.sleep(0.01)
    if process.returncode != 0:
        raise RuntimeError(f"{' '.join(argv[:4])}: exit {process.returncode}")
    return peak_kb * 1.024 / 1000


class Pair(NamedTuple):
    """Medians of both sides, in the unit of the runs, and the median of the ratios."""

    ours: float
    theirs: float
    ratio: float


def environment() -> dict[str, str]:
    """Return what every process of a bench gets: no settings of this user's."""
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "bench",
        "GIT_AUTHOR_EMAIL": "bench@localhost",
        "GIT_COMMITTER_NAME": "bench",
        "GIT_COMMITTER_EMAIL": "bench@localhost",
        "TAPES_ACTOR": "bench",
        "LC_ALL": "C.UTF-8",
    }


def run(argv: Sequence[str], cwd: Path, *, stdin: bytes | None = None) -> Run:
    """Run a process to its end.

    Raises:
        RuntimeError: It failed; the message ends with what it said.
    """
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        with tempfile.TemporaryFile() as source:
            source.write(stdin or b"")
            source.seek(0)
            usage = run_measured(
                argv, cwd=cwd, env=environment(), stdin=source, stdout=out, stderr=err
            )
        if usage.code != 0:
            err.seek(0)
            text = err.read().decode(errors="replace")[-600:]
            raise RuntimeError(f"{' '.join(argv[:4])}: exit {usage.code}: {text}")
        out.seek(0)
        return Run(usage.wall_s, usage.cpu_s, usage.peak_kb / 1000 * 1.024, out.read())


def tapes(cwd: Path, *arguments: str, stdin: bytes | None = None) -> Run:
    """Run our command as a user does, in a process of its own."""
    return run([*TAPES, *arguments], cwd, stdin=stdin)


def git(cwd: Path, *arguments: str, stdin: bytes | None = None) -> Run:
    """Run git."""
    return run(["git", *arguments], cwd, stdin=stdin)


def compare(ours: Callable[[], Run], theirs: Callable[[], Run], *, count: int) -> Pair:
    """Return the wall times of both sides in milliseconds, from `count` runs in turn."""
    pairs = [(ours().wall_s * 1e3, theirs().wall_s * 1e3) for _ in range(count)]
    return Pair(
        statistics.median(pair[0] for pair in pairs),
        statistics.median(pair[1] for pair in pairs),
        statistics.median(pair[0] / pair[1] for pair in pairs),
    )


def folder_size(path: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(p.stat().st_size for p in path.rglob("*") if p.is_file())


def fsync_ms(folder: Path, count: int = 200) -> float:
    """Return the median time of a write of 4 kB and its fsync, in milliseconds."""
    path = folder / "fsync-probe"
    taken = []
    number = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    for _ in range(count):
        os.write(number, b"x" * 4096)
        started = time.perf_counter()
        os.fsync(number)
        taken.append(time.perf_counter() - started)
    os.close(number)
    path.unlink()
    return statistics.median(taken) * 1e3
