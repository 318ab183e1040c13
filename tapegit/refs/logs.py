"""Reflogs of a store: where they are, and reading them.

Source: tapesformat-reflog(5).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from tapegit.files.oserrors import storage_error
from tapegit.files.safe_read import open_regular, read_file
from tapegit.formats.reflog import LINE_SIZE_MAX_BYTES, iter_entries, iter_sound_entries
from tapegit.objects.oid import ZERO_OID
from tapegit.refs.names import HEAD, RefName

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tapegit.formats.reflog import ReflogEntry
    from tapegit.objects.oid import ObjectId

REFLOG_SIZE_MAX_BYTES: Final = 1 << 28
_TAIL_SIZE_BYTES: Final = 3 * LINE_SIZE_MAX_BYTES
_ALWAYS: Final = ("refs/heads/", "refs/remotes/", "refs/notes/")
_REWINDS_ONLY: Final = "refs/sessions/"


def is_logged(name: RefName, *, is_rewind: bool) -> bool:
    """Return whether a move of a ref gets a line in its reflog.

    HEAD, branches, remote-tracking refs and notes: always. Sessions: only for rewinds, the
    moves that leave turns behind. Tags and everything else: never.
    """
    if name == HEAD or name.startswith(_ALWAYS):
        return True
    return is_rewind and name.startswith(_REWINDS_ONLY)


class Reflogs:
    """The `logs/` folder of the store at `root`, for reading."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, name: RefName) -> Path:
        """Return the file of a ref's log."""
        return self._root / "logs" / name

    def read(self, name: RefName) -> list[ReflogEntry]:
        """Return the moves of a ref, oldest first; none where it has no log.

        Raises:
            IntegrityError: A line other than a torn last one is damaged.
            TapesError: The file cannot be read.
        """
        return list(iter_entries(self._read_bytes(name), where=f"logs/{name}"))

    def read_sound(self, name: RefName) -> list[ReflogEntry]:
        """Return the moves whose lines check, oldest first, whatever else is in the file.

        Raises:
            TapesError: The file cannot be read.
        """
        return list(iter_sound_entries(self._read_bytes(name)))

    def _read_bytes(self, name: RefName) -> bytes:
        try:
            return read_file(self.path(name), size_max=REFLOG_SIZE_MAX_BYTES)
        except FileNotFoundError:
            return b""

    def find_last(self, name: RefName) -> ObjectId | None:
        """Return where the log says the ref is now, or None where it says nothing.

        `ZERO_OID` means that the log ends with the deletion of the ref.
        """
        path = self.path(name)
        try:
            fd, status = open_regular(path)
        except FileNotFoundError:
            return None
        try:
            offset = max(status.st_size - _TAIL_SIZE_BYTES, 0)
            tail = os.pread(fd, _TAIL_SIZE_BYTES, offset)
        except OSError as error:
            raise storage_error(error, "read", path) from error
        finally:
            os.close(fd)
        entries = list(iter_sound_entries(tail))
        return entries[-1].new if entries else None

    def find_lost(self, name: RefName) -> ObjectId | None:
        """Return the last value of a ref that must exist by its log, for one that does not."""
        last = self.find_last(name)
        return None if last == ZERO_OID else last

    def iter_names(self) -> Iterator[RefName]:
        """Yield the refs that have a log, ascending, whether they exist or not."""
        folders = ["logs"]
        names: list[RefName] = []
        while folders:
            folder = folders.pop()
            for entry in self._entries(folder):
                path = f"{folder}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    folders.append(path)
                elif name := RefName.try_parse(path.removeprefix("logs/")):
                    names.append(name)
        return iter(sorted(names))

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        path = self._root / folder
        try:
            with os.scandir(path) as entries:
                return list(entries)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise storage_error(error, "list", path) from error
