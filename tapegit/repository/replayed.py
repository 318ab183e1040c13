"""Sessions that clients had with a replay: what they wrote of them is not to be recorded.

A line for each id, the newest last, in a file beside the user's own store: clients keep their
sessions for a person, not for a store. Without the file such a session is imported as any other
is. A folder with a mark is the home of a client that was replayed.

Rules: what cannot be written or read is passed over.

Source: tapes-watch(1), "DESCRIPTION"; tapes-replay(1), "ISOLATION".
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from tapegit.errors import TapesError
from tapegit.files import syscalls
from tapegit.files.durable import replace_file_cheaply
from tapegit.files.safe_read import read_file
from tapegit.repository.user_dirs import find_user_store

if TYPE_CHECKING:
    from pathlib import Path

REPLAYED_NAME: Final = "replayed"
MARK_NAME: Final = ".tapes-replay"
"""A file in the scratch home of a replay."""

COUNT_MAX: Final = 1000
SIZE_MAX_BYTES: Final = 1 << 18
_ID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""The ids that stand in the names of files."""


def note_replayed(session: str) -> None:
    """Note the id of a session, if it is one that names a file."""
    path = _find_file()
    if path is None or _ID.fullmatch(session) is None:
        return
    known = [each for each in _read_lines(path) if each != session]
    lines = [*known, session][-COUNT_MAX:]
    try:
        _make_folder(path.parent)
        data = "".join(f"{each}\n" for each in lines).encode()
        replace_file_cheaply(path, data, tmp_dir=path.parent)
    except (OSError, TapesError):
        pass


def read_replayed() -> frozenset[str]:
    """Return the ids that were noted."""
    path = _find_file()
    return frozenset(_read_lines(path)) if path is not None else frozenset()


def is_replayed(path: str, sessions: frozenset[str]) -> bool:
    """Return whether a file is of one of these sessions, by its name or that of a folder."""
    return bool(sessions) and any(each in sessions for each in _ID.findall(path))


def is_scratch(path: str) -> bool:
    """Return whether a folder is in the scratch home of a replay."""
    while True:
        if os.path.lexists(os.path.join(path, MARK_NAME)):
            return True
        above = os.path.dirname(path)
        if above == path:
            return False
        path = above


def _find_file() -> Path | None:
    store = find_user_store()
    return store.parent / REPLAYED_NAME if store is not None else None


def _make_folder(path: Path) -> None:
    """Create a folder with those above it; it need not outlive a crash."""
    if not path.is_dir():
        _make_folder(path.parent)
        syscalls.mkdir(path)


def _read_lines(path: Path) -> list[str]:
    try:
        data = read_file(path, size_max=SIZE_MAX_BYTES)
    except (OSError, TapesError):
        return []
    return data.decode("ascii", "replace").splitlines()
