"""What commands that record have in common: where clients run, and what was lost before."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tapegit.porcelain.maintenance.gc import start_auto
from tapegit.porcelain.recording.launching import Surroundings
from tapegit.porcelain.recording.losses import take_losses
from tapegit.ui.recordings import describe_loss

if TYPE_CHECKING:
    from tapegit.cli.app import App


def find_surroundings(app: App) -> Surroundings:
    """Return where a client would run now."""
    return Surroundings(
        app.environ, Path(os.path.expanduser("~")), Path(app.directory), sys.executable
    )


def tell_losses(app: App) -> None:
    """Say on standard error what earlier recordings could not store."""
    for loss in take_losses(app.repository):
        app.terminal.warning(describe_loss(loss))


def tell_gone(app: App) -> None:
    """Say on standard error that the store was deleted while it was recorded into, if it was."""
    root = app.repository.root
    if not root.is_dir():
        app.terminal.warning(f"the store '{root}' was deleted, with all that was recorded into it")
        app.terminal.hint(
            "'git clean -fdx' deletes a store in a git repository; 'tapes init --user' makes one "
            "outside"
        )


def tidy(app: App) -> None:
    """Start a gc by itself, where so much was recorded that it is time for one."""
    if failure := start_auto(app.repository):
        app.terminal.warning(f"gc failed less than a day ago, see 'gc.log': {failure}")
