"""An answer that came over a WebSocket is amended, and a replay sends the new one as messages."""

from __future__ import annotations

import asyncio

from tapegit.graph.resolve import Resolver
from tapegit.graph.turns import TurnGraph
from tapegit.porcelain.replay.replay import Replay, Rules
from tests.command import Runner, run_here
from tests.scripted_calls import CODEX, Script
from tests.thread_shapes import make_store, record
from tests.unit.wire.test_replay_matching import talk
from tests.unit.wire.test_threading import responses_events


def test_an_answer_of_a_websocket(tmp_path):
    """The text is another, the id of the response stays, and so does the answer before it."""
    repository = make_store(tmp_path)
    script = Script(CODEX)
    number = script.socket()
    asked = []
    for place, before in enumerate(({}, {"previous_response_id": "r0"})):
        items = [{"type": "message", "role": "user", "content": f"say {place}"}]
        script.send(number, {"type": "response.create", "model": "m", "input": items, **before})
        asked.append(script.values[-1].payload)
        for event in responses_events(f"r{place}", f"old {place}"):
            script.send(number, event, is_from_client=False)
    script.hang_up(number)
    record(repository, script.values)
    tapes = Runner(run_here, tmp_path)
    refs = tapes("for-each-ref", "refs/sessions", "--format=%(refname)").lines
    tapes("switch", "-q", "-c", "fix", next(ref for ref in refs if ref.endswith("wire/main")))
    tapes("amend", "-q", "--text", "new 1")

    graph = TurnGraph(repository.objects)
    resolver = Resolver(repository.objects, repository.refs, graph)
    replay = Replay(repository, resolver, graph, ["refs/heads/fix"], Rules())
    origin = replay.start()
    found = asyncio.run(talk(origin, asked))
    replay.stop()
    last = [events[-1]["response"] for events in found]
    assert [each["id"] for each in last] == ["r0", "r1"]
    texts = [each["output"][0]["content"][0]["text"] for each in last]
    assert texts == ["old 0", "new 1"]
