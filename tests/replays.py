"""Replays in this process, for tests: a store that was recorded into, served and asked again."""

from __future__ import annotations

import http.client
from typing import TYPE_CHECKING, NamedTuple

from tapegit.graph.resolve import Resolver
from tapegit.graph.turns import TurnGraph
from tapegit.porcelain.replay.replay import Replay, Rules
from tapegit.wire.capture import CapturedRequest
from tests.thread_shapes import make_store, record

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tapegit.wire.capture import Captured
    from tapegit.wire.replay.log import Report

_OWN = frozenset({"host", "content-length", "connection", "transfer-encoding", "upgrade"})


class Answered(NamedTuple):
    """What a server answered; the status is None where the connection was cut."""

    status: int | None
    headers: dict[str, str]
    body: bytes


def make_replay(folder: Path, tape: Iterable[Captured], rules: Rules = Rules()) -> Replay:  # noqa: B008
    """Record what was captured and return a replay of all of it."""
    folder.mkdir(parents=True, exist_ok=True)
    repository = make_store(folder)
    record(repository, tape, in_one=True)
    graph = TurnGraph(repository.objects)
    resolver = Resolver(repository.objects, repository.refs, graph)
    names = [
        ref.name
        for ref in repository.refs.iter_refs("refs/sessions/")
        if ref.name.endswith("/wire/main")
    ]
    return Replay(repository, resolver, graph, names, rules)


def ask(origin: str, request: CapturedRequest) -> Answered:
    """Send a request as it was captured."""
    headers = {name: value for name, value in request.headers if name.lower() not in _OWN}
    connection = http.client.HTTPConnection("127.0.0.1", int(origin.rpartition(":")[2]), timeout=20)
    try:
        connection.request(request.method, request.target, request.body or None, headers)
        response = connection.getresponse()
        try:
            return Answered(response.status, dict(response.getheaders()), response.read())
        except http.client.IncompleteRead as error:
            return Answered(None, dict(response.getheaders()), error.partial)
    except ConnectionError:
        return Answered(None, {}, b"")
    finally:
        connection.close()


def replay(
    folder: Path,
    tape: Iterable[Captured],
    asked: Iterable[Captured],
    rules: Rules = Rules(),  # noqa: B008
) -> tuple[Report, list[Answered]]:
    """Record one thing, ask another; return the report and what was answered."""
    made = make_replay(folder, tape, rules)
    origin = made.start()
    try:
        answers = [ask(origin, each) for each in asked if isinstance(each, CapturedRequest)]
    finally:
        report = made.stop()
    return report, answers
