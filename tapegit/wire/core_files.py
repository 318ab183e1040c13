"""No core files of a process that holds traffic: its memory has what must not be stored.

The limit on their size is for systems that write them as files. One that hands them to a
program, as most with systemd do, does so whatever the limit is: Linux is told that the process
is not to be dumped at all, which other processes of the user's then cannot look into either.
Neither is passed on to a program that was started before, and the latter to none.

Source: tapesproxy(7), "The recorder".
"""

from __future__ import annotations

import ctypes
import resource
import sys
from typing import Final

_PR_SET_DUMPABLE: Final = 4


def forbid_core_files() -> None:
    """Let this process leave none from now on, whatever ends it."""
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (0, hard))
    if not sys.platform.startswith("linux"):
        return
    try:
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    except (OSError, AttributeError):
        pass  # another C library; the limit stands
