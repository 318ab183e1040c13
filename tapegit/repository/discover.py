"""Finding the store that a directory belongs to.

The nearest `.tapes` upwards that is a store; in a linked git worktree also that of the main
worktree; else the user's own store. A `.tapes` of another program is passed over, and named
if nothing else is found.

Rules: a store found by walking up must belong to this user, for it was not asked for by name;
a git worktree is believed to be linked only if the main worktree says so too.

Source: tapesformat-store(5), "Where it is".
"""

from __future__ import annotations

import os
import stat
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tapegit.errors import RepositoryNotFoundError, StorageError, TapesError, UnsafePathError
from tapegit.files.safe_read import read_file
from tapegit.repository.layout import FORMAT_NAME, HEAD_NAME, OBJECTS_NAME, STORE_NAME

if TYPE_CHECKING:
    from collections.abc import Callable

_GIT_FILE_SIZE_MAX_BYTES: Final = 8192
_HAS_EFFECTIVE: Final = os.access in os.supports_effective_ids
_HINT: Final = (
    "'tapes init --user' makes one store for all projects\n"
    "'tapes init' makes one for this directory"
)


def discover(
    start: str,
    *,
    tapes_dir: str | None = None,
    user_store: Callable[[], Path | None] | None = None,
) -> Path:
    """Return the store for a directory.

    Args:
        start: An absolute path to begin at.
        tapes_dir: The store itself, where the user named it; nothing is searched then.
        user_store: Returns where the user's own store would be; by default what the platform
            has for it.

    Raises:
        RepositoryNotFoundError: There is none, or the one named is none.
        UnsafePathError: What was found belongs to another user.
        StorageError: What was found cannot be looked into.
    """
    if tapes_dir is not None:
        return _named(os.path.join(start, tapes_dir))
    foreign: list[str] = []
    for folder in _candidates(start):
        path = f"{folder}/{STORE_NAME}" if folder != "/" else f"/{STORE_NAME}"
        if is_store(path):
            _verify_owner(path)
            return Path(path)
        if os.path.lexists(path):
            _verify_open(path)
            _verify_complete(path)
            foreign.append(path)
    own = (user_store or _platform_store)()
    if own is not None and is_store(own):
        return own
    raise _not_found(foreign)


def is_store(path: str | Path) -> bool:
    """Return whether a directory is a store: it holds `HEAD` and `objects/`."""
    return os.path.lexists(f"{path}/{HEAD_NAME}") and os.path.isdir(f"{path}/{OBJECTS_NAME}")


def _named(path: str) -> Path:
    if is_store(path):
        return Path(path)
    _verify_complete(path)
    inner = f"{path}/{STORE_NAME}"
    hint = f"did you mean '{inner}'?" if is_store(inner) else _HINT
    raise RepositoryNotFoundError(f"'{path}' is not a store of tapes", hint=hint, path=path)


def _candidates(start: str) -> list[str]:
    """Return the directories that may have a store, the nearest first."""
    found: list[str] = []
    folder = start
    while True:
        found.append(folder)
        main = find_main_worktree(folder)
        if main is not None:
            found.append(main)
        parent = os.path.dirname(folder)
        if parent == folder:
            return found
        folder = parent


def find_main_worktree(folder: str) -> str | None:
    """Return the main worktree of the linked git worktree with this top directory, or None."""
    own = f"{folder}/.git"
    try:
        if not stat.S_ISREG(os.lstat(own).st_mode):
            return None
        git_dir = _read_path(own, folder, prefix="gitdir: ")
        common_dir = _read_path(f"{git_dir}/commondir", git_dir)
        back = _read_path(f"{git_dir}/gitdir", git_dir)
        if not os.path.samefile(back, own):
            return None
    except (OSError, ValueError, TapesError):
        return None  # a broken worktree is git's affair: here it is a directory like any other
    main, name = os.path.split(os.path.normpath(common_dir))
    return main if name == ".git" else None


def _read_path(path: str, base: str, *, prefix: str = "") -> str:
    text = os.fsdecode(read_file(path, size_max=_GIT_FILE_SIZE_MAX_BYTES)).rstrip("\r\n")
    if not text.startswith(prefix) or "\n" in text:
        raise ValueError(path)
    return os.path.join(base, text.removeprefix(prefix))


def _verify_owner(path: str) -> None:
    owner = os.stat(path).st_uid
    if owner != os.geteuid():
        raise UnsafePathError(
            f"cannot use '{path}': it belongs to another user ({owner})",
            hint=f"if you trust it: 'tapes --tapes-dir {path} …'",
            path=path,
        )


def _verify_open(path: str) -> None:
    """Stop at a directory of this user that cannot be looked into: it may be the store."""
    if not os.path.isdir(path) or os.access(path, os.X_OK, effective_ids=_HAS_EFFECTIVE):
        return
    if os.stat(path).st_uid == os.geteuid():
        raise StorageError(
            f"cannot look into '{path}': permission denied",
            hint="check the owner and the permissions of the store",
            path=path,
        )


def _verify_complete(path: str) -> None:
    """Stop at a store that has lost its HEAD: going on would show the data of another one."""
    if os.path.lexists(f"{path}/{FORMAT_NAME}") and os.path.isdir(f"{path}/{OBJECTS_NAME}"):
        raise RepositoryNotFoundError(
            f"'{path}' is a store without HEAD: its init did not end, or HEAD was lost",
            hint="'tapes init' completes it; nothing in it is touched",
            path=path,
        )


def _platform_store() -> Path | None:
    path: Path | None = import_module("tapegit.repository.user_dirs").find_user_store()
    return path


def _not_found(foreign: list[str]) -> RepositoryNotFoundError:
    if not foreign:
        return RepositoryNotFoundError("no store here, and none of your own", hint=_HINT)
    return RepositoryNotFoundError(
        f"no store here: '{foreign[0]}' belongs to another program",
        hint="'tapes init --user' makes one store for all projects\n"
        "'tapes init DIR' makes one for another directory",
        path=foreign[0],
    )
