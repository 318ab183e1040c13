"""Programs that a command started and that go on when it has ended, told by their environment.

What they ask of models finds nobody to ask any more: the proxy ended with the command.

Source: tapes-record(1), "Wrapped commands".
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PROCESSES: Final = "/proc"


def iter_left_behind(folder: Path) -> Iterator[tuple[int, str]]:
    """Yield the process id and the name of each program that has a run's folder on its PATH.

    Only where the system shows the environment of processes; elsewhere nothing.
    """
    mark = os.fsencode(folder)
    try:
        numbers = [int(name) for name in os.listdir(_PROCESSES) if name.isdigit()]
    except OSError:
        return
    for number in sorted(numbers):
        if number == os.getpid():
            continue
        try:
            with open(f"{_PROCESSES}/{number}/environ", "rb") as file:
                is_ours = mark in file.read()
            with open(f"{_PROCESSES}/{number}/comm", "rb") as file:
                name = file.read().decode(errors="replace").strip()
        except OSError:
            continue  # it has ended, or is somebody else's
        if is_ours:
            yield number, name
