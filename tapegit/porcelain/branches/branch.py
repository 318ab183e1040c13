"""`branch`: create, rename, copy and delete branches.

Rules: a branch that HEAD names is not deleted and not moved from here; a branch is only deleted
without being forced if every turn of it stays reachable from HEAD or another ref.

Source: tapes-branch(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import InvalidNameError, RefNotFoundError, UserError
from tapegit.graph.ancestry import is_ancestor
from tapegit.graph.walk import walk
from tapegit.objects.kind import Kind
from tapegit.porcelain.branches.tracking import copy_following, stop_following
from tapegit.refs.names import HEAD, RefName

if TYPE_CHECKING:
    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId
    from tapegit.repository.repository import Repository

HEADS: Final = "refs/heads/"


class DeletedBranch(NamedTuple):
    """A branch that was deleted, and where it was."""

    name: RefName
    oid: ObjectId


def branch_name(text: str) -> RefName:
    """Return the full name of a branch from its short one.

    Raises:
        InvalidNameError: It breaks a rule for names.
    """
    if text.startswith("-"):
        raise InvalidNameError(
            f"'{text}' is no name for a branch: it begins with '-'", text=text, rule="no leading -"
        )
    return RefName.parse(HEADS + text)


def create_branch(
    repository: Repository, name: RefName, start: ObjectId, shown: str, *, is_forced: bool = False
) -> None:
    """Let a new branch begin at a turn; `shown` is how the user named it, for the reflog.

    Raises:
        UserError: The branch exists, or is checked out.
        StaleRefError: Somebody else made it meanwhile.
    """
    before = repository.refs.find(name)
    if before is not None:
        if not is_forced:
            raise UserError(
                f"a branch named '{name.short}' already exists",
                hint=f"'tapes branch -f {name.short} {shown}' moves it there",
            )
        if repository.refs.find_symbolic(HEAD) == name:
            raise UserError(
                f"cannot move branch '{name.short}': it is checked out",
                hint=f"'tapes reset {shown}' moves the branch that is checked out",
            )
    verb = "Created" if before is None else "Reset"
    with repository.ref_transaction(f"branch: {verb} from {shown}") as refs:
        refs.update(name, start, before)


def copy_branch(
    repository: Repository, old: RefName, new: RefName, *, is_forced: bool = False
) -> ObjectId:
    """Create a branch where another is, with its reflog and what it follows; return where.

    Raises:
        RefNotFoundError: There is no branch `old`.
        UserError: There is a branch `new`.
    """
    with repository.ref_transaction(f"Branch: copied {old} to {new}") as refs:
        oid = _read_branch(repository, old)
        refs.copy(old, new, oid, _verify_free(repository, new, is_forced=is_forced))
    copy_following(repository, old, new)
    return oid


def rename_branch(
    repository: Repository, old: RefName, new: RefName, *, is_forced: bool = False
) -> None:
    """Give a branch another name; HEAD, its reflog and what it follows go with it.

    A crash between leaves both branches, with HEAD at the new one.

    Raises:
        RefNotFoundError: There is no branch `old`.
        UserError: There is a branch `new`.
    """
    if old == new:
        return
    is_head = repository.refs.find_symbolic(HEAD) == old
    message = f"Branch: renamed {old} to {new}"
    if is_head and repository.refs.read_head().oid is None:
        with repository.ref_transaction(message) as refs:
            refs.verify(new, _verify_free(repository, new, is_forced=False))
            refs.set_symbolic(HEAD, new)
        return
    oid = _read_branch(repository, old)
    with repository.ref_transaction(message) as refs:
        refs.copy(old, new, oid, _verify_free(repository, new, is_forced=is_forced))
        if is_head:
            refs.set_symbolic(HEAD, new)
    copy_following(repository, old, new)
    with repository.ref_transaction(message) as refs:
        refs.delete(old, oid)
    stop_following(repository, old)


def delete_branch(
    repository: Repository, graph: TurnGraph, name: RefName, *, is_forced: bool = False
) -> DeletedBranch:
    """Delete a branch, its reflog and what is set of it; return where it was.

    Raises:
        RefNotFoundError: There is no such branch.
        UserError: It is checked out, or turns of it would be left behind.
    """
    if repository.refs.find_symbolic(HEAD) == name:
        raise UserError(
            f"cannot delete branch '{name.short}': it is checked out",
            hint="'tapes switch <branch>' checks out another one first",
        )
    oid = _read_branch(repository, name)
    if not is_forced and is_left_behind(repository, graph, name, oid):
        raise UserError(
            f"the branch '{name.short}' is not fully merged: no other ref reaches its turns",
            hint=f"'tapes branch -D {name.short}' deletes it all the same; gc keeps the turns "
            f"for 14 days, and 'tapes branch {name.short} {oid.short()}' brings it back",
        )
    with repository.ref_transaction("branch: deleted") as refs:
        refs.delete(name, oid)
    if name.is_branch:
        stop_following(repository, name)
    return DeletedBranch(name, oid)


def is_left_behind(repository: Repository, graph: TurnGraph, name: RefName, oid: ObjectId) -> bool:
    """Return whether a turn would be reachable from no ref and not from HEAD without `name`."""
    head = repository.refs.read_head()
    if head.oid is not None and head.target != name and is_ancestor(graph, oid, head.oid):
        return False
    tips = set()
    for ref in repository.refs.iter_refs("refs/"):
        if ref.name != name:
            tips.add(ref.peeled or ref.oid)
    if oid in tips:
        return False
    turns = [tip for tip in tips if _is_turn(repository, tip)]
    return next(walk(graph, [oid], exclude=turns, max_count=1), None) is not None


def _is_turn(repository: Repository, oid: ObjectId) -> bool:
    header = repository.objects.find_header(oid)
    return header is not None and header.kind is Kind.TURN


def _read_branch(repository: Repository, name: RefName) -> ObjectId:
    oid = repository.refs.find(name)
    if oid is None:
        raise RefNotFoundError(
            f"no branch named '{name.short}'", hint="'tapes branch' lists them", name=name
        )
    return oid


def _verify_free(repository: Repository, name: RefName, *, is_forced: bool) -> ObjectId | None:
    """Return what a branch that is to be overwritten holds, or None where there is none."""
    oid = repository.refs.find(name)
    if oid is None:
        return None
    if not is_forced:
        raise UserError(
            f"a branch named '{name.short}' already exists",
            hint=f"-M and -C replace it; 'tapes branch -D {name.short}' deletes it",
        )
    if repository.refs.find_symbolic(HEAD) == name:
        raise UserError(
            f"cannot overwrite branch '{name.short}': it is checked out",
            hint="'tapes switch <branch>' checks out another one first",
        )
    return oid
