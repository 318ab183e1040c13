"""The lists of a store that have no second copy, written anew from what is left of them.

Rules: a list that does not check is refused by every reader, so it must be possible to go on
from one. What it says line by line is kept as far as it can be true; the damaged file stays in
`trash/lost/`, and what may be missing is said.

Source: tapesmaintenance(7), "Salvage"; tapesformat-shallow(5), tapesformat-tombstones(5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.errors import DataError, ObjectNotFoundError
from tapegit.files.locks import Lock
from tapegit.files.safe_read import read_file
from tapegit.formats import shallow, tombstones
from tapegit.objects.kind import Kind
from tapegit.objects.turn import decode_links
from tapegit.repository.layout import SHALLOW_LOCK, SHALLOW_NAME, TOMBSTONES_NAME
from tapegit.repository.tombstones import SIZE_MAX_BYTES
from tapegit.upkeep.salvage.aside import replace_damaged

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.objects.oid import ObjectId
    from tapegit.repository.repository import Repository
    from tapegit.upkeep.fsck.findings import Finding

LISTS = (SHALLOW_NAME, TOMBSTONES_NAME)


def find_damaged_lists(findings: Iterable[Finding]) -> list[str]:
    """Return the lists that fsck found damaged."""
    return sorted({finding.where for finding in findings if finding.where in LISTS})


def repair_lists(repository: Repository, names: Iterable[str]) -> Iterator[str]:
    """Write damaged lists anew, yielding what was done to each.

    Raises:
        LockedError: Somebody else is changing one.
        StorageError: One could not be written; it is as it was.
    """
    repairs = {SHALLOW_NAME: _repair_shallow, TOMBSTONES_NAME: _repair_tombstones}
    for name in names:
        yield from repairs[name](repository)


def _repair_shallow(repository: Repository) -> Iterator[str]:
    root = repository.root
    with Lock(root / SHALLOW_LOCK).exclusive():
        try:
            data = read_file(root / SHALLOW_NAME, size_max=shallow.SIZE_MAX_BYTES)
        except FileNotFoundError:
            return
        told = shallow.decode_sound_lines(data)
        cuts = {oid: cut for oid, cut in told.items() if _is_cut(repository, oid)}
        aside = replace_damaged(root, SHALLOW_NAME, data, shallow.encode_shallow(cuts))
        repository.objects.forget_cuts()
    yield f"wrote 'shallow' anew with {len(cuts)} turns, the damaged file is '{aside}'"
    if (lines := data.count(b"\n") - 2) > len(cuts):
        yield (
            f"{lines - len(cuts)} lines of 'shallow' named no turn whose parents are missing; "
            "'tapes fetch --unshallow' brings what was cut off"
        )


def _is_cut(repository: Repository, oid: ObjectId) -> bool:
    """Return whether an id is that of a turn which lacks a parent."""
    objects = repository.objects
    try:
        turn = objects.read(oid)
        if turn.kind is not Kind.TURN:
            return False
        return not all(map(objects.contains, decode_links(turn.data).parents))
    except (DataError, ObjectNotFoundError):
        return False


def _repair_tombstones(repository: Repository) -> Iterator[str]:
    root = repository.root
    try:
        data = read_file(root / TOMBSTONES_NAME, size_max=SIZE_MAX_BYTES)
    except FileNotFoundError:
        return
    records = list(tombstones.iter_any_records(data))
    aside = replace_damaged(root, TOMBSTONES_NAME, data, tombstones.encode_tombstones(records))
    yield f"wrote 'tombstones' anew with {len(records)} records, the damaged file is '{aside}'"
    yield "what a damaged record named can come back; 'tapes secrets scan' looks for what must not"
