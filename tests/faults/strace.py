"""Runs a command under strace: which system calls change the disk, and one of them made to fail.

Rules: strace counts each system call by name and by thread, so a point is (name, n-th call of
that name in its thread); a first run without any fault lists the points. A call counts as
changing where its line names a path below the work folder. Names are asked for only where
this kernel has them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
TIME_LIMIT_S = 60

WRITES = ("write", "pwrite64", "writev")
PUBLISHES = ("link", "linkat", "rename", "renameat", "renameat2", "symlink", "symlinkat")
REMOVES = ("unlink", "unlinkat", "rmdir")
FOLDERS = ("mkdir", "mkdirat")
SYNCS = ("fsync", "fdatasync", "syncfs", "sync_file_range")
MARKS = ("chmod", "fchmod", "fchmodat", "utimensat", "utime", "utimes", "ftruncate", "truncate")
COPIES = ("copy_file_range", "sendfile", "fallocate")
OPENS = ("open", "openat", "creat")
MUTATING = WRITES + PUBLISHES + REMOVES + FOLDERS + SYNCS + MARKS + COPIES + OPENS

_LINE = re.compile(r"^(?:\[pid +)?(\d+)\]? +(\w+)\((.*)$")
_RESULT = re.compile(r"\) += (-?\d+|\?)")
_CREATES = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TMPFILE")


class Point(NamedTuple):
    """One system call of a run: its name, which of that name it is, and what it was about."""

    name: str
    number: int
    text: str
    result: int

    @property
    def creates(self) -> bool:
        """Whether a call that opens a file may write to it."""
        return self.name not in OPENS or bool(_CREATES.search(self.text))


class Run(NamedTuple):
    """How a command ended: exit code or minus a signal, its two outputs, the trace."""

    code: int
    out: str
    err: str
    trace: str


def is_usable() -> bool:
    """Return whether strace is here and may trace."""
    if shutil.which("strace") is None:
        return False
    probe = subprocess.run(
        ["strace", "-qq", "-o", os.devnull, "-e", "inject=write:retval=1:when=999", "true"],
        capture_output=True,
        check=False,
    )
    return probe.returncode == 0


def tapes_command() -> list[str]:
    """Return how to start `tapes` with this interpreter."""
    return [sys.executable, "-B", str(Path(sys.executable).with_name("tapes"))]


def environment() -> dict[str, str]:
    """Return an environment in which two runs make the same system calls."""
    keep = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return keep | {
        "PYTHONPATH": str(ROOT),
        "PYTHONHASHSEED": "0",
        "PYTHONDONTWRITEBYTECODE": "1",
        "HOME": "/nonexistent",
        "TAPES_ACTOR": "faults",
        "TAPES_DATE": "1760000000000",
    }


def run(
    argv: list[str],
    cwd: Path,
    *,
    names: tuple[str, ...] = MUTATING,
    inject: str | None = None,
    stdin: Path | None = None,
    extra_env: dict[str, str] | None = None,
) -> Run:
    """Run a command under strace and return how it ended."""
    log = cwd.parent / (cwd.name + ".strace")
    options = ["-f", "-qq", "-y", "--seccomp-bpf", "-s", "0", "-o", str(log)]
    options += ["-e", "trace=" + ",".join(f"?{name}" for name in names)]
    if inject is not None:
        options += ["-e", "inject=" + inject]
    with open(stdin or os.devnull, "rb") as source:
        try:
            done = subprocess.run(
                ["strace", *options, *argv],
                cwd=cwd,
                env=environment() | (extra_env or {}),
                stdin=source,
                capture_output=True,
                timeout=TIME_LIMIT_S,
                check=False,
            )
        except subprocess.TimeoutExpired:
            return Run(-1000, "", "timed out", "")
    trace = log.read_text(errors="replace")
    log.unlink()
    return Run(done.returncode, done.stdout.decode(), done.stderr.decode(), trace)


def list_points(trace: str, folder: Path) -> list[Point]:
    """Return the calls of a trace that concern `folder`, in order, each with its number."""
    counts: dict[tuple[str, str], int] = {}
    points = []
    for line in trace.splitlines():
        match = _LINE.match(line)
        if match is None or " resumed>" in line:
            continue
        thread, name, text = match.groups()
        counts[thread, name] = number = counts.get((thread, name), 0) + 1
        # The folder itself is where the interpreter looks for modules, too.
        if f"{folder}/" in text or (name not in OPENS and '"' in text and '"/' not in text):
            result = _RESULT.search(text)
            value = int(result.group(1)) if result and result.group(1) != "?" else 0
            points.append(Point(name, number, text, value))
    return points
