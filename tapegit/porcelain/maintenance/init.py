"""`init`: making a store where the user wants one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.refs.names import RefName
from tapegit.repository.discover import find_main_worktree
from tapegit.repository.init import init_store
from tapegit.repository.layout import MAIN_BRANCH, STORE_NAME
from tapegit.repository.user_dirs import find_user_store, no_home

if TYPE_CHECKING:
    from collections.abc import Iterable

_SYNC_FOLDERS: Final = ("dropbox", "onedrive", "icloud", "google drive", "mobile documents")


class InitReport(NamedTuple):
    """What came of it.

    `advice` is what a new store's owner should know, in lines; `warnings` what may go wrong
    where it lies.
    """

    root: Path
    is_new: bool
    advice: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def init(
    directory: str | None, *, named_store: str | None, user: bool, branch: str | None
) -> InitReport:
    """Make a store, or complete one that is there.

    Args:
        directory: Where to put `.tapes`, made where it is missing; else the working directory.
        named_store: The store itself, where the user named it; `directory` goes before it.
        user: Make the user's own store.
        branch: The branch that HEAD of a new store names, without `refs/heads/`.

    Raises:
        InvalidNameError: No branch can have this name.
        UserError: There is a `.tapes` of another program, or the user has no home.
        StorageError: It could not be made.
    """
    name = MAIN_BRANCH if branch is None else RefName.parse(f"refs/heads/{branch}")
    root = _choose_root(directory, named_store, user=user)
    is_new = init_store(root, branch=name)
    advice = () if user or not is_new else tuple(_advise(root.parent))
    return InitReport(root, is_new, advice, tuple(_warn(root)) if is_new else ())


def _choose_root(directory: str | None, named_store: str | None, *, user: bool) -> Path:
    if user:
        own = find_user_store()
        if own is None:
            raise no_home()
        return own
    if directory is None and named_store is not None:
        return Path(os.path.abspath(named_store))
    return Path(os.path.abspath(directory or ".")) / STORE_NAME


def _advise(directory: Path) -> Iterable[str]:
    folders = (directory, *directory.parents)
    top = next((folder for folder in folders if (folder / ".git").exists()), None)
    main = None if top is None else find_main_worktree(str(top))
    if main is not None:
        yield f"'git worktree remove' deletes this store; 'tapes init {main}' makes one"
        yield "that serves the main worktree and all others"
    elif top is not None:
        yield "'git clean -fdx' deletes this store; 'tapes init --user' makes one that is safe"
        yield "from it, for all projects"


def _warn(root: Path) -> Iterable[str]:
    lowered = str(root.resolve()).lower()
    for name in _SYNC_FOLDERS:
        if f"/{name}" in lowered:
            yield f"'{root}' is in a folder that is synchronised: no program may do that to a store"
