"""Refs as files of their own below `refs/`, and `HEAD`: reading only.

Rules: a file whose path is no ref name belongs to a stranger and is passed over; no link is
followed, at any step of the path; a folder is no ref.

Source: tapesformat-refs(5), "Ref file".
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from tapegit.errors import FormatError, TapesError, UnsafePathError
from tapegit.files.oserrors import storage_error
from tapegit.files.safe_read import read_file, unsafe_path
from tapegit.formats.reffile import REF_FILE_SIZE_MAX_BYTES, decode_ref_file
from tapegit.refs.names import RefName

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tapegit.objects.oid import ObjectId

    RefValue = ObjectId | RefName
    OnBroken = Callable[[str, TapesError], None]


class LooseRefs:
    """The ref files of the store at `root`."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)

    def find(self, name: RefName) -> RefValue | None:
        """Return what the file of a ref holds, or None where there is no such file.

        Raises:
            FormatError: The file is no ref file.
            UnsafePathError: A link or a special file is in its place or on the way.
            StorageError: The system refused.
        """
        if not self.is_path_plain(name):
            return None
        return self._read(name)

    def is_path_plain(self, name: str) -> bool:
        """Return whether all folders on the way to a ref exist.

        Raises:
            UnsafePathError: One of them is a link.
            StorageError: The system refused.
        """
        end = name.find("/")
        while end >= 0:
            path = f"{self._root}/{name[:end]}"
            try:
                mode = os.lstat(path).st_mode
            except (FileNotFoundError, NotADirectoryError):
                return False
            except OSError as error:
                raise storage_error(error, "open", path) from error
            if stat.S_ISLNK(mode):
                raise unsafe_path(path, "a symbolic link")
            if not stat.S_ISDIR(mode):
                return False
            end = name.find("/", end + 1)
        return True

    def _read(self, name: str) -> RefValue | None:
        path = f"{self._root}/{name}"
        try:
            data = read_file(path, size_max=REF_FILE_SIZE_MAX_BYTES)
        except FileNotFoundError:
            return None
        except UnsafePathError:
            if os.path.isdir(path) and not os.path.islink(path):
                return None
            raise
        value = decode_ref_file(data, where=name)
        if isinstance(value, bytes):
            return value
        target = RefName.try_parse(value)
        if target is None or not target.startswith("refs/"):
            raise FormatError(
                f"'{name}' points to '{value[:80]}', which is no ref name",
                hint=f"'tapes symbolic-ref {name} refs/heads/<branch>' sets it, "
                "'tapes fsck --salvage' by its reflog",
                where=name,
                actual=value,
            )
        return target

    def scan(self, prefix: str, on_broken: OnBroken | None) -> dict[RefName, RefValue]:
        """Return what every file below `refs/` holds whose name begins with `prefix`.

        A file that vanishes meanwhile is left out: it is in packed-refs by then, or deleted.

        Raises:
            TapesError: A file is broken and there is no `on_broken` to take the error.
        """
        found: dict[RefName, RefValue] = {}
        for name in self._walk(prefix, on_broken):
            try:
                value = self._read(name)
            except TapesError as error:
                if on_broken is None:
                    raise
                on_broken(name, error)
                continue
            if value is not None:
                found[name] = value
        return found

    def _walk(self, prefix: str, on_broken: OnBroken | None) -> list[RefName]:
        """Return the names of all files, in no order."""
        start = prefix[: prefix.rfind("/") + 1].strip("/")
        if not _is_below_refs(start) or not self.is_path_plain(f"{start}/"):
            return []
        names: list[RefName] = []
        folders = [start]
        while folders:
            folder = folders.pop()
            for entry in self._entries(folder):
                name = f"{folder}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    folders.append(name)
                elif not name.startswith(prefix):
                    continue
                elif (ref_name := RefName.try_parse(name)) is not None:
                    names.append(ref_name)
                elif on_broken is not None:
                    on_broken(name, FormatError(f"'{name}' is no ref name", where=name))
        return names

    def _entries(self, folder: str) -> list[os.DirEntry[str]]:
        path = f"{self._root}/{folder}"
        try:
            with os.scandir(path) as entries:
                return list(entries)
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise storage_error(error, "list", path) from error

    def has_below(self, name: str) -> bool:
        """Return whether a ref file exists in the folder of this name, at any depth."""
        return bool(self._walk(f"{name}/", None))


def _is_below_refs(folder: str) -> bool:
    parts = folder.split("/")
    return parts[0] == "refs" and not {"", ".", ".."}.intersection(parts)
