"""Where the platform keeps what belongs to a person: the user's own store and settings.

Rules: this is the door to platformdirs, which is slow to import; it is loaded only when no
store is found on the way up, and by commands that deal with settings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import platformdirs

from tapegit.repository.layout import STORE_NAME

_PROGRAM: Final = "tapegit"


def user_store_path() -> Path:
    """Return where the user's own store is or would be."""
    return Path(platformdirs.user_data_dir(_PROGRAM, appauthor=False)) / STORE_NAME


def user_config_path() -> Path:
    """Return the file of the user's own settings, which need not exist."""
    return Path(platformdirs.user_config_dir(_PROGRAM, appauthor=False)) / "config.toml"
