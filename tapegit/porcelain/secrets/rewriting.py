"""Rewriting history, from beginning to end or from where it was stopped: `redact` and `forget`.

Rules: what remotes were at is put aside before all that is derived goes, under names that stay.

Source: tapesformat-rewriting(5), "How it is used".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.errors import InvalidNameError, ObjectNotFoundError
from tapegit.formats.tombstones import REDACTED
from tapegit.remote.ref_names import parse_remote_name, tracking_name
from tapegit.remote.seen import put_aside
from tapegit.repository.gate import RemoverGate
from tapegit.rewrite.carry_out import (
    CarriedOut,
    carry_out,
    drop_journal,
    find_journal,
    write_journal,
)
from tapegit.upkeep.gc.collect import hold_upkeep

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.formats.rewriting import Rewriting
    from tapegit.repository.repository import Repository

GATE_TIMEOUT_S: Final = 60.0


def begin(repository: Repository, rewriting: Rewriting) -> CarriedOut:
    """Write down what is to be done, and do it.

    Raises:
        StorageError: The system refused; it can be gone on with, if it had begun.
    """
    write_journal(repository.root, rewriting)
    return _go_on(repository, rewriting)


def finish_stopped(repository: Repository) -> bool:
    """Finish a rewriting that was stopped, whatever it is of; return whether there was one.

    Raises:
        LockedError: Upkeep is at work, or writers did not leave in time.
        DataError: Its journal is damaged.
        StorageError: The system refused.
    """
    if find_journal(repository.root) is None:
        return False
    with hold_upkeep(repository.root):
        return finish_pending(repository)


def finish_pending(repository: Repository) -> bool:
    """Finish a rewriting that was stopped; return whether there was one.

    The caller holds the lock of upkeep. One whose new objects are gone has changed nothing
    yet: it is dropped.

    Raises:
        LockedError: Writers did not leave in time.
        DataError: Its journal is damaged.
        StorageError: The system refused.
    """
    if find_journal(repository.root) is None:
        return False
    with RemoverGate(repository.root, GATE_TIMEOUT_S):
        pending = find_journal(repository.root)
        if pending is None:
            return False
        try:
            _go_on(repository, pending)
        except ObjectNotFoundError:
            drop_journal(repository.root)
    return True


def _go_on(repository: Repository, rewriting: Rewriting) -> CarriedOut:
    gone = {*rewriting.renamed, *rewriting.deleted}
    names = {str(ref.name) for ref in repository.refs.iter_refs()} - gone
    kept = {folder for name in names for folder in _iter_folders(name)}
    kept -= {folder for name in gone for folder in _iter_folders(name)} - names

    def is_kept(remote: str, remote_name: str) -> bool:
        try:
            shared = parse_remote_name(remote_name)
            return shared is not None and tracking_name(remote, shared) in kept
        except InvalidNameError:
            return False

    put_aside(repository.root, is_kept)
    return carry_out(repository, rewriting, "redact" if rewriting.reason == REDACTED else "forget")


def _iter_folders(name: str) -> Iterator[str]:
    """Yield a name and the folders that it is in."""
    while name:
        yield name
        name = name.rpartition("/")[0]
