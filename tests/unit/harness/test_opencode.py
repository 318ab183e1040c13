"""Sessions of OpenCode as it exports them: messages, parts, and one export after another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegit.dialects.opencode.record import EXECUTED
from tapegit.dialects.parts import ToolCall, ToolResult, part_members
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import read_content
from tapegit.recorder.sources.source import recognise
from tests.recordings import Recordings
from tests.sources import FIXTURES

if TYPE_CHECKING:
    from tapegit.objects.turn import Turn

Record = dict[str, Any]
FOLDER = FIXTURES / "opencode"
TEXT: Record = {"type": "text", "text": "go"}
DONE: Record = {"status": "completed", "input": {"command": "ls"}, "output": "a\n"}
FAILED: Record = {"status": "error", "input": {"filePath": "/w/a"}, "error": "none"}
STOPPED = "error: MessageAbortedError: stopped"
ABORTED: Record = {"name": "MessageAbortedError", "data": {"message": "stopped"}}
REFUSED: Record = {"name": "APIError", "data": {"message": "no"}}


def user(*parts: Record, **info: Any) -> Record:
    """Return a message of the user."""
    return {"info": {"role": "user", "time": {"created": 1}, **info}, "parts": list(parts)}


def assistant(*parts: Record, **info: Any) -> Record:
    """Return a message of the model."""
    return user(*parts, **{"role": "assistant", "path": {"cwd": "/w"}, **info})


def tool(name: str, state: Record) -> Record:
    """Return a part that is a call."""
    return {"type": "tool", "tool": name, "callID": "c", "state": state}


def export(*messages: Any, **info: Any) -> bytes:
    """Return an export."""
    head = {"id": "ses_1", "version": "1", "directory": "/w", "time": {"updated": 5}, **info}
    return json.dumps({"info": head, "messages": list(messages)}, indent=2).encode()


def record(data: bytes) -> tuple[Recordings, list[Turn]]:
    """Return what was recorded, and the turns of the messages."""
    recordings = Recordings()
    (tape,) = recordings.record(data).tapes
    return recordings, recordings.line(tape.tip)[1:-1]


def parts_of(message: Record) -> list[Record]:
    """Return the parts of a message."""
    recordings, turns = record(export(message))
    return [part_members(part) for part in recordings.parts(turns[0])]


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.json")), ids=lambda path: path.stem)
def test_every_message_of_a_real_session_is_one_turn(path):
    """No message is dropped or doubled, and each call is answered at most once, in order."""
    data = path.read_bytes()
    recordings = Recordings()
    assert recordings.add(data)
    assert not recordings.add(data)
    ((_, tip),) = recordings.refs.items()
    messages = json.loads(data)["messages"]
    turns = recordings.line(tip)[1:-1]
    assert len(turns) == len(messages)
    for turn, stated in zip(turns, messages, strict=True):
        (piece,) = turn.raw
        raw = read_content(recordings.objects.find, ObjectId.parse(piece.oid))
        assert json.loads(raw) == stated
        parts = recordings.parts(turn)
        calls = [part.id for part in parts if isinstance(part, ToolCall)]
        results = [part.call_id for part in parts if isinstance(part, ToolResult)]
        tools = [part for part in stated["parts"] if part["type"] == "tool"]
        assert calls == [part["callID"] for part in tools]
        assert results == calls


def test_tokens_of_a_real_session_add_up():
    """The turns' tokens are those that the client counted for the session."""
    data = (FOLDER / "calls.json").read_bytes()
    _, turns = record(data)
    stated = json.loads(data)["info"]["tokens"]
    usages = [turn.usage for turn in turns if turn.usage is not None]
    assert sum(usage.input or 0 for usage in usages) == stated["input"]
    assert sum(usage.output or 0 for usage in usages) == stated["output"] + stated["reasoning"]


def test_real_session_that_goes_on_extends_one_tape():
    """What was compacted goes on; what was reverted is kept as a fork."""
    recordings = Recordings()
    states = [(FOLDER / f"{name}.json").read_bytes() for name in ("calls", "compacted")]
    for state in states:
        assert recordings.add(state)
    ((name, tip),) = recordings.refs.items()
    summaries = [turn.summary for turn in recordings.line(tip)]
    assert "compacted" in summaries
    assert recordings.add((FOLDER / "reverted.json").read_bytes())
    (fork,) = (each for each in recordings.refs if each != name)
    assert recordings.refs[fork] == tip
    for state in states:
        assert not recordings.add(state)


def test_real_agent_names_the_session_that_spawned_it():
    """The leader of a subagent's session says whose it is; the call of that says which it was."""
    child = json.loads((FOLDER / "agent-child.json").read_bytes())
    parent = json.loads((FOLDER / "agent-parent.json").read_bytes())
    recordings = Recordings()
    (tape,) = recordings.record((FOLDER / "agent-child.json").read_bytes()).tapes
    session = recordings.line(tape.tip)[0].session
    assert session is not None
    assert (session.id, session.parent) == (child["info"]["id"], parent["info"]["id"])
    assert session.cwd == "/tmp/project"


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (user(TEXT), ("user", "go")),
        (user(TEXT | {"synthetic": True}, {"type": "text", "text": "a\nb"}), ("user", "a")),
        (user(TEXT | {"synthetic": True}), ("user", "go")),
        (user({"type": "file", "mime": "image/png", "url": "u"}), ("user", "[image]")),
        (user({"type": "compaction", "auto": True}), ("event", "compacted")),
        (user({"type": "subtask", "prompt": "p"}), ("user", EXECUTED)),
        (user(), ("user", None)),
        (assistant(TEXT, tool("bash", DONE)), ("assistant", "go")),
        (assistant(tool("bash", DONE), tool("read", FAILED)), ("assistant", "bash: ls, read: a")),
        (assistant({"type": "reasoning", "text": "hm"}), ("assistant", "(thinking)")),
        (assistant(error=REFUSED), ("event", "error: APIError: no")),
        (assistant(TEXT, error=REFUSED), ("event", "error: APIError: no")),
        (assistant(TEXT, error=ABORTED), ("assistant", "go")),
        (assistant({"type": "step-start"}, error=ABORTED), ("event", STOPPED)),
        ({"info": {"role": "odd"}}, ("event", "odd")),
        ({}, ("event", "record")),
    ],
)
def test_message_is_told_by_its_line(message, told):
    """Role and summary of every kind of message."""
    turns = record(export(user(TEXT), message))[1]
    assert (turns[1].role, turns[1].summary) == told


@pytest.mark.parametrize(
    ("part", "parts"),
    [
        (TEXT, [{"part": "text", "text": "go"}]),
        (TEXT | {"synthetic": True}, [{"part": "text", "text": "go", "injected": True}]),
        (
            {"type": "reasoning", "text": "hm", "metadata": {"anthropic": {"signature": "s"}}},
            [{"part": "thinking", "text": "hm", "is_signed": True, "signature": "s"}],
        ),
        (
            tool("bash", DONE),
            [
                {"part": "tool_call", "name": "bash", "arguments": '{"command":"ls"}', "id": "c"},
                {"part": "tool_result", "text": "a\n", "call_id": "c"},
            ],
        ),
        (
            tool("read", FAILED),
            [
                {
                    "part": "tool_call",
                    "name": "read",
                    "arguments": '{"filePath":"/w/a"}',
                    "id": "c",
                },
                {"part": "tool_result", "text": "none", "is_error": True, "call_id": "c"},
            ],
        ),
        (
            tool("bash", {"status": "running", "input": {}}),
            [{"part": "tool_call", "name": "bash", "arguments": "{}", "id": "c"}],
        ),
        (
            {"type": "file", "mime": "image/png", "url": "data:image/png;base64,AA"},
            [{"part": "attachment", "kind": "image", "media_type": "image/png", "data": "AA"}],
        ),
    ],
)
def test_part_of_a_message_is_given(part, parts):
    """What is shown of every kind of part."""
    found = parts_of(assistant(part))
    for each in found:
        if "arguments" in each:
            each["arguments"] = json.dumps(json.loads(each["arguments"]), separators=(",", ":"))
    assert found == parts


@pytest.mark.parametrize(
    "part",
    [
        TEXT | {"ignored": True},
        {"type": "file", "mime": "text/plain", "url": "data:text/plain;base64,AA"},
        {"type": "step-start"},
        {"type": "patch", "files": []},
        {"type": "new"},
        {},
        7,
    ],
)
def test_what_was_not_sent_is_kept_as_it_is(part):
    """Neither shown as text nor dropped."""
    (found,) = parts_of(assistant(part))
    assert found["part"] == "unknown"
    assert json.loads(found["raw"]) == part


def test_answer_has_its_fields():
    """Model, provider, stop, time and tokens."""
    tokens = {"input": 9, "output": 3, "reasoning": 1, "cache": {"read": 2, "write": 5}}
    data = export(
        assistant(
            TEXT, modelID="m", providerID="p", finish="stop", tokens=tokens, time={"created": 7}
        )
    )
    turn = record(data)[1][0]
    assert (turn.model, turn.provider, turn.stop, turn.time) == ("m", "p", "stop", 7)
    usage = turn.usage
    assert usage is not None
    counted = (usage.input, usage.output, usage.reasoning, usage.cache_read, usage.cache_write_5m)
    assert counted == (9, 4, 1, 2, 5)


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (export(), "opencode"),
        (export(user(TEXT)), "opencode"),
        (export({"role": "user"}), None),
        (export(user(TEXT), id=7), None),
        (export(user(TEXT), time=None), None),
        (export(user(TEXT)).replace(b'"messages": [', b'"others": ['), None),
    ],
)
def test_export_is_known_by_what_is_in_it(data, name):
    """What could be anybody's is nobody's."""
    found = recognise([data])
    assert (found.name if found is not None else None) == name


_values: list[Any] = [None, 1, -1.5, True, "", "x", "\ud800", [], [1], {}, [[]], [{}]]
_odd = st.sampled_from([*_values, {"text": 1}, {"name": 1, "data": 2}, {"created": "x"}])
_names = ["role", "time", "error", "tokens", "path", "modelID", "finish"]
_keys = ["text", "synthetic", "ignored", "state", "tool", "callID", "mime", "url", "metadata"]
_kinds = st.sampled_from(["text", "reasoning", "tool", "file", "subtask", "compaction", "retry", 7])
_states = st.dictionaries(
    st.sampled_from(["status", "input", "output", "error", "attachments"]), _odd
)
_parts = st.tuples(_kinds, st.dictionaries(st.sampled_from(_keys), _odd | _states)).map(
    lambda made: {**made[1], "type": made[0]}
)
_messages = st.tuples(
    st.sampled_from(["user", "assistant"]),
    st.dictionaries(st.sampled_from(_names), _odd),
    st.lists(_parts | _odd, max_size=3),
).map(lambda made: {"info": {"role": made[0], **made[1]}, "parts": made[2]})


@settings(max_examples=100)
@given(st.lists(_messages | _odd, max_size=5))
def test_odd_exports_come_back(messages):
    """Whatever members are of whatever type: the bytes are kept, and nothing comes twice."""
    data = export(user(TEXT), *messages)
    recordings = Recordings()
    assert recordings.add(data)
    assert not recordings.add(data)
    ((_, tip),) = recordings.refs.items()
    turns = recordings.line(tip)
    assert len(turns) == len(messages) + 3
    for turn in turns:
        recordings.parts(turn)
    whole = ObjectId.parse(turns[-1].raw[0].oid)
    assert read_content(recordings.objects.find, whole) == data
