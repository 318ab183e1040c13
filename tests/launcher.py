"""A process between a measuring one and the measured: what a child of it took is the child's own.

Linux counts into the peak memory of a process what its parent had when it was forked, until the
very end: a child of a large process seems large. This one is small, and forks only once.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class Usage(NamedTuple):
    """What a process took: seconds of wall time and of processor time, and peak memory in kB."""

    code: int
    wall_s: float
    cpu_s: float
    peak_kb: int


def run_measured(
    argv: Sequence[str],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    stdin: IO[bytes] | int = subprocess.DEVNULL,
    stdout: IO[bytes] | int | None = None,
    stderr: IO[bytes] | int | None = None,
) -> Usage:
    """Run a program to its end; one that is not there ends with 127, as in a shell."""
    out, into = os.pipe()
    try:
        process = subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, str(into), *argv],
            cwd=cwd,
            env=env,
            stdin=stdin,
            stdout=stdout,
            stderr=stderr,
            pass_fds=(into,),
        )
        os.close(into)
        process.wait()
        words = os.read(out, 4096).split()
    finally:
        os.close(out)
    return Usage(int(words[0]), float(words[1]), float(words[2]), int(words[3]))


def main() -> None:
    """Run what the arguments name; write what it took to the descriptor that comes first."""
    into, argv = int(sys.argv[1]), sys.argv[2:]
    os.set_inheritable(into, False)
    started = time.perf_counter()
    pid = os.fork()
    if pid == 0:
        try:
            os.execvp(argv[0], argv)
        finally:
            os._exit(127)
    _, status, usage = os.wait4(pid, 0)
    wall_s = time.perf_counter() - started
    code = os.waitstatus_to_exitcode(status)
    cpu_s = usage.ru_utime + usage.ru_stime
    os.write(into, b"%d %.6f %.6f %d" % (code, wall_s, cpu_s, usage.ru_maxrss))


if __name__ == "__main__":
    main()
