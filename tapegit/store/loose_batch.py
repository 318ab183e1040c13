"""Loose objects of one transaction: each durable, each folder synced once at the end.

Rules: an object that exists in a place that will keep it is not written again, it is freshened;
and the name of what the transaction relies on is synced like that of what it wrote, since the
one who wrote it may not have come to that yet.

Source: tapesformat-loose(5), "Promises".
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Protocol, Self

from tapegit.files.durable import TemporaryFile, fsync_dir
from tapegit.formats.loose import encode_loose
from tapegit.objects.kind import object_id

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from tapegit.objects.kind import Kind
    from tapegit.objects.oid import ObjectId
    from tapegit.store.loose import LooseSource

_YOUNG_S: Final = 3600
"""A name younger than this may be of a transaction that has not synced its folder yet."""


class Elsewhere(Protocol):
    """Another place that may hold what a batch is about to write: the packs."""

    def freshen(self, oid: ObjectId) -> bool:
        """Return whether the object is there and will stay."""
        ...

    def sync_names(self) -> None:
        """Make durable what `freshen` said was there."""
        ...


class LooseBatch:
    """Objects that become durable together: the loose half of a transaction.

    Each file is synced before it gets its name, so it can be read as soon as `write`
    returns; the names are durable after `commit`, and only then may a ref or a message
    mention them. Leaving the context without `commit` keeps the files that are there:
    they are whole, and gc removes them if nothing comes to need them.
    """

    def __init__(self, source: LooseSource, elsewhere: Elsewhere | None = None) -> None:
        self._source = source
        self._elsewhere = elsewhere
        self._seen: set[ObjectId] = set()
        self._folders: set[Path] = set()
        self.written_count = 0

    def write(self, kind: Kind, data: bytes) -> ObjectId:
        """Store an object, or freshen the copy that is there, and return its id.

        Raises:
            FormatError: The data is larger than an object of its kind may be.
            StorageError: It could not be stored.
        """
        oid = object_id(kind, data)
        if not self.freshen(oid):
            path = self._source.path_of(oid)
            self._source.ensure_folder(path.parent)
            self._write_file(path, encode_loose(kind, data), oid)
            self._source.remember_verified(oid)
            self._folders.add(path.parent)
            self._seen.add(oid)
            self.written_count += 1
        return oid

    def freshen(self, oid: ObjectId) -> bool:
        """Return whether a good copy is stored, which gc then leaves to this transaction.

        Its name is durable after `commit`, whoever wrote it.
        """
        if oid in self._seen:
            return True
        if self._elsewhere is not None and self._elsewhere.freshen(oid):
            return True
        status = self._source.freshen(oid)
        if status is None:
            return False
        if status.st_mtime > time.time() - _YOUNG_S:
            self._folders.add(self._source.path_of(oid).parent)
        self._seen.add(oid)
        return True

    def commit(self) -> None:
        """Make the names of everything written or relied on durable.

        Raises:
            StorageError: A folder could not be synced; nothing may be acknowledged.
        """
        for folder in sorted(self._folders):
            fsync_dir(folder)
        self._folders.clear()
        if self._elsewhere is not None:
            self._elsewhere.sync_names()

    def _write_file(self, path: Path, encoded: bytes, oid: ObjectId) -> None:
        with TemporaryFile(self._source.tmp_dir, "obj", mode=0o444) as file:
            file.write(encoded)
            file.sync()
            if not file.publish_new(path) and self._source.freshen(oid) is None:
                # What has the name is damaged or cannot be kept young: this copy is good.
                file.replace(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None
