"""`symbolic-ref`: refs that name refs, HEAD above all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.errors import InvalidNameError, RefNotFoundError
from tapegit.refs.names import HEAD

if TYPE_CHECKING:
    from tapegit.refs.names import RefName
    from tapegit.repository.repository import Repository


def read_symbolic(repository: Repository, name: RefName, *, recurse: bool = True) -> RefName:
    """Return the ref that a symbolic ref leads to, the last of a chain or the next.

    Raises:
        RefNotFoundError: It is no symbolic ref.
    """
    target = repository.refs.find_symbolic(name)
    if target is None:
        raise RefNotFoundError(f"ref '{name}' is not a symbolic ref", name=name)
    return repository.refs.resolve(name).name if recurse else target


def set_symbolic(repository: Repository, name: RefName, target: RefName, *, message: str) -> None:
    """Let a ref point to another.

    Raises:
        InvalidNameError: The target is not below `refs/`.
    """
    with repository.refs.transaction(message) as transaction:
        transaction.set_symbolic(name, target)


def delete_symbolic(repository: Repository, name: RefName) -> None:
    """Delete a symbolic ref; what it points to stays.

    Raises:
        RefNotFoundError: It is no symbolic ref.
        InvalidNameError: It is HEAD.
    """
    if name == HEAD:
        raise InvalidNameError("HEAD cannot be deleted", text=name, rule="a store has a HEAD")
    read_symbolic(repository, name, recurse=False)
    with repository.refs.transaction("symbolic-ref: delete") as transaction:
        transaction.delete(name, deref=False)
