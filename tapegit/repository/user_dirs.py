"""Where the platform keeps what belongs to a person: the user's own store and settings.

Rules: this is the door to platformdirs, which is slow to import; it is loaded only when no
store is found on the way up, and by commands that deal with settings.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import platformdirs

from tapegit.errors import UserError
from tapegit.repository.layout import STORE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

_PROGRAM: Final = "tapegit"


def find_user_store() -> Path | None:
    """Return where the user's own store is or would be, or None where the user has no home."""
    folder = _find(platformdirs.user_data_dir)
    return None if folder is None else folder / STORE_NAME


def find_user_config() -> Path | None:
    """Return the file of the user's own settings, which need not exist; None as above."""
    folder = _find(platformdirs.user_config_dir)
    return None if folder is None else folder / "config.toml"


def _find(ask: Callable[..., str]) -> Path | None:
    # Without a home some releases refuse, others answer `~/…`, which would be a folder here.
    try:
        path = Path(ask(_PROGRAM, appauthor=False))
    except RuntimeError:
        return None
    return path if path.is_absolute() else None


def no_home() -> UserError:
    """Return the error for a user whose own files have no place."""
    return UserError(
        "cannot tell where your own files are: you have no home directory",
        hint="set HOME to an absolute path",
    )
