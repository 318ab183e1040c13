"""Tapes while a source is read: the newest turn of each, the open message, forks, uuids.

Rules: turns of a tape are written in the order of their first records, so a parent is always
written before its children; a turn waits while it, or one before it, may still get a record.
Memory is bounded however long the source is: see the limits in the page.

Source: tapesdialect-claude-code(7), "Tapes" and "Turns".
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.objects.oid import hash_content
from tapegit.recorder.sources.drafts import Anchor

if TYPE_CHECKING:
    from tapegit.harness.facts import SessionFacts
    from tapegit.objects.oid import ObjectId
    from tapegit.recorder.sources.drafts import Draft

FORK_COUNT_MAX: Final = 1024
UUID_COUNT_MAX: Final = 131_072
UUID_LENGTH_MAX: Final = 64
"""Longer ones are kept as a hash of themselves."""


class RecordedTape(NamedTuple):
    """A tape as it was written.

    Attributes:
        agent: None for the main tape, else the name of the agent.
        session_id: The session's id, in the harness's words, if the source gives one.
        tip: The newest turn.
        left_behind: The newest turns of lines that forks left behind.
        turn_count: How many turns it has.
    """

    agent: str | None
    session_id: str | None
    tip: ObjectId
    left_behind: tuple[ObjectId, ...]
    turn_count: int


class Tape:
    """One line of turns of a source.

    Attributes:
        name: None for the main tape, else that of the agent.
        waiting: Turns that are not written yet, in the order of their first records.
        newest: The turn that the next one goes on from.
        root: The anchor of its leader.
        open: The message that may still get records of its id.
        left: Turns that forks left behind, in order.
        settled: The newest turn that no record can join any more.
        settled_count: How many such turns there are.
    """

    __slots__ = (
        "fork_count",
        "left",
        "name",
        "newest",
        "open",
        "root",
        "session_id",
        "settled",
        "settled_count",
        "turn_count",
        "waiting",
    )

    def __init__(self, name: str | None, leader: Draft, session: SessionFacts) -> None:
        self.name = name
        self.session_id = session.id
        self.turn_count = 1
        self.newest = leader
        self.open: Draft | None = None
        self.left: list[Draft] = []
        self.fork_count = 0
        self.settled: Draft | None = None
        self.settled_count = 0
        self.waiting: deque[Draft] = deque([leader])
        leader.tape = self
        if leader.anchor is None:
            leader.anchor = Anchor(self, leader)
        leader.anchor.tape = self
        self.root = leader.anchor

    def begin_settled(self) -> None:
        """Take the leader as written: it was recorded before the source was read."""
        self.settled = self.waiting.popleft()
        self.settled_count = 1

    def append(self, draft: Draft, parent: Draft, *, is_anchor: bool) -> None:
        """Add a turn after its parent; it becomes the newest."""
        assert parent.anchor is not None
        draft.tape = self
        draft.parent = parent
        parent.has_child = True
        draft.anchor = Anchor(self, draft) if is_anchor else parent.anchor
        draft.anchor.last = draft
        self.newest = draft
        self.waiting.append(draft)
        self.turn_count += 1

    def fork(self, parent: Draft) -> None:
        """Leave the newest turn behind, because the next one goes on from another."""
        self.fork_count += 1
        self.left.append(self.newest)
        self.newest = parent

    def pop_ready(self, current: Draft | None) -> Draft | None:
        """Take out the next turn that no record can join any more, or return None."""
        if not self.waiting:
            return None
        first = self.waiting[0]
        if first is current or first is self.open:
            return None
        self.settled = self.waiting.popleft()
        if self.settled.parent is not None:
            self.settled.parent.has_settled_child = True
        self.settled_count += 1
        return self.settled

    def as_recorded(self) -> RecordedTape:
        """Return the tape as it was written; every turn must have been."""
        assert self.newest.oid is not None
        left = [draft.oid for draft in self.left if not draft.has_child and draft.oid is not None]
        return RecordedTape(
            self.name, self.session_id, self.newest.oid, tuple(left), self.turn_count
        )

    def as_held(self) -> RecordedTape | None:
        """Return the tape up to its newest settled turn, or None where there is none.

        It is the tape that the records before the first unsettled turn make.
        """
        newest = self.settled
        if newest is None:
            return None
        assert newest.oid is not None
        left = [each for each in self.left if not each.has_settled_child and each is not newest]
        oids = tuple(draft.oid for draft in left if draft.oid is not None)
        return RecordedTape(self.name, self.session_id, newest.oid, oids, self.settled_count)


class Places:
    """Which anchor the uuid of a record stands for; the oldest are forgotten."""

    __slots__ = ("_newer", "_older")

    def __init__(self) -> None:
        self._newer: dict[str | bytes, Anchor] = {}
        self._older: dict[str | bytes, Anchor] = {}

    def find(self, uuid: str | None) -> Anchor | None:
        """Return the anchor that a uuid stands for, or None where it is not known."""
        if uuid is None:
            return None
        key = _key(uuid)
        return self._newer.get(key) or self._older.get(key)

    def note(self, uuid: str, anchor: Anchor) -> None:
        """Let a uuid stand for an anchor from now on."""
        key = _key(uuid)
        if key not in self._newer and len(self._newer) >= UUID_COUNT_MAX:
            self._older = self._newer
            self._newer = {}
        self._newer[key] = anchor


def _key(uuid: str) -> str | bytes:
    if len(uuid) <= UUID_LENGTH_MAX:
        return uuid
    return hash_content(uuid.encode("utf-8", "surrogatepass"))
