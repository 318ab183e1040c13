"""`tapes export --format openai|anthropic|…`: request bodies, and what is said about them."""

from __future__ import annotations

import json

import pytest

from tapegit.dialects.wire_table import WIRE_DIALECTS
from tapegit.graph.turns import TurnGraph
from tapegit.index.context import ContextChain
from tapegit.index.lines import iter_contexts, list_line
from tapegit.redact.redactor import default_redactor
from tapegit.wire.recording.calls import CallRecorder
from tests.claude_records import assistant, call, result, system, user
from tests.recordings import jsonl
from tests.wire_recordings import captured, has_recordings

RECORDS = [
    user("list them", "u1"),
    assistant("Looking.", "m1", "a1", "u1"),
    call("Bash", "m1", "a2", "a1", command="ls"),
    result("no such thing", "r1", "a2", is_error=True),
    assistant("That went wrong.", "m2", "a3", "r1"),
]


@pytest.fixture
def session(tapes, store, work) -> None:
    """Give a store with a session of five records."""
    records = [dict(record) for record in RECORDS]
    thought = {"type": "thinking", "thinking": "hm", "signature": "x"}
    records[1]["message"] = {**records[1]["message"], "model": "model-1"}
    records[1]["message"]["content"] = [thought, *records[1]["message"]["content"]]
    (work / "session.jsonl").write_bytes(jsonl(records))
    tapes("import", work / "session.jsonl")


def test_openai(tapes, session):
    """A session is one body of Chat Completions; what it cannot hold is said."""
    done = tapes("export", "--format", "openai", "s")

    body = json.loads(done.data)
    assert body["model"] == "model-1"
    assert [message["role"] for message in body["messages"]] == [
        "user",
        "assistant",
        "tool",
        "assistant",
    ]
    assert done.err == (
        "tapes: not carried: 1 × thinking\n"
        "tapes: not carried: 1 × is_error\n"
        "tapes: no request was recorded: it has no tools and no parameters\n"
    )


def test_anthropic(tapes, session):
    """The same as a body of Messages: the result is one of the user's, and knows of its error."""
    body = json.loads(tapes("export", "--format", "anthropic", "s").data)

    assert [message["role"] for message in body["messages"]] == [
        "user",
        "assistant",
        "user",
        "assistant",
    ]
    text, used = body["messages"][1]["content"]
    assert text == {"type": "text", "text": "Looking."}
    (answer,) = body["messages"][2]["content"]
    assert (used["name"], used["input"]) == ("Bash", {"command": "ls"})
    assert answer["tool_use_id"] == "t"
    assert answer["is_error"] is True


@pytest.mark.parametrize("form", ["openai-responses", "gemini", "ollama"])
def test_other_interfaces(tapes, session, form):
    """Each of the interfaces that can be read can be written."""
    body = json.loads(tapes("export", "--format", form, "s").data)

    assert {"openai-responses": "input", "gemini": "contents", "ollama": "messages"}[form] in body


def test_turn_inside_a_tape(tapes, session):
    """The context of a turn is the tape up to it: what the model was asked before it answered."""
    body = json.loads(tapes("export", "--format", "openai", "s~1").data)

    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "tool"]


def test_compacted_session_goes_on_from_its_summary(tapes, store, work):
    """After a compaction nothing before it is sent again."""
    records = [*RECORDS, system("compact_boundary", "c1"), user("so far: nothing", "u2", "c1")]
    (work / "session.jsonl").write_bytes(jsonl(records))
    tapes("import", work / "session.jsonl")

    body = json.loads(tapes("export", "--format", "openai", "s").data)

    assert body["messages"] == [{"role": "user", "content": "so far: nothing"}]


def test_file_with_json(tapes, session, work):
    """With -o, --json says what is in the file and each thing that is not."""
    done = tapes("export", "--format", "anthropic", "-o", work / "body.json", "--json", "s")

    (record,) = done.records
    assert record["format"] == "anthropic"
    assert record["messages"] == 4
    assert record["model"] == "model-1"
    assert record["losses"] == [{"kind": "thinking", "detail": "hm", "message": 2}]
    assert (work / "body.json").stat().st_size == record["bytes"]
    assert json.loads((work / "body.json").read_bytes())["model"] == "model-1"


def test_exactness_can_be_required(tapes, session):
    """With --require-exact a loss is an error, and nothing is written."""
    done = tapes("export", "--format", "openai", "--require-exact", "s", code=1)

    assert done.data == b""
    assert "not exact: 2 parts of it are not carried" in done.err
    assert tapes("export", "--format", "openai", "--require-exact", "s#1").data


def test_range_is_no_context(tapes, session):
    """A range has no beginning that a model could be sent."""
    done = tapes("export", "--format", "openai", "s#1..s", code=1)

    assert "not of a range" in done.err


def test_tape_without_messages_is_none(tapes, session):
    """A leader was never sent to anyone."""
    done = tapes("export", "--format", "openai", "s#0", code=1)

    assert "nothing was said" in done.err


def test_json_alone_is_no_request(tapes, session):
    """--json without a file is for the lines of JSON."""
    tapes("export", "--format", "openai", "--json", "s", code=2)


RECORDED = {
    "claude-code": ("anthropic", "anthropic.messages@1"),
    "claude-subagents": ("anthropic", "anthropic.messages@1"),
    "codex": ("openai-responses", "openai.responses@1"),
    "sdk-anthropic": ("anthropic", "anthropic.messages@1"),
    "sdk-openai": ("openai", "openai.chat@1"),
}


@pytest.mark.skipif(not has_recordings(), reason="needs ../shared/wire")
@pytest.mark.parametrize("folder", RECORDED)
def test_recorded_conversation_is_sent_again(tapes, repository, folder):
    """Tools, parameters and system prompt are the request's; the messages have its context."""
    form, name = RECORDED[folder]
    recorder = CallRecorder(repository, default_redactor())
    for value in captured(folder):
        recorder.take(value)
    recorder.finish()
    graph = TurnGraph(repository.objects)
    checked = 0
    for ref in repository.refs.iter_refs("refs/sessions/"):
        turn = graph.read_turn(ref.oid)
        if turn.dialect != name or turn.role != "assistant" or "/side/" in ref.name:
            continue
        asked = WIRE_DIALECTS[name].decode_request(tapes("show", f"{ref.oid}:request").data)
        done = tapes("export", "--format", form, str(ref.oid))
        again = WIRE_DIALECTS[name].decode_request(done.data)

        assert (again.model, again.tools, again.parameters, again.system) == (
            *(turn.model or asked.model, asked.tools, asked.parameters, asked.system),
        )
        chain = ContextChain()
        for message in again.messages:
            chain.add(name, message.role, message.parts)
        contexts = dict(iter_contexts(repository.objects.find, graph, list_line(graph, ref.oid)))
        assert chain.id == contexts[ref.oid]
        assert "no request was recorded" not in done.err
        checked += 1
    assert checked
