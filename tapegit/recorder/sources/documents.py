"""Sessions that are one document, rewritten whenever they grow: recorded state by state.

The messages of a document make turns as the records of a file do, and alone: the same message
after the same messages is the same turn, in whatever state of the document. Each state that
adds something gets one `event` turn at the end, which names the whole document; its parents are
the last message's turn and, where it only adds to it, the turn of the state before. A state that
changed what was said begins a tape beside, and the one before it is kept as a fork: so a tape
says everything once, and every recorded state can be given back.

Source: tapesdialect-gemini-cli(7), "Documents".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.syntax.json_records import Record
from tapegit.objects.kind import MIB, Kind
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_builder import iter_content_objects
from tapegit.objects.rope_reader import read_content
from tapegit.objects.turn import RawPiece, Turn, encode_turn
from tapegit.recorder.session_names import other_prefix, session_folder, tape_ref
from tapegit.recorder.sources.drafts import make_redacted
from tapegit.recorder.sources.tape_records import is_document_turn
from tapegit.recorder.sources.threader import Threader
from tapegit.redact.placeholders import are_one
from tapegit.redact.redactor import default_redactor

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tapegit.graph.turns import TurnGraph
    from tapegit.harness.facts import Document, Harness
    from tapegit.objects.rope_reader import Find
    from tapegit.objects.turn import Redacted
    from tapegit.recorder.redaction import Removed
    from tapegit.recorder.sources.runs import Write
    from tapegit.recorder.sources.tapes import RecordedTape
    from tapegit.redact.redactor import Redactor
    from tapegit.refs.names import RefName

DOCUMENT_SIZE_MAX_BYTES: Final = 64 * MIB
STATE_COUNT_MAX: Final = 65_536
"""How many recorded states are looked through for one that is the same."""

_LONG_AGO: Final = -(1 << 62)


class DocumentState(NamedTuple):
    """Where a state of a document stands.

    Attributes:
        base: The newest turn of the tape whose place it takes, or None for a new tape.
        is_more: Whether there is anything to record.
        is_forward: Whether it only adds to what that tape says.
        others: The newest turns of its lines, but for the first one.
    """

    base: ObjectId | None
    is_more: bool
    is_forward: bool = True
    others: tuple[ObjectId, ...] = ()


class RecordedMessages(NamedTuple):
    """A document as it was written: its tape, and what names the session where it does not."""

    tape: RecordedTape
    state: DocumentState
    unnamed_digits: str
    record_count: int


class WrittenTurns(NamedTuple):
    """The turns of what a document says, before the one that names it.

    Attributes:
        tape: The line that it goes on from first.
        oids: All turns, the leader first.
        others: The newest turns of other lines that begin at the leader.
        summary: The line of the document's turn.
        may_grow: Whether the last message may be less than it will be in a later state.
    """

    tape: RecordedTape
    oids: list[ObjectId]
    unnamed_digits: str
    record_count: int
    summary: str
    redacted: Redacted | None = None
    others: tuple[ObjectId, ...] = ()
    may_grow: bool = True

    def as_recorded(self, tip: ObjectId, state: DocumentState) -> RecordedMessages:
        """Return what was recorded, with the newest turn of the tape."""
        tape = self.tape._replace(tip=tip, turn_count=len(self.oids) + 1, left_behind=())
        return RecordedMessages(tape, state, self.unnamed_digits, self.record_count)


class _Tape(NamedTuple):
    """A tape of a document, as it is recorded or will be."""

    tip: ObjectId
    documents: frozenset[ObjectId]
    oids: list[ObjectId]
    time_ms: int


class DocumentTapes:
    """The tapes of documents, those included that were recorded but are not in any ref yet.

    Args:
        graph: The turns of the store.
        find_ref: Reads a ref.
        iter_refs: Yields refs, by the beginning of their names.
        redactor: Finds the secrets that are not to be stored; by default with its own rules.
        find: Finds objects of the store; without it what other rules recorded is another state.
    """

    def __init__(
        self,
        graph: TurnGraph,
        find_ref: Callable[[RefName], ObjectId | None],
        iter_refs: Callable[[str], Iterable[tuple[RefName, ObjectId]]],
        redactor: Redactor | None = None,
        find: Find | None = None,
    ) -> None:
        self._find_object = find
        self.redactor = redactor or default_redactor()
        self._graph = graph
        self._find_ref = find_ref
        self._iter_refs = iter_refs
        self._tapes: dict[str, _Tape] = {}

    def record(
        self,
        harness: Harness,
        data: bytes,
        document: Document,
        write: Write,
        removed: Removed | None = None,
    ) -> RecordedMessages | None:
        """Write the objects of a document; return None where there is nothing in it.

        Args:
            harness: Whose document it is.
            data: Its exact bytes, but for secrets.
            document: What it says; its elements still have their secrets, its session has not.
            write: Stores an object and returns its id; what an object names comes before it.
            removed: What was taken out of the bytes.

        Raises:
            ObjectNotFoundError: A turn of what is recorded of it is missing.
            DataError: A turn of what is recorded of it is damaged.
        """
        messages = _write_messages(harness, document, write, self.redactor, removed)
        if messages is None:
            return None
        return self.record_state(harness, data, messages, document.time_ms, write)

    def record_state(
        self,
        harness: Harness,
        data: bytes,
        written: WrittenTurns,
        stated_ms: int | None,
        write: Write,
    ) -> RecordedMessages:
        """Write the turn that names a document, where it is a state that is not recorded yet.

        Args:
            harness: Whose document it is.
            data: Its exact bytes, but for secrets.
            written: The turns of what it says.
            stated_ms: When it was last written.
            write: Stores an object and returns its id.

        Raises:
            ObjectNotFoundError: A turn of what is recorded of it is missing.
            DataError: A turn of what is recorded of it is damaged.
        """
        folder = session_folder(
            harness.name, written.tape.session_id or f"unnamed-{written.unnamed_digits}"
        )
        before = self._find(folder)
        whole = None
        for built in iter_content_objects(data):
            whole = built.oid
        assert whole is not None
        time_ms = _LONG_AGO if stated_ms is None else stated_ms
        is_redacted = written.redacted is not None
        if before is not None and self._is_recorded(before, data, is_redacted=is_redacted):
            return written.as_recorded(before.tip, DocumentState(before.tip, is_more=False))
        state = _place(before, written, whole, time_ms)
        if not state.is_more and before is not None:
            return written.as_recorded(before.tip, state)
        for built in iter_content_objects(data):
            write(built.kind, built.data)
        base = state.base if state.is_forward else None
        tip = write(
            Kind.TURN, encode_turn(_document_turn(harness, written, whole, stated_ms, base))
        )
        if before is None:
            self._tapes[folder] = _Tape(tip, frozenset((whole,)), written.oids, time_ms)
        else:
            documents = before.documents | {whole}
            if state.base is None:
                self._tapes[folder] = before._replace(documents=documents)
            else:
                self._tapes[folder] = _Tape(tip, documents, written.oids, time_ms)
        return written.as_recorded(tip, state._replace(others=written.others))

    def _is_recorded(self, before: _Tape, data: bytes, *, is_redacted: bool) -> bool:
        """Return whether a document is the newest recorded one, but for what is redacted."""
        if self._find_object is None or self._find_object(before.tip) is None:
            return False
        newest = self._graph.read_turn(before.tip)
        if not newest.raw or (newest.redacted is None and not is_redacted):
            return False
        recorded = read_content(self._find_object, ObjectId.parse(newest.raw[0].oid))
        return are_one(data, recorded)

    def _find(self, folder: str) -> _Tape | None:
        """Return the tape that a document goes on from, with the documents of all its tapes."""
        if folder not in self._tapes:
            found: _Tape | None = None
            for tip in self._iter_tips(folder):
                tape = self._read(tip)
                if tape is not None:
                    documents = tape.documents | (found.documents if found else frozenset())
                    found = (found or tape)._replace(documents=documents)
            if found is not None:
                self._tapes[folder] = found
        return self._tapes.get(folder)

    def _iter_tips(self, folder: str) -> Iterator[ObjectId]:
        main = self._find_ref(tape_ref(folder, None))
        if main is not None:
            yield main
            yield from (oid for _, oid in self._iter_refs(other_prefix(folder, None)))
            yield from (oid for _, oid in self._iter_refs(f"{folder}/file/forks/"))

    def _read(self, tip: ObjectId) -> _Tape | None:
        """Return the tape that a turn ends, or None where the turn is not that of a document."""
        newest = self._graph.read_turn(tip)
        if not is_document_turn(newest):
            return None
        documents: set[ObjectId] = set()
        turn = newest
        while len(documents) < STATE_COUNT_MAX:
            documents.add(ObjectId.parse(turn.raw[0].oid))
            if len(turn.parents) < 2:
                break
            turn = self._graph.read_turn(turn.parent_ids[1])
            if not is_document_turn(turn):
                break
        time_ms = _LONG_AGO if newest.time is None else newest.time
        return _Tape(tip, frozenset(documents), self._read_said(newest), time_ms)

    def _read_said(self, newest: Turn) -> list[ObjectId]:
        """Return the turns of all that a document says."""
        waiting = [
            oid
            for number, oid in enumerate(newest.parent_ids)
            if number == 0 or not is_document_turn(self._graph.read_turn(oid))
        ]
        oids: dict[ObjectId, None] = {}
        while waiting:
            oid: ObjectId | None = waiting.pop()
            while oid is not None and oid not in oids:
                oids[oid] = None
                oid = next(iter(self._graph.parents(oid)), None)
        return list(oids)


def _write_messages(
    harness: Harness,
    document: Document,
    write: Write,
    redactor: Redactor,
    removed: Removed | None,
) -> WrittenTurns | None:
    """Write the turns of a document's messages; return None where there is nothing in it."""
    oids: list[ObjectId] = []

    def write_noted(kind: Kind, data: bytes) -> ObjectId:
        oid = write(kind, data)
        if kind is Kind.TURN:
            oids.append(oid)
        return oid

    threader = Threader(harness, write_noted, redactor, are_lines=False)
    threader.set_head(document.session, document.start_ms, removed)
    count = 0
    for count, element in enumerate(document.elements, 1):
        data = bytes(element)
        threader.add(Record(count, 1, data, harness.decode(data), None))
    tapes = threader.finish()
    if not tapes:
        return None
    return WrittenTurns(
        tapes[0],
        oids,
        threader.unnamed_digits,
        count,
        f"document of {count} message{'' if count == 1 else 's'}",
        make_redacted(removed.numbering) if removed is not None else None,
    )


def read_whole(chunks: Iterable[bytes]) -> bytes | None:
    """Return all bytes, or None where they are too many for a document."""
    parts = []
    size_bytes = 0
    for chunk in chunks:
        size_bytes += len(chunk)
        if size_bytes > DOCUMENT_SIZE_MAX_BYTES:
            return None
        parts.append(chunk)
    return b"".join(parts)


def _place(
    before: _Tape | None, written: WrittenTurns, whole: ObjectId, time_ms: int
) -> DocumentState:
    """Return where a state stands beside the tape that is recorded."""
    if before is None:
        return DocumentState(None, is_more=True)
    # A turn's id has all before it in it: what the two have in common is the same up to a place.
    added = len(set(written.oids).difference(before.oids))
    dropped = len(set(before.oids).difference(written.oids))
    is_later = time_ms >= before.time_ms
    is_earlier = (added <= 1 and added < dropped) or (added == dropped <= 1 and not is_later)
    if whole in before.documents or (is_earlier and written.may_grow):
        return DocumentState(before.tip, is_more=False)
    if not dropped:
        return DocumentState(before.tip, is_more=True)
    takes_place = is_later and (added > 0 or written.may_grow)
    return DocumentState(before.tip if takes_place else None, is_more=True, is_forward=False)


def _document_turn(
    harness: Harness,
    written: WrittenTurns,
    whole: ObjectId,
    time_ms: int | None,
    base: ObjectId | None,
) -> Turn:
    before = (base,) if base is not None else ()
    return Turn(
        role="event",
        parents=tuple(map(str, (written.tape.tip, *before, *written.others))),
        time=time_ms,
        dialect=harness.dialect,
        raw=(RawPiece(str(whole), 0),),
        summary=written.summary,
        redacted=written.redacted,
    )
