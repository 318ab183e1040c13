"""Writing what was recorded: objects in batches, each batch durable before a ref names it.

Rules: what was written in this hour is not written again; then it is, so that gc knows that it
is needed. A batch that fails is kept whole. Refs that stand together move together; others each
alone, since that costs less as long as they are few.

Source: tapeswire(7), "Writing".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.errors import RemovedError, StaleRefError
from tapegit.objects.kind import Kind, object_id
from tapegit.objects.links import iter_links
from tapegit.recorder.calls.lanes import DIGIT_COUNT
from tapegit.refs.names import RefName
from tapegit.repository.gate import read_history_mark
from tapegit.repository.tombstones import read_tombstones, session_mark, verify_wanted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tapegit.formats.tombstones import Tombstones
    from tapegit.objects.oid import ObjectId
    from tapegit.recorder.calls.lanes import RefMove
    from tapegit.repository.repository import Repository

FRESH_MS: Final = 3_600_000
LOOSE_COUNT_MAX: Final = 100
"""Of one batch; more, when calls come faster than files can be synced, go into a pack."""

ALONE_COUNT_MAX: Final = 8
"""Refs that are moved one by one; more of them move together, by one file instead of one each."""

STORED_COUNT_MAX: Final = 1 << 18
MESSAGE: Final = "record"


class BatchWriter:
    """Objects on their way into a store.

    Attributes:
        size_bytes: How large the objects are that wait.
    """

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._stored: dict[ObjectId, int] = {}
        self._waiting: dict[ObjectId, tuple[Kind, bytes]] = {}
        self._held: dict[RefName, ObjectId] = {}
        self._latest: RefName | None = None
        self._mark = read_history_mark(repository.root)
        self._removed: Tombstones | None = None
        self.size_bytes = 0

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits."""
        return not self._waiting

    def contains(self, oid: ObjectId) -> bool:
        """Return whether an object need not be written."""
        if oid in self._waiting:
            return True
        stored_ms = self._stored.get(oid)
        return stored_ms is not None and self._repository.clock() - stored_ms < FRESH_MS

    def write(self, kind: Kind, data: bytes) -> ObjectId:
        """Keep an object for the next batch and return its id."""
        oid = object_id(kind, data)
        if not self.contains(oid):
            self._waiting[oid] = (kind, data)
            self.size_bytes += len(data)
        return oid

    def find(self, oid: ObjectId) -> tuple[Kind, bytes] | None:
        """Return an object that waits."""
        return self._waiting.get(oid)

    def drop(self) -> None:
        """Forget what waits."""
        self._waiting.clear()
        self.size_bytes = 0

    @property
    def is_current(self) -> bool:
        """Whether history is what it was when this began, or was last renewed."""
        return read_history_mark(self._repository.root) == self._mark

    def renew(self) -> None:
        """Forget all, what is in the store too: history was rewritten."""
        self._mark = read_history_mark(self._repository.root)
        self._removed = None
        self._stored.clear()
        self._held.clear()
        self.drop()

    def expect(self, name: RefName, oid: ObjectId) -> None:
        """Note what a ref held when it was looked at: it is moved only from there."""
        self._held.setdefault(name, oid)

    def commit(self, moves: Sequence[Sequence[RefMove]], latest: RefName | None) -> list[RefName]:
        """Make durable what waits, then move refs.

        Returns:
            Refs that somebody else had moved: what was to go there went to forks.

        Raises:
            RemovedError: History was rewritten since it began, or some of it was removed on
                purpose; nothing was done, and to try again is no use.
            TapesError: It was not all done; what waits is kept, and may be tried again.
        """
        with self._repository.gate:
            self._verify_wanted(moves)
            is_bulk = len(self._waiting) > LOOSE_COUNT_MAX
            with self._repository.transaction(MESSAGE, bulk=is_bulk) as transaction:
                for kind, data in self._waiting.values():
                    transaction.write(kind, data)
            stale = self._move_all(_merge(moves))
        self._note_stored()
        if latest is not None and latest != self._latest:
            self._repository.refs.set_latest(latest)
            self._latest = latest
        return stale

    def _verify_wanted(self, moves: Sequence[Sequence[RefMove]]) -> None:
        """Check that nothing that waits was removed, nor what it names, nor its session."""
        if not self.is_current:
            raise RemovedError("history was rewritten meanwhile", reason="rewritten")
        if self._mark is None:
            return
        if self._removed is None:
            self._removed = read_tombstones(self._repository.root)
        folders = {"/".join(move.name.split("/")[:4]) for group in moves for move in group}
        verify_wanted(self._removed, map(session_mark, folders))
        for oid, (kind, data) in self._waiting.items():
            links = iter_links(kind, data) if kind is not Kind.BLOB else ()
            verify_wanted(self._removed, (oid, *(link.oid for link in links)))

    def _note_stored(self) -> None:
        now_ms = self._repository.clock()
        if len(self._stored) + len(self._waiting) > STORED_COUNT_MAX:
            self._stored.clear()
        self._stored.update(dict.fromkeys(self._waiting, now_ms))
        self.drop()

    def _move_all(self, groups: Sequence[Sequence[RefMove]]) -> list[RefName]:
        """Move the refs of all groups; return those that somebody else had moved."""
        if len(groups) > ALONE_COUNT_MAX:
            try:
                self._move_together([move for group in groups for move in group])
            except StaleRefError:
                pass  # one of many: which, shows when each group moves by itself
            else:
                return []
        return [name for group in groups for name in self._move(group)]

    def _move_together(self, group: Sequence[RefMove]) -> None:
        """Move refs, all or none.

        Raises:
            StaleRefError: Somebody else has moved one.
        """
        with self._repository.ref_transaction(MESSAGE) as refs:
            for move in group:
                held = self._held.get(move.name)
                if move.new is None:
                    refs.delete(move.name)
                elif held != move.new:
                    refs.update(move.name, move.new, held, is_fast_forward=move.is_fast_forward)
        for move in group:
            if move.new is None:
                self._held.pop(move.name, None)
            else:
                self._held[move.name] = move.new

    def _move(self, group: Sequence[RefMove]) -> list[RefName]:
        """Move refs together; if one was moved by somebody else, keep what was to go there."""
        try:
            self._move_together(group)
        except StaleRefError:
            with self._repository.ref_transaction(MESSAGE) as refs:
                for move in group:
                    if move.new is not None:
                        refs.update(_fork_of(move.name, move.new), move.new)
            for move in group:
                self._held.pop(move.name, None)
            return [move.name for move in group]
        return []


def _fork_of(name: RefName, oid: ObjectId) -> RefName:
    """Return the ref beside the others of a session for what lost the race for one of them."""
    folder = "/".join(name.split("/")[:5])
    return RefName.parse(f"{folder}/forks/{oid.short(DIGIT_COUNT)}")


def _merge(moves: Iterable[Sequence[RefMove]]) -> list[list[RefMove]]:
    """Return moves of which each ref has one alone, those that belong together together."""
    groups: list[dict[RefName, RefMove]] = []
    home: dict[RefName, dict[RefName, RefMove]] = {}
    for together in moves:
        touched = [home[move.name] for move in together if move.name in home]
        target: dict[RefName, RefMove] = {}
        for group in touched:
            if group is not target:
                target.update(group)
                groups = [each for each in groups if each is not group]
        for move in together:
            before = target.get(move.name)
            is_fast = move.is_fast_forward and (before is None or before.is_fast_forward)
            target[move.name] = move._replace(is_fast_forward=is_fast)
        for name in target:
            home[name] = target
        groups.append(target)
    return [list(group.values()) for group in groups]
