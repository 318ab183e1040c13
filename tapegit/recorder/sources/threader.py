"""From records to turns: which records make one turn, and how turns hang together.

Records go in one by one, turns come out as soon as nothing can join them, parents first. All
is a function of the records alone: nothing is asked of a store, a clock or a file name.

A record is either a message or an event, which makes a turn or goes on with the open one of
its tape; or an extra, which goes with the record before it, whatever tape that is on; or
unreadable, which makes an event. What comes before the first message is the *head*, and goes
to the leader of the tape of that message.

Source: tapesdialect-claude-code(7), "Tapes" and "Turns".
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final

from tapegit.harness.facts import EXTRA, RecordFacts, SessionFacts
from tapegit.objects.kind import Kind, format_framing
from tapegit.objects.oid import hash_framed
from tapegit.objects.turn import encode_turn
from tapegit.recorder.redaction import RecordRedactor, translate_session
from tapegit.recorder.sources.drafts import Anchor, Draft, make_session
from tapegit.recorder.sources.runs import RunWriter
from tapegit.recorder.sources.tapes import FORK_COUNT_MAX, Places, Tape
from tapegit.redact.redactor import default_redactor

if TYPE_CHECKING:
    from tapegit.dialects.syntax.json_records import Record
    from tapegit.harness.facts import Harness
    from tapegit.recorder.redaction import Removed
    from tapegit.recorder.sources.lineage import Lineage
    from tapegit.recorder.sources.runs import Write
    from tapegit.recorder.sources.tapes import RecordedTape
    from tapegit.redact.redactor import Redactor

OPEN_RECORD_COUNT_MAX: Final = 4096
OPEN_SPAN_MAX: Final = 65_536
PIECE_COUNT_MAX: Final = 1024
AGENT_COUNT_MAX: Final = 4096
OTHER_AGENTS: Final = "others"


class Threader:
    """Makes turns of the records of one source.

    Args:
        harness: Whose records they are.
        write: Stores an object and returns its id.
        redactor: Finds the secrets that are not to be stored; by default with its own rules.
        are_lines: Whether the records are lines, not elements of a document.

    Attributes:
        unnamed_digits: What names the session where its records do not.
        redacted: How many secrets were replaced, by rule.
    """

    def __init__(
        self,
        harness: Harness,
        write: Write,
        redactor: Redactor | None = None,
        *,
        are_lines: bool = True,
    ) -> None:
        self._harness = harness
        self._redaction = RecordRedactor(
            redactor or default_redactor(), harness, are_lines=are_lines
        )
        self._read_facts = harness.begin()
        self._write = write
        self._runs = RunWriter(write)
        self._head = Draft("session", 0)
        self._head.anchor = Anchor(None, self._head)
        self._head_numbering = self._head.number_secrets()
        self._head_session = SessionFacts()
        self._head_time_ms: int | None = None
        self._is_head_readable = False
        self._main: Tape | None = None
        self._agents: dict[str, Tape] = {}
        self._current = self._head
        self._repeated_bytes = 0
        self._places = Places()
        self.unnamed_digits = ""
        self.redacted: Counter[str] = Counter()

    def go_on_from(self, lineage: Lineage) -> None:
        """Begin with a tape whose leader is recorded: the source repeats that one's bytes."""
        head = self._head
        head.settle(lineage.leader)
        self._repeated_bytes = lineage.size_bytes
        self._head_session = SessionFacts(lineage.session_id)
        self._is_head_readable = True
        self._main = Tape(None, head, self._head_session)
        self._main.begin_settled()

    def add(self, record: Record[Any]) -> None:
        """Take the next record of the source."""
        if self._repeated_bytes > 0:
            self._repeat(record)
            return
        record, removed = self._redaction.redact(record)
        if record.number == 1:
            framing = format_framing(Kind.BLOB, len(record.data))
            self.unnamed_digits = hash_framed(framing, record.data).hex()[:16]
        if record.reason is not None:
            self._add_unreadable(record, record.reason, removed)
        elif record.value is None:
            self._runs.add(self._current, record.number, record.data)
        else:
            facts = self._read_facts(record.value)
            if facts.shape == "extra":
                self._add_extra(record, facts, removed)
            else:
                self._add_message(record, facts, removed)
        if not record.number % OPEN_RECORD_COUNT_MAX:
            self._close_old(record.number)

    def _repeat(self, record: Record[Any]) -> None:
        """Take a record that the leader has: what goes on from it goes on from the leader."""
        self._repeated_bytes -= len(record.data)
        self._head.last = record.number
        facts = self._read_facts(record.value) if record.value is not None else None
        if facts is not None and facts.uuid is not None and self._head.anchor is not None:
            self._places.note(facts.uuid, self._head.anchor)

    def set_head(
        self, session: SessionFacts, time_ms: int | None, removed: Removed | None = None
    ) -> None:
        """State what the source says of its session outside its records."""
        if removed is not None:
            session = translate_session(session, removed.numbering, self._head_numbering)
        self._head_session = session
        self._head_time_ms = time_ms
        self._is_head_readable = True

    def finish(self) -> list[RecordedTape]:
        """End the source and return its tapes, the main one first."""
        self._runs.finish()
        if self._head.tape is None:
            if not self._is_head_readable:
                return []
            self._main = self._begin_tape(None, None, RecordFacts("extra"), None)
        tapes = [*([self._main] if self._main else []), *self._agents.values()]
        for tape in tapes:
            tape.open = None
            self._flush(tape, None)
        return [tape.as_recorded() for tape in tapes]

    def hold(self) -> list[RecordedTape]:
        """Return the tapes as far as no record to come can change them, the main one first.

        The threader goes on: more records may be added after it.
        """
        tapes = [*([self._main] if self._main else []), *self._agents.values()]
        for tape in tapes:
            self._flush(tape, self._current)
        return [recorded for tape in tapes if (recorded := tape.as_held()) is not None]

    def _add_extra(self, record: Record[Any], facts: RecordFacts, removed: Removed | None) -> None:
        current = self._find_unsettled(record)
        facts = self._add_data(current, record, facts, removed)
        if current is self._head:
            self._is_head_readable = True
            self._head_session = _merge(self._head_session, facts.session)
            if self._head_time_ms is None:
                self._head_time_ms = facts.time_ms
        if facts.uuid is not None:
            anchor = self._find_place(current, facts) or current.anchor
            if anchor is not None:
                self._places.note(facts.uuid, anchor)

    def _find_place(self, current: Draft, facts: RecordFacts) -> Anchor | None:
        """Return what an extra goes on from, where it says so: what goes on from it does too."""
        if not facts.is_placed:
            return None
        if facts.parent_uuid is not None:
            return self._places.find(facts.parent_uuid)
        return current.tape.root if current.tape is not None else None

    def _add_unreadable(self, record: Record[Any], reason: str, removed: Removed | None) -> None:
        current = self._find_unsettled(record)
        if current is not self._head and not current.unreadable_count:
            self._begin_event(current, record)
        if self._current is not self._head:
            self._current.take_unreadable(reason)
        self._add_data(self._current, record, EXTRA, removed)

    def _find_unsettled(self, record: Record[Any]) -> Draft:
        """Return the turn that a record without one goes to: a new one after a recorded leader."""
        if self._current.oid is not None:
            self._begin_event(self._current, record)
        return self._current

    def _begin_event(self, current: Draft, record: Record[Any]) -> None:
        tape = current.tape
        assert tape is not None
        draft = Draft("event", record.number)
        tape.append(draft, tape.newest, is_anchor=False)
        self._set_current(draft)

    def _add_message(
        self, record: Record[Any], facts: RecordFacts, removed: Removed | None
    ) -> None:
        tape = self._find_tape(record, facts, removed)
        draft = self._find_open(tape, record.number, facts)
        if draft is None:
            draft = self._begin_turn(tape, record.number, facts)
        self._set_current(draft)
        draft.take(self._add_data(draft, record, facts, removed))
        if draft is tape.open and draft.piece_count >= PIECE_COUNT_MAX:
            tape.open = None
        if facts.uuid is not None:
            assert draft.anchor is not None
            self._places.note(facts.uuid, draft.anchor)

    def _add_data(
        self, draft: Draft, record: Record[Any], facts: RecordFacts, removed: Removed | None
    ) -> RecordFacts:
        """Add the bytes of a record to its turn; return what it says with the turn's numbers."""
        data = record.data
        if removed is not None:
            numbering = draft.number_secrets()
            data = removed.data_for(numbering)
            facts = removed.facts_for(facts, numbering)
        self._runs.add(draft, record.number, data)
        return facts

    def _find_open(self, tape: Tape, number: int, facts: RecordFacts) -> Draft | None:
        """Return the open message that a record goes on with; close it where one does not."""
        draft = tape.open
        if draft is None:
            return None
        if _is_old(draft, number):
            tape.open = None
            return None
        if facts.role != "assistant":
            if facts.is_prompt or facts.is_boundary:
                tape.open = None
            return None
        if facts.message_id is not None and facts.message_id == draft.message_id:
            return draft
        tape.open = None
        return None

    def _begin_turn(self, tape: Tape, number: int, facts: RecordFacts) -> Draft:
        draft = Draft(facts.role, number)
        may_go_back = facts.is_prompt or facts.is_placed
        parent = self._find_fork(tape, facts) if may_go_back else None
        if parent is not None:
            tape.open = None
            tape.fork(parent)
        is_anchor = may_go_back or facts.is_boundary or facts.role == "assistant"
        tape.append(draft, tape.newest, is_anchor=is_anchor)
        if facts.role == "assistant" and facts.message_id is not None:
            draft.message_id = facts.message_id
            tape.open = draft
        return draft

    def _find_fork(self, tape: Tape, facts: RecordFacts) -> Draft | None:
        """Return the turn that a prompt goes back to, or None where it goes on."""
        anchor = self._places.find(facts.parent_uuid)
        if facts.is_placed and facts.parent_uuid is None:
            anchor = tape.root
        if anchor is None or anchor.tape is not tape or anchor is tape.newest.anchor:
            return None
        if tape.fork_count >= FORK_COUNT_MAX or self._places.find(facts.uuid) is not None:
            return None
        return anchor.last

    def _find_tape(self, record: Record[Any], facts: RecordFacts, removed: Removed | None) -> Tape:
        if not facts.is_side:
            if self._main is None:
                self._main = self._begin_tape(None, None, facts, removed)
            return self._main
        name = facts.agent
        if name is None:
            anchor = self._places.find(facts.parent_uuid)
            if anchor is not None and anchor.tape is not None and anchor.tape.name is not None:
                return anchor.tape
            name = f"side-{facts.uuid or record.number}"
        tape = self._agents.get(name)
        if tape is None and len(self._agents) >= AGENT_COUNT_MAX:
            name, agent = OTHER_AGENTS, None
            tape = self._agents.get(name)
        else:
            agent = facts.agent
        if tape is None:
            tape = self._begin_tape(name, agent, facts, removed)
            self._agents[name] = tape
        return tape

    def _begin_tape(
        self, name: str | None, agent: str | None, facts: RecordFacts, removed: Removed | None
    ) -> Tape:
        """Return a new tape whose first message or event is the one given.

        The first tape of all gets the head as its leader; the others have leaders without raw.
        """
        is_first = self._head.tape is None
        leader = self._head if is_first else Draft("session", 0)
        session = self._session_for(leader, facts.session, removed)
        leader.time_ms = self._head_time_ms
        if leader.time_ms is None:
            leader.time_ms = facts.time_ms
        leader.headline = self._harness.summarize_session(session)
        leader.session = make_session(
            self._harness, session, agent=agent, is_agent=name is not None
        )
        return Tape(name, leader, session)

    def _session_for(
        self, leader: Draft, more: SessionFacts | None, removed: Removed | None
    ) -> SessionFacts:
        """Return what the head and one record say, with the numbers of a leader."""
        known = self._head_session
        if leader is not self._head:
            known = translate_session(known, self._head_numbering, leader.number_secrets())
        if removed is not None and more is not None:
            new = SessionFacts(
                *(None if old else text for old, text in zip(known, more, strict=True))
            )
            more = translate_session(new, removed.numbering, leader.number_secrets())
        return _merge(known, more)

    def _set_current(self, draft: Draft) -> None:
        before = self._current
        if draft is before:
            return
        self._runs.finish()
        self._current = draft
        assert draft.tape is not None
        self._flush(draft.tape, draft)
        if before.tape is not None and before.tape is not draft.tape:
            self._flush(before.tape, draft)

    def _flush(self, tape: Tape, current: Draft | None) -> None:
        """Write the turns of a tape that nothing can join any more."""
        while (draft := tape.pop_ready(current)) is not None:
            data = encode_turn(draft.as_turn(self._harness.dialect))
            if draft.numbering is not None:
                self.redacted.update(draft.numbering.counts)
            draft.settle(self._write(Kind.TURN, data))

    def _close_old(self, number: int) -> None:
        """Write what waits for a message that no record has gone on with for long."""
        for tape in (self._main, *self._agents.values()):
            if tape is not None and tape.open is not None and _is_old(tape.open, number):
                tape.open = None
                self._flush(tape, self._current)


def _is_old(draft: Draft, number: int) -> bool:
    return number - draft.last > OPEN_RECORD_COUNT_MAX or number - draft.first > OPEN_SPAN_MAX


def _merge(known: SessionFacts, more: SessionFacts | None) -> SessionFacts:
    """Return what is known of a session, completed where nothing is known yet."""
    if more is None:
        return known
    return SessionFacts(*(old or new for old, new in zip(known, more, strict=True)))
