"""Interrupts the client of a replay that waits for an answer, as it was when it was recorded.

The command may be a shell, and may be behind walls with a network of its own: so the process is
looked for that has the client's end of the connection, among those that the command started.

Source: tapes-replay(1), "WHAT IS SERVED"; proc_pid_net(5), `tcp`.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.porcelain.recording.child import SignalsHeld

PROC: Final = Path("/proc")


class Interrupter:
    """Sends SIGINT to the process that has a connection.

    Args:
        held: Runs the command.
        has_walls: The command is not a child but a grandchild, which the child would take along.
    """

    def __init__(self, held: SignalsHeld, *, has_walls: bool) -> None:
        self._held = held
        self._has_walls = has_walls

    def __call__(self, port: int) -> bool:
        """Interrupt the client whose end of a connection has this port; return whether it was."""
        root = self._held.pid
        if root is None:
            return False
        if sys.platform == "linux":
            pid = next((pid for pid in _iter_tree(root) if _has_connection(pid, port)), None)
        else:
            pid = None if self._has_walls else root
        if pid is None:
            return False
        try:
            os.kill(pid, signal.SIGINT)
        except OSError:
            return False
        return True


def _iter_tree(root: int) -> Iterator[int]:
    """Yield a process and all that it started, parents first."""
    yield root
    try:
        tasks = list((PROC / str(root) / "task").iterdir())
        children = [int(word) for task in tasks for word in (task / "children").read_text().split()]
    except OSError:
        return  # it has ended
    for child in children:
        yield from _iter_tree(child)


def _has_connection(pid: int, port: int) -> bool:
    """Return whether a process has the socket of a loopback connection with this local port."""
    folder = PROC / str(pid)
    try:
        rows = [line.split() for line in (folder / "net/tcp").read_text().splitlines()[1:]]
        sockets = {
            f"socket:[{row[9]}]" for row in rows if int(row[1].rpartition(":")[2], 16) == port
        }
        return any(_read_link(path) in sockets for path in (folder / "fd").iterdir())
    except OSError:
        return False


def _read_link(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""  # it was closed meanwhile
