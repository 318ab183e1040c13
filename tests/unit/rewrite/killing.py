"""Killing or refusing what rewrites history at any of its calls that change the disk."""

from __future__ import annotations

import contextlib
import os
import shutil
from typing import TYPE_CHECKING, Final

from tapegit.files import syscalls

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

CALLS: Final = (
    "open_new", "open_append", "write", "ftruncate", "fsync", "fdatasync", "fsync_dir", "link",
    "rename", "unlink", "mkdir", "rmdir", "utime",
)  # fmt: skip
_KILLED: Final = 9


def run_until(number: int, do: Callable[[], object]) -> bool:
    """Do something in a process that dies before its n-th call; return whether it came to that."""
    pid = os.fork()
    if pid:
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        assert code in (0, _KILLED)
        return code == _KILLED
    code = 1
    try:
        counted = iter(range(1, number))

        def wrap(call):
            def counting(*args, **keywords):
                if next(counted, None) is None:
                    os._exit(_KILLED)
                return call(*args, **keywords)

            return counting

        for name in CALLS:
            setattr(syscalls, name, wrap(getattr(syscalls, name)))
        do()
        code = 0
    finally:
        os._exit(code)


def kill_at(
    original: Path,
    folder: Path,
    numbers: Iterable[int],
    do: Callable[[Path], object],
    check: Callable[[Path], None],
) -> int | None:
    """Kill something before each of these calls, do it again and check; return the last number.

    Args:
        original: The folder that a store is in.
        folder: Where copies of it go.
        numbers: Of calls, ascending; it ends with the first that is never reached.
        do: What is done, with the copy.
        check: What must hold of the copy after the second run.
    """
    for number in numbers:
        copy = folder / str(number)
        shutil.copytree(original, copy, symlinks=True)
        is_killed = run_until(number, lambda copy=copy: do(copy))
        do(copy)
        check(copy)
        shutil.rmtree(copy)
        if not is_killed:
            return number
    return None


@contextlib.contextmanager
def refused_from(number: int, error: BaseException, calls: tuple[str, ...]) -> Iterator[list[str]]:
    """Let calls raise from the n-th of them on; give the names of those that did."""
    counted = iter(range(1, number))
    refused: list[str] = []

    def wrap(name, call):
        def counting(*args, **keywords):
            if next(counted, None) is None:
                refused.append(name)
                raise error
            return call(*args, **keywords)

        return counting

    before = {name: getattr(syscalls, name) for name in calls}
    for name, call in before.items():
        setattr(syscalls, name, wrap(name, call))
    try:
        yield refused
    finally:
        for name, call in before.items():
            setattr(syscalls, name, call)
