"""What a branch follows on a remote, and how far the two are apart.

Rules: this is on the way of `status`: a store whose settings name no branch reads none.

Source: tapes-branch(1), tapes-status(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import DataError, ObjectNotFoundError, TapesError
from tapegit.files.safe_read import read_file
from tapegit.graph.ancestry import count_ahead_behind
from tapegit.refs.names import RefName
from tapegit.repository.layout import CONFIG_NAME

if TYPE_CHECKING:
    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId
    from tapegit.repository.repository import Repository

HEADS = "refs/heads/"
CONFIG_LOOK_MAX_BYTES = 1 << 20


class Upstream(NamedTuple):
    """What a branch follows, such as `origin/main`; `is_gone` where no ref here follows that."""

    short: str
    is_gone: bool = False
    ahead: int = 0
    behind: int = 0


def find_upstream(
    repository: Repository, graph: TurnGraph, branch: RefName, oid: ObjectId | None
) -> Upstream | None:
    """Return what a branch follows, or None for nothing.

    Args:
        repository: The store.
        graph: Its turns.
        branch: The full name of the branch.
        oid: Where it is, or None where it is not yet born.

    Raises:
        ConfigError: The settings are damaged.
    """
    followed = find_followed(repository, branch)
    if followed is None:
        return None
    tip = repository.refs.find(followed)
    if tip is None or oid is None:
        return Upstream(followed.short, is_gone=tip is None)
    try:
        return Upstream(followed.short, False, *count_ahead_behind(graph, oid, tip))
    except (DataError, ObjectNotFoundError):
        return Upstream(followed.short)  # what is damaged is for other commands to say


def find_followed(repository: Repository, branch: RefName) -> RefName | None:
    """Return the ref that follows what a branch follows, or None for nothing.

    Raises:
        ConfigError: The settings are damaged.
    """
    return _read_setting(repository, branch) if _may_follow(repository) else None


def _may_follow(repository: Repository) -> bool:
    """Return whether the store's settings may say something of branches; a cheap look."""
    try:
        text = read_file(repository.root / CONFIG_NAME, size_max=CONFIG_LOOK_MAX_BYTES)
    except FileNotFoundError:
        return False
    except TapesError:
        return True  # reading the settings says what is wrong with them
    return b"branch" in text or b"\\" in text


def _read_setting(repository: Repository, branch: RefName) -> RefName | None:
    name = branch.removeprefix(HEADS)
    remote = repository.config.find(f"branch.{name}.remote")
    merge = repository.config.find(f"branch.{name}.merge")
    if remote is None or merge is None:
        return None
    there = str(merge.value).removeprefix(HEADS)
    return RefName.try_parse(f"refs/remotes/{remote.value}/{there}")
