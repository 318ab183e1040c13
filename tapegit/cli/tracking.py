"""What `branch`, `switch` and `checkout` have in common: a branch follows one of a remote."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from tapegit.errors import RefNotFoundError, UserError
from tapegit.graph.lookup import find_ref
from tapegit.porcelain.branches.branch import branch_name
from tapegit.porcelain.branches.tracking import follow, is_followable, stop_following
from tapegit.refs.names import HEAD

if TYPE_CHECKING:
    from tapegit.cli.app import App
    from tapegit.refs.names import RefName


def set_up(app: App, branch: RefName, followed: RefName | None) -> None:
    """Let a branch follow what it begins at, if that is a branch of a remote, and say so."""
    if followed is None or not is_followable(followed):
        return
    follow(app.repository, branch, followed)
    app.terminal.note(f"branch '{branch.short}' set up to track '{followed.short}'.")


def set_upstream_of(app: App, upstream: str, words: tuple[str, ...]) -> None:
    """Let a branch follow what was named: `branch -u`.

    Raises:
        RefNotFoundError: No remote has such a branch, or HEAD is detached and none was named.
    """
    branch = _branch_of(app, words)
    followed = find_ref(app.repository.refs, upstream)
    if followed is None or app.repository.refs.find(followed) is None:
        raise RefNotFoundError(
            f"'{upstream}' is no branch of a remote",
            hint="'tapes branch -r' lists what can be followed, 'tapes fetch' brings what is "
            "new there; 'tapes push -u' makes a branch there and follows it",
            name=upstream,
        )
    follow(app.repository, branch, followed)
    app.terminal.note(f"branch '{branch.short}' set up to track '{followed.short}'.")


def unset_upstream_of(app: App, words: tuple[str, ...]) -> None:
    """Let a branch follow nothing any more: `branch --unset-upstream`.

    Raises:
        UserError: It follows nothing.
    """
    branch = _branch_of(app, words)
    if not stop_following(app.repository, branch):
        raise UserError(
            f"branch '{branch.short}' follows nothing",
            hint="'tapes branch -vv' shows what follows what",
        )


def _branch_of(app: App, words: tuple[str, ...]) -> RefName:
    if len(words) > 1:
        raise click.UsageError("one branch at a time follows something")
    head = app.repository.refs.read_head()
    branch = branch_name(words[0]) if words else head.target
    if branch is None:
        raise RefNotFoundError(
            "HEAD is detached: no branch is checked out",
            hint="name the branch: 'tapes branch -u <remote>/<branch> <name>'",
            name=HEAD,
        )
    if app.repository.refs.find(branch) is None and branch != head.target:
        raise RefNotFoundError(
            f"no branch named '{branch.short}'", hint="'tapes branch' lists them", name=branch
        )
    return branch
