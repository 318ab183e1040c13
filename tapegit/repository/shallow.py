"""The list of turns whose history was cut off: changed under its lock, whole, durably.

Rules: lines are added before a ref leads to their turns; a line goes when all parents of its
turn are here, which is looked at by whoever changes the list.

Source: tapesformat-shallow(5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.files.durable import replace_file
from tapegit.files.locks import Lock
from tapegit.formats.shallow import encode_shallow
from tapegit.repository.layout import SHALLOW_LOCK, SHALLOW_NAME, TMP_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tapegit.formats.shallow import Cut
    from tapegit.objects.oid import ObjectId
    from tapegit.repository.repository import Repository


def add_cuts(repository: Repository, cuts: Mapping[ObjectId, Cut]) -> None:
    """Add turns that may lack their parents.

    Raises:
        DataError: The list that is there is damaged.
        LockedError: Somebody else is changing it.
        StorageError: It could not be written; it is as it was.
    """
    if not cuts:
        return
    with Lock(repository.root / SHALLOW_LOCK).exclusive():
        repository.objects.forget_cuts()
        before = repository.objects.cuts
        _write(repository, before, {**before, **cuts})


def drop_whole(repository: Repository) -> None:
    """Take out the turns whose parents are all here.

    Raises:
        DataError: The list that is there is damaged.
        LockedError: Somebody else is changing it.
        StorageError: It could not be written; it is as it was.
    """
    if not repository.objects.cuts:
        return
    with Lock(repository.root / SHALLOW_LOCK).exclusive():
        repository.objects.forget_cuts()
        before = repository.objects.cuts
        _write(
            repository,
            before,
            {oid: cut for oid, cut in before.items() if _is_needed(repository, oid)},
        )


def _is_needed(repository: Repository, oid: ObjectId) -> bool:
    objects = repository.objects
    return not objects.contains(oid) or objects.lacks_parents(oid)  # it may be on its way


def _write(
    repository: Repository, before: Mapping[ObjectId, Cut], after: Mapping[ObjectId, Cut]
) -> None:
    if after != before:
        path = repository.root / SHALLOW_NAME
        replace_file(path, encode_shallow(after), tmp_dir=repository.root / TMP_NAME)
        repository.objects.forget_cuts()
