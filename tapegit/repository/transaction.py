"""Writing to a store: objects first, durably, and then the refs that name them.

Rules: nothing of a transaction can be reached before all its objects are durable; its refs
move together; if anything fails none of them moves, and objects that are there already are
left to gc. gc removes nothing while a transaction is open.

Source: tapesformat-store(5), "How it is written".
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Self

from tapegit.objects.kind import Kind, object_id
from tapegit.objects.links import iter_links
from tapegit.objects.rope_builder import iter_content_objects
from tapegit.refs.store import ANY
from tapegit.repository.layout import PACK_NAME, TMP_NAME
from tapegit.repository.tombstones import read_tombstones, verify_wanted

if TYPE_CHECKING:
    from types import TracebackType

    from tapegit.formats.tombstones import Tombstones
    from tapegit.objects.cutter import Source
    from tapegit.objects.oid import ObjectId
    from tapegit.refs.names import RefName
    from tapegit.refs.transaction import Expected, Move
    from tapegit.repository.repository import Repository
    from tapegit.store.loose_batch import LooseBatch
    from tapegit.store.pack_writer import PackWriter


class Transaction:
    """One transaction, from its first object to its last ref.

    Args:
        repository: The store.
        message: What the reflogs say.
        bulk: Put the objects into a pack of their own; else each is a loose object.
        cold: The pack will hardly be read again soon: compress it harder.
        threads: How many threads compress a pack, or None for as many as serve.

    Attributes:
        moves: After the end, the refs that moved.
    """

    def __init__(
        self,
        repository: Repository,
        message: str,
        *,
        bulk: bool = False,
        cold: bool = False,
        threads: int | None = None,
    ) -> None:
        self._repository = repository
        self._is_bulk = bulk
        self._is_cold = cold
        self._threads = threads
        self._refs = repository.refs.transaction(message)
        self._latest: RefName | None = None
        self._batch: LooseBatch | None = None
        self._pack: PackWriter | None = None
        self._removed: Tombstones | None = None
        self.moves: list[Move] = []

    def write(self, kind: Kind, data: bytes) -> ObjectId:
        """Store an object, unless it is here, and return its id.

        Raises:
            RemovedError: It was removed on purpose, or names something that was.
            FormatError: The data is larger than an object of its kind may be.
            StorageError: It could not be stored.
        """
        if self._removed is not None:
            verify_wanted(self._removed, (object_id(kind, data),))
            links = iter_links(kind, data) if kind is not Kind.BLOB else ()
            verify_wanted(self._removed, (link.oid for link in links))
        if self._pack is not None:
            return self._pack.add(kind, data)
        assert self._batch is not None, "a transaction is a context"
        return self._batch.write(kind, data)

    def rely_on(self, oid: ObjectId) -> bool:
        """Keep an object that is here, as if it was written again; return whether it is."""
        if self._pack is not None:
            return self._pack.rely_on(oid)
        assert self._batch is not None, "a transaction is a context"
        return self._batch.freshen(oid)

    def write_bytes(self, data: Source) -> ObjectId:
        """Store any bytes, as one blob or as a rope of many, and return the id.

        Raises:
            FormatError: They are too many.
            StorageError: They could not be stored.
        """
        root: ObjectId | None = None
        for built in iter_content_objects(data):
            root = self.write(built.kind, built.data)
        assert root is not None, "no bytes are a blob too"
        return root

    def update_ref(
        self,
        name: RefName,
        new: ObjectId,
        old: Expected = ANY,
        *,
        is_fast_forward: bool | None = None,
    ) -> None:
        """Move a ref when the transaction ends, if it holds `old` then; see `RefTransaction`."""
        self._refs.update(name, new, old, is_fast_forward=is_fast_forward)

    def delete_ref(self, name: RefName, old: Expected = ANY) -> None:
        """Delete a ref when the transaction ends, if it holds `old` then."""
        self._refs.delete(name, old)

    def set_latest(self, name: RefName) -> None:
        """Note, when the transaction has ended, that this ref was recorded last."""
        self._latest = name

    def __enter__(self) -> Self:
        """Begin.

        Raises:
            LockedError: gc did not let writers in, in time.
            DataError: What says which objects were removed on purpose is damaged.
            StorageError: There is no place to write to.
        """
        self._repository.gate.__enter__()
        try:
            removed = read_tombstones(self._repository.root)
            self._removed = removed if len(removed) else None
            if self._is_bulk:
                self._pack = self._open_pack()
            else:
                self._batch = self._repository.objects.begin_batch()
        except BaseException:
            self._repository.gate.__exit__(None, None, None)
            raise
        return self

    def _open_pack(self) -> PackWriter:
        repository = self._repository
        # A recorder writes loose objects and must not wait for what only packs need.
        pack: PackWriter = import_module("tapegit.store.pack_writer").PackWriter(
            repository.objects,
            repository.root / PACK_NAME,
            repository.root / TMP_NAME,
            cold=self._is_cold,
            threads=self._threads,
        )
        return pack

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            if exc_type is None:
                self._commit()
        finally:
            self._abort()
            self._repository.gate.__exit__(None, None, None)

    def _commit(self) -> None:
        if self._pack is not None:
            is_new = self._pack.finish() is not None
            self._pack = None
            if is_new:
                self._repository.objects.refresh()
        elif self._batch is not None:
            self._batch.commit()
        self._refs.commit()
        self.moves = self._refs.moves
        if self._latest is not None:
            self._repository.refs.set_latest(self._latest)

    def _abort(self) -> None:
        """Forget what was not committed; after a commit there is nothing."""
        self._refs.abort()
        pack, self._pack, self._batch = self._pack, None, None
        if pack is not None:
            pack.abort()
