"""`usage --errors`: which calls of models failed, were refused, cut off or tried again.

Rules: a call that has an answer counts once, as in sums of tokens; an attempt that has none is an
event, on the wire or in a transcript. Where both tell of a session, only the wire's attempts
count: the harness tells of the same.

Source: tapes-usage(1), "ERRORS".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import DataError, ObjectNotFoundError
from tapegit.graph.lookup import SESSIONS
from tapegit.index.calls import ModelCall
from tapegit.index.session import group_tapes, iter_line
from tapegit.index.sessions import SessionCall
from tapegit.search.documents import API, CUT, REFUSAL, read_document

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from tapegit.graph.turns import TurnGraph
    from tapegit.index.session import SessionRow
    from tapegit.index.sessions import OnBroken
    from tapegit.objects.oid import ObjectId
    from tapegit.objects.turn import Turn
    from tapegit.repository.repository import Repository

KINDS: Final = frozenset({API, CUT, REFUSAL})


class Trouble(NamedTuple):
    """What was wrong with one attempt: kinds, whether it was a further one, and has an answer."""

    kinds: frozenset[str]
    is_retry: bool
    is_answered: bool


class Troubles(NamedTuple):
    """How many calls went wrong, by kind, and how many were further attempts.

    `rate` is the part of all attempts that went wrong, in thousandths; None where there are none.
    """

    failed: int
    refused: int
    cut: int
    retries: int
    rate: int | None


def sum_troubles(troubles: Collection[Trouble], call_count: int) -> Troubles:
    """Return how much went wrong besides or among so many calls that have an answer."""
    attempts = call_count + sum(not each.is_answered for each in troubles)
    wrong = sum(bool(each.kinds) for each in troubles)
    return Troubles(
        sum(API in each.kinds for each in troubles),
        sum(REFUSAL in each.kinds for each in troubles),
        sum(CUT in each.kinds for each in troubles),
        sum(each.is_retry for each in troubles),
        wrong * 1000 // attempts if attempts else None,
    )


def list_troubles(
    repository: Repository,
    graph: TurnGraph,
    calls: Iterable[SessionCall],
    rows: Mapping[str, SessionRow],
    *,
    on_broken: OnBroken,
) -> list[tuple[SessionCall, Trouble]]:
    """Return what went wrong: among calls that have an answer, and besides them.

    Args:
        repository: The store.
        graph: Its turns.
        calls: All calls that say what was spent, each once.
        rows: The row of each session, by the folder of each of its recordings.
        on_broken: Takes (name, error) of what cannot be read.
    """
    reader = _Reader(repository, on_broken)
    answered = {each.call.turn: each for each in calls}
    found = []
    for turn_id, each in answered.items():
        trouble = reader.read(turn_id, None, graph, is_answered=True)
        if trouble is not None:
            found.append((each, trouble))
    for folder, attempts in _list_attempts(repository, graph, rows, on_broken).items():
        for turn_id, turn in attempts:
            trouble = reader.read(turn_id, turn, graph, is_answered=False)
            if turn_id not in answered and trouble is not None:
                call = ModelCall(b"", turn_id, turn.time, turn.model, ())
                found.append((SessionCall(folder, call), trouble))
    return found


class _Reader:
    """Reads turns for what went wrong; the same words at the same time are told once."""

    def __init__(self, repository: Repository, on_broken: OnBroken) -> None:
        self._find = repository.objects.find
        self._on_broken = on_broken
        self._told: set[object] = set()

    def read(
        self, oid: ObjectId, turn: Turn | None, graph: TurnGraph, *, is_answered: bool
    ) -> Trouble | None:
        try:
            turn = turn or graph.read_turn(oid)
            kinds = KINDS.intersection(read_document(self._find, turn).errors)
        except (DataError, ObjectNotFoundError) as error:
            self._on_broken(str(oid), error)
            return None
        is_retry = turn.call is not None and (turn.call.attempt or 1) > 1
        said = oid if turn.time is None else (turn.time, turn.dialect, turn.summary, turn.stop)
        if not (kinds or is_retry) or (not is_answered and said in self._told):
            return None
        self._told.add(said)
        return Trouble(kinds, is_retry, is_answered)


Attempts = list[tuple["ObjectId", "Turn"]]


def _list_attempts(
    repository: Repository,
    graph: TurnGraph,
    rows: Mapping[str, SessionRow],
    on_broken: OnBroken,
) -> dict[str, Attempts]:
    """Return the events and answers of each folder, without those that the wire tells as well."""
    found: dict[str, Attempts] = {}
    wired = set()
    for tapes in group_tapes(repository.refs.iter_refs(SESSIONS, on_broken=on_broken)):
        seen: set[ObjectId] = set()
        turns: Attempts = []
        for ref in tapes.refs:
            try:
                line = list(iter_line(repository.objects, graph, ref.oid, seen))
            except (DataError, ObjectNotFoundError) as error:
                on_broken(str(ref.name), error)
                continue
            turns += [each for each in line if each[1].role in ("assistant", "event")]
        found[tapes.folder] = turns
        if any(turn.call is not None for _, turn in turns):
            wired.add(_session(rows, tapes.folder))
    return {
        folder: [
            each
            for each in turns
            if each[1].call is not None or _session(rows, folder) not in wired
        ]
        for folder, turns in found.items()
    }


def _session(rows: Mapping[str, SessionRow], folder: str) -> str:
    return rows[folder].ref if folder in rows else folder
