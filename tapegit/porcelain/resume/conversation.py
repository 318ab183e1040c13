"""The conversation that a turn ends: what a client has to be given so that it goes on from there.

A tape is read back from the turn along first parents. What is in the client's own format stays
as it is. A session that a client was made to go on with begins with all that was before, in its
own format, so nothing further back is read for the same client.

What would make a provider refuse all that follows is mended: a call without a result gets one
that says so, right after the others of its message; a result without a call is left out, and
so are records that cannot be read.

Source: tapes-resume(1), "WHAT IS MENDED".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.exchange import Loss
from tapegit.dialects.gemini_cli.parts import enumerate_records
from tapegit.dialects.gemini_cli.record import decode_record, iter_new_messages
from tapegit.dialects.meaning.projection import MESSAGE_ROLES
from tapegit.dialects.parts import Compaction, Text, ToolCall, ToolResult
from tapegit.dialects.syntax.json_records import NOT_JSON, read_document, read_raw_records
from tapegit.dialects.table import find_decoder
from tapegit.dialects.tapes.message import DIALECT as MESSAGE
from tapegit.dialects.tapes.resume import DIALECT as RESUMED
from tapegit.dialects.writing.conversation import SpokenTurn, find_compaction, split_results
from tapegit.harness.gemini_cli import DIALECT as GEMINI_CLI
from tapegit.harness.gemini_cli import GEMINI_CLI as GEMINI_HARNESS
from tapegit.harness.resume.continuation import Said
from tapegit.harness.resume.gemini_cli import CONTEXT
from tapegit.harness.table import HARNESSES
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import iter_content
from tapegit.porcelain.turns.parts import decode_parts
from tapegit.recorder.sources.tape_records import is_document_turn

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tapegit.dialects.parts import AnyPart
    from tapegit.graph.turns import TurnGraph
    from tapegit.harness.facts import Harness
    from tapegit.objects.turn import Turn
    from tapegit.store.database import ObjectDatabase

INTERRUPTED: Final = "The call was interrupted: there is no result."


class Conversation(NamedTuple):
    """What was said up to a turn.

    Attributes:
        said: The messages, the first one first; repairs are among them.
        repairs: The results that were put in.
        losses: What of the tape is not among the messages.
        model: Who answered last.
        version: Of the harness, if the messages are its own.
        redacted_count: How many secrets were replaced by placeholders.
        turns: What was read, the first turn first.
    """

    said: tuple[Said, ...]
    repairs: tuple[ToolResult, ...]
    losses: tuple[Loss, ...]
    model: str | None
    version: str | None
    redacted_count: int
    turns: tuple[Turn, ...]


def read_conversation(
    objects: ObjectDatabase, graph: TurnGraph, oid: ObjectId, dialect: str | None
) -> Conversation:
    """Return what was said up to a turn, for a client of a dialect; None for no client.

    Raises:
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    turns = list(_iter_back(graph, oid, dialect))
    turns.reverse()
    reader = _Reader(objects, dialect)
    said = [each for turn in turns for each in reader.read(turn)]
    whole, losses = _drop_orphans(_drop_repeated(_begin_after_compaction(said)))
    mended, repairs = _mend(whole)
    models = [each.model for each in whole if each.role == "assistant" and each.model]
    versions = [turn.session.version for turn in turns if turn.session is not None]
    redacted = (turn.redacted for turn in turns)
    return Conversation(
        tuple(mended),
        tuple(repairs),
        (*reader.losses, *losses),
        next((model for model in reversed(models) if not model.startswith("<")), None),
        versions[-1] if versions and whole and whole[-1].records is not None else None,
        sum(count for each in redacted if each for _, count in each.rules),
        tuple(turns),
    )


def _iter_back(graph: TurnGraph, oid: ObjectId, dialect: str | None) -> Iterator[Turn]:
    """Yield turns, the newest first, down to one that has all that was before for this client."""
    current: ObjectId | None = oid
    while current is not None:
        turn = graph.read_turn(current)
        yield turn
        parents = turn.parent_ids
        current = None if _is_whole_for(turn, dialect) or not parents else parents[0]


def _is_whole_for(turn: Turn, dialect: str | None) -> bool:
    harness = turn.session.harness if turn.session is not None else None
    return turn.dialect == RESUMED and dialect is not None and harness == _name(dialect)


class _Reader:
    """Reads turns for a client, and counts what it cannot read."""

    def __init__(self, objects: ObjectDatabase, dialect: str | None) -> None:
        self._objects = objects
        self._dialect = dialect
        own = [each for each in HARNESSES if each.dialect == dialect]
        self._document = own[0] if own and all(each.is_document for each in own) else None
        self.losses: list[Loss] = []

    def read(self, turn: Turn) -> Iterator[Said]:
        """Yield what a turn says."""
        if self._document is not None and turn.dialect in {self._dialect, RESUMED}:
            if not is_document_turn(turn):
                yield from self._read_elements(turn, self._document)
        elif _is_whole_for(turn, self._dialect):
            yield from self._read_own(turn, self._dialect)
        elif turn.dialect == self._dialect and turn.role != "note":
            if is_document_turn(turn):
                return  # its messages are turns before it
            own = self._read_own(turn, turn.dialect)
            is_silent = turn.role == "session"
            yield from (each._replace(parts=()) if is_silent else each for each in own)
        elif turn.dialect != RESUMED and turn.role not in {"session", "note"}:
            parts = tuple(decode_parts(turn, self._iter_pieces(turn)))
            spoken = SpokenTurn(turn.dialect, turn.role, parts, turn.model)
            if find_compaction(spoken) is not None or turn.role in {*MESSAGE_ROLES, "system"}:
                for each in split_results(spoken):
                    yield Said(
                        each.role, each.parts, None, turn.dialect or "", each.model, turn.time
                    )
            if turn.dialect == GEMINI_CLI and turn.role == "event":
                yield from self._read_replacement(turn)

    def _iter_pieces(self, turn: Turn) -> Iterator[bytes]:
        for piece in turn.raw:
            yield from iter_content(self._objects.find, ObjectId.parse(piece.oid))

    def _read_own(self, turn: Turn, dialect: str | None) -> Iterator[Said]:
        decode = find_decoder(dialect)
        assert decode is not None, "it is a client's own"
        records: list[bytes] = []
        numbers: dict[int, int] = {}
        for number, record in enumerate(self._iter_records(turn), 1):
            if record is not None:
                numbers[number] = len(records) + 1
                records.append(record)
        parts = tuple(
            part_moved(part, numbers[part.record])
            for part in decode(self._iter_pieces(turn))
            if part.record in numbers
        )
        yield Said(turn.role, parts, tuple(records), dialect or "", turn.model, turn.time)

    def _read_elements(self, turn: Turn, harness: Harness) -> Iterator[Said]:
        """Yield the messages of a document, one by one: a turn's, or all of a session."""
        data = b"".join(self._iter_pieces(turn))
        value = read_document(data) if data else None
        if value is None or harness.document is None:
            self.losses += [Loss(kind="record", detail=NOT_JSON)] if data else []
            return
        decode, read_facts = find_decoder(harness.dialect), harness.begin()
        assert decode is not None, "it is a client's own"
        is_whole = harness.recognise(value)
        for element in harness.document(value).elements if is_whole else (value,):
            message = bytes(element)
            role = read_facts(harness.decode(message)).role
            parts = tuple(decode([message]))
            yield Said(role, parts, (message,), harness.dialect, turn.model, turn.time)

    def _read_replacement(self, turn: Turn) -> Iterator[Said]:
        """Yield the messages that Gemini CLI put in place of all that was before."""
        decode, read_facts = find_decoder(GEMINI_CLI), GEMINI_HARNESS.begin()
        assert decode is not None, "it is known"
        for record in self._iter_records(turn):
            for element in iter_new_messages(decode_record(record)) if record is not None else ():
                role = read_facts(decode_record(element)).role
                spoken = SpokenTurn(GEMINI_CLI, role, tuple(decode([element])), turn.model)
                for each in split_results(spoken):
                    if each.role in MESSAGE_ROLES and not _is_of_surroundings(each.parts):
                        yield Said(each.role, each.parts, None, GEMINI_CLI, each.model, turn.time)

    def _iter_records(self, turn: Turn) -> Iterator[bytes | None]:
        """Yield the values of a turn's records; None for one that has none."""
        if turn.dialect == GEMINI_CLI:
            for _, value, reason in enumerate_records(self._iter_pieces(turn)):
                yield self._value_of(value if reason is None else None, reason)
            return
        for record in read_raw_records().read_all(self._iter_pieces(turn)):
            yield self._value_of(record.value, record.reason)

    def _value_of(self, value: bytes | None, reason: str | None) -> bytes | None:
        if reason is not None:
            self.losses.append(Loss(kind="record", detail=reason))
        return value


def _is_of_surroundings(parts: Sequence[AnyPart]) -> bool:
    """Return whether a message is what Gemini CLI says of itself to every session anew."""
    first = parts[0] if parts else None
    return isinstance(first, Text) and first.text.startswith(CONTEXT)


def part_moved(part: AnyPart, record: int) -> AnyPart:
    """Return a part with another number of its record."""
    if part.record == record:
        return part
    values = {name: getattr(part, name) for name in part.__struct_fields__}
    return type(part)(**{**values, "record": record})


def _begin_after_compaction(said: Sequence[Said]) -> list[Said]:
    """Return messages with a compaction of another client's as what it left: its summary."""
    kept: list[Said] = []
    for each in said:
        spoken = SpokenTurn(each.dialect, each.role, each.parts, each.model)
        found: Compaction | None = find_compaction(spoken) if each.records is None else None
        if found is None:
            kept.append(each)
        else:
            text = Text(text=found.text, injected=True)
            kept = [each._replace(role="user", parts=(text,))] if found.is_summary else []
    return kept


def _drop_repeated(said: Sequence[Said]) -> list[Said]:
    """Return the messages with one result for each call, that which was written last.

    Gemini CLI writes results into the answer, and again as a message.
    """
    answered: set[str] = set()
    kept: list[Said] = []
    for each in reversed(said):
        results = [part for part in each.parts if isinstance(part, ToolResult)]
        calls = {part.id for part in each.parts if isinstance(part, ToolCall)}
        repeated = [part for part in results if part.call_id in answered]
        answered.update(part.call_id for part in results if part.call_id is not None)
        answered -= {call_id for call_id in calls if call_id is not None}
        if repeated and each.records is None:
            parts = tuple(part for part in each.parts if part not in repeated)
            kept += [each._replace(parts=parts)] if parts else []
        else:
            kept.append(each)
    return kept[::-1]


def _drop_orphans(said: Sequence[Said]) -> tuple[list[Said], list[Loss]]:
    """Return the messages without results whose calls are not there."""
    called: set[str] = set()
    kept: list[Said] = []
    losses: list[Loss] = []
    for each in said:
        called.update(
            part.id for part in each.parts if isinstance(part, ToolCall) and part.id is not None
        )
        lost = [
            part
            for part in each.parts
            if isinstance(part, ToolResult)
            and part.call_id is not None
            and part.call_id not in called
        ]
        losses += [Loss(kind="tool_result", detail=part.call_id or "") for part in lost]
        kept.append(_without(each, lost) if lost else each)
    return [each for each in kept if each.parts or each.records], losses


def _without(said: Said, lost: list[ToolResult]) -> Said:
    """Return a message without some of its parts, and without the records that hold them."""
    gone = {part.record for part in lost} if said.records is not None else set()
    parts = [part for part in said.parts if part not in lost and part.record not in gone]
    if said.records is None:
        return said._replace(parts=tuple(parts))
    numbers = [number for number in range(1, len(said.records) + 1) if number not in gone]
    places = {number: place for place, number in enumerate(numbers, 1)}
    return said._replace(
        parts=tuple(part_moved(part, places[part.record]) for part in parts),
        records=tuple(said.records[number - 1] for number in numbers),
    )


def _mend(said: Sequence[Said]) -> tuple[list[Said], list[ToolResult]]:
    """Return the messages with results for calls that have none, and these results."""
    answered = {
        part.call_id for each in said for part in each.parts if isinstance(part, ToolResult)
    }
    mended: list[Said] = []
    repairs: list[ToolResult] = []
    waiting: list[ToolResult] = []
    for each in said:
        if waiting and each.role in {"user", "assistant"}:
            mended.append(_repair(waiting))
            waiting = []
        mended.append(each)
        if each.role not in {"assistant", "session"}:
            continue
        missing = [
            ToolResult(text=INTERRUPTED, is_error=True, call_id=part.id, name=part.name)
            for part in each.parts
            if isinstance(part, ToolCall) and part.id is not None and part.id not in answered
        ]
        waiting += missing
        repairs += missing
    if waiting:
        mended.append(_repair(waiting))
    return mended, repairs


def _repair(results: list[ToolResult]) -> Said:
    return Said("tool", tuple(results), None, MESSAGE, is_repair=True)


def _name(dialect: str) -> str:
    return dialect.partition("@")[0]
