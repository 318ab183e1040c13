"""What branches follow on remotes: set, taken away, and kept with a branch that gets another name.

Rules: a branch follows a branch of a remote that has been fetched, and nothing else: no session,
no tag, no other branch of the store. The settings are written after the refs.

Source: tapes-branch(1), "WHAT A BRANCH FOLLOWS".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.errors import UserError
from tapegit.porcelain.remotes.remotes import change_setting, list_remotes, set_upstream
from tapegit.refs.names import HEAD, RefName
from tapegit.remote.ref_names import ASIDE

if TYPE_CHECKING:
    from tapegit.repository.repository import Repository

HEADS: Final = "refs/heads/"
REMOTES: Final = "refs/remotes/"
_KEYS: Final = ("remote", "merge")


def is_followable(name: RefName | None) -> bool:
    """Return whether a ref is that of a branch of a remote: what a branch may follow."""
    if name is None or not name.startswith(REMOTES):
        return False
    remote, _, branch = name.removeprefix(REMOTES).partition("/")
    return bool(remote and branch) and branch != HEAD and not branch.startswith(ASIDE)


def follow(repository: Repository, branch: RefName, followed: RefName) -> None:
    """Let a branch follow one of a remote, such as `refs/remotes/origin/main`.

    Raises:
        UserError: It is the branch of no remote, or that of one that is not set up here.
        ConfigError: The settings are damaged.
        StorageError: They cannot be written.
    """
    remote, _, there = followed.removeprefix(REMOTES).partition("/")
    if not is_followable(followed):
        raise UserError(
            f"'{followed.short}' is no branch of a remote",
            hint="'tapes branch -r' lists what can be followed",
        )
    if all(each.name != remote for each in list_remotes(repository)):
        raise UserError(
            f"no remote '{remote}' is set up, so nothing of it can be followed",
            hint=f"'tapes remote add {remote} URL' sets it up",
        )
    set_upstream(repository, branch.removeprefix(HEADS), remote, there)


def stop_following(repository: Repository, branch: RefName) -> bool:
    """Let a branch follow nothing any more; return whether it followed anything.

    Raises:
        ConfigError: The settings are damaged.
        StorageError: They cannot be written.
    """
    name = branch.removeprefix(HEADS)
    keys = [f"branch.{name}.{key}" for key in _KEYS]
    found = [key for key in keys if repository.config.find(key) is not None]
    for key in found:
        change_setting(repository, key, None)
    return bool(found)


def copy_following(repository: Repository, old: RefName, new: RefName) -> None:
    """Let a branch follow what another does, or nothing where that follows nothing.

    Raises:
        ConfigError: The settings are damaged.
        StorageError: They cannot be written.
    """
    stop_following(repository, new)
    for key in _KEYS:
        setting = repository.config.find(f"branch.{old.removeprefix(HEADS)}.{key}")
        if setting is not None:
            name = f"branch.{new.removeprefix(HEADS)}.{key}"
            change_setting(repository, name, str(setting.value))


def find_on_remotes(repository: Repository, branch: RefName) -> RefName | None:
    """Return the one ref that follows a branch of this name on a remote; None where none does.

    Raises:
        UserError: Several remotes have one.
    """
    name = branch.removeprefix(HEADS)
    wanted = [f"{REMOTES}{remote.name}/{name}" for remote in list_remotes(repository)]
    names = [found for each in wanted if (found := RefName.try_parse(each)) is not None]
    there = [each for each in names if is_followable(each) and repository.refs.find(each)]
    if len(there) > 1:
        raise UserError(
            f"'{name}' is a branch of several remotes: {', '.join(each.short for each in there)}",
            hint=f"'tapes switch -c {name} {there[0].short}' begins at that of the first",
        )
    return there[0] if there else None
