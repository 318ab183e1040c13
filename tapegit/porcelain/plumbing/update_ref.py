"""`update-ref`: moving refs, one or many in one step, and only if they are where one thinks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.porcelain.plumbing.ref_commands import RefCommand
    from tapegit.refs.transaction import RefTransaction
    from tapegit.repository.repository import Repository


def apply_commands(repository: Repository, commands: Iterable[RefCommand], *, message: str) -> None:
    """Carry out commands as one transaction.

    Raises:
        StaleRefError: A ref is not where it was expected; then none was moved.
    """
    with repository.ref_transaction(message) as transaction:
        for command in commands:
            queue(transaction, command)


def run_session(
    repository: Repository, commands: Iterable[RefCommand], *, message: str
) -> Iterator[str]:
    """Carry out commands in the transactions that `start`, `commit` and `abort` delimit.

    Without a `start`, all commands are one transaction, carried out at the end of the input.
    Yields what to answer to each of these verbs, once it is done. Values are compared when a
    transaction is committed; `prepare` only ends its list of commands.

    Raises:
        FormatError: A verb comes where it may not.
    """
    session = _Session()
    for command in commands:
        if command.name is not None:
            session.add(command)
            continue
        session.step(command.verb)
        if command.verb == "commit":
            apply_commands(repository, session.take(), message=message)
        elif command.verb == "abort":
            session.take()
        yield f"{command.verb}: ok"
    if session.is_implicit:
        apply_commands(repository, session.take(), message=message)


class _Session:
    """Where a session stands, and the commands of its open transaction."""

    def __init__(self) -> None:
        self._queued: list[RefCommand] = []
        self._state = "implicit"

    @property
    def is_implicit(self) -> bool:
        """Whether there was no verb at all, so that the end of the input commits."""
        return self._state == "implicit"

    def add(self, command: RefCommand) -> None:
        if self._state == "prepared":
            raise _misplaced("prepared transactions can only be committed or aborted")
        if self._state == "closed":
            raise _misplaced("the transaction is closed: start another")
        self._queued.append(command)

    def step(self, verb: str) -> None:
        """Go on to the state that a verb leads to."""
        if verb == "start":
            if self._state not in ("implicit", "closed") or self._queued:
                raise _misplaced("a transaction is open already")
            self._state = "started"
        elif self._state == "closed":
            raise _misplaced("the transaction is closed: start another")
        elif verb == "prepare":
            if self._state == "prepared":
                raise _misplaced("the transaction is prepared already")
            self._state = "prepared"
        else:
            self._state = "closed"

    def take(self) -> list[RefCommand]:
        queued, self._queued = self._queued, []
        return queued


def queue(transaction: RefTransaction, command: RefCommand) -> None:
    """Add one command to a transaction."""
    assert command.name is not None, "verbs of the session are not for a transaction"
    if command.verb == "verify":
        transaction.verify(command.name, command.old)
    elif command.new is None:
        transaction.delete(command.name, command.old, deref=command.deref)
    else:
        transaction.update(command.name, command.new, command.old, deref=command.deref)


def _misplaced(text: str) -> FormatError:
    return FormatError(text, where="standard input")
