"""`watch`: import what harnesses write, while they write it.

A file that grows is imported from its closed part; what is open follows when the file has come
to rest. Whatever goes wrong is told, kept in the state, and tried again.

Source: tapes-watch(1).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import LockedError, TapesError
from tapegit.files.locks import Lock, find_holder
from tapegit.porcelain.imports.discovery import is_of
from tapegit.porcelain.imports.transcripts import (
    DOCUMENT_GROWS,
    NO_HARNESS,
    NOT_WANTED,
    NOTHING_CLOSED,
    Found,
    ImportOptions,
    import_transcripts,
)
from tapegit.porcelain.maintenance.gc import start_auto
from tapegit.recorder.sources.growing import GrowingSources
from tapegit.recorder.sources.outcome import GROWN, NEW, SKIPPED
from tapegit.repository.layout import WATCH_LOCK
from tapegit.repository.replayed import is_replayed, read_replayed
from tapegit.repository.watch_state import (
    FAILURE_COUNT_MAX,
    WatchFailure,
    WatchImport,
    WatchState,
    read_watch_state,
    write_watch_state,
)
from tapegit.watch.follower import Follower, Took

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from threading import Event

    from tapegit.harness.plugins import KnownHarnesses
    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.imports.discovery import HarnessPlace
    from tapegit.recorder.sources.outcome import ImportedFile
    from tapegit.repository.repository import Repository
    from tapegit.watch.agenda import Due

LOCK_TIMEOUT_S: Final = 0.5
BULK_SIZE_MIN_BYTES: Final = 4 << 20
GC_INTERVAL_MS: Final = 60_000
_EXPECTED: Final = frozenset({NO_HARNESS, NOT_WANTED, NOTHING_CLOSED, DOCUMENT_GROWS})


class WatchOptions(NamedTuple):
    """What to follow.

    Attributes:
        harnesses: The harnesses that a file may be of.
        places: Where they keep their files.
        directories: The directory whose sessions are wanted; None for all.
        harness: The only harness whose files are wanted, or None.
    """

    harnesses: KnownHarnesses
    places: Sequence[HarnessPlace]
    directories: tuple[str, ...] | None = None
    harness: str | None = None


def watch(
    open_repository: Callable[[], Repository],
    options: WatchOptions,
    stop: Event,
    *,
    on_import: Callable[[list[ImportedFile]], None],
    on_failure: Callable[[str], None],
) -> None:
    """Follow the places of harnesses and import what grows, until it is to stop.

    Args:
        open_repository: Opens the store anew.
        options: What to follow.
        stop: Set by whoever wants it to end.
        on_import: Is given what became of files of which something is new.
        on_failure: Is told of what could not be done.

    Raises:
        LockedError: Another watch follows for this store.
        StorageError: The system watches no more folders.
    """
    repository = open_repository()
    root = repository.root
    lock = Lock(root / WATCH_LOCK).exclusive(LOCK_TIMEOUT_S)
    try:
        lock.acquire()
    except LockedError as error:
        holder = find_holder(root / WATCH_LOCK)
        who = f"process {holder}" if holder else "another process"
        raise LockedError(
            f"'{root}' is watched already, by {who}",
            hint="'tapes watch --status' says more",
            path=root,
            holder=holder,
        ) from error
    try:
        watcher = _Watcher(open_repository, options, on_import, on_failure)
        Follower([each.place for each in options.places], watcher, stop).run()
    finally:
        lock.release()


class _Watcher:
    """Imports what the follower says has changed, and keeps the state."""

    def __init__(
        self,
        open_repository: Callable[[], Repository],
        options: WatchOptions,
        on_import: Callable[[list[ImportedFile]], None],
        on_failure: Callable[[str], None],
    ) -> None:
        self._open_repository = open_repository
        self._options = options
        self._on_import = on_import
        self._on_failure = on_failure
        repository = open_repository()
        self._root = repository.root
        self._clock = repository.clock
        before = read_watch_state(self._root) or WatchState()
        self._state = before._replace(
            pid=os.getpid(), since_ms=self._clock(), import_count=0, failure_count=0
        )
        self._collected_ms = 0
        self._durable: set[ObjectId] = set()
        self._growing = GrowingSources()
        self._sizes: dict[str, int] = {}
        write_watch_state(self._root, self._state)

    def start(self, paths: Sequence[str], growing: Sequence[str]) -> Took:
        """Import all that there is."""
        self._import(paths, is_growing=False, is_first=True)
        return self._import(growing, is_growing=True)

    def take(self, due: Due) -> Took:
        """Import what changed."""
        self._import(due.whole, is_growing=False)
        return self._import(due.growing, is_growing=True)

    def fail(self, error: TapesError, retry_s: float) -> None:
        """Keep and tell what went wrong with the store."""
        self._note_failures([WatchFailure(self._clock(), "", str(error))])
        write_watch_state(self._root, self._state)
        self._on_failure(f"{error}; trying again in {retry_s:.0f} s")

    def _import(self, paths: Iterable[str], *, is_growing: bool, is_first: bool = False) -> Took:
        replayed = read_replayed()
        found = [
            Found(path, is_named=not is_first)
            for path in paths
            if not is_replayed(path, replayed) and self._is_wanted(path)
        ]
        if not found:
            return Took()
        repository = self._open_repository()
        options = ImportOptions(
            self._options.harnesses,
            self._options.harness,
            is_growing=is_growing,
            is_bulk=self._count_new(found) >= BULK_SIZE_MIN_BYTES,
            durable=self._durable,
            growing=self._growing,
        )
        try:
            files = import_transcripts(repository, found, options)
        except TapesError:
            self._growing.forget()  # what was written for them may not be there
            raise
        self._sizes.update((file.path, file.size_bytes) for file in files)
        self._note(files)
        self._collect(repository)
        return Took(tuple(file.path for file in files if file.reason == DOCUMENT_GROWS))

    def _count_new(self, found: Iterable[Found]) -> int:
        """Return about how many bytes of files were not imported by this process yet."""
        return sum(max(_size(each) - self._sizes.get(each.path, 0), 0) for each in found)

    def _is_wanted(self, path: str) -> bool:
        """Return whether a file is of the directory whose sessions are wanted."""
        directories = self._options.directories
        if directories is None:
            return True
        return any(
            is_of(path, each.place, self._options.harnesses, directories)
            for each in self._options.places
            if path.startswith(f"{each.place.folder}/")
        )

    def _note(self, files: list[ImportedFile]) -> None:
        now_ms = self._clock()
        more = [file for file in files if file.state in (NEW, GROWN)]
        failed = [
            file
            for file in files
            if file.state == SKIPPED and file.reason not in _EXPECTED and os.path.lexists(file.path)
        ]
        if more:
            last = more[-1]
            self._state = self._state._replace(
                import_count=self._state.import_count + len(more),
                newest=WatchImport(now_ms, last.harness or "", last.session or "", last.path),
            )
        self._note_failures([WatchFailure(now_ms, file.path, file.reason or "") for file in failed])
        if more or failed:
            write_watch_state(self._root, self._state)
        for file in failed:
            self._on_failure(f"'{file.path}' is skipped: {file.reason}")
        if more:
            self._on_import(more)

    def _note_failures(self, failures: list[WatchFailure]) -> None:
        kept = (*self._state.failures, *failures)[-FAILURE_COUNT_MAX:]
        self._state = self._state._replace(
            failures=kept, failure_count=self._state.failure_count + len(failures)
        )

    def _collect(self, repository: Repository) -> None:
        """Let gc see now and then whether there is anything to do for it."""
        now_ms = self._clock()
        if now_ms - self._collected_ms < GC_INTERVAL_MS:
            return
        self._collected_ms = now_ms
        failure = start_auto(repository)
        if failure:
            self._on_failure(f"gc failed less than a day ago, see 'gc.log': {failure}")


def _size(found: Found) -> int:
    try:
        return os.stat(found.path).st_size
    except OSError:
        return 0
