"""Sessions of Gemini CLI as lines: messages that are written again, and taken back."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegit.dialects.parts import part_members
from tapegit.dialects.table import find_decoder
from tests.recordings import Recordings, check_back_and_growth, jsonl, record_ends

Record = dict[str, Any]
HEAD: Record = {"sessionId": "s", "projectHash": "h", "startTime": "2026-01-01T00:00:00Z"}
UPDATED: Record = {"$set": {"lastUpdated": "x"}}
TOKENS = {"input": 10, "output": 2, "cached": 4, "thoughts": 3, "tool": 1, "total": 20}


def message(kind: str, uuid: str, content: Any = None, **more: Any) -> Record:
    """Return a message, that says its id where nothing else is given."""
    said = uuid if content is None else content
    return {"id": uuid, "timestamp": "2026-01-01T00:00:01Z", "type": kind, "content": said, **more}


def rewind(uuid: str) -> Record:
    """Return a record that takes a message and all after it back."""
    return {"$rewindTo": uuid}


def tell(*records: Record) -> list[tuple[str, str | None]]:
    """Return role and summary of each turn after the leader."""
    recordings = Recordings()
    (tape,) = recordings.record(jsonl([HEAD, *records])).tapes
    return [(turn.role, turn.summary) for turn in recordings.line(tape.tip)[1:]]


def test_message_that_is_written_again_is_one_turn():
    """The last writing says all of it: nothing is counted or named twice."""
    call = {"id": "t", "name": "ls", "args": {"dir_path": "d"}}
    records = [
        message("user", "u"),
        UPDATED,
        message("gemini", "g", "", model="m"),
        UPDATED,
        message("gemini", "g", "", model="m", tokens=TOKENS),
        message("gemini", "g", "", model="m", tokens=TOKENS, toolCalls=[call]),
        message("gemini", "g", "", model="m", tokens=TOKENS, toolCalls=[call, call]),
    ]
    recordings = Recordings()
    (tape,) = recordings.record(jsonl([HEAD, *records])).tapes
    answer = recordings.line(tape.tip)[-1]
    assert (answer.summary, answer.tools, answer.model) == ("ls: d, ls: d", ("ls",), "m")
    assert answer.usage is not None
    usage = answer.usage
    assert (usage.input, usage.cache_read, usage.output, usage.reasoning) == (7, 4, 5, 3)
    kinds = [part_members(part).get("type", "call") for part in recordings.parts(answer)]
    earlier = ["gemini/earlier"] * 3
    assert sorted(kinds) == sorted([*earlier, "$set", "call", "call"])


def test_rewind_goes_back_to_before_a_message():
    """What goes on goes on from there; what was taken back is a fork."""
    records = [message("user", "a"), message("gemini", "b"), message("user", "c")]
    recordings = Recordings()
    data = jsonl([HEAD, *records, message("gemini", "d"), rewind("c"), message("user", "e")])
    (tape,) = recordings.record(data).tapes
    assert [turn.summary for turn in recordings.line(tape.tip)[1:]] == ["a", "b", "rewound", "e"]
    (left,) = tape.left_behind
    assert recordings.line(left)[-1].summary == "d"


def test_rewind_to_what_is_not_known_takes_all_back():
    """As the client does; also to a message that was taken back before."""
    records = [message("user", "a"), message("user", "b"), rewind("b"), rewind("b")]
    assert [line for _, line in tell(*records)] == ["rewound to the beginning"]
    assert [line for _, line in tell(message("user", "a"), rewind("x"), message("user", "c"))] == [
        "rewound to the beginning",
        "c",
    ]


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (message("user", "u", [{"text": " \n"}, {"text": "a\nb"}]), ("user", "a")),
        (message("user", "u", "a"), ("user", "a")),
        (message("user", "u", {"text": "a"}), ("user", "a")),
        (message("user", "u", [{"inlineData": {"mimeType": "image/png"}}]), ("user", "[image]")),
        (message("user", "u", [{"fileData": {"fileUri": "x"}}]), ("user", "[file]")),
        (message("user", "u", [{"functionResponse": {}}]), ("tool", "ok")),
        (message("gemini", "g", [{"text": "x", "thought": True}, "y"]), ("assistant", "y")),
        (message("gemini", "g", "", thoughts=[{"subject": "s"}]), ("assistant", "(thinking)")),
        (message("gemini", "g", ""), ("assistant", None)),
        (message("info", "i", "x"), ("event", "info: x")),
        (message("error", "i", ""), ("event", "error")),
        ({"$set": {"messages": [1, 2]}}, ("event", "history replaced by 2 messages")),
    ],
)
def test_one_record_is_one_turn(record, told):
    """Role and summary of every kind of record."""
    assert tell(record) == [told]


RESPONSE = [{"functionResponse": {"id": "t", "response": {"output": "o"}}}]
CALL = {"id": "t", "name": "n", "args": {"a": 1}, "result": RESPONSE, "status": "success"}
FAILED = CALL | {"result": [{"functionResponse": {"response": {"error": "e"}}}]}
PARTS = [
    (message("user", "u", "a"), [{"part": "text", "text": "a"}]),
    (
        message("gemini", "g", "", thoughts=[{"subject": "s", "description": "d"}]),
        [{"part": "thinking", "text": "s\nd"}],
    ),
    (
        message("gemini", "g", "x", toolCalls=[CALL]),
        [
            {"part": "text", "text": "x"},
            {"part": "tool_call", "name": "n", "arguments": '{"a":1}', "id": "t"},
            {"part": "tool_result", "text": "o", "call_id": "t"},
        ],
    ),
    (
        message("gemini", "g", "", toolCalls=[FAILED]),
        [
            {"part": "tool_call", "name": "n", "arguments": '{"a":1}', "id": "t"},
            {"part": "tool_result", "text": "e", "is_error": True, "call_id": "t"},
        ],
    ),
    (
        message("user", "u", [{"inlineData": {"mimeType": "image/png", "data": "AA"}}]),
        [{"part": "attachment", "kind": "image", "media_type": "image/png", "data": "AA"}],
    ),
    (
        message("user", "u", RESPONSE),
        [{"part": "tool_result", "text": "o", "call_id": "t"}],
    ),
    (message("info", "i", "x"), [{"part": "text", "text": "x", "injected": True}]),
    (message("error", "i", "x"), [{"part": "error", "text": "error: x"}]),
    (
        {"$set": {"messages": []}},
        [{"part": "compaction", "text": "history replaced by 0 messages"}],
    ),
]


@pytest.mark.parametrize(("record", "parts"), PARTS)
def test_record_gives_its_parts(record, parts):
    """What is shown of every kind of record."""
    recordings = Recordings()
    turn = recordings.line(recordings.record(jsonl([HEAD, record])).tapes[0].tip)[-1]
    assert [part_members(part) for part in recordings.parts(turn)] == parts


@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_document_in_pieces_is_given_whole(indent, size):
    """The decoder takes what a rope is made of, wherever it was cut."""
    data = json.dumps({**HEAD, "messages": [message("user", "u")]}, indent=indent).encode()
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    decode = find_decoder("gemini-cli@1")
    assert decode is not None
    (part,) = decode(pieces)
    members = part_members(part)
    assert (members["type"], members["raw"]) == ("document", data.decode())


_ids = st.sampled_from(["a", "b", "c", "d"])
_records = st.one_of(
    st.tuples(st.sampled_from(["user", "gemini", "gemini", "info"]), _ids).map(
        lambda made: message(made[0], made[1])
    ),
    _ids.map(rewind),
    st.just(UPDATED),
    st.just({"$set": {"messages": [{}]}}),
)


@settings(max_examples=120)
@given(st.lists(_records, max_size=14))
def test_any_session_comes_back_and_grows(records):
    """Bytes come back, and importing every beginning first gives the same refs."""
    data = jsonl([HEAD, *records, message("user", "last")])
    once, growing = Recordings(), Recordings()
    assert once.rebuild(once.record(data)) == data
    once.add(data)
    for end in record_ends(data):
        growing.add(data[:end])
    assert growing.refs == once.refs


_values: list[Any] = [None, 1, -1, 1.5, True, "", "x", "\ud800", [], [1], {}, [[]], [{}]]
_odd = st.sampled_from([*_values, {"text": 1}, {"messages": 1}, [{"functionCall": 1}]])
_names = ["id", "timestamp", "type", "content", "thoughts", "tokens", "toolCalls", "$rewindTo"]
_kinds = st.sampled_from(["user", "gemini", "info", 7])
hostile = st.lists(
    st.tuples(_kinds, st.dictionaries(st.sampled_from([*_names, "$set", "sessionId"]), _odd)).map(
        lambda made: {"type": made[0], "id": "a", **made[1]}
    ),
    max_size=12,
)


@settings(max_examples=100)
@given(hostile, st.randoms(use_true_random=False))
def test_odd_sessions_come_back_and_grow(records, random):
    """Whatever members are of whatever type: bytes come back, and growth changes nothing."""
    data = "".join(json.dumps(record) + "\n" for record in [HEAD, *records]).encode()
    check_back_and_growth(data, random)
