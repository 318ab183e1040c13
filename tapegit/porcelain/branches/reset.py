"""`reset`: let the branch that is checked out, or a detached HEAD, be at another turn.

Source: tapes-reset(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tapegit.refs.names import HEAD, RefName

if TYPE_CHECKING:
    from tapegit.objects.oid import ObjectId
    from tapegit.repository.repository import Repository


class ResetResult(NamedTuple):
    """What moved: the branch (None: a detached HEAD), from where (None: unborn), to where."""

    branch: RefName | None
    before: ObjectId | None
    after: ObjectId


def reset(repository: Repository, oid: ObjectId, shown: str) -> ResetResult:
    """Move the branch that is checked out; `shown` is how the user named the turn.

    Raises:
        StaleRefError: Somebody else moved it meanwhile.
    """
    head = repository.refs.read_head()
    with repository.ref_transaction(f"reset: moving to {shown}") as refs:
        refs.update(head.target or HEAD, oid, head.oid)
    return ResetResult(head.target, head.oid, oid)
