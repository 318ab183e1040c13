"""`import`: record the transcripts that a harness wrote.

All objects of an import go into one pack, which is durable before any ref is worked out; then
the refs move together. So an import that is interrupted has done nothing that can be seen, and
one that is repeated finds everything there, and changes nothing.

Source: tapesdialect-claude-code(7); tapes-import(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import (
    DataError,
    ObjectNotFoundError,
    RemovedError,
    StaleRefError,
    TranscriptError,
)
from tapegit.graph.ancestry import is_ancestor
from tapegit.graph.turns import TurnGraph
from tapegit.harness.plugins import KnownHarnesses
from tapegit.index.sources import make_stamp
from tapegit.porcelain.imports.memory import ImportMemory
from tapegit.porcelain.imports.writes import MESSAGE, ImportWrites
from tapegit.porcelain.secrets.redaction import load_redactor, load_user_rules
from tapegit.recorder.rehearsal import Rehearsal
from tapegit.recorder.session_names import session_folder, tape_ref
from tapegit.recorder.sources.documents import DocumentTapes
from tapegit.recorder.sources.files import SourceFile
from tapegit.recorder.sources.lineage import LINEAGE, find_follower, find_lineage, lineage_ref
from tapegit.recorder.sources.outcome import GROWN, NEW, SKIPPED, UNCHANGED, ImportedFile
from tapegit.recorder.sources.session_refs import RefMove, SessionRefs
from tapegit.recorder.sources.source import (
    find_session_id,
    recognise,
    record_document,
    record_source,
)
from tapegit.repository.tombstones import read_tombstones, session_mark
from tapegit.wire.recording.cassette_files import record_cassette

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tapegit.harness.facts import Harness
    from tapegit.index.sources import SourceStamp
    from tapegit.objects.oid import ObjectId
    from tapegit.recorder.sources.growing import GrowingSources
    from tapegit.recorder.sources.lineage import Lineage
    from tapegit.recorder.sources.runs import Write
    from tapegit.recorder.sources.source import RecordedSource
    from tapegit.refs.names import RefName
    from tapegit.repository.repository import Repository
    from tapegit.store.source import ObjectSource

REF_TRY_COUNT_MAX: Final = 8
REMOVED: Final = "removed on purpose, and not recorded again"
NOT_WANTED: Final = "of another harness"
NO_HARNESS: Final = "no transcript of a known harness"
NOTHING_CLOSED: Final = "nothing in it is closed yet"
DOCUMENT_GROWS: Final = "a document, which waits until it is written"


class Found(NamedTuple):
    """A file to import; one that a person named is read even if it looks as it did before."""

    path: str
    is_named: bool = False


class ImportOptions(NamedTuple):
    """How to import.

    Attributes:
        harnesses: The harnesses that a file may be of.
        harness: The name of the only one whose files are wanted, or None for all.
        is_dry_run: Write nothing, but say what would become of each.
        is_growing: Leave out what may still get records: an open message, and what follows.
        is_bulk: Put all objects into one pack; else, for few of them, each is one of its own.
        durable: Objects that former imports of this process have made durable, to be added to.
        growing: What this process has read of growing files, to be read on.
    """

    harnesses: KnownHarnesses = KnownHarnesses()
    harness: str | None = None
    is_dry_run: bool = False
    is_growing: bool = False
    is_bulk: bool = True
    durable: set[ObjectId] | None = None
    growing: GrowingSources | None = None


class Recorded(NamedTuple):
    """A file and what was made of it, or why nothing was, or what is known of it."""

    path: str
    source: RecordedSource | None = None
    reason: str | None = None
    stamp: SourceStamp | None = None
    known: ImportedFile | None = None


def import_transcripts(
    repository: Repository,
    files: Iterable[Found],
    options: ImportOptions | None = None,
    *,
    on_progress: Callable[[str, int], None] | None = None,
) -> list[ImportedFile]:
    """Record files and return what became of each, in order.

    Args:
        repository: Where to.
        files: The files.
        options: How.
        on_progress: Is told the path and how many more bytes of it were read.

    Raises:
        StorageError: The store could not be written.
        LockedError: gc or another writer was in the way for too long.
        ConfigError: A rule of the user's for secrets is none.
        RedactionError: Secrets cannot be found as they must be.
    """
    return _Import(repository, options or ImportOptions(), on_progress).run(files)


class _Import:
    """One import."""

    def __init__(
        self,
        repository: Repository,
        options: ImportOptions,
        on_progress: Callable[[str, int], None] | None,
    ) -> None:
        self._repository = repository
        self._options = options
        self._on_progress = on_progress
        self._documents = _open_documents(repository)
        self._removed = read_tombstones(repository.root)
        self._has_lineage = any(True for _ in repository.refs.iter_refs(LINEAGE))
        self._secrets = load_user_rules(repository.config)
        self._memory = ImportMemory(repository, options.harnesses, self._secrets)
        self._is_here: Callable[[ObjectId], bool] = repository.objects.contains

    def run(self, found: Iterable[Found]) -> list[ImportedFile]:
        """Record the files that have to be read; return what became of each."""
        repository = self._repository
        if self._options.is_dry_run:
            rehearsal = Rehearsal(repository.objects)
            recorded = [self._record(each, rehearsal.write) for each in found]
            return _plan(repository, rehearsal, recorded)[0]
        options = self._options
        with ImportWrites(repository, is_bulk=options.is_bulk, durable=options.durable) as writes:
            self._is_here = writes.is_here
            recorded = [self._record(each, writes.write, writes.go_inside) for each in found]
            files = _move_refs(repository, recorded, writes)
        self._keep(files, recorded)
        return files

    def _keep(self, files: list[ImportedFile], recorded: list[Recorded]) -> None:
        """Remember what became of the files that were read."""
        if self._options.is_growing:
            return
        self._memory.forget_states()
        for file, each in zip(files, recorded, strict=True):
            if each.known is None:
                self._memory.note(file, each.stamp, each.source)
        self._memory.save()

    def _record(
        self, found: Found, write: Write, begin: Callable[[], None] | None = None
    ) -> Recorded:
        path = found.path
        known = None if found.is_named else self._memory.find(path)
        if known is not None and self._is_wanted(known.harness):
            return Recorded(path, known=known)
        if begin is not None:
            begin()
        stamp = None
        try:
            with SourceFile(path) as file:
                assert file.status is not None
                stamp = make_stamp(file.status)
                source, reason = self._read(file, write)
        except TranscriptError as error:
            return Recorded(path, None, str(error.fields.get("reason", error)), stamp)
        except RemovedError:
            return Recorded(path, None, REMOVED, stamp)
        except (DataError, ObjectNotFoundError) as error:
            return Recorded(path, None, f"what is recorded of it is damaged: {error}")
        return Recorded(path, source, reason, None if reason == NOT_WANTED else stamp)

    def _read(self, file: SourceFile, write: Write) -> tuple[RecordedSource | None, str | None]:
        """Return what is made of an open file, or None and the reason."""
        path, documents, options = file.path, self._documents, self._options
        on_progress = self._on_progress
        notify = (lambda size: on_progress(path, size)) if on_progress is not None else None
        harness = recognise(file, options.harnesses.harnesses)
        if harness is None:
            return None, NO_HARNESS
        if not self._is_wanted(harness.name):
            return None, NOT_WANTED
        if options.is_growing and harness.is_document:
            return None, DOCUMENT_GROWS
        if self._is_forgotten(harness, file):
            return None, REMOVED
        source: RecordedSource | None
        with options.harnesses.guard(harness):
            if harness.recording is not None:
                source = record_cassette(harness, file, documents, write)
            elif harness.document is None:
                source = self._record_lines(harness, file, write, notify)
            else:
                source = record_document(harness, file, documents, write)
        if source is None or not source.tapes:
            return None, NOTHING_CLOSED if options.is_growing else "nothing in it can be read"
        return source, None

    def _record_lines(
        self,
        harness: Harness,
        file: SourceFile,
        write: Write,
        on_progress: Callable[[int], None] | None,
    ) -> RecordedSource:
        """Record a source of lines, from where reading ended the last time if it can be."""
        redactor, options = self._documents.redactor, self._options
        lineage = self._find_lineage(harness, file)
        if options.is_growing and options.growing is not None and lineage is None:
            return options.growing.record(
                harness, file, write, self._is_here, redactor, self._secrets
            )
        return record_source(
            harness,
            file,
            write,
            redactor=redactor,
            on_progress=on_progress,
            is_growing=options.is_growing,
            lineage=lineage,
        )

    def _is_forgotten(self, harness: Harness, file: SourceFile) -> bool:
        """Return whether the session of a file was removed as a whole."""
        if not len(self._removed) or harness.document is not None or harness.recording is not None:
            return False  # of a document the first turn is refused
        session_id = find_session_id(harness, file)
        if session_id is None:
            return False
        return session_mark(session_folder(harness.name, session_id)) in self._removed

    def _find_lineage(self, harness: Harness, file: SourceFile) -> Lineage | None:
        """Return where the tape of a file begins, if the client was made to go on from a turn."""
        session_id = find_session_id(harness, file) if self._has_lineage else None
        if session_id is None:
            return None
        leader = self._repository.refs.find(lineage_ref(harness.name, session_id))
        if leader is None:
            return None
        objects = self._repository.objects
        return find_lineage(TurnGraph(objects), objects.find, leader, session_id, file)

    def _is_wanted(self, harness: str | None) -> bool:
        return self._options.harness in (None, harness)


def _open_documents(repository: Repository) -> DocumentTapes:
    refs = repository.refs
    return DocumentTapes(
        TurnGraph(repository.objects),
        refs.find,
        lambda prefix: ((ref.name, ref.oid) for ref in refs.iter_refs(prefix)),
        load_redactor(repository.config),
        repository.objects.find,
    )


def _move_refs(
    repository: Repository, recorded: list[Recorded], writes: ImportWrites
) -> list[ImportedFile]:
    """Move the refs, again from what they are then if somebody else moves one of them."""
    if writes.has_written:
        writes.commit()
    for attempt in range(1, REF_TRY_COUNT_MAX + 1):
        files, moves, latest = _plan(repository, repository.objects, recorded)
        if not moves:
            break
        writes.commit()
        try:
            with repository.ref_transaction(MESSAGE) as transaction:
                for move in moves:
                    if move.new is None:
                        transaction.delete(move.name, move.old)
                    else:
                        forward = move.is_fast_forward
                        transaction.update(move.name, move.new, move.old, is_fast_forward=forward)
        except StaleRefError:
            if attempt == REF_TRY_COUNT_MAX:
                raise
            continue
        if latest is not None:
            repository.refs.set_latest(latest)
        break
    return files


def _plan(
    repository: Repository, objects: ObjectSource, recorded: list[Recorded]
) -> tuple[list[ImportedFile], list[RefMove], RefName | None]:
    graph = TurnGraph(objects)
    refs = repository.refs
    plan = SessionRefs(
        graph,
        objects.find,
        refs.find,
        lambda prefix: ((ref.name, ref.oid) for ref in refs.iter_refs(prefix)),
    )
    files = [_plan_file(plan, each) for each in recorded]
    moves = plan.moves()
    latest = _find_latest(graph, moves)
    return files, moves + _follow(repository, graph, recorded, moves), latest


def _follow(
    repository: Repository, graph: TurnGraph, recorded: list[Recorded], moves: list[RefMove]
) -> list[RefMove]:
    """Return how the branch moves that is checked out, if a session was started from it."""
    by_name = {move.name: move for move in moves}
    for source in (each.source for each in recorded):
        if source is None or source.lineage is None or source.tapes[0].session_id is None:
            continue
        folder = session_folder(source.harness.name, source.tapes[0].session_id)
        move = by_name.get(tape_ref(folder, None))
        if move is None or move.new is None:
            continue
        found = find_follower(repository.refs, graph, source.lineage, move.old, move.new)
        if found is not None:
            return [RefMove(*found, move.new, is_ancestor(graph, found[1], move.new))]
    return []


def _plan_file(plan: SessionRefs, recorded: Recorded) -> ImportedFile:
    path, source = recorded.path, recorded.source
    if recorded.known is not None:
        return recorded.known
    if source is None:
        return ImportedFile(path, SKIPPED, recorded.reason)
    try:
        was_known = plan.is_known(source)
        is_more = plan.plan(source)
    except (DataError, ObjectNotFoundError) as error:
        return ImportedFile(path, SKIPPED, f"what is recorded of it is damaged: {error}")
    state = UNCHANGED if not is_more else GROWN if was_known else NEW
    first = source.tapes[0]
    return ImportedFile(
        path,
        state,
        harness=source.harness.name,
        session=first.session_id,
        turn_count=sum(tape.turn_count for tape in source.tapes),
        size_bytes=source.size_bytes,
        tip=first.tip,
        unreadable_count=source.unreadable_count,
        failures=source.failures,
        redacted=source.redacted,
    )


def _find_latest(graph: TurnGraph, moves: list[RefMove]) -> RefName | None:
    """Return the main tape among those moved whose newest turn is the latest."""
    dated = [
        (graph.read_turn(move.new).time or 0, move.name)
        for move in moves
        if move.new is not None and move.name.endswith("/file/main")
    ]
    return max(dated)[1] if dated else None
