"""Keeping the words of all turns that refs reach: what is new is added, nothing is read twice.

Rules: parents are added before their children, so that each turn's session and step follow
from the parent's. What was added is kept every few megabytes; whoever comes after a crash goes
on from there. A turn that cannot be read is tried again each time, and named.

Source: tapesformat-search(5).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from tapegit.errors import DataError, LockedError, ObjectNotFoundError, StorageError
from tapegit.files.locks import Lock
from tapegit.graph.walk import walk
from tapegit.objects.kind import Kind
from tapegit.objects.oid import OID_SIZE_BYTES, ObjectId
from tapegit.repository.gate import read_settled_mark, verify_settled
from tapegit.repository.layout import INDEX_NAME, SEARCH_LOCK
from tapegit.search.database import (
    DamagedSearchError,
    Place,
    SearchFile,
    SessionFields,
    TurnFields,
    remove,
)
from tapegit.search.documents import read_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tapegit.errors import TapesError
    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.turn import Turn
    from tapegit.repository.repository import Repository

    OnBroken = Callable[[str, TapesError], None]
    OnProgress = Callable[[int], None]

BATCH_COUNT: Final = 2000
"""Turns after which what was added is kept."""
OPTIMIZE_COUNT: Final = 20_000
"""New turns after which the index is put together anew, as small as it gets."""
PLACE_COUNT_MAX: Final = 20_000
LOCK_TIMEOUT_S: Final = 0.2

_TIPS: Final = "tips"
_BROKEN: Final = "broken"
_NOTES: Final = "refs/notes/"


class Words:
    """The words of a store, up to date; use as a context manager.

    Attributes:
        files: Where they are: the file of the store, and in memory what could not be written
            there.
    """

    def __init__(self, files: list[SearchFile]) -> None:
        self.files = files

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        for file in self.files:
            file.close()


def open_words(
    repository: Repository,
    graph: TurnGraph,
    *,
    on_broken: OnBroken,
    on_progress: OnProgress,
) -> Words:
    """Bring the words up to date and open them.

    Args:
        repository: The store.
        graph: Its turns.
        on_broken: Takes the name of a ref or a turn that cannot be read, and why.
        on_progress: Takes how many turns were added since it was last called.

    Raises:
        DataError: packed-refs cannot be read, if `on_broken` says so.
    """
    for is_last in (False, True):
        mark = read_settled_mark(repository.root)
        tips = read_tips(repository, on_broken)
        try:
            return _open(repository, graph, tips, mark, on_broken, on_progress)
        except DamagedSearchError as error:
            discard_words(repository, error, is_last=is_last)
    raise AssertionError


def discard_words(
    repository: Repository, error: DamagedSearchError, *, is_last: bool = False
) -> None:
    """Remove the file, in which something is damaged, so that it is made anew.

    Args:
        repository: The store.
        error: What was found.
        is_last: Whether the file was just made anew.

    Raises:
        StorageError: It cannot be removed, or was damaged again at once.
    """
    folder = repository.root / INDEX_NAME
    if is_last:
        raise StorageError(
            "the index of words was damaged while it was read",
            hint="try again; it is made anew each time",
            path=folder,
        ) from error
    try:
        remove(folder)
    except OSError as denied:
        raise StorageError(
            "the index of words is damaged and cannot be removed",
            hint=f"delete '{folder}'",
            path=folder,
        ) from denied


def _open(
    repository: Repository,
    graph: TurnGraph,
    tips: list[ObjectId],
    mark: object,
    on_broken: OnBroken,
    on_progress: OnProgress,
) -> Words:
    folder = repository.root / INDEX_NAME
    try:
        with Lock(repository.root / SEARCH_LOCK).exclusive(LOCK_TIMEOUT_S):
            file = SearchFile.open(folder)
            try:
                verify_settled(repository.root, mark)
                _Indexer(repository, graph, file, None, on_broken, on_progress).refresh(tips)
            except BaseException:
                file.close()
                raise
            return Words([file])
    except (OSError, StorageError, LockedError):
        # Somebody else writes, or nobody can: what is missing is kept in memory for this time.
        base = SearchFile.open_read_only(folder)
        memory = SearchFile.in_memory()
        _Indexer(repository, graph, memory, base, on_broken, on_progress).refresh(tips)
        return Words([memory] if base is None else [base, memory])


def is_up_to_date(repository: Repository, file: SearchFile, on_broken: OnBroken) -> bool:
    """Return whether a file has every turn that refs lead to; what is broken in it does not.

    Raises:
        DataError: packed-refs cannot be read, if `on_broken` says so.
    """
    try:
        state = file.read_state(_TIPS) or b"", file.read_state(_BROKEN) or b""
    except DamagedSearchError:
        return False
    return state == (b"".join(read_tips(repository, on_broken)), b"")


def read_tips(repository: Repository, on_broken: OnBroken) -> list[ObjectId]:
    """Return the turns that refs lead to, notes left out, sorted, each once."""
    tips: set[ObjectId] = set()
    for ref in repository.refs.iter_refs("refs/", on_broken=on_broken):
        if not ref.name.startswith(_NOTES):
            oid = ref.oid
            if ref.name.startswith("refs/tags/"):
                oid = ref.peeled or repository.peel_tag(oid) or oid
            tips.add(oid)
    head = repository.refs.read_head().oid
    if head is not None:
        tips.add(head)
    return sorted(tips)


class _Indexer:
    """Adds to one file what neither it nor `base` has."""

    def __init__(
        self,
        repository: Repository,
        graph: TurnGraph,
        file: SearchFile,
        base: SearchFile | None,
        on_broken: OnBroken,
        on_progress: OnProgress,
    ) -> None:
        self._objects = repository.objects
        self._graph = graph
        self._file = file
        self._base = base
        self._on_broken = on_broken
        self._on_progress = on_progress
        self._places: dict[ObjectId, Place] = {}
        self._touched: set[ObjectId] = set()
        self._broken: dict[ObjectId, None] = {}

    def refresh(self, tips: list[ObjectId]) -> None:
        """Add the turns that tips reach, and take out those that none reaches any more."""
        kept = self._file.read_state(_TIPS) or b""
        broken = self._file.read_state(_BROKEN) or b""
        if kept == b"".join(tips) and not broken and self._base is None:
            return
        turns = list(self._iter_turn_tips(tips))
        added_count = 0
        for batch in self._iter_batches([*_split(broken), *turns]):
            added_count += len(batch)
            with self._file.writing():
                for oid in batch:
                    self._add(oid)
            self._on_progress(len(batch))
        if added_count >= OPTIMIZE_COUNT:
            self._file.optimize()
        with self._file.writing():
            if self._base is None and self._has_lost(_split(kept), tips):
                self._file.drop_turns_except({bytes(oid) for oid in walk(self._graph, turns)})
            self._file.keep_state(_BROKEN, b"".join(self._broken))
            if not self._broken:
                self._file.keep_state(_TIPS, b"".join(tips))

    def _iter_turn_tips(self, tips: Iterable[ObjectId]) -> Iterator[ObjectId]:
        for oid in tips:
            header = self._objects.find_header(oid)
            if header is None:
                self._note_broken(oid, ObjectNotFoundError(f"object '{oid}' is missing", oid=oid))
            elif header.kind is Kind.TURN:
                yield oid

    def _has_lost(self, before: list[ObjectId], tips: list[ObjectId]) -> bool:
        """Return whether a former tip may be reached by none that there is now."""
        return bool(set(before) - set(tips) - self._touched)

    def _iter_batches(self, wanted: Iterable[ObjectId]) -> Iterator[list[ObjectId]]:
        """Yield turns that are not in the file, parents first, in groups of a few megabytes."""
        batch: list[ObjectId] = []
        for oid in self._iter_missing(wanted):
            batch.append(oid)
            if len(batch) == BATCH_COUNT:
                yield batch
                batch = []
        if batch:
            yield batch

    def _iter_missing(self, wanted: Iterable[ObjectId]) -> Iterator[ObjectId]:
        seen: set[ObjectId] = set()
        for tip in wanted:
            stack = [tip]
            while stack:
                oid = stack[-1]
                if oid in seen or self._find_place(oid) is not None:
                    self._touched.add(oid)
                    stack.pop()
                    continue
                try:
                    parents = self._graph.parents(oid)
                except (DataError, ObjectNotFoundError) as error:
                    self._note_broken(oid, error)
                    seen.add(oid)
                    stack.pop()
                    continue
                missing = [
                    parent
                    for parent in parents
                    if parent not in seen and self._find_place(parent) is None
                ]
                self._touched.update(parents)
                if missing:
                    stack += missing
                    continue
                seen.add(oid)
                stack.pop()
                yield oid

    def _find_place(self, oid: ObjectId) -> Place | None:
        place = self._places.get(oid)
        if place is None and self._base is not None:
            place = self._base.find_place(oid)
        return place if place is not None else self._file.find_place(oid)

    def _add(self, oid: ObjectId) -> None:
        try:
            turn = self._graph.read_turn(oid)
            place = self._place_of(oid, turn)
            self._places[oid] = place
            document = read_document(self._objects.find, turn)
        except (DataError, ObjectNotFoundError) as error:
            self._note_broken(oid, error)
            return
        fields = TurnFields(oid, place, turn.time, turn.role, turn.model)
        self._file.add_turn(fields, document)
        if len(self._places) > PLACE_COUNT_MAX:
            self._places.clear()

    def _place_of(self, oid: ObjectId, turn: Turn) -> Place:
        """Return where a turn stands: one step after its first parent, or at a beginning."""
        parents = turn.parent_ids
        if turn.role == "session" or not parents:
            session = turn.session
            if session is None:
                return Place(SessionFields(oid, None, None, None), 0)
            return Place(SessionFields(oid, session.harness, session.id, session.cwd), 0)
        before = self._find_place(parents[0])
        if before is None:
            return Place(SessionFields(oid, None, None, None), 0)
        return Place(before.session, before.step + 1)

    def _note_broken(self, oid: ObjectId, error: TapesError) -> None:
        self._broken[oid] = None
        self._on_broken(str(oid), error)


def _split(data: bytes) -> list[ObjectId]:
    return [
        ObjectId(data[start : start + OID_SIZE_BYTES])
        for start in range(0, len(data), OID_SIZE_BYTES)
    ]
