"""Paging of long output: a program of the user's own choice, run without a shell.

The pager comes from the environment of the user alone, never from a store. It runs with
LESSSECURE, so that what it shows cannot make it run anything, and with `-FRX` unless LESS
says otherwise: quit if it fits one screen, let our colours through, leave the text there.
"""

from __future__ import annotations

import shlex
import subprocess
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import BinaryIO

PAGER_DEFAULT: Final = "less"


class Pager:
    """A running pager; write to `stream`, then `close`."""

    def __init__(self, process: subprocess.Popen[bytes], stream: BinaryIO) -> None:
        self._process = process
        self.stream = stream

    def close(self) -> None:
        """End the input of the pager and wait until its reader has finished."""
        try:
            self.stream.close()
        except BrokenPipeError:
            pass  # the reader has seen enough
        while True:
            try:
                self._process.wait()
            except KeyboardInterrupt:
                continue  # an interrupt is for the pager: the terminal is its until it ends
            return


def start_pager(environ: Mapping[str, str]) -> Pager | None:
    """Start the pager that the environment names, or return None where there is none to run."""
    command = environ.get("TAPES_PAGER", environ.get("PAGER", PAGER_DEFAULT))
    arguments = shlex.split(command)
    if not arguments or arguments == ["cat"]:
        return None
    settings = {"LESS": "FRX", "LV": "-c", **environ, "LESSSECURE": "1"}
    try:
        process = subprocess.Popen(arguments, stdin=subprocess.PIPE, env=settings)  # noqa: S603
    except OSError:
        return None
    if process.stdin is None:
        return None
    return Pager(process, process.stdin)  # type: ignore[arg-type]
