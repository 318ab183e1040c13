"""`version`: which program this is, and what it is built of."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from typing import Final, NamedTuple

from tapegit import __version__

DISTRIBUTION: Final = "tapegit"
LIBRARIES: Final = ("blake3", "click", "msgspec", "pygit2", "zstandard")


class Version(NamedTuple):
    """The program's own version, and names and versions of what it runs on."""

    version: str
    parts: tuple[tuple[str, str], ...]


def find_version() -> Version:
    """Return the versions of this program, of Python and of the libraries of the core."""
    parts = [("python", platform.python_version()), ("system", platform.platform())]
    for name in LIBRARIES:
        try:
            parts.append((name, installed_version(name)))
        except PackageNotFoundError:
            continue
    return Version(__version__, tuple(parts))


def format_version(version: str) -> str:
    """Return the line that says which of the programs called `tapes` this is."""
    return f"tapes version {version} ({DISTRIBUTION}, git for agent sessions)"
