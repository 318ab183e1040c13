"""The branch that a recording was started from: it goes on with the tape that goes on from it.

That is the tape of the session that the branch ends in, where that session goes on, or of a new
session that repeats what the branch has and goes on from there; of several the first one. The
branch follows for as long as it is checked out and nobody else has moved it, and never goes back:
a tape that does is followed no more.

Source: tapes-record(1), "The checked-out branch".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.errors import StaleRefError
from tapegit.objects.kind import Kind
from tapegit.objects.turn import decode_turn

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Sequence

    from tapegit.objects.oid import ObjectId
    from tapegit.recorder.calls.lanes import RefMove
    from tapegit.refs.names import RefName
    from tapegit.repository.repository import Repository

    FindWaiting = Callable[[ObjectId], tuple[Kind, bytes] | None]

MESSAGE: Final = "record"
_MAIN: Final = "/wire/main"


class BranchFollower:
    """Moves one branch.

    Args:
        repository: The store.
        branch: The branch.
        tip: Where it was when the recording began.
    """

    def __init__(self, repository: Repository, branch: RefName, tip: ObjectId) -> None:
        self._repository = repository
        self._branch = branch
        self._tip = self._target = tip
        self._followed: RefName | None = None
        self._is_over = False

    def note(self, moves: Iterable[Sequence[RefMove]], find: FindWaiting) -> None:
        """Take the moves of a batch that is not stored yet; `find` gives what waits."""
        for move in (move for group in moves for move in group):
            if move.new is None or self._is_over:
                continue
            is_main = self._followed is None and move.name.endswith(_MAIN)
            if is_main and self._goes_on(move.new, find):
                self._followed = move.name
            if move.name == self._followed:
                self._is_over = not move.is_fast_forward
                if not self._is_over:
                    self._target = move.new

    def _goes_on(self, oid: ObjectId, find: FindWaiting) -> bool:
        """Return whether what waits, from a turn back, follows the branch's own last turn."""
        while (found := find(oid)) is not None:
            parents = decode_turn(found[1]).parent_ids if found[0] is Kind.TURN else ()
            if not parents:
                return False
            oid = parents[0]
        return oid == self._tip

    def advance(self, stale: Container[RefName]) -> None:
        """Move the branch: the batch is stored.

        Args:
            stale: Refs that somebody else had moved.

        Raises:
            TapesError: The store cannot be written to; the next batch moves it.
        """
        if self._target == self._tip:
            return
        head = self._repository.refs.read_head()
        is_there = head.target == self._branch and head.oid == self._tip
        if not is_there or self._followed in stale:
            self._is_over, self._target = True, self._tip
            return
        try:
            with self._repository.ref_transaction(MESSAGE) as refs:
                refs.update(self._branch, self._target, self._tip, is_fast_forward=True)
        except StaleRefError:
            self._is_over, self._target = True, self._tip
        else:
            self._tip = self._target
