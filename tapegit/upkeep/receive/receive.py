"""Packs from outside: received, verified to the last byte, and only then let into a store.

Rules:

- Nothing is believed. The bytes land in `tmp/`; the checksum, the tables, every frame, the
  hash and the form of every object are checked, and where links are checked everything that
  an object needs must be in the pack or in the store. Only then does the pack get its name.
- One frame and the ids of the pack are in memory, whatever the pack says.
- gc is kept out from the check of links to the last name.

Source: tapesformat-pack(5), "Checking"; tapesformat-bundle(5), "Checking".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import DataError, FormatError, ObjectNotFoundError
from tapegit.files.durable import TemporaryFile, replace_file
from tapegit.formats.pack import HEADER_SIZE_BYTES, verify_header
from tapegit.objects.kind import Kind
from tapegit.objects.links import iter_links
from tapegit.objects.oid import OID_SIZE_BYTES, ObjectId
from tapegit.objects.verify import verify_object
from tapegit.repository.layout import PACK_NAME, TMP_NAME
from tapegit.repository.tombstones import read_tombstones, verify_wanted
from tapegit.store.id_table import IdTable
from tapegit.store.index_builder import build_index
from tapegit.store.pack_file import PackFile
from tapegit.store.pack_writer import install_pack

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from tapegit.objects.kind import Object
    from tapegit.objects.links import Link
    from tapegit.repository.repository import Repository
    from tapegit.store.index_builder import BuiltIndex, FindFacts

    FindKind = Callable[[ObjectId], Kind | None]


class Received(NamedTuple):
    """A pack that is in the store now; `is_new` is false where one of its name was there before."""

    checksum: bytes
    object_count: int
    is_new: bool


class LinkChecker:
    """Takes the objects of a pack in order and checks that what they need is there.

    Args:
        find_kind: Returns the kind of an object of the receiving store, or None.
    """

    def __init__(self, find_kind: FindKind) -> None:
        self._find_kind = find_kind
        self._table = IdTable()
        self._kinds = bytearray()
        self._later: list[tuple[ObjectId, Link]] = []

    def visit(self, oid: ObjectId, found: Object) -> None:
        """Take the next object.

        Raises:
            DataError: It cannot be read as one of its kind, or names one of another kind.
        """
        for link in iter_links(found.kind, found.data):
            place = self._table.find(link.oid)
            if place < 0:
                self._later.append((oid, link))
            elif _KINDS[self._kinds[place]] not in link.kinds:
                raise _wrong_kind(oid, link)
        self._table.add(oid)
        self._kinds.append(_KINDS.index(found.kind))

    def finish(self) -> None:
        """Check what was not in the pack when it was named.

        Raises:
            ObjectNotFoundError: Something needed is neither in the pack nor in the store.
            DataError: It is of another kind.
        """
        known: dict[ObjectId, Kind | None] = {}
        for oid, link in self._later:
            if link.oid not in known:
                place = self._table.find(link.oid)
                known[link.oid] = (
                    _KINDS[self._kinds[place]] if place >= 0 else self._find_kind(link.oid)
                )
            kind = known[link.oid]
            if kind is None:
                raise ObjectNotFoundError(
                    f"object '{oid}' needs '{link.oid}', which is neither in the pack"
                    " nor in the store",
                    hint="nothing was installed",
                    oid=link.oid,
                    needed_by=oid,
                )
            if kind not in link.kinds:
                raise _wrong_kind(oid, link)


_KINDS = tuple(Kind)


def _wrong_kind(oid: ObjectId, link: Link) -> FormatError:
    wanted = " or ".join(link.kinds)
    return FormatError(
        f"object '{oid}' names '{link.oid}' as {wanted}, which it is not", oid=oid, where="pack"
    )


def receive_pack(
    repository: Repository,
    chunks: Iterable[bytes],
    *,
    check_links: bool = True,
    size_max: int | None = None,
    keep: str | None = None,
    needed: Iterable[ObjectId] = (),
) -> Received:
    """Take a pack into a store, durably.

    Args:
        repository: The store.
        chunks: The bytes of the pack, in pieces.
        check_links: Refuse a pack with an object that needs one that is nowhere.
        size_max: The most bytes to take; None for as many as come.
        keep: What to write into a `.keep` file beside the pack, or None for no such file.
        needed: Ids that must be in the pack or in the store.

    Raises:
        DataError: The pack, or an object in it, breaks a rule; nothing was installed.
        ObjectNotFoundError: A link, or something needed, is nowhere; nothing was installed.
        RemovedError: An object of it was removed on purpose; nothing was installed.
        StorageError: It could not be stored.
    """
    root = repository.root
    with TemporaryFile(root / TMP_NAME, "incoming", 0o444) as file:
        take_chunks(file, chunks, size_max=size_max)
        file.sync()
        with repository.gate:
            find_kind = kind_finder(repository) if check_links else None
            built = verify_pack(file.path, find_kind, find_facts=repository.objects.find_facts)
            verify_needed(repository, built, needed)
            verify_wanted(read_tombstones(root), iter_ids(built))
            checksum = built.identity.checksum
            path = root / PACK_NAME / f"pack-{checksum.hex()}.pack"
            is_new = not path.exists()
            if keep is not None:
                text = f"{keep}\n".encode() if keep else b""
                replace_file(path.with_suffix(".keep"), text, tmp_dir=root / TMP_NAME)
            if built.object_count:
                # Also where it is here: then its time is new again, so that gc spares it, and
                # what may be damaged is whole.
                install_pack(file, built, pack_dir=root / PACK_NAME, tmp_dir=root / TMP_NAME)
    repository.objects.refresh()
    return Received(checksum, built.object_count, is_new)


def verify_needed(repository: Repository, built: BuiltIndex, needed: Iterable[ObjectId]) -> None:
    """Check that some ids are in a pack or in a store.

    Raises:
        ObjectNotFoundError: One is in neither.
    """
    wanted = [oid for oid in needed if not repository.objects.contains(oid)]
    if not wanted:
        return
    ids = built.tables.ids
    in_pack = {ids[start : start + OID_SIZE_BYTES] for start in range(0, len(ids), OID_SIZE_BYTES)}
    for oid in wanted:
        if oid not in in_pack:
            raise ObjectNotFoundError(
                f"object '{oid}' is neither in the pack nor in the store",
                hint="nothing was installed",
                oid=oid,
            )


def iter_ids(built: BuiltIndex) -> Iterator[ObjectId]:
    """Yield the id of every object of a pack."""
    ids = built.tables.ids
    for start in range(0, len(ids), OID_SIZE_BYTES):
        yield ObjectId(ids[start : start + OID_SIZE_BYTES])


def take_chunks(file: TemporaryFile, chunks: Iterable[bytes], *, size_max: int | None) -> None:
    """Write what comes into a file, and stop early where it cannot be a pack.

    Raises:
        FormatError: It does not begin like a pack, or is larger than `size_max`.
        StorageError: It could not be written.
    """
    head = b""
    for chunk in chunks:
        if len(head) < HEADER_SIZE_BYTES:
            head += chunk[:HEADER_SIZE_BYTES]
            if len(head) >= HEADER_SIZE_BYTES:
                verify_header(head[:HEADER_SIZE_BYTES], where="pack")
        file.write(chunk)
        if size_max is not None and file.size_bytes > size_max:
            raise FormatError(
                f"the pack is larger than {size_max} bytes", where="pack", expected=size_max
            )


def verify_pack(
    path: Path, find_kind: FindKind | None = None, *, find_facts: FindFacts | None = None
) -> BuiltIndex:
    """Verify a pack from outside and return its index.

    Args:
        path: The pack file.
        find_kind: Returns the kind of an object of the store, or None; without it links are
            not checked.
        find_facts: Returns the facts of a turn of the store, or None.

    Raises:
        DataError: It breaks a rule.
        ObjectNotFoundError: A link leads nowhere.
        StorageError: It cannot be read.
    """
    links = None if find_kind is None else LinkChecker(find_kind)

    def visit(_ordinal: int, oid: ObjectId, found: Object) -> None:
        try:
            verify_object(found.kind, found.data)
        except DataError as error:
            raise _with_oid(error, oid) from error
        if links is not None:
            links.visit(oid, found)

    with PackFile(path) as file:
        built = build_index(file, find_facts=find_facts, visit=visit)
    if links is not None:
        links.finish()
    return built


def kind_finder(repository: Repository) -> FindKind:
    """Return what tells the kind of an object of a store, or None."""
    objects = repository.objects

    def find_kind(oid: ObjectId) -> Kind | None:
        header = objects.find_header(oid)
        return None if header is None else header.kind

    return find_kind


def _with_oid(error: DataError, oid: ObjectId) -> DataError:
    fields = {**error.fields, "oid": oid}
    return type(error)(f"object '{oid}' is not valid: {error.message}", hint=error.hint, **fields)
