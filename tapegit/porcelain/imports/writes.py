"""What an import writes: nothing at all while it meets only what is recorded already.

The transaction begins with the first object that the store does not have, and so does every
change of the store. What was met before that is relied on: gc is kept away from it by the gate,
and it is freshened when the transaction begins.

Source: tapes-import(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from tapegit.objects.kind import object_id

if TYPE_CHECKING:
    from types import TracebackType

    from tapegit.objects.kind import Kind
    from tapegit.objects.oid import ObjectId
    from tapegit.repository.repository import Repository
    from tapegit.repository.transaction import Transaction

MESSAGE: Final = "import"
DURABLE_COUNT_MAX: Final = 200_000


class ImportWrites:
    """The objects of one import; a context that undoes what `commit` was not called for.

    Args:
        repository: Where to.
        is_bulk: Whether they go into a pack of their own; else each is a loose object.
        durable: Objects that this process has made durable in this store, to be added to: those
            that are still here need not be synced again.
    """

    def __init__(
        self, repository: Repository, *, is_bulk: bool, durable: set[ObjectId] | None = None
    ) -> None:
        self._repository = repository
        self._is_bulk = is_bulk
        self._durable = durable
        self._new: list[ObjectId] = []
        self._is_inside = False
        self._transaction: Transaction | None = None
        self._relied: dict[str, ObjectId] = {}

    def go_inside(self) -> None:
        """Keep gc away from here on, until the context ends.

        Raises:
            LockedError: gc did not end in time.
        """
        if not self._is_inside:
            self._repository.gate.__enter__()
            self._is_inside = True

    def write(self, kind: Kind, data: bytes) -> ObjectId:
        """Store an object, unless it is here, and return its id.

        Raises:
            FormatError: The data is larger than an object of its kind may be.
            StorageError: It could not be stored.
        """
        if self._transaction is None or self._durable is not None:
            oid = object_id(kind, data)
            if self.is_here(oid):
                return oid
        if self._transaction is None:
            self._transaction = self._begin()
        oid = self._transaction.write(kind, data)
        if self._durable is not None:
            self._new.append(oid)
        return oid

    def is_here(self, oid: ObjectId) -> bool:
        """Return whether an object need not be written, and rely on it if it is here."""
        is_durable = self._durable is not None and oid in self._durable
        if self._transaction is not None and not is_durable:
            return False
        keeper = self._repository.objects.find_keeper(oid)
        if keeper is None:
            return False
        if not is_durable:
            self._relied.setdefault(keeper, oid)
            if self._durable is not None:
                self._new.append(oid)
        return True

    def commit(self) -> None:
        """Make all objects durable, those too that were relied on: a ref may name them then.

        Raises:
            StorageError: They could not be stored.
        """
        transaction = self._transaction or (self._begin() if self._relied else None)
        self._transaction = None
        self._relied.clear()
        if transaction is not None:
            transaction.__exit__(None, None, None)
        if self._durable is not None:
            if len(self._durable) + len(self._new) > DURABLE_COUNT_MAX:
                self._durable.clear()
            self._durable.update(self._new)
            self._new.clear()

    @property
    def has_written(self) -> bool:
        """Whether there is anything to commit that the store did not have."""
        return self._transaction is not None

    def _begin(self) -> Transaction:
        self.go_inside()
        transaction = self._repository.transaction(
            MESSAGE, bulk=self._is_bulk, cold=self._is_bulk
        ).__enter__()
        for oid in self._relied.values():
            transaction.rely_on(oid)
        return transaction

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        transaction, self._transaction = self._transaction, None
        try:
            if transaction is not None:
                transaction.__exit__(exc_type, exc, traceback)
        finally:
            if self._is_inside:
                self._is_inside = False
                self._repository.gate.__exit__(None, None, None)
