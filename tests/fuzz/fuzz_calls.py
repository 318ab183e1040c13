"""Fuzz calls to record: what a client asks and what comes back, in every interface."""

from __future__ import annotations

from pathlib import Path

from tapegit.dialects.table import find_decoder
from tapegit.objects.kind import Kind, object_id
from tapegit.objects.turn import decode_turn
from tapegit.recorder.calls.exchanges import Answered, Asked
from tapegit.recorder.calls.tapes import CallTapes
from tapegit.redact.redactor import default_redactor
from tests.fuzz.driver import run
from tests.scripted_calls import CLAUDE, answer_events, result, said, stream, user

FIXTURES = Path(__file__).parents[2] / "fixtures" / "wire"
TARGETS = (
    *("/v1/messages", "/v1/chat/completions", "/v1/responses", "/m:generateContent", "/api/chat"),
    "/other",
)
SEEDS = [
    *(path.read_bytes() for path in sorted(FIXTURES.glob("*.*.*")) if path.stat().st_size < 8192),
    stream(*answer_events(said("a text", ("Bash", {"c": "ls"}, "t1")))),
    repr([user("one"), said("two"), result("t1", "three")]).replace("'", '"').encode(),
]


class Sink:
    """Objects in memory."""

    def __init__(self) -> None:
        self.stored = {}

    def contains(self, oid):
        """Return whether an object is there."""
        return oid in self.stored

    def write(self, kind, data):
        """Keep an object."""
        oid = object_id(kind, data)
        self.stored[oid] = (kind, data)
        return oid


def target(data: bytes) -> None:
    """Take any bytes: as a request, then as a part of one, and as what came back each time."""
    sink = Sink()
    tapes = CallTapes(sink, default_redactor())
    names = {name.lower(): value for name, value in CLAUDE}
    path = TARGETS[len(data) % len(TARGETS)]
    bodies = (data, b'{"messages":[' + data + b'],"input":[' + data + b"]}")
    for number, body in enumerate(bodies):
        tapes.ask(Asked(number, "s", 1, "POST", path, f"https://x{path}", names, (), body, number))
        tapes.answer(Answered(number, "ok", 200, (), data, number, number))
    assert tapes.open_count == 0
    assert tapes.take_moves()
    for kind, stored in sink.stored.values():
        if kind is Kind.TURN:
            turn = decode_turn(stored)
            decode = find_decoder(turn.dialect)
            pieces = [sink.stored[each][1] for each in map(_oid, turn.raw) if each in sink.stored]
            if decode is not None:
                list(decode(pieces))


def _oid(piece):
    from tapegit.objects.oid import ObjectId

    return ObjectId.parse(piece.oid)


if __name__ == "__main__":
    run(target, SEEDS)
