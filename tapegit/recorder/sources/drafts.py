"""A turn while it is being put together from the records of a source.

A draft gathers what its records say; once no record can join it any more it becomes a `Turn`,
is handed on, and keeps only its id and the number of its last record, which its children need.

Source: tapesdialect-claude-code(7), "Turns" and "Fields".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.objects.turn import (
    CodeRepository,
    RawPiece,
    Redacted,
    Session,
    Turn,
    Usage,
    clean_summary,
)
from tapegit.redact.placeholders import Numbering
from tapegit.redact.rules import RULES_VERSION

if TYPE_CHECKING:
    from tapegit.harness.facts import FactRole, Harness, RecordFacts, SessionFacts, UsageFacts
    from tapegit.objects.oid import ObjectId
    from tapegit.recorder.sources.tapes import Tape

TOOL_COUNT_MAX: Final = 256
LABELS_LENGTH_MAX: Final = 1200
"""More than a summary looks at: labels beyond it are not kept."""


class Piece(NamedTuple):
    """A contiguous run of records: the object that holds its bytes, first and last number."""

    oid: ObjectId
    first: int
    last: int


class Anchor:
    """A place of the conversation that a prompt may go back to, and the last turn that has it.

    It has no tape while only the head of a source was read.
    """

    __slots__ = ("last", "tape")

    def __init__(self, tape: Tape | None, last: Draft) -> None:
        self.tape = tape
        self.last = last


class Draft:
    """One turn in the making.

    Attributes:
        first: The number of its first record.
        last: The highest number among its records; 0 for a leader without raw.
        piece_count: How many pieces were begun, also those that are not closed yet.
        oid: Its id, once it was written.
        numbering: The numbers of its secrets, if it has had any.
        is_echo: Whether all that it has only repeats what a message says.
    """

    __slots__ = (
        "anchor",
        "fallback",
        "first",
        "has_child",
        "has_settled_child",
        "headline",
        "is_echo",
        "labels",
        "labels_length",
        "last",
        "message_id",
        "model",
        "numbering",
        "oid",
        "parent",
        "piece_count",
        "pieces",
        "provider",
        "role",
        "session",
        "stop",
        "tape",
        "time_ms",
        "tools",
        "unreadable_count",
        "usage",
    )

    def __init__(self, role: FactRole | str, number: int) -> None:
        self.role = role
        self.first = number
        self.last = number
        self.oid: ObjectId | None = None
        self.parent: Draft | None = None
        self.has_child = False
        self.has_settled_child = False
        self.is_echo = True
        self.anchor: Anchor | None = None
        self.tape: Tape | None = None
        self.pieces: list[Piece] = []
        self.piece_count = 0
        self.message_id: str | None = None
        self.time_ms: int | None = None
        self.headline: str | None = None
        self.labels: list[str] = []
        self.labels_length = 0
        self.fallback: str | None = None
        self.tools: dict[str, None] = {}
        self.model: str | None = None
        self.provider: str | None = None
        self.stop: str | None = None
        self.usage: UsageFacts | None = None
        self.session: Session | None = None
        self.unreadable_count = 0
        self.numbering: Numbering | None = None

    def number_secrets(self) -> Numbering:
        """Return the numbers of its secrets, to be added to."""
        if self.numbering is None:
            self.numbering = Numbering()
        return self.numbering

    def take(self, facts: RecordFacts) -> None:
        """Add what a message or an event says of its turn."""
        self.is_echo = self.is_echo and facts.is_echo
        if facts.is_whole:
            self._forget_said()
        if self.time_ms is None:
            self.time_ms = facts.time_ms
        if self.headline is None:
            self.headline = facts.headline
        for label in facts.labels:
            if self.labels_length < LABELS_LENGTH_MAX:
                self.labels.append(label)
                self.labels_length += len(label)
        if self.fallback is None:
            self.fallback = facts.fallback
        for name in facts.tools:
            if len(self.tools) < TOOL_COUNT_MAX:
                self.tools[name] = None
        self.model = facts.model or self.model
        self.provider = facts.provider or self.provider
        self.stop = facts.stop or self.stop
        self.usage = facts.usage or self.usage

    def _forget_said(self) -> None:
        self.headline = self.fallback = self.model = self.stop = self.usage = None
        self.labels = []
        self.labels_length = 0
        self.tools = {}

    def take_unreadable(self, reason: str) -> None:
        """Add a record that could not be read."""
        if self.fallback is None:
            self.fallback = f"unreadable: {reason}"
        self.unreadable_count += 1

    def as_turn(self, dialect: str) -> Turn:
        """Return the turn; its parent must have been written."""
        parent = self.parent
        assert parent is None or parent.oid is not None
        is_event = self.role == "assistant" and self.is_echo
        return Turn(
            role="event" if is_event else self.role,  # type: ignore[arg-type]
            parents=(str(parent.oid),) if parent is not None else (),
            time=self.time_ms,
            dialect=dialect,
            raw=self._raw(parent.last if parent is not None else 0),
            summary=self._summary(),
            model=self.model,
            provider=self.provider,
            stop=self.stop,
            tools=tuple(self.tools),
            usage=Usage(**self.usage._asdict()) if self.usage is not None else None,
            session=self.session,
            redacted=self._redacted(),
        )

    def settle(self, oid: ObjectId) -> None:
        """Note that the turn was written, and forget all that only its bytes needed."""
        self.oid = oid
        self.parent = None
        self.pieces = []
        self.labels = []
        self.headline = self.fallback = self.message_id = self.model = None
        self.provider = self.stop = None
        self.tools = {}
        self.usage = self.session = None
        self.numbering = None

    def _redacted(self) -> Redacted | None:
        if self.numbering is None or not self.numbering.counts:
            return None
        return make_redacted(self.numbering)

    def _raw(self, before: int) -> tuple[RawPiece, ...]:
        """Return the pieces, each placed relative to the last record of the parent."""
        raw = []
        expected = before + 1
        for piece in self.pieces:
            at = None if piece.first == expected else piece.first - before
            raw.append(RawPiece(str(piece.oid), at))
            expected = piece.last + 1
        return tuple(raw)

    def _summary(self) -> str | None:
        text = self.headline or ", ".join(self.labels) or self.fallback
        if text is not None and self.unreadable_count > 1:
            text = f"{text} ({self.unreadable_count} records)"
        return (clean_summary(text) or None) if text is not None else None


def make_redacted(numbering: Numbering) -> Redacted:
    """Return what a turn says of the secrets that were replaced in it."""
    return Redacted(rules=tuple(sorted(numbering.counts.items())), version=RULES_VERSION)


def make_session(
    harness: Harness, facts: SessionFacts, *, agent: str | None, is_agent: bool
) -> Session:
    """Return what a leader says of its session."""
    code = CodeRepository(branch=facts.branch, commit=facts.commit, remote=facts.remote)
    return Session(
        harness=harness.name,
        version=facts.version,
        cwd=facts.cwd,
        id=None if is_agent else facts.id,
        parent=facts.id if is_agent else facts.parent,
        agent=agent if is_agent else facts.agent,
        repository=code if code != CodeRepository() else None,
    )
