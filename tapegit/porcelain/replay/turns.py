"""Exchanges of a tape that has no requests: one for each time that the model spoke.

The request is what was said before, since the last compaction; the answer what the turns hold.

Source: tapes-replay(1), "TAPES WITHOUT A WIRE".
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.exchange import Response
from tapegit.dialects.writing.conversation import SpokenTurn, find_compaction
from tapegit.porcelain.turns.parts import iter_parts
from tapegit.recorder.calls.clients import UNKNOWN, Client
from tapegit.recorder.calls.endpoints import CALL
from tapegit.recorder.calls.message_keys import facts_of
from tapegit.wire.replay.keys import RequestKeys, talk_of
from tapegit.wire.replay.match import Reply, Taped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.objects.oid import ObjectId
    from tapegit.objects.rope_reader import Find
    from tapegit.objects.turn import Turn
    from tapegit.recorder.calls.message_keys import MessageFacts

_HEARD: Final = frozenset({"user", "tool", "assistant"})
_JSON: Final = (("Content-Type", "application/json"),)


class TimedTaped(NamedTuple):
    """An exchange that was made from turns, and when it was answered, in ms, if that is known."""

    time_ms: int
    taped: Taped


class _Spoken(NamedTuple):
    """Turns of the model that follow one another, and the place of the first."""

    oids: list[ObjectId]
    turns: list[Turn]
    number: int


def iter_spoken(
    find: Find, line: Iterable[tuple[ObjectId, Turn]], name: str, *, is_required: bool
) -> Iterator[TimedTaped]:
    """Yield an exchange for each time that the model spoke on a line.

    Args:
        find: Reads objects.
        line: Turns with their ids, the leader first.
        name: Of the tape.
        is_required: They count for the end.

    Raises:
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    heard: list[MessageFacts] = []
    spoken: _Spoken | None = None
    leader: ObjectId | None = None
    for number, (oid, turn) in enumerate(line):
        leader = oid if leader is None else leader
        if turn.role == "assistant":
            spoken = spoken or _Spoken([], [], number)
            spoken.oids.append(oid)
            spoken.turns.append(turn)
            continue
        if spoken is not None and turn.role in _HEARD:
            yield _make(find, spoken, heard, name, leader, is_required=is_required)
            heard += (_facts(find, each) for each in spoken.turns)
            spoken = None
        parts = tuple(iter_parts(find, turn)) if turn.role in {*_HEARD, "event"} else ()
        if find_compaction(SpokenTurn(turn.dialect, turn.role, parts)) is not None:
            heard = []
        elif turn.role in _HEARD:
            heard.append(facts_of(turn.dialect or "", turn.role, parts))
    if spoken is not None and leader is not None:
        yield _make(find, spoken, heard, name, leader, is_required=is_required)


def _facts(find: Find, turn: Turn) -> MessageFacts:
    return facts_of(turn.dialect or "", turn.role, tuple(iter_parts(find, turn)))


def _make(
    find: Find,
    spoken: _Spoken,
    heard: list[MessageFacts],
    name: str,
    leader: ObjectId,
    *,
    is_required: bool,
) -> TimedTaped:
    last = spoken.turns[-1]
    talk = talk_of(heard)
    client = Client(UNKNOWN)
    keys = RequestKeys("POST", "/", "", CALL, None, last.model, talk, talk, talk, (), talk, client)
    read = partial(_read_response, find, tuple(spoken.turns))
    reply = Reply(200, _JSON, bytes, None, True, 0.0, 0.0, read)
    place = f"{name}#{spoken.number}"
    taped = Taped(
        spoken.oids[-1],
        place,
        leader,
        ("POST", "/", ""),
        b"",
        False,
        lambda: keys,
        bytes,
        reply,
        is_required,
    )
    return TimedTaped(spoken.turns[0].time or 0, taped)


def _read_response(find: Find, turns: tuple[Turn, ...]) -> Response:
    last = turns[-1]
    return Response(
        dialect=last.dialect or "",
        id=f"tape-{last.time or 0}",
        model=last.model,
        parts=tuple(part for turn in turns for part in iter_parts(find, turn)),
        stop=last.stop,
        usage=last.usage,
        is_complete=True,
    )
