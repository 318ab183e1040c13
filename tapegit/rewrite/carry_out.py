"""Carrying out a rewriting of history, so that whatever stops it, it is finished later.

Rules:

- The caller holds the lock of upkeep and keeps writers out from the journal to its removal.
- New objects are durable before the journal says what they take the place of; the journal is
  durable before anything changes; it goes when nothing is left to do. Each step can be done
  again. So what has begun is done, by whoever comes next, and what has not has changed nothing.

Order: tombstones, refs (all as one), reflogs, LATEST, objects, journal.

Source: tapesformat-rewriting(5), "How it is used".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import ObjectNotFoundError
from tapegit.files import syscalls
from tapegit.files.durable import replace_file
from tapegit.files.oserrors import storage_errors
from tapegit.files.safe_read import read_file
from tapegit.formats.rewriting import Rewriting, decode_rewriting, encode_rewriting
from tapegit.formats.tombstones import REDACTED, Tombstone
from tapegit.objects.oid import ZERO_OID
from tapegit.refs.names import HEAD, RefName
from tapegit.refs.store import RefStore
from tapegit.repository.layout import LATEST_NAME, REWRITING_NAME, TMP_NAME
from tapegit.repository.shallow import add_cuts
from tapegit.repository.tombstones import add_tombstones
from tapegit.rewrite.shred import shred

if TYPE_CHECKING:
    from pathlib import Path

    from tapegit.formats.reflog import ReflogEntry
    from tapegit.objects.oid import ObjectId
    from tapegit.repository.repository import Repository

JOURNAL_SIZE_MAX_BYTES: Final = 1 << 31


class CarriedOut(NamedTuple):
    """What was done.

    Attributes:
        object_count: Objects that went.
        moved: Refs that name something else now, or have another name.
        deleted: Refs that went.
    """

    object_count: int
    moved: tuple[str, ...]
    deleted: tuple[str, ...]


def find_journal(root: Path) -> Rewriting | None:
    """Return a rewriting that has begun and has not ended, or None.

    Raises:
        DataError: Its journal is damaged.
    """
    path = root / REWRITING_NAME
    try:
        data = read_file(path, size_max=JOURNAL_SIZE_MAX_BYTES)
    except FileNotFoundError:
        return None
    return decode_rewriting(data, where=path)


def write_journal(root: Path, rewriting: Rewriting) -> None:
    """Say durably what is to be done.

    Raises:
        StorageError: It could not be written; nothing is to be done.
    """
    data = encode_rewriting(rewriting)
    replace_file(root / REWRITING_NAME, data, tmp_dir=root / TMP_NAME)


def carry_out(repository: Repository, rewriting: Rewriting, message: str) -> CarriedOut:
    """Do what the journal says, from wherever it was left, and remove the journal.

    Args:
        repository: The store.
        rewriting: What its journal says.
        message: What the reflogs say of the moves.

    Raises:
        ObjectNotFoundError: What is to take an object's place is gone; nothing was changed.
        TapesError: Something could not be done; it can be gone on with.
    """
    for new in rewriting.successors.values():
        if not repository.objects.contains(new):
            raise ObjectNotFoundError(f"object '{new}' is missing", oid=new)
    root = repository.root
    add_tombstones(root, _tombstones(rewriting))
    _map_cuts(repository, rewriting)
    refs = open_refs(repository)
    moved, deleted = _move_refs(refs, rewriting, message)
    _settle_names(refs, rewriting)
    for name in list(refs.iter_reflogs()):
        _map_reflog(refs, name, rewriting)
    _mend_latest(refs)
    doomed = rewriting.find_doomed()
    shred(repository, doomed)
    drop_journal(root)
    return CarriedOut(len(doomed), moved, deleted)


def drop_journal(root: Path) -> None:
    """Remove a journal of which nothing is left to do; one that comes back does no harm.

    Raises:
        StorageError: It cannot be removed.
    """
    with storage_errors("remove", root / REWRITING_NAME):
        syscalls.unlink(root / REWRITING_NAME)


def open_refs(repository: Repository) -> RefStore:
    """Return the refs of a store for one who keeps writers out and so cannot be one."""
    return RefStore(repository.root, repository.clock, repository.actor, peel=repository.peel_tag)


def _map_cuts(repository: Repository, rewriting: Rewriting) -> None:
    """Let what takes the place of a turn whose history was cut off lack the same parents."""
    cuts = repository.objects.cuts.items()
    found = {rewriting.successors.get(oid): cut for oid, cut in cuts}
    add_cuts(repository, {new: cut for new, cut in found.items() if new is not None})


def _tombstones(rewriting: Rewriting) -> list[Tombstone]:
    time_ms, reason = rewriting.time_ms, rewriting.reason
    # What a session says may be said again by another: of one that went, its turns are enough.
    gone = rewriting.dropped if reason == REDACTED else ()
    stones = [Tombstone(oid, None, time_ms, reason) for oid in gone]
    stones += [Tombstone(oid, None, time_ms, reason) for oid in rewriting.marks]
    stones += [Tombstone(old, new, time_ms, reason) for old, new in rewriting.successors.items()]
    return stones


def _move_refs(
    refs: RefStore, rewriting: Rewriting, message: str
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    moved: list[str] = []
    deleted: list[str] = []
    with refs.transaction(message) as transaction:
        for ref in refs.iter_refs():
            if refs.find_symbolic(ref.name) is not None:
                continue
            new = rewriting.find_successor(ref.oid)
            name = rewriting.renamed.get(ref.name)
            if new is None or ref.name in rewriting.deleted:
                transaction.delete(ref.name, ref.oid)
                deleted.append(ref.name)
            elif name is not None:
                transaction.copy(ref.name, RefName(name), new)
                transaction.delete(ref.name, ref.oid)
                moved.append(name)
            elif new != ref.oid:
                transaction.update(ref.name, new, ref.oid, is_fast_forward=True)
                moved.append(ref.name)
        head = refs.read_head()
        target = None if head.target is None else rewriting.renamed.get(head.target)
        if target is not None:
            transaction.set_symbolic(HEAD, RefName(target))
        elif head.target is None and head.oid is not None:
            new = rewriting.find_successor(head.oid)
            if new is None:
                transaction.set_symbolic(HEAD, RefName("refs/heads/main"))
            elif new != head.oid:
                transaction.detach_head(new, head.oid)
    return tuple(moved), tuple(deleted)


def _settle_names(refs: RefStore, rewriting: Rewriting) -> None:
    """Remove what is left of names that are gone; a new name gets the reflog of the old one."""
    for text, new in rewriting.renamed.items():
        name = RefName(text)
        entries = refs.read_sound_reflog(name)
        if entries and not refs.read_sound_reflog(RefName(new)):
            refs.replace_reflog(RefName(new), entries)
        refs.forget(name)
    for text in rewriting.deleted:
        refs.forget(RefName(text))


def _map_reflog(refs: RefStore, name: RefName, rewriting: Rewriting) -> None:
    entries = refs.read_reflog(name)
    mapped: list[ReflogEntry] = []
    for entry in entries:
        old, new = _map(rewriting, entry.old), _map(rewriting, entry.new)
        is_changed = (old, new) != (entry.old, entry.new)
        old = old or ZERO_OID
        if new is None or (is_changed and old == new):
            continue  # nothing is left of the move
        mapped.append(entry._replace(old=old, new=new) if is_changed else entry)
    if mapped != entries:
        refs.replace_reflog(name, mapped)


def _map(rewriting: Rewriting, oid: ObjectId) -> ObjectId | None:
    return oid if oid == ZERO_OID else rewriting.find_successor(oid)


def _mend_latest(refs: RefStore) -> None:
    """Remove LATEST where it names a ref that is gone; the session tips say it anew."""
    if refs.find_latest() is not None:
        return
    try:
        syscalls.unlink(refs.root / LATEST_NAME)
    except FileNotFoundError:
        return
