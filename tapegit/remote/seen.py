"""What each ref of a remote was at when it was last looked at: derived, for speed alone.

Rules: when history is rewritten all that is derived goes, for it knows the old turns by their
commits. What refs were at is put aside then, under another name, and serves one question alone:
whether somebody has moved a ref since. Names that went are not in it. Where a remote was pushed to
is kept beside it, so that the first push to another place can say who will be able to read it.

Source: tapesformat-git(5), "The id map".
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from tapegit.errors import TapesError
from tapegit.files import syscalls
from tapegit.files.durable import replace_file_cheaply
from tapegit.files.oserrors import storage_error, storage_errors
from tapegit.files.safe_read import read_file
from tapegit.objects.oid import hash_content
from tapegit.repository.layout import LEFT_PREFIX, TMP_NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

_FOLDER: Final = "remote"
_SEEN: Final = "seen-"
_TOLD: Final = "told-"
_SIZE_MAX_BYTES: Final = 64 << 20
_CHECK_LENGTH: Final = 65


def read_seen(root: Path, remote: str) -> dict[str, bytes]:
    """Return commits (20 bytes) by the full name of their ref; nothing where it is lost."""
    return _read(root / _FOLDER / f"{_SEEN}{remote}")


def read_left(root: Path, remote: str) -> dict[str, bytes]:
    """Return the same of what was put aside when history was rewritten."""
    return _read(root / _FOLDER / f"{LEFT_PREFIX}{remote}")


def _read(path: Path) -> dict[str, bytes]:
    try:
        data = read_file(path, size_max=_SIZE_MAX_BYTES)
    except (FileNotFoundError, TapesError):
        return {}
    body, check = data[:-_CHECK_LENGTH], data[-_CHECK_LENGTH:]
    if hash_content(body).hex().encode() + b"\n" != check:
        return {}
    lines = body.decode("utf-8", "replace").splitlines()
    return {line[41:]: bytes.fromhex(line[:40]) for line in lines}


def write_seen(root: Path, remote: str, seen: Mapping[str, bytes]) -> None:
    """Keep what the refs of a remote are at; where it cannot be kept, it is looked up again."""
    try:
        _write(root, f"{_SEEN}{remote}", seen)
    except TapesError:
        return


def is_told(root: Path, remote: str, place: str) -> bool:
    """Return whether what a remote is at was last pushed to is this place."""
    try:
        return read_file(_told_path(root, remote), size_max=_SIZE_MAX_BYTES) == _format_told(place)
    except (FileNotFoundError, TapesError):
        return False


def note_told(root: Path, remote: str, place: str) -> None:
    """Keep where a remote was pushed to; where it cannot be kept, the next push says it again."""
    try:
        replace_file_cheaply(_told_path(root, remote), _format_told(place), tmp_dir=root / TMP_NAME)
    except TapesError:
        return


def _told_path(root: Path, remote: str) -> Path:
    return root / _FOLDER / f"{_TOLD}{remote}"


def _format_told(place: str) -> bytes:
    """Return the hash of an address: what is in it may be taken out of the store by a redaction."""
    return hash_content(place.encode("utf-8", "surrogateescape")).hex().encode() + b"\n"


def forget_remote(root: Path, remote: str) -> None:
    """Remove what is known of a remote that is no more, or that is about to be made.

    Raises:
        StorageError: It cannot be removed.
    """
    for path in _paths(root, remote):
        with storage_errors("remove", path):
            try:
                syscalls.unlink(path)
            except FileNotFoundError:
                continue


def rename_known(root: Path, remote: str, name: str) -> None:
    """Let what is known of a remote be known of another name.

    Raises:
        StorageError: It cannot be renamed.
    """
    for path, new in zip(_paths(root, remote), _paths(root, name), strict=True):
        with storage_errors("rename", path):
            try:
                syscalls.rename(path, new)
            except FileNotFoundError:
                continue


def _paths(root: Path, remote: str) -> list[Path]:
    return [root / _FOLDER / f"{prefix}{remote}" for prefix in (_SEEN, LEFT_PREFIX, _TOLD)]


def put_aside(root: Path, is_kept: Callable[[str, str], bool]) -> None:
    """Put aside what is known of all remotes, before it goes because history is rewritten.

    Args:
        root: The store.
        is_kept: Says of a remote and the full name of one of its refs whether that name may be
            written down.

    Raises:
        StorageError: It cannot be written.
    """
    try:
        names = os.listdir(root / _FOLDER)
    except FileNotFoundError:
        return
    except OSError as error:
        raise storage_error(error, "list", root / _FOLDER) from error
    prefixes = (_SEEN, LEFT_PREFIX)
    for remote in sorted({name[len(_SEEN) :] for name in names if name.startswith(prefixes)}):
        known = {**read_left(root, remote), **read_seen(root, remote)}
        kept = {name: git_id for name, git_id in known.items() if is_kept(remote, name)}
        _write(root, f"{LEFT_PREFIX}{remote}", kept)


def _write(root: Path, file: str, seen: Mapping[str, bytes]) -> None:
    body = b"".join(f"{git_id.hex()} {name}\n".encode() for name, git_id in sorted(seen.items()))
    data = body + hash_content(body).hex().encode() + b"\n"
    replace_file_cheaply(root / _FOLDER / file, data, tmp_dir=root / TMP_NAME)
