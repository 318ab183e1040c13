"""What a tape answers, and what it refuses to: a scripted client asks again, a little otherwise."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from tapegit.porcelain.replay.replay import Rules
from tapegit.wire.capture import CapturedMessage, CapturedRequest, CapturedResponse
from tests.replays import ask, make_replay, replay
from tests.scripted_calls import (
    CLAUDE,
    CODEX,
    MESSAGES,
    SDK,
    Script,
    answer_events,
    result,
    said,
    stream,
    user,
)

STRICT = Rules(is_strict=True)
LIST = ("Bash", {"command": "ls"}, "toolu_1")


def conversation(
    script: Script,
    *,
    prompt: str = "count the files",
    output: str = "3 files",
    calls: int = 3,
    **fields: object,
) -> Script:
    """Write down a prompt, a call of a tool and its result, and one prompt more."""
    messages = script.call([user(prompt)], said("I will look.", LIST), **fields)
    if calls > 1:
        messages = [*messages, result("toolu_1", output)]
        messages = script.call(messages, said("There are 3."), **fields)
    if calls > 2:
        script.call([*messages, user("thanks")], said("You are welcome."), **fields)
    return script


def levels(report):
    """Return how well each request fitted."""
    return [entry.level for entry in report.entries]


def test_same_requests_get_the_recorded_responses_byte_for_byte(tmp_path):
    """What was recorded is what comes: status, type and body."""
    script = conversation(Script())
    report, answers = replay(tmp_path, script.values, script.values)

    recorded = [each for each in script.values if isinstance(each, CapturedResponse)]
    assert [each.body for each in answers] == [each.body for each in recorded]
    assert {each.status for each in answers} == {200}
    assert {each.headers["Content-Type"] for each in answers} == {"text/event-stream"}
    assert levels(report) == ["exact"] * 3
    assert report.verdict == "followed"
    assert [entry.place for entry in report.entries] == ["main#2", "main#4", "main#6"]


def test_other_session_and_other_ids_are_normalised(tmp_path):
    """A second run of the same client is found though nothing of it is byte for byte the same."""
    other = [
        each if each[0] != "X-Claude-Code-Session-Id" else (each[0], "another-session")
        for each in CLAUDE
    ]
    again = conversation(Script(tuple(other)), metadata={"user_id": "2"})
    report, _ = replay(
        tmp_path, conversation(Script(), metadata={"user_id": "1"}).values, again.values
    )
    assert levels(report) == ["normalised"] * 3
    assert report.verdict == "followed"


def test_other_result_of_a_tool_is_told_and_followed_by_the_chain(tmp_path):
    """A tool may give back something else; it is told once, where it first comes."""
    again = conversation(Script(), output="4 files").values
    report, _ = replay(tmp_path, conversation(Script()).values, again)
    assert levels(report) == ["exact", "chain", "chain"]
    (drift,) = report.entries[1].drifts
    assert (drift.what, drift.name, drift.old, drift.new) == (
        "tool result",
        "Bash",
        "3 files",
        "4 files",
    )
    assert not report.entries[2].drifts
    assert report.verdict == "followed"


CONTROLS = {
    "prompt": ({"prompt": "count the folders"}, Rules(), 0),
    "result in strict": ({"output": "4 files"}, STRICT, 1),
    "model": ({"model": "claude-y"}, Rules(), 0),
    "no tools": ({"tools": []}, Rules(), 0),
}


@pytest.mark.parametrize(("changes", "rules", "first"), CONTROLS.values(), ids=CONTROLS)
def test_what_is_not_on_the_tape_diverges(tmp_path, changes, rules, first):
    """The first request that is not as recorded is an error, and compared with the nearest."""
    again = conversation(Script(), **changes).values
    report, answers = replay(tmp_path, conversation(Script()).values, again, rules)

    assert report.verdict == "diverged"
    assert report.divergence is report.entries[first]
    assert report.divergence.nearest == f"main#{2 + 2 * first}"
    changed = [line for line in report.divergence.diff if line[0] in "+-"]
    assert changed, report.divergence.diff
    refused = answers[first]
    assert refused.status == 400
    assert "not on the tape" in json.loads(refused.body)["error"]["message"]


def test_missing_call_diverges(tmp_path):
    """A run that stops early has not followed the tape."""
    again = conversation(Script(), calls=2).values
    report, _ = replay(tmp_path, conversation(Script()).values, again)
    assert levels(report) == ["exact", "exact"]
    assert report.missing == ("main#6",)
    assert report.verdict == "diverged"


def test_call_too_many_diverges(tmp_path):
    """Each exchange answers once: the same request again is one too many."""
    script = conversation(Script())
    requests = [each for each in script.values if isinstance(each, CapturedRequest)]
    report, _ = replay(tmp_path, script.values, [*requests, requests[-1]])
    assert levels(report) == ["exact", "exact", "exact", None]
    assert report.entries[3].is_past_end
    assert report.verdict == "diverged"


def test_request_that_was_made_twice_is_answered_in_recorded_order(tmp_path):
    """Two conversations that begin alike get their own answers, first come first served."""
    script = Script(SDK)
    script.call([user("roll")], said("You rolled 1."))
    script.call([user("roll")], said("You rolled 2."))
    report, answers = replay(tmp_path, script.values, script.values)
    recorded = [each.body for each in script.values if isinstance(each, CapturedResponse)]
    assert [each.body for each in answers] == recorded
    assert report.verdict == "followed"


def test_tape_of_another_client_answers_nothing(tmp_path):
    """Codex asks another interface than Claude Code's tape has."""
    other = Script(CODEX)
    body = json.dumps({"model": "gpt", "input": [{"role": "user", "content": "count"}]}).encode()
    other.request(body=body, target="/v1/responses")
    report, answers = replay(tmp_path, conversation(Script()).values, other.values)
    assert levels(report) == [None]
    assert answers[0].status == 400
    assert report.verdict == "diverged"


def agents(swapped: bool = False) -> Script:
    """Write down two agents of one session that work beside one another."""
    script = Script()
    talks = {}
    for name in "ab":
        agent = (("X-Claude-Code-Agent-Id", f"agent-{name}"),)
        messages = [user("do your part"), user(f"part {name}")]
        number = script.request(messages, headers=agent)
        answer = said(f"Looking at {name}.", ("Bash", {"command": "ls"}, f"toolu_{name}"))
        script.response(number, stream(*answer_events(answer, message_id=f"msg_{name}")))
        talks[name] = [*messages, answer, result(f"toolu_{name}", "done")]
    for name, other in zip("ab", "ba" if swapped else "ab", strict=True):
        agent = (("X-Claude-Code-Agent-Id", f"agent-{name}"),)
        number = script.request(talks[other], headers=agent)
        script.response(number, stream(*answer_events(said(f"Part {other} is done."))))
    script.call([user("and you?")], said("All done."))
    return script


def test_agents_beside_one_another_have_their_own_tapes(tmp_path):
    """Each goes on where it began."""
    report, _ = replay(tmp_path, agents().values, agents().values)
    assert report.verdict == "followed"
    assert levels(report) == ["exact"] * 5


def test_agents_that_were_swapped_diverge(tmp_path):
    """One that goes on with the other's conversation gets no answer, though the tape has one."""
    report, _ = replay(tmp_path, agents().values, agents(swapped=True).values)
    assert levels(report)[:4] == ["exact", "exact", None, None]
    assert report.verdict == "diverged"


def compacted(session: str) -> Script:
    """Write down a session of this id that was compacted: it says where its file is."""
    script = Script(
        tuple(
            (name, session if name == "X-Claude-Code-Session-Id" else value)
            for name, value in CLAUDE
        )
    )
    messages = script.call([user("count the files")], said("There are three files, as ls says."))
    messages = script.call([*messages, user("summarise")], said("Summary: three files, counted."))
    head = f"Summary: three files, counted. It is all in /home/ada/.claude/{session}.jsonl now."
    script.call([user(head), user("go on")], said("Going on."))
    return script


def test_compacted_conversation_is_followed(tmp_path):
    """What a client puts in the place of what was said names its own session, which is another."""
    one, other = "11111111-0000-4000-8000-000000000001", "22222222-0000-4000-8000-000000000002"
    report, _ = replay(tmp_path, compacted(one).values, compacted(other).values)
    assert report.verdict == "followed"
    assert levels(report) == ["exact", "exact", "chain"]

    third = compacted(other).values
    changed = [
        each._replace(body=each.body.replace(b"three files, counted", b"four files, counted"))
        if isinstance(each, CapturedRequest)
        else each
        for each in third
    ]
    report, _ = replay(tmp_path / "again", compacted(one).values, changed)
    assert report.verdict == "diverged"


def test_side_calls_never_count(tmp_path):
    """A probe more, a title less, a count that was not recorded: the replay is followed."""
    script = Script()
    title = {"tools": [], "system": "Generate a concise, sentence-case title"}
    script.call([user("title please")], said("A title"), **title)
    script.call([user("hi")], said("Hello."))
    again = Script()
    again.request(target="/", method="HEAD")
    again.request([user("hi")], target="/v1/messages/count_tokens")
    again.call([user("hi")], said("Hello."))
    report, answers = replay(tmp_path, script.values, again.values)
    assert [entry.is_side for entry in report.entries] == [True, True, False]
    assert [each.status for each in answers] == [200, 200, 200]
    assert json.loads(answers[1].body) == {"input_tokens": 1}
    assert report.verdict == "followed"


def retried() -> Script:
    """Write down a call that failed once, was cut once, and then came without a stream."""
    script = Script()
    messages = [user("hi")]
    overloaded = json.dumps({"type": "error", "error": {"type": "overloaded_error"}}).encode()
    number = script.request(messages)
    script.response(
        number,
        overloaded,
        outcome="error",
        status=529,
        headers=(("Content-Type", "application/json"), ("retry-after", "0")),
    )
    events = answer_events(said("Hello there."))
    number = script.request(messages)
    script.response(number, stream(*events[:4]), outcome="upstream_cut")
    whole = {"id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x"}
    body = {**whole, "content": said("Hello there.")["content"], "stop_reason": "end_turn"}
    number = script.request(messages, stream=False)
    script.response(
        number, json.dumps(body).encode(), headers=(("Content-Type", "application/json"),)
    )
    return script


def test_attempts_are_one_call_with_the_last_answer(tmp_path):
    """The first attempt gets what the last one got, as the stream that it asked for."""
    script = retried()
    report, answers = replay(tmp_path, script.values, script.values[:1])
    assert report.verdict == "followed"
    assert report.entries[0].is_made
    assert answers[0].headers["Content-Type"] == "text/event-stream"
    assert b'"text":"Hello there."' in answers[0].body
    assert answers[0].body.rstrip().endswith(b'data: {"type":"message_stop"}')


def test_faithful_serves_errors_and_cuts_in_order(tmp_path):
    """With --faithful the client has to do its retries again."""
    script = retried()
    report, answers = replay(tmp_path, script.values, script.values, Rules(is_faithful=True))
    assert levels(report) == ["exact"] * 3
    assert [each.status for each in answers] == [529, None, 200]
    assert answers[0].headers["retry-after"] == "0"
    recorded = [each.body for each in script.values if isinstance(each, CapturedResponse)]
    assert [each.body for each in answers] == recorded
    assert report.verdict == "followed"


def left(*, again: bool = False) -> Script:
    """Write down a call that the client gave up in the middle, and perhaps another try."""
    script = Script()
    messages = [user("hi")]
    number = script.request(messages)
    events = answer_events(said("Hello there."))
    script.response(number, stream(*events[:4]), outcome="client_gone")
    if again:
        script.call(messages, said("Hello there."))
    return script


@pytest.mark.parametrize("again", [False, True])
def test_answer_that_nobody_waited_for_ends_in_silence(tmp_path, monkeypatch, again):
    """Where nobody can interrupt the client it is cut off in the end, with --faithful too."""
    monkeypatch.setattr("tapegit.wire.replay.silence.SPARE_S", 0.06)
    waited = []

    async def note(seconds):
        waited.append(seconds)

    monkeypatch.setattr("tapegit.wire.replay.silence.pause", note)
    script = left(again=again)
    report, answers = replay(tmp_path, script.values, script.values, Rules(is_faithful=True))
    assert [each.status for each in answers] == [None, 200][: 1 + again]
    assert answers[0].body == next(
        each.body for each in script.values if isinstance(each, CapturedResponse)
    )
    assert sum(waited) == pytest.approx(1.06 if again else 0.06)
    assert not any(entry.is_interrupted for entry in report.entries)
    assert report.verdict == "followed"


def test_answer_that_was_whole_is_not_followed_by_silence(tmp_path, monkeypatch):
    """A client that hung up when all had come waits for nothing more."""
    monkeypatch.setattr("tapegit.wire.replay.silence.SPARE_S", 1000.0)
    script = Script()
    number = script.request([user("hi")])
    script.response(number, stream(*answer_events(said("Hello.", LIST))), outcome="client_gone")
    replayed = make_replay(tmp_path, script.values)
    assert [name for name, _ in replayed.iter_tool_calls()] == ["Bash"]
    (asked,) = (each for each in script.values if isinstance(each, CapturedRequest))
    assert b"message_stop" in ask(replayed.start(), asked).body
    assert replayed.stop().verdict == "followed"


def test_secrets_are_taken_out_before_comparing(tmp_path):
    """What was recorded with a placeholder is found by a request that has the secret in it."""
    key = "sk-ant-api03-" + "a1B2" * 20 + "AA"
    script = conversation(Script(), prompt=f"my key is {key}")
    report, _ = replay(tmp_path, script.values, script.values)
    assert levels(report) == ["exact"] * 3
    assert report.verdict == "followed"


def test_prefixes_of_a_proxy_do_not_count(tmp_path):
    """Scope and upstream in the path are the proxy's own affair."""
    script = conversation(Script())
    again = [
        each._replace(target=f"/s/run-2/u/anthropic{each.target}")
        for each in script.values
        if isinstance(each, CapturedRequest)
    ]
    report, _ = replay(tmp_path, script.values, again)
    assert levels(report) == ["exact"] * 3


@pytest.mark.parametrize(
    ("accepted", "coding"), [("gzip, br", "gzip"), ("identity", None), ("gzip;q=0", None)]
)
def test_coding_is_used_where_it_is_accepted(tmp_path, accepted, coding):
    """A client gets the recorded coding if it takes it, else the plain body."""
    import gzip

    script = Script(SDK)
    number = script.request([user("hi")])
    plain = stream(*answer_events(said("Hello.")))
    headers = (("Content-Type", "text/event-stream"), ("Content-Encoding", "gzip"))
    script.response(number, gzip.compress(plain), headers=headers)
    (request,) = (each for each in script.values if isinstance(each, CapturedRequest))
    request = request._replace(headers=(*request.headers, ("Accept-Encoding", accepted)))
    _, (answer,) = replay(tmp_path, script.values, [request])
    assert answer.headers.get("Content-Encoding") == coding
    assert (gzip.decompress(answer.body) if coding else answer.body) == plain


def test_pages_of_a_browser_are_refused(tmp_path):
    """A name that points here, or another origin, gets nothing of a tape."""
    script = conversation(Script())
    (first, *_) = (each for each in script.values if isinstance(each, CapturedRequest))
    strange = first._replace(headers=(*first.headers, ("Origin", "http://example.com")))
    report, (answer,) = replay(tmp_path, script.values, [strange])
    assert answer.status == 403
    assert not report.entries
    assert MESSAGES.encode() not in answer.body


def socket_tape() -> Script:
    """Write down two calls over a WebSocket, the second going on from the first."""
    script = Script(CODEX)
    number = script.socket()
    items = [{"type": "message", "role": "user", "content": "count"}]
    for place in range(2):
        before = {"previous_response_id": f"resp_{place - 1}"} if place else {}
        script.send(number, {"type": "response.create", "model": "gpt", "input": items, **before})
        response = {"id": f"resp_{place}", "object": "response", "output": []}
        for event in (
            {"type": "response.created", "response": {**response, "status": "in_progress"}},
            {"type": "response.output_text.delta", "delta": f"part {place}\n"},
            {"type": "response.completed", "response": {**response, "status": "completed"}},
        ):
            script.send(number, event, is_from_client=False)
        items = [{"type": "message", "role": "user", "content": "go on"}]
    script.hang_up(number)
    return script


async def talk(origin: str, payloads: list[bytes]) -> list[list[dict]]:
    """Send messages over one WebSocket; return what came for each."""
    found: list[list[dict]] = []
    headers = dict(CODEX)
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(f"{origin}/v1/responses", headers=headers) as socket,
    ):
        for payload in payloads:
            await socket.send_str(payload.decode())
            events: list[dict] = []
            while not events or events[-1]["type"] not in {"response.completed", "error"}:
                events.append(await socket.receive_json())
            found.append(events)
    return found


def test_websocket_is_served_as_one(tmp_path):
    """Each message that asks gets the messages that came for it, then an error for one too many."""
    script = socket_tape()
    messages = [each for each in script.values if isinstance(each, CapturedMessage)]
    asked = [each.payload for each in messages if each.is_from_client]
    replayed = make_replay(tmp_path, script.values)
    origin = replayed.start()
    found = asyncio.run(talk(origin, [*asked, asked[0]]))
    report = replayed.stop()

    recorded = [json.loads(each.payload) for each in messages if not each.is_from_client]
    assert found[:2] == [recorded[:3], recorded[3:]]
    assert found[2][-1]["type"] == "error"
    assert levels(report) == ["exact", "exact", None]
    assert report.verdict == "diverged"


def test_websocket_is_left_silent_too(tmp_path, monkeypatch):
    """A message that the client gave up on, and the next one all the same."""
    monkeypatch.setattr("tapegit.wire.replay.silence.SPARE_S", 0.06)
    script = Script(CODEX)
    number = script.socket()
    script.send(number, {"type": "response.create", "model": "m", "input": [user("hi")]})
    begun = {"type": "response.created", "response": {"id": "resp_1", "status": "in_progress"}}
    script.send(number, begun, is_from_client=False)
    script.hang_up(number, "client_gone")
    asked = next(each for each in script.values if isinstance(each, CapturedMessage))
    replayed = make_replay(tmp_path, script.values)
    origin = replayed.start()

    async def listen():
        headers = dict(CODEX)
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{origin}/v1/responses", headers=headers) as socket,
        ):
            await socket.send_str(asked.payload.decode())
            return [await socket.receive() for _ in range(2)]

    first, last = asyncio.run(listen())
    report = replayed.stop()
    assert json.loads(first.data) == begun
    assert last.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR}
    assert report.verdict == "followed"


def test_handshake_is_refused_where_the_tape_has_no_websocket(tmp_path):
    """A client that can do without goes on by HTTP."""
    replayed = make_replay(tmp_path, conversation(Script()).values)
    origin = replayed.start()
    with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
        asyncio.run(talk(origin, []))
    replayed.stop()
    assert caught.value.status == 404


@pytest.mark.parametrize(("speed", "pauses"), [(None, []), (1.0, [0.5, 0.5]), (2.0, [0.25, 0.25])])
def test_speed_is_that_of_the_recording(tmp_path, monkeypatch, speed, pauses):
    """The first byte comes after the recorded pause, and what follows is spread over the rest."""
    waited = []

    async def note(seconds):
        waited.append(seconds)

    script = Script(SDK)
    script.call([user("hi")], said("Hello."))
    monkeypatch.setattr("tapegit.wire.replay.server.pause", note)
    report, _ = replay(tmp_path, script.values, script.values, Rules(speed=speed))
    assert report.verdict == "followed"
    assert [sum(waited[:1]), sum(waited[1:])] == pytest.approx(pauses or [0, 0])
