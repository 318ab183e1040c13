"""`shim`: a client within a recording is started with its recipe, by the name that hides it.

Source: tapes-record(1), "Wrapped commands".
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NoReturn

from tapegit.porcelain.recording.child import CommandNotRunError
from tapegit.porcelain.recording.launching import prepare_within
from tapegit.porcelain.recording.run_folder import RunFolder

if TYPE_CHECKING:
    from pathlib import Path

    from tapegit.porcelain.recording.launching import Prepared, Surroundings


def replace_process(command: tuple[str, ...], where: Surroundings, folder: Path) -> NoReturn:
    """Run the client that a shim stands for, in place of this process.

    Raises:
        NoOverlayError: The client cannot be pointed at the proxy.
        CommandNotRunError: There is no such command behind the shim.
        FormatError: The folder is not that of a run.
    """
    prepared: Prepared = prepare_within(command, where, RunFolder(folder))
    try:
        os.execvpe(prepared.command[0], prepared.command, prepared.environ)  # noqa: S606 - its own
    except OSError as error:
        raise CommandNotRunError(command[0], error) from error
