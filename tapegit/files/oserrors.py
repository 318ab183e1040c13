"""The one translation from OSError to StorageError."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Final

from tapegit.errors import StorageError

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

_HINTS: Final = {
    errno.ENOSPC: "free some space; nothing that was stored before is affected",
    errno.EDQUOT: "your disk quota is used up; nothing that was stored before is affected",
    errno.EFBIG: "the file size limit is too small (see 'ulimit -f')",
    errno.EMFILE: "too many open files (see 'ulimit -n')",
    errno.ENFILE: "too many open files on this machine",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "check the owner and the permissions of the store",
    errno.EPERM: "check the owner and the permissions of the store",
    errno.EXDEV: "all folders of a store must be on one file system",
    errno.EIO: "the disk reports an error; check it before you go on",
    errno.ENOTDIR: "a file is where a folder should be; run 'tapes fsck'",
}


def storage_error(error: OSError, action: str, path: Path | str) -> StorageError:
    """Return the domain error for a system error: `cannot <action> '<path>': <reason>`.

    The fields are `path` and `errno` (the number, or None where there was none).
    """
    reason = os.strerror(error.errno).lower() if error.errno else str(error)
    return StorageError(
        f"cannot {action} '{path}': {reason}",
        hint=_HINTS.get(error.errno or 0),
        path=path,
        errno=error.errno,
    )


class storage_errors:  # noqa: N801 - reads as a statement: `with storage_errors("write", path):`
    """A context in which every OSError leaves as a StorageError."""

    __slots__ = ("_action", "_path")

    def __init__(self, action: str, path: Path | str) -> None:
        self._action = action
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if isinstance(exc, OSError):
            raise storage_error(exc, self._action, self._path) from exc
