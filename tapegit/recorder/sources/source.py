"""Recording one source: from its bytes to the tapes that were made of it.

The bytes are read in chunks, twice at the beginning: first to see whose they are, then to
record them; so a source may be far larger than memory.

Source: tapesdialect-claude-code(7), "Recognition".
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tapegit.dialects.syntax.json_records import RecordReader, read_document, read_raw_records
from tapegit.harness.table import HARNESSES, HEAD_RECORD_COUNT, find_harness
from tapegit.recorder.redaction import remove
from tapegit.recorder.sources.documents import DOCUMENT_SIZE_MAX_BYTES, read_whole
from tapegit.recorder.sources.outcome import Failure
from tapegit.recorder.sources.threader import Threader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tapegit.dialects.syntax.json_records import Record
    from tapegit.harness.facts import Harness
    from tapegit.objects.oid import ObjectId
    from tapegit.recorder.sources.documents import DocumentState, DocumentTapes
    from tapegit.recorder.sources.lineage import Lineage
    from tapegit.recorder.sources.runs import Write
    from tapegit.recorder.sources.tapes import RecordedTape
    from tapegit.redact.redactor import Redactor

HEAD_SIZE_MAX_BYTES: Final = DOCUMENT_SIZE_MAX_BYTES
FAILURE_COUNT_MAX: Final = 1000
"""How many unreadable records of one source are listed; the others are counted."""


class RecordedSource(NamedTuple):
    """What was made of a source.

    Attributes:
        unnamed_digits: What names the session where the source does not.
        failures: The first unreadable records, at most 1,000; `unreadable_count` has them all.
        document: Where it stands, if it is a state of a document.
        redacted: How many secrets were replaced, by rule.
        lineage: The leader, where it was recorded before the source was read.
    """

    harness: Harness
    tapes: tuple[RecordedTape, ...]
    unnamed_digits: str
    record_count: int
    size_bytes: int
    unreadable_count: int
    failures: tuple[Failure, ...]
    document: DocumentState | None = None
    redacted: tuple[tuple[str, int], ...] = ()
    lineage: ObjectId | None = None


def recognise(chunks: Iterable[bytes], harnesses: Iterable[Harness] = HARNESSES) -> Harness | None:
    """Return the harness that wrote these bytes, or None where no harness did.

    Bytes that do not begin with a line of JSON may be one document: then they are gone through
    again.
    """
    reader = read_raw_records()
    count = 0
    for record in reader.read_all(_head(chunks)):
        if record.reason is not None and record.number == 1:
            data = read_whole(chunks)
            value = read_document(data) if data is not None else None
            harness = find_harness(value, harnesses) if value is not None else None
            if harness is not None and harness.is_document:
                return harness
            harness = _find_recording(data, harnesses) if value is None else None
            if harness is not None:
                return harness
        if record.value is None:
            continue
        harness = find_harness(record.value, harnesses)
        count += 1
        if harness is not None or count == HEAD_RECORD_COUNT:
            return harness
    return None


def find_directory(harness: Harness, chunks: Iterable[bytes]) -> str | None:
    """Return the working directory that a source states first, near its beginning, or None."""
    if harness.document is not None:
        data = read_whole(chunks)
        value = read_document(data) if data is not None else None
        return harness.document(value).session.cwd if value is not None else None
    read_facts = harness.begin()
    reader: RecordReader[Any] = RecordReader(harness.decode)
    for record in islice(reader.read_all(chunks), HEAD_RECORD_COUNT):
        session = read_facts(record.value).session if record.value is not None else None
        if session is not None and session.cwd:
            return session.cwd
    return None


def find_session_id(harness: Harness, chunks: Iterable[bytes]) -> str | None:
    """Return the id of its session that a source of lines states first, or None."""
    read_facts = harness.begin()
    reader: RecordReader[Any] = RecordReader(harness.decode)
    for record in islice(reader.read_all(chunks), HEAD_RECORD_COUNT):
        session = read_facts(record.value).session if record.value is not None else None
        if session is not None and session.id:
            return session.id
    return None


def _find_recording(data: bytes | None, harnesses: Iterable[Harness]) -> Harness | None:
    """Return the harness whose recordings begin as these bytes do, which are no JSON."""
    for harness in harnesses:
        if data is not None and harness.is_recording is not None and harness.is_recording(data):
            return harness
    return None


class SourceRecorder:
    """Records a source whose bytes come piece by piece; at any time it says what is closed.

    Args:
        harness: Whose source it is.
        write: Stores an object and returns its id; what an object names comes before it.
        redactor: Finds the secrets that are not to be stored; by default with its own rules.
        lineage: Where its tape begins, if that is recorded already.
    """

    def __init__(
        self,
        harness: Harness,
        write: Write,
        *,
        redactor: Redactor | None = None,
        lineage: Lineage | None = None,
    ) -> None:
        self._harness = harness
        self._lineage = lineage
        self._reader: RecordReader[Any] = RecordReader(harness.decode)
        self._threader = Threader(harness, write, redactor)
        if lineage is not None:
            self._threader.go_on_from(lineage)
        self._failures: list[Failure] = []
        self._record_count = self._unreadable_count = self._size_bytes = 0

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes."""
        self._add(self._reader.feed(chunk))

    def hold(self) -> RecordedSource:
        """Return what no byte to come can change; more bytes may follow."""
        return self._make(self._threader.hold())

    def finish(self) -> RecordedSource:
        """Return what was made of it all; no byte may follow."""
        self._add(self._reader.finish())
        return self._make(self._threader.finish())

    def _add(self, records: Iterable[Record[Any]]) -> None:
        for record in records:
            self._threader.add(record)
            self._record_count += 1
            self._size_bytes += len(record.data)
            if record.reason is not None:
                self._unreadable_count += 1
                if len(self._failures) < FAILURE_COUNT_MAX:
                    self._failures.append(Failure(record.line, record.reason))

    def _make(self, tapes: Iterable[RecordedTape]) -> RecordedSource:
        return RecordedSource(
            self._harness,
            tuple(tapes),
            self._threader.unnamed_digits,
            self._record_count,
            self._size_bytes,
            self._unreadable_count,
            tuple(self._failures),
            redacted=tuple(sorted(self._threader.redacted.items())),
            lineage=self._lineage.leader if self._lineage is not None else None,
        )


def record_source(
    harness: Harness,
    chunks: Iterable[bytes],
    write: Write,
    *,
    redactor: Redactor | None = None,
    on_progress: Callable[[int], None] | None = None,
    is_growing: bool = False,
    lineage: Lineage | None = None,
) -> RecordedSource:
    """Write the objects of a source and return what was made of it.

    Args:
        harness: Whose source it is.
        chunks: Its bytes, in pieces of any size.
        write: Stores an object and returns its id; what an object names comes before it.
        redactor: Finds the secrets that are not to be stored; by default with its own rules.
        on_progress: Is told how many bytes each chunk had.
        is_growing: Whether to hold back what may still get records: the last record that has
            no end, the open message of each tape, and what follows it there.
        lineage: Where its tape begins, if that is recorded already.
    """
    recorder = SourceRecorder(harness, write, redactor=redactor, lineage=lineage)
    for chunk in _watched(chunks, on_progress):
        recorder.feed(chunk)
    return recorder.hold() if is_growing else recorder.finish()


def record_document(
    harness: Harness, chunks: Iterable[bytes], tapes: DocumentTapes, write: Write
) -> RecordedSource | None:
    """Write the objects of a document; return what was made of it, or None for nothing.

    Raises:
        ObjectNotFoundError: A turn of what is recorded of it is missing.
        DataError: A turn of what is recorded of it is damaged.
    """
    data = read_whole(chunks)
    value = read_document(data) if data is not None else None
    if data is None or value is None or harness.document is None or not harness.recognise(value):
        return None
    document = harness.document(value)
    size_bytes = len(data)
    removed = remove(tapes.redactor, data, is_json=True)
    if removed is not None:
        data = removed.rest
        clean = read_document(data)
        if clean is None or not harness.recognise(clean):
            return None  # nothing is stored of what cannot be read without its secrets
        document = document._replace(session=harness.document(clean).session)
    recorded = tapes.record(harness, data, document, write, removed)
    if recorded is None:
        return None
    return RecordedSource(
        harness,
        (recorded.tape,),
        recorded.unnamed_digits,
        recorded.record_count,
        size_bytes,
        0,
        (),
        recorded.state,
        tuple(sorted(removed.numbering.counts.items())) if removed is not None else (),
    )


def _head(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the bytes by which a source has to be recognised."""
    size_bytes = 0
    for chunk in chunks:
        yield chunk
        size_bytes += len(chunk)
        if size_bytes >= HEAD_SIZE_MAX_BYTES:
            return


def _watched(chunks: Iterable[bytes], on_progress: Callable[[int], None] | None) -> Iterator[bytes]:
    for chunk in chunks:
        yield chunk
        if on_progress is not None:
            on_progress(len(chunk))
