"""Unpacking: the objects of a pack from outside as loose objects.

Rules: the whole pack is verified before the first object is written, unless it is to be
recovered from: then every object of every sound frame is taken whose references lead to
objects that were taken.

Source: tapesformat-pack(5), "Checking".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import DataError
from tapegit.files.durable import TemporaryFile
from tapegit.objects.verify import verify_object
from tapegit.repository.layout import TMP_NAME
from tapegit.repository.tombstones import read_tombstones, verify_wanted
from tapegit.store.index_builder import build_index
from tapegit.store.pack_file import PackFile
from tapegit.upkeep.receive.receive import iter_ids, take_chunks, verify_pack
from tapegit.upkeep.salvage.rescue import iter_rescued

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tapegit.objects.kind import Object
    from tapegit.objects.oid import ObjectId
    from tapegit.repository.repository import Repository


class Unpacked(NamedTuple):
    """How many objects were unpacked, and what was wrong where the pack was recovered from."""

    object_count: int
    damage: list[str]


def unpack_objects(
    repository: Repository,
    chunks: Iterable[bytes],
    *,
    dry_run: bool = False,
    recover: bool = False,
    size_max: int | None = None,
) -> Unpacked:
    """Write the objects of a pack as loose objects, durably; what is stored is left alone.

    Args:
        repository: The store.
        chunks: The bytes of the pack, in pieces.
        dry_run: Only verify.
        recover: Take what can be had of a damaged pack.
        size_max: The most bytes to take; None for as many as come.

    Raises:
        DataError: The pack, or an object in it, breaks a rule.
        RemovedError: An object of it was removed on purpose; nothing was written.
        StorageError: It could not be stored.
    """
    with TemporaryFile(repository.root / TMP_NAME, "incoming") as file:
        take_chunks(file, chunks, size_max=size_max)
        if recover:
            return _recover(repository, file.path, dry_run=dry_run)
        built = verify_pack(file.path)
        count = built.object_count
        verify_wanted(read_tombstones(repository.root), iter_ids(built))
        if not dry_run:
            _write(repository, file.path)
    return Unpacked(count, [])


def _write(repository: Repository, path: Path) -> None:
    with repository.transaction(message="unpack-objects") as transaction, PackFile(path) as pack:

        def visit(_ordinal: int, _oid: ObjectId, found: Object) -> None:
            transaction.write(found.kind, found.data)

        build_index(pack, visit=visit)


def _recover(repository: Repository, path: Path, *, dry_run: bool) -> Unpacked:
    damage: list[str] = []
    count = 0
    with repository.transaction(message="unpack-objects") as transaction, PackFile(path) as pack:
        for oid, found in iter_rescued(pack, damage.append):
            try:
                verify_object(found.kind, found.data)
            except DataError as error:
                damage.append(f"object '{oid}' is not valid: {error}")
                continue
            count += 1
            if not dry_run:
                transaction.write(found.kind, found.data)
    return Unpacked(count, damage)
