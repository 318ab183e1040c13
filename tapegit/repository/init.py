"""Making a store, so that a crash leaves a whole one or one that a second run completes.

Rules: HEAD comes last, by one link, when all else is durable, and a directory without HEAD is
no store. Every step may meet its own result. Nothing that exists is changed.

Source: tapesformat-store(5), "How it is made".
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from tapegit.errors import StorageError, UnsafePathError, UserError
from tapegit.files import syscalls
from tapegit.files.durable import TemporaryFile, fsync_dir
from tapegit.files.oserrors import storage_error
from tapegit.files.safe_read import read_file, unsafe_path
from tapegit.formats.marker import (
    MARKER_SIZE_MAX_BYTES,
    STORE_VERSION,
    Marker,
    decode_marker,
    encode_marker,
    verify_supported,
)
from tapegit.formats.reffile import encode_symbolic
from tapegit.repository.discover import is_store
from tapegit.repository.layout import (
    CONFIG_NAME,
    FOLDER_NAMES,
    FORMAT_NAME,
    GITIGNORE_NAME,
    HEAD_NAME,
    LOCKS_NAME,
    MAIN_BRANCH,
    OBJECTS_NAME,
    TMP_NAME,
    TOP_NAMES,
)

if TYPE_CHECKING:
    from pathlib import Path


_OUR_MARKS: Final = frozenset({OBJECTS_NAME, LOCKS_NAME, "trash"})
"""Folders that together are in no directory of git or of another program."""


def init_store(root: Path, *, branch: str = MAIN_BRANCH) -> bool:
    """Make the store `root`, a `.tapes` directory, or complete it; return whether it was none.

    Directories above it that are missing are made too.

    Args:
        root: The directory that is to be the store.
        branch: The full name of the branch that HEAD of a new store names.

    Raises:
        UserError: The directory belongs to another program.
        UnsafePathError: It is a link or a file, or something in it is.
        UnsupportedVersionError: It is a store that this program does not know.
        StorageError: It could not be made; another run goes on from there.
    """
    _make_parents(root.parent)
    _make_folder(root)
    was_store = is_store(root)
    _verify_ours(root)
    for name in FOLDER_NAMES:
        _make_folder(root / name)
    _verify_one_device(root)
    _publish(root / GITIGNORE_NAME, b"*\n", root)
    _publish(root / CONFIG_NAME, b"", root)
    _publish(root / FORMAT_NAME, encode_marker(Marker(STORE_VERSION)), root)
    for folder in sorted({(root / name).parent for name in FOLDER_NAMES}):
        fsync_dir(folder)
    fsync_dir(root.parent)
    _publish(root / HEAD_NAME, encode_symbolic(branch), root)
    fsync_dir(root)
    return not was_store


def _make_parents(path: Path) -> None:
    if path.is_dir():
        return
    _make_parents(path.parent)
    _make_folder(path, mode=0o777)
    fsync_dir(path.parent)


def _make_folder(path: Path, mode: int = 0o700) -> None:
    try:
        syscalls.mkdir(path, mode)
    except FileExistsError as error:
        status = os.lstat(path)
        if stat.S_ISLNK(status.st_mode):
            raise unsafe_path(path, "a symbolic link") from error
        if not stat.S_ISDIR(status.st_mode):
            raise UnsafePathError(
                f"cannot make the folder '{path}': something else has this name",
                hint="move it away, or 'tapes init DIR' makes a store in another directory",
                path=path,
            ) from error
    except OSError as error:
        raise storage_error(error, "create folder", path) from error


def _verify_ours(root: Path) -> None:
    """Refuse the directory of another program, and a store of another version."""
    try:
        names = set(os.listdir(root))
    except OSError as error:
        raise storage_error(error, "list", root) from error
    if {FORMAT_NAME, OBJECTS_NAME} <= names:
        data = read_file(root / FORMAT_NAME, size_max=MARKER_SIZE_MAX_BYTES)
        verify_supported(decode_marker(data, where=str(root / FORMAT_NAME)))
    elif not names >= _OUR_MARKS and (strangers := sorted(names - TOP_NAMES)):
        raise UserError(
            f"'{root}' belongs to another program: it holds '{strangers[0]}'",
            hint="'tapes init --user' makes one store for all projects\n"
            "'tapes init DIR' makes one for another directory",
            path=root,
        )


def _verify_one_device(root: Path) -> None:
    """Check that files can be renamed from `tmp/` to where they belong."""
    devices = {os.stat(root / name).st_dev for name in (TMP_NAME, OBJECTS_NAME, "refs", "trash")}
    if len(devices) > 1:
        raise StorageError(
            f"'{root}' is spread over several file systems",
            hint="a store needs all its folders on one",
            path=root,
        )


def _publish(path: Path, data: bytes, root: Path) -> None:
    """Give a file its name, whole and synced, unless there is one of that name."""
    if os.path.lexists(path):
        return
    with TemporaryFile(root / TMP_NAME, "init") as file:
        file.write(data)
        file.sync()
        file.publish_new(path)
