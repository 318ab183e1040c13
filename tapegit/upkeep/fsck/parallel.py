"""Work over several processes, for what keeps a processor busy in Python.

Rules: the work is a function of its part that changes nothing, so a child may simply be
forked, which shares the parent's memory and open files; its results come back through a
pipe. A child that dies has its share done again by the parent, so a result is never missing.
Where the system cannot fork, or has one processor, all is done here.

Source: tapesmaintenance(7), "Fsck".
"""

from __future__ import annotations

import os
import pickle
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

JOBS_MAX: Final = 8
_READ_SIZE_BYTES: Final = 1 << 20

Part = TypeVar("Part")
Result = TypeVar("Result")


class _Child(NamedTuple):
    pid: int
    pipe: int
    first: int
    after: int


def count_jobs() -> int:
    """Return how many processes may share a piece of work."""
    return min(len(os.sched_getaffinity(0)), JOBS_MAX) if hasattr(os, "fork") else 1


def map_parts(
    function: Callable[[Part], Result], parts: Sequence[Part], *, jobs: int
) -> list[Result]:
    """Return the result of each part, in the order of the parts.

    Args:
        function: What to do; it may raise a TapesError, which travels.
        parts: In runs of equal length one run goes to each process.
        jobs: How many processes; 1 forks none.
    """
    jobs = max(1, min(jobs, len(parts)))
    bounds = [len(parts) * job // jobs for job in range(jobs + 1)]
    children = [_start(function, parts, bounds[job], bounds[job + 1]) for job in range(1, jobs)]
    try:
        results = [function(part) for part in parts[: bounds[1]]]
        while children:
            child = children[0]
            results += _collect(child) or [function(p) for p in parts[child.first : child.after]]
            children.pop(0)
    finally:
        for child in children:
            _abandon(child)
    return results


def _start(
    function: Callable[[Part], Result], parts: Sequence[Part], first: int, after: int
) -> _Child:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return _Child(pid, reader, first, after)
    code = 1
    try:
        os.close(reader)
        payload = pickle.dumps([function(part) for part in parts[first:after]], protocol=5)
        view = memoryview(payload)
        while view:
            view = view[os.write(writer, view) :]
        code = 0
    finally:
        # Neither buffers nor handlers of the parent may run twice.
        os._exit(code)


def _collect(child: _Child) -> list[Result] | None:
    """Return a child's results, or None where it did not finish."""
    blocks = []
    while block := os.read(child.pipe, _READ_SIZE_BYTES):
        blocks.append(block)
    os.close(child.pipe)
    _, status = os.waitpid(child.pid, 0)
    if status != 0:
        return None
    results: list[Result] = pickle.loads(b"".join(blocks))  # noqa: S301 - our own child wrote it
    return results


def _abandon(child: _Child) -> None:
    with suppress(OSError):
        os.close(child.pipe)
    with suppress(OSError):
        os.waitpid(child.pid, 0)
