"""`import`: record the transcripts that a harness wrote.

All objects of an import go into one pack, which is durable before any ref is worked out; then
the refs move together. So an import that is interrupted has done nothing that can be seen, and
one that is repeated finds everything there.

Source: tapesdialect-claude-code(7); tapes-import(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import DataError, ObjectNotFoundError, StaleRefError, TranscriptError
from tapegit.graph.turns import TurnGraph
from tapegit.porcelain.redaction import load_redactor
from tapegit.recorder.documents import DocumentTapes
from tapegit.recorder.outcome import GROWN, NEW, SKIPPED, UNCHANGED, ImportedFile
from tapegit.recorder.rehearsal import Rehearsal
from tapegit.recorder.session_refs import SessionRefs
from tapegit.recorder.source import recognise, record_document, record_source
from tapegit.recorder.source_files import SourceFile, iter_source_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tapegit.recorder.runs import Write
    from tapegit.recorder.session_refs import RefMove
    from tapegit.recorder.source import RecordedSource
    from tapegit.refs.names import RefName
    from tapegit.repository.repository import Repository
    from tapegit.store.source import ObjectSource

REF_TRY_COUNT_MAX: Final = 8
_MESSAGE: Final = "import"


class Recorded(NamedTuple):
    """A file and what was made of it, or why nothing was."""

    path: str
    source: RecordedSource | None
    reason: str | None = None


def import_transcripts(
    repository: Repository,
    paths: Iterable[str],
    *,
    dry_run: bool = False,
    on_progress: Callable[[str, int], None] | None = None,
) -> list[ImportedFile]:
    """Record files and return what became of each, in order; folders are searched.

    Args:
        repository: Where to.
        paths: Files and folders.
        dry_run: Write nothing, but say what would become of each.
        on_progress: Is told the path and how many more bytes of it were read.

    Raises:
        StorageError: The store could not be written.
        LockedError: gc or another writer was in the way for too long.
        ConfigError: A rule of the user's for secrets is none.
        RedactionError: Secrets cannot be found as they must be.
    """
    files = iter_source_paths(paths)
    documents = _open_documents(repository)
    if dry_run:
        rehearsal = Rehearsal(repository.objects)
        recorded = [_record(path, rehearsal.write, documents, on_progress) for path in files]
        return _plan(repository, rehearsal, recorded)[0]
    with repository.gate:
        with repository.transaction(_MESSAGE, bulk=True, cold=True) as transaction:
            write = transaction.write
            recorded = [_record(path, write, documents, on_progress) for path in files]
        return _move_refs(repository, recorded)


def _open_documents(repository: Repository) -> DocumentTapes:
    refs = repository.refs
    return DocumentTapes(
        TurnGraph(repository.objects),
        refs.find,
        lambda prefix: ((ref.name, ref.oid) for ref in refs.iter_refs(prefix)),
        load_redactor(repository.config),
        repository.objects.find,
    )


def _record(
    path: str,
    write: Write,
    documents: DocumentTapes,
    on_progress: Callable[[str, int], None] | None,
) -> Recorded:
    notify = (lambda size: on_progress(path, size)) if on_progress is not None else None
    try:
        with SourceFile(path) as file:
            harness = recognise(file)
            if harness is None:
                return Recorded(path, None, "no transcript of a known harness")
            source: RecordedSource | None
            if harness.document is None:
                redactor = documents.redactor
                source = record_source(harness, file, write, redactor=redactor, on_progress=notify)
            else:
                source = record_document(harness, file, documents, write)
    except TranscriptError as error:
        return Recorded(path, None, str(error.fields.get("reason", error)))
    except (DataError, ObjectNotFoundError) as error:
        return Recorded(path, None, f"what is recorded of it is damaged: {error}")
    if source is None or not source.tapes:
        return Recorded(path, None, "nothing in it can be read")
    return Recorded(path, source)


def _move_refs(repository: Repository, recorded: list[Recorded]) -> list[ImportedFile]:
    """Move the refs, again from what they are then if somebody else moves one of them."""
    for attempt in range(1, REF_TRY_COUNT_MAX + 1):
        files, moves, latest = _plan(repository, repository.objects, recorded)
        if not moves:
            break
        try:
            with repository.ref_transaction(_MESSAGE) as transaction:
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
    return files, moves, _find_latest(graph, moves)


def _plan_file(plan: SessionRefs, recorded: Recorded) -> ImportedFile:
    path, source, reason = recorded
    if source is None:
        return ImportedFile(path, SKIPPED, reason)
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
