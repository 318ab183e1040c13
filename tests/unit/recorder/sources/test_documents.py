"""Sessions that are one document: state after state on one tape, and nothing of them lost."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegit.dialects.parts import ToolCall, ToolResult
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import read_content
from tapegit.recorder.sources.source import recognise
from tests.recordings import Recordings
from tests.sources import iter_paths

if TYPE_CHECKING:
    from pathlib import Path

    from tapegit.objects.turn import Turn

MAIN = "refs/sessions/gemini-cli/s/file/main"
PATHS = [
    pytest.param(path, id=f"{path.stem}-{n}") for n, path in enumerate(iter_paths("gemini-cli"))
]


def message(uuid: str, text: str | None = None) -> dict[str, Any]:
    """Return a message: of the user if its id begins with u."""
    kind = "user" if uuid.startswith("u") else "gemini"
    return {"id": uuid, "timestamp": "t", "type": kind, "content": text or uuid}


def document(
    *messages: dict[str, Any] | str, time: int = 0, indent: int | None = 2, **more: Any
) -> bytes:
    """Return a state of a session, written at a minute."""
    made = [message(each) if isinstance(each, str) else each for each in messages]
    head = {"sessionId": "s", "projectHash": "h", "startTime": "2026-01-01T00:00:00Z"}
    updated = f"2026-01-01T00:{time:02}:00Z"
    value = {**head, "lastUpdated": updated, **more, "messages": made}
    return json.dumps(value, indent=indent).encode()


def first_line_of(recordings: Recordings, name: str = MAIN) -> list[str | None]:
    """Return the summaries of the messages of a tape."""
    return [turn.summary for turn in recordings.line(recordings.refs[name])[1:-1]]


def states_of(recordings: Recordings, name: str = MAIN) -> list[bytes]:
    """Return every state of the document that a tape has, newest first."""
    states = []
    oid: ObjectId | None = recordings.refs[name]
    while oid is not None:
        turn: Turn = recordings.line(oid)[-1]
        states.append(read_content(recordings.objects.find, ObjectId.parse(turn.raw[0].oid)))
        oid = turn.parent_ids[1] if len(turn.parents) > 1 else None
    return states


@pytest.mark.parametrize("path", PATHS)
def test_real_document_comes_back(path: Path):
    """The newest turn names the exact bytes, and every message is one turn."""
    data = path.read_bytes()
    recordings = Recordings()
    assert recordings.add(data)
    assert not recordings.add(data)
    ((name, tip),) = recordings.refs.items()
    assert states_of(recordings, name) == [data]
    messages = json.loads(data)["messages"]
    turns = recordings.line(tip)[1:-1]
    assert len(turns) == len(messages)
    for turn, stated in zip(turns, messages, strict=True):
        (piece,) = turn.raw
        raw = read_content(recordings.objects.find, ObjectId.parse(piece.oid))
        assert json.loads(raw) == stated
        parts = recordings.parts(turn)
        calls = [part.id for part in parts if isinstance(part, ToolCall)]
        assert calls == [call["id"] for call in stated.get("toolCalls", [])]
        assert {part.call_id for part in parts if isinstance(part, ToolResult)} <= set(calls)


def test_real_states_in_any_order_extend_one_tape():
    """Three states of one real session: one ref, the conversation of the newest."""
    states = [path.read_bytes() for path in iter_paths("gemini-cli")]
    states = sorted({data for data in states if b"f7633853-6663" in data[:100]}, key=len)
    assert len(states) >= 2
    growing, backwards = Recordings(), Recordings()
    for data in states:
        assert growing.add(data)
    for data in reversed(states):
        backwards.add(data)
    ((name, tip),) = backwards.refs.items()
    assert states_of(backwards, name) == [states[-1]]
    assert growing.refs[name] == tip
    kept = [states_of(growing, each)[0] for each in growing.refs]
    assert sorted(kept, key=len) == states
    for data in states:
        assert not growing.add(data)


@pytest.mark.parametrize("indent", [None, 0, 2])
def test_grown_document_goes_forward(indent):
    """What was added is added; the messages' turns are those of a single import."""
    recordings, once = Recordings(), Recordings()
    assert recordings.add(document("u1", "a1", indent=indent))
    before = recordings.refs[MAIN]
    last = document("u1", "a1", "u2", time=1, indent=indent)
    assert recordings.add(last)
    once.add(last)
    assert first_line_of(recordings) == ["u1", "a1", "u2"]
    newest, alone = (each.line(each.refs[MAIN])[-1] for each in (recordings, once))
    assert newest.parents == (*alone.parents, str(before))
    assert not recordings.add(document("u1", "a1", indent=indent))
    assert not recordings.add(last)
    assert list(recordings.refs) == [MAIN]


def test_last_message_that_grew_takes_the_place_of_what_it_was():
    """The tape has it once; the state that had less is kept as a fork."""
    first = document("u1", message("a1", "x"))
    second = document("u1", message("a1", "x y"), "u2", time=1)
    recordings = Recordings()
    assert recordings.add(first)
    assert recordings.add(second)
    assert first_line_of(recordings) == ["u1", "x y", "u2"]
    assert states_of(recordings) == [second]
    (fork,) = (name for name in recordings.refs if name != MAIN)
    assert states_of(recordings, fork) == [first]
    assert not recordings.add(first)
    assert not recordings.add(document("u1", message("a1", "x z"), time=2))
    third = document("u1", message("a1", "x y"), "u2", "a2", time=3)
    assert recordings.add(third)
    assert states_of(recordings) == [third, second]


def test_messages_that_were_taken_back_stay_recorded():
    """A document that went another way and is newer is what the conversation is now."""
    first, second = document("u1", "a1", "u2", "a2"), document("u1", "a1", "u3", "a3", time=1)
    recordings = Recordings()
    recordings.add(first)
    assert recordings.add(second)
    assert first_line_of(recordings) == ["u1", "a1", "u3", "a3"]
    assert states_of(recordings) == [second]
    (fork,) = (name for name in recordings.refs if name != MAIN)
    assert fork == f"refs/sessions/gemini-cli/s/file/forks/{recordings.refs[fork].short(16)}"
    assert states_of(recordings, fork) == [first]


def test_older_state_that_went_another_way_is_kept_beside():
    """What is neither earlier nor later has a ref of its own, and is known when it comes again."""
    first = document("u1", "a1", "u2", "a2", time=5)
    second = document("u1", "a1", "u3", "a3", time=1)
    recordings = Recordings()
    recordings.add(first)
    assert recordings.add(second)
    assert first_line_of(recordings) == ["u1", "a1", "u2", "a2"]
    (other,) = (name for name in recordings.refs if name != MAIN)
    assert other.startswith("refs/sessions/gemini-cli/s/file/forks/other-main-")
    assert not recordings.add(second)
    assert states_of(recordings, other) == [second]


def test_metadata_alone_makes_a_state():
    """A document whose messages are the same is recorded if it was written later."""
    first, second = document("u1", time=1), document("u1", time=2, summary="done")
    recordings = Recordings()
    recordings.add(first)
    assert recordings.add(second)
    assert not recordings.add(document("u1", time=0))
    assert states_of(recordings) == [second, first]


def test_states_of_one_import_follow_one_another():
    """Several states in one import: each comes after the one before it, unseen by any ref."""
    states = [document("u1", time=1), document("u1", "a1", time=2), document("u1", "a1", "u2")]
    recordings = Recordings()
    documents = recordings.documents()
    sources = [recordings.record(data, documents=documents) for data in states]
    assert recordings.add_refs(*sources)
    assert list(recordings.refs) == [MAIN]
    assert states_of(recordings) == states[::-1]


def test_document_without_messages_is_a_leader_and_its_state():
    """An empty session is one too."""
    recordings = Recordings()
    assert recordings.add(document())
    leader, state = recordings.line(recordings.refs[MAIN])
    assert (leader.role, leader.raw) == ("session", ())
    assert (state.role, state.summary) == ("event", "document of 0 messages")


def test_session_that_was_migrated_to_lines_keeps_both():
    """A document and the lines it became: the later one has the ref, in either order."""
    data = document("u1", time=1)
    head = {"sessionId": "s", "projectHash": "h", "startTime": "2026-01-01T00:00:00Z"}
    said = message("u1") | {"timestamp": "2026-01-01T00:09:00Z"}
    lines = b"".join(json.dumps(each).encode() + b"\n" for each in (head, said))
    one, other = Recordings(), Recordings()
    for each in (data, lines, data):
        one.add(each)
    for each in (lines, data, lines):
        other.add(each)
    assert one.refs == other.refs
    assert len(one.refs) == 2
    assert one.line(one.refs[MAIN])[-1].role == "user"
    grown = document("u1", "a1", time=2)
    assert one.add(grown)
    (name,) = (name for name in one.refs if name != MAIN)
    assert states_of(one, name) == [grown, data]


@pytest.mark.parametrize(
    "data",
    [
        document("u1")[:-1],
        document("u1").replace(b'"projectHash": "h"', b'"projectHash": 7'),
        document("u1").replace(b'"messages": [', b'"messages": {"a": [').replace(b"]", b"]}"),
        b"[" + document("u1") + b"]",
        document("u1") + b"{}",
        b"{\n" * 600,
        b"\xff{\n",
    ],
)
def test_what_is_no_document_is_not_taken_for_one(data):
    """Cut off, of another type, inside something, or followed by something."""
    assert recognise([data]) is None


def test_lone_surrogates_are_kept_in_the_document():
    """The whole is exact; in the message's own bytes they are U+FFFD."""
    data = document(message("u1", "a\ud800b"))
    recordings = Recordings()
    assert recordings.add(data)
    assert states_of(recordings) == [data]
    assert first_line_of(recordings) == ["a\ufffdb"]


_values: list[Any] = [
    None,
    1,
    -1,
    1.5,
    True,
    "",
    "x",
    "\ud800",
    [],
    [1],
    {},
    [[]],
    [{}],
    {"text": 1},
]
_odd = st.sampled_from([*_values, [{"text": "t"}], {"functionResponse": 1}, [{"inlineData": {}}]])
_names = [
    "id",
    "timestamp",
    "content",
    "thoughts",
    "tokens",
    "model",
    "toolCalls",
    "$rewindTo",
    "$set",
]
_kinds = st.sampled_from(["user", "gemini", "info", "error", "new", 7])
_messages = st.tuples(_kinds, st.dictionaries(st.sampled_from(_names), _odd)).map(
    lambda made: {"id": "u1", **made[1], "type": made[0]}
)
hostile = st.lists(_messages | _odd, max_size=8)


@settings(max_examples=100)
@given(st.lists(hostile, min_size=1, max_size=3), st.sampled_from([None, 0, 2]))
def test_odd_documents_come_back(states, indent):
    """Whatever messages are of whatever type: states are kept, and nothing comes twice."""
    recordings = Recordings()
    for minute, messages in enumerate(states):
        data = document(*messages, time=minute, indent=indent)
        if recordings.add(data):
            assert data in [
                state for name in recordings.refs for state in states_of(recordings, name)
            ]
        assert not recordings.add(data)
        for turn in recordings.line(recordings.refs[MAIN]):
            recordings.parts(turn)
