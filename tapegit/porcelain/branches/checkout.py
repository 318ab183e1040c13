"""`switch` and `checkout`: move HEAD to a branch, or to a turn itself.

Rules: HEAD moves and nothing else; no file outside the store is touched.

Source: tapes-checkout(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import DataError, ObjectNotFoundError, RefNotFoundError, UserError
from tapegit.graph.resolve import CHECKOUT
from tapegit.objects.oid import ZERO_OID
from tapegit.porcelain.branches.branch import HEADS
from tapegit.porcelain.branches.tracking import find_on_remotes
from tapegit.refs.names import HEAD, RefName

if TYPE_CHECKING:
    from tapegit.graph.resolve import Resolver
    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId
    from tapegit.objects.turn import CodeRepository
    from tapegit.refs.reader import Head
    from tapegit.repository.repository import Repository


class Target(NamedTuple):
    """Where HEAD is to go: a branch, which may not exist yet, or a turn; and how it was named.

    `start` is the ref that a branch which is to be made begins at, where that is one.
    """

    branch: RefName | None
    oid: ObjectId | None
    shown: str
    start: RefName | None = None


class Code(NamedTuple):
    """Where the user's code was when a tape was recorded: directory and repository."""

    directory: str | None
    repository: CodeRepository | None


class Switched(NamedTuple):
    """What a checkout did.

    Attributes:
        before: Where HEAD was.
        after: Where it is.
        is_new: The branch was created by it.
        is_reset: The branch existed, and was moved by it.
        code: How the code was at that turn.
    """

    before: Head
    after: Head
    is_new: bool
    is_reset: bool
    code: Code | None


def find_target(
    repository: Repository, resolver: Resolver, text: str, *, takes_turns: bool
) -> Target:
    """Return what a word on the command line means: a branch, `-` for the last one, or a turn.

    A word that is nothing here, but a branch of a remote, is a branch that is to begin there.

    Raises:
        RefNotFoundError: It names nothing.
        UserError: It names a turn where only a branch is taken, or branches of several remotes.
    """
    word = "@{-1}" if text == "-" else text
    if word.startswith("@{-"):
        return _find_left(repository, resolver, word)
    branch = RefName.try_parse(HEADS + word)
    at = repository.refs.find(branch) if branch is not None else None
    if at is not None:
        return Target(branch, at, word)
    head = repository.refs.read_head()
    if branch is not None and head.target == branch:
        return Target(branch, None, word)
    try:
        oid = resolver.resolve(word)
    except RefNotFoundError as error:
        followed = find_on_remotes(repository, branch) if branch is not None else None
        if followed is not None:
            return Target(branch, repository.refs.read(followed), followed.short, followed)
        if takes_turns:
            raise
        raise RefNotFoundError(
            f"no branch named '{word}'",
            hint=f"'tapes switch -c {word}' creates it; 'tapes branch -a' lists those there are",
            name=word,
        ) from error
    if not takes_turns:
        raise UserError(
            f"a branch is expected, '{word}' is something else",
            hint=f"'tapes switch --detach {word}' goes there without a branch, "
            f"'tapes switch -c <name> {word}' lets a branch begin there",
        )
    return Target(None, oid, word)


def _find_left(repository: Repository, resolver: Resolver, word: str) -> Target:
    """Return what was checked out before; that may be the branch on which nothing was yet."""
    try:
        left, oid = resolver.find_ref(word), resolver.resolve(word)
    except RefNotFoundError as error:
        name = str(error.fields.get("name"))
        branch = RefName.try_parse(HEADS + name)
        if branch is None or name.startswith("@{-"):
            raise
        if _was_unborn(repository, int(word[3:-1])):
            return Target(branch, None, name)
        raise RefNotFoundError(
            f"what was checked out before is '{name}', which is no branch any more",
            hint=f"'tapes switch -c {name}' lets it begin here, 'tapes reflog' says where HEAD was",
            name=name,
        ) from error
    if left is not None and left.is_branch:
        return Target(left, oid, left.short)
    return Target(None, oid, left.short if left is not None else str(oid))


def _was_unborn(repository: Repository, number: int) -> bool:
    """Return whether HEAD was on a branch without turns before its n-th checkout from the last."""
    entries = reversed(repository.refs.read_reflog(HEAD))
    moves = [entry for entry in entries if entry.message.startswith(CHECKOUT)]
    return moves[number - 1].old == ZERO_OID


def switch(
    repository: Repository, graph: TurnGraph, target: Target, *, creates: str | None = None
) -> Switched:
    """Move HEAD; `creates` is `new` or `reset` where the branch is to be made, or moved, first.

    Raises:
        UserError: The branch that is to be created exists.
        StaleRefError: Somebody else moved it meanwhile.
    """
    refs = repository.refs
    before = refs.read_head()
    existing = refs.find(target.branch) if target.branch is not None else None
    if creates == "new" and target.branch is not None and existing is not None:
        name = target.branch.short
        raise UserError(
            f"a branch named '{name}' already exists",
            hint=f"'tapes switch {name}' checks it out; -C instead of -c moves it first",
        )
    message = f"{CHECKOUT}{_describe(before)} to {_describe_target(target)}"
    with repository.ref_transaction(message) as changes:
        if target.branch is None:
            assert target.oid is not None, "a turn has an id"
            changes.detach_head(target.oid)
        elif creates is not None and target.oid is not None and target.branch != before.target:
            changes.update(target.branch, target.oid, existing)
            changes.set_symbolic(HEAD, target.branch)
        elif creates is not None and target.oid is not None:
            changes.update(target.branch, target.oid, existing)
        elif target.branch != before.target:
            changes.set_symbolic(HEAD, target.branch)
    after = refs.read_head()
    return Switched(
        before,
        after,
        is_new=creates is not None and existing is None,
        is_reset=creates is not None and existing is not None,
        code=find_code(graph, after.oid) if after.oid is not None else None,
    )


def find_code(graph: TurnGraph, oid: ObjectId) -> Code | None:
    """Return where the code was, as the leader of a turn says; None where it says nothing."""
    try:
        leader = graph.find_leader(oid)
        session = graph.read_turn(leader).session if leader is not None else None
    except (DataError, ObjectNotFoundError):
        return None
    if session is None or (session.cwd is None and session.repository is None):
        return None
    return Code(session.cwd, session.repository)


def _describe(head: Head) -> str:
    if head.target is not None:
        return head.target.short
    return str(head.oid)


def _describe_target(target: Target) -> str:
    return target.branch.short if target.branch is not None else target.shown
