"""A session recorded twice, as a transcript and on the wire, is one in lists."""

from __future__ import annotations

import json

import pytest

from tapegit.graph.turns import TurnGraph
from tapegit.index.sessions import list_calls
from tapegit.objects.kind import Kind
from tapegit.objects.oid import ObjectId
from tapegit.objects.turn import Call, RawPiece, Session, Turn, Usage, encode_turn
from tests.builders import set_ref
from tests.claude_records import assistant, call, result, user
from tests.recordings import jsonl

START_MS = 1_767_225_600_000
SPENT = {"input_tokens": 3, "output_tokens": 4}


def stamp(seconds):
    """Return a time as transcripts have it."""
    return f"2026-01-01T00:00:{seconds:02}.000Z"


def claude_transcript():
    """Return a transcript that states the ids of its answers."""
    records = [
        user("go", "u1"),
        call("Bash", "msg_1", "a1", "u1", command="ls"),
        result("a.txt", "r1", "a1"),
        assistant("Done.", "msg_2", "a2", "r1"),
    ]
    for second, record in enumerate(records):
        record["timestamp"] = stamp(second)
        if record["type"] == "assistant":
            record["message"] |= {"usage": SPENT, "model": "m-1"}
    return jsonl(records)


def pi_transcript(session="p", minute=0):
    """Return a transcript that does not."""
    usage = {"input": 3, "output": 4, "cacheRead": 0, "cacheWrite": 0, "cost": {}}
    said = [
        {"role": "user", "content": "go"},
        {"role": "assistant", "content": [{"type": "text", "text": "Done."}], "usage": usage},
    ]
    head = {"type": "session", "id": session, "version": 3, "cwd": "/w"}
    records = [{**head, "timestamp": f"2026-01-01T00:{minute:02}:00.000Z"}]
    records += [
        {
            "type": "message",
            "id": f"e{place}",
            "parentId": f"e{place - 1}" if place else None,
            "timestamp": f"2026-01-01T00:{minute:02}:0{place}.000Z",
            "message": message,
        }
        for place, message in enumerate(said)
    ]
    return jsonl(records)


SPENT_USAGE = Usage(input=3, output=4)


class Recorder:
    """Writes tapes as a recorder of the wire leaves them."""

    def __init__(self, repository):
        self.repository = repository

    def write(self, name, messages, *, start_ms=START_MS, usage=SPENT_USAGE, **told):
        """Write a tape of messages: texts of a user, and bodies of responses, which are objects."""
        leader = Session(harness=name.split("/")[0], id=name.split("/")[1])
        tip = self._write(Turn(role="session", session=leader, time=start_ms))
        for place, message in enumerate(messages, 1):
            time_ms = start_ms + 1000 * place
            fields = {"dialect": "anthropic.messages@1", "time": time_ms, "parents": (str(tip),)}
            if isinstance(message, dict):
                body = self._write_bytes(json.dumps(message).encode())
                fields |= {"call": Call(response=body, outcome="ok"), "usage": usage, **told}
                fields = {"role": "assistant", **fields}
                turn = Turn(raw=(RawPiece(body),), model="m-1", **fields)
            else:
                body = self._write_bytes(json.dumps({"role": "user", "content": message}).encode())
                role = "user" if isinstance(message, str) else "tool"
                turn = Turn(role=role, raw=(RawPiece(body),), **fields)
            tip = self._write(turn)
        set_ref(self.repository, f"refs/sessions/{name}/wire/main", tip)
        return tip

    def _write_bytes(self, data):
        with self.repository.transaction("test") as transaction:
            return str(transaction.write_bytes(data))

    def _write(self, turn):
        with self.repository.transaction("test") as transaction:
            return transaction.write(Kind.TURN, encode_turn(turn))


def answer(message_id, *content):
    """Return a response."""
    return {"id": message_id, "type": "message", "role": "assistant", "content": list(content)}


TOOL_RESULT = [{"type": "tool_result", "tool_use_id": "t-Bash", "content": "a.txt"}]
USED = {"type": "tool_use", "id": "t-Bash", "name": "Bash", "input": {"command": "ls"}}
SAID = {"type": "text", "text": "Done."}
CLAUDE = ["go", answer("msg_1", USED), TOOL_RESULT, answer("msg_2", SAID)]


@pytest.fixture
def recorder(repository):
    """Give a recorder of the store."""
    return Recorder(repository)


def listed(tapes):
    """Return all sessions by id."""
    kept = tapes("sessions", "--json")
    rows = {row["session"]: row for row in kept.records}
    assert len(rows) == len(kept.lines) == len(tapes("sessions").lines)
    return rows


def test_how_long_answers_took_is_what_the_recording_says(tapes, recorder, work):
    """Medians, to the first token and to the end; the transcript of the same calls says neither."""
    (work / "s.jsonl").write_bytes(claude_transcript())
    tapes("import", "s.jsonl")
    recorder.write("claude-code/s", CLAUDE, ttft_ms=250, duration_ms=4200)

    total = tapes("usage", "--latency", "--json").records[-1]

    assert (total["calls"], total["ttft_ms"], total["duration_ms"]) == (2, 250, 4200)
    assert tapes("usage", "--latency").lines[-1].split()[-4:] == ["250", "ms", "4.2", "s"]
    assert "ttft_ms" not in tapes("usage", "--json").records[-1]


def test_attempts_are_those_of_the_wire(tapes, recorder, work):
    """What failed and what was tried again; the harness's word for the same is not added."""
    told = {"type": "system", "subtype": "api_error", "sessionId": "s", "uuid": "e1"}
    error = jsonl([{**told, "timestamp": stamp(9), "error": {"status": 529}}])
    (work / "s.jsonl").write_bytes(claude_transcript() + error)
    tapes("import", "s.jsonl", code=None)
    names = ("calls", "failed", "retries", "error_rate_permille")
    alone = tapes("usage", "--errors", "--json").records[-1]
    assert [alone[name] for name in names] == [2, 1, 0, 333]

    call = Call(outcome="error", attempt=2, status=529)
    recorder.write("claude-code/s", CLAUDE, role="event", usage=None, call=call)

    both = tapes("usage", "--errors", "--json").records[-1]
    assert [both[name] for name in names] == [2, 2, 2, 500]


def test_recording_in_the_same_session(tapes, recorder, work):
    """Where the client told its session both have one folder: one row, each call counted once."""
    (work / "s.jsonl").write_bytes(claude_transcript())
    tapes("import", "s.jsonl")
    before = listed(tapes)["s"]
    recorder.write("claude-code/s", CLAUDE)

    rows = listed(tapes)

    assert rows.keys() == {"s"}
    assert rows["s"]["usage"] == before["usage"] == {"input": 6, "output": 8}
    assert rows["s"]["ref"] == before["ref"] == "refs/sessions/claude-code/s/file/main"
    assert rows["s"]["tapes"] == 2


def test_recording_in_the_same_session_without_ids(tapes, recorder, work):
    """Where the transcript states no ids the context says which calls are one."""
    (work / "p.jsonl").write_bytes(pi_transcript())
    tapes("import", "p.jsonl")
    before = listed(tapes)["p"]["usage"]
    recorder.write("pi/p", ["go", answer("msg_1", SAID), "more", answer("msg_2", SAID)])

    usage = listed(tapes)["p"]["usage"]

    assert (before["output"], usage["output"]) == (4, 8)
    assert (before["input"], usage["input"]) == (3, 6)


def test_recording_with_an_id_of_its_own_is_found_by_the_provider_s(tapes, recorder, work):
    """The ids of answers say that two sessions are one; what only the wire has counts too."""
    (work / "s.jsonl").write_bytes(claude_transcript())
    tapes("import", "s.jsonl")
    recorder.write("anthropic-sdk/run-1", [*CLAUDE, "more", answer("msg_3", SAID)])

    rows = listed(tapes)

    assert rows.keys() == {"s"}
    assert rows["s"]["joined"] == ["anthropic-sdk/run-1"]
    assert rows["s"]["usage"] == {"input": 9, "output": 12}
    assert rows["s"]["last"] == START_MS + 6000
    assert tapes("rev-parse", "run-1").lines != tapes("rev-parse", "s").lines


def test_id_of_an_answer_is_the_transcript_s(tapes, recorder, work):
    """What both recordings state names the transcript's turn, the rest that of the wire."""
    transcript = claude_transcript().replace(b"msg_2", b"msg_0002")
    (work / "s.jsonl").write_bytes(transcript)
    recorder.write("anthropic-sdk/run-1", ["go", answer("msg_0002", SAID), "a", answer("msg_0003")])
    before = tapes("rev-parse", "msg_0002").lines
    tapes("import", "s.jsonl")

    assert before == tapes("rev-parse", "run-1#2").lines
    assert tapes("rev-parse", "msg_0002").lines == tapes("rev-parse", "s").lines
    assert tapes("rev-parse", "msg_0003").lines == tapes("rev-parse", "run-1").lines


def test_recording_without_ids_is_found_by_context(tapes, recorder, work):
    """Where a transcript states no ids, what was said at the same time says that both are one."""
    (work / "p.jsonl").write_bytes(pi_transcript())
    tapes("import", "p.jsonl")
    recorder.write("pi/run-1", ["go", answer("msg_1", SAID)])
    recorder.write("pi/other", ["stop", answer("msg_2", SAID)])
    recorder.write("pi/later", ["go", answer("msg_3", SAID)], start_ms=START_MS + 600_000)

    rows = listed(tapes)

    assert rows.keys() == {"p", "other", "later"}
    assert rows["p"]["joined"] == ["pi/run-1"]
    assert rows["p"]["usage"]["output"] == 4


def test_recording_that_says_nothing_of_tokens_is_found_too(tapes, recorder, work):
    """A stream without usage has a context all the same."""
    (work / "p.jsonl").write_bytes(pi_transcript())
    tapes("import", "p.jsonl")
    recorder.write("pi/run-1", ["go", answer("msg_1", SAID)], usage=None)

    assert listed(tapes)["p"]["joined"] == ["pi/run-1"]


def test_runs_of_one_prompt_stay_apart(tapes, recorder, work):
    """Of recordings that say the same only the nearest in time is that of the transcript."""
    for number, minute in enumerate((0, 5)):
        (work / f"{number}.jsonl").write_bytes(pi_transcript(f"p{number}", minute))
        tapes("import", f"{number}.jsonl")
    for name, second in (("near", 1), ("far", 40), ("fifth", 301)):
        recorder.write(f"x/{name}", ["go", answer(name, SAID)], start_ms=START_MS + second * 1000)

    rows = listed(tapes)

    assert rows.keys() == {"p0", "p1", "far"}
    assert rows["p0"]["joined"] == ["x/near"]
    assert rows["p1"]["joined"] == ["x/fifth"]


def test_recordings_alone_are_sessions(tapes, recorder):
    """Two recordings are never one, whatever they share: there is no transcript to belong to."""
    recorder.write("x/one", CLAUDE)
    recorder.write("x/two", CLAUDE)

    assert listed(tapes).keys() == {"one", "two"}


def test_calls_are_listed_once(tapes, recorder, repository, work):
    """Over all sessions each call is there once, for the session of its transcript."""
    (work / "s.jsonl").write_bytes(claude_transcript())
    (work / "p.jsonl").write_bytes(pi_transcript())
    tapes("import", "s.jsonl", "p.jsonl")
    recorder.write("anthropic-sdk/run-1", [*CLAUDE, "more", answer("msg_3", SAID)])
    recorder.write("pi/run-2", ["go", answer("msg_9", SAID)])
    graph = TurnGraph(repository.objects)

    for _ in range(2):
        calls = list_calls(repository, graph, on_broken=pytest.fail)
        assert sorted(each.folder.rpartition("/")[2] for each in calls) == ["p", "s", "s", "s"]
        assert sum(each.call.usage[1] for each in calls) == 16
        assert all(isinstance(each.call.turn, ObjectId) for each in calls)


def test_transcript_that_comes_later_takes_the_recording(tapes, recorder, work):
    """The list follows, with an index that was kept and without."""
    recorder.write("x/run-1", CLAUDE)
    assert listed(tapes).keys() == {"run-1"}
    (work / "s.jsonl").write_bytes(claude_transcript())
    tapes("import", "s.jsonl")
    kept = tapes("sessions", "--json").data
    (work / ".tapes" / "index" / "index.sqlite").unlink()
    assert tapes("sessions", "--json").data == kept
    assert listed(tapes).keys() == {"s"}
    tapes("update-ref", "-d", "refs/sessions/claude-code/s/file/main")
    assert listed(tapes).keys() == {"run-1"}
