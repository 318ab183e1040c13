"""Where clients run, and with what environment."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tapegit.porcelain.recording.launching import Surroundings

if TYPE_CHECKING:
    from tapegit.cli.app import App


def find_surroundings(app: App) -> Surroundings:
    """Return where a client would run now."""
    return Surroundings(
        app.environ, Path(os.path.expanduser("~")), Path(app.directory), sys.executable
    )
