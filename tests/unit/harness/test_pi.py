"""Sessions of pi: trees that become tapes with forks, and what their turns say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegit.dialects.parts import part_members
from tests.recordings import Recordings, check_back_and_growth, jsonl, record_ends

Record = dict[str, Any]
HEADER: Record = {"type": "session", "version": 3, "id": "s", "timestamp": "t", "cwd": "/w"}


def entry(kind: str, uuid: str | None, parent: str | None, **more: Any) -> Record:
    """Return an entry; without an id, one of the first version."""
    place = {"id": uuid, "parentId": parent} if uuid is not None else {}
    return {"type": kind, **place, "timestamp": "2026-01-01T00:00:00Z", **more}


def user(uuid: str | None, parent: str | None, text: str | None = None) -> Record:
    """Return a prompt."""
    return entry("message", uuid, parent, message={"role": "user", "content": text or uuid})


def answer(uuid: str | None, parent: str | None, *blocks: Record, **more: Any) -> Record:
    """Return an answer."""
    message = {"role": "assistant", "content": list(blocks), **more}
    return entry("message", uuid, parent, message=message)


def text(said: str) -> Record:
    """Return a block of text."""
    return {"type": "text", "text": said}


def tell(*records: Record) -> list[tuple[str, str | None]]:
    """Return role and summary of each turn after the leader."""
    recordings = Recordings()
    (tape,) = recordings.record(jsonl([HEADER, *records])).tapes
    return [(turn.role, turn.summary) for turn in recordings.line(tape.tip)[1:]]


def test_entries_without_ids_are_a_line():
    """Sessions of the first version are as they were written."""
    assert tell(user(None, None, "a"), answer(None, None, text("b")), user(None, None, "c")) == [
        ("user", "a"),
        ("assistant", "b"),
        ("user", "c"),
    ]


def test_any_entry_may_go_back():
    """An answer that goes on from an earlier prompt is a fork, as a prompt is."""
    records = [user("a", None), answer("b", "a", text("b")), user("c", "b")]
    assert tell(*records, answer("d", "a", text("d"))) == [("user", "a"), ("assistant", "d")]
    assert tell(*records, user("d", None)) == [("user", "d")]


def test_going_back_to_what_was_left_behind_leaves_nothing_twice():
    """A branch that is gone on from later is no fork any more; the other one is."""
    records = [user("a", None), user("b", "a"), user("c", "a"), user("d", "b")]
    recordings = Recordings()
    (tape,) = recordings.record(jsonl([HEADER, *records])).tapes
    assert [turn.summary for turn in recordings.line(tape.tip)[1:]] == ["a", "b", "d"]
    (left,) = tape.left_behind
    assert recordings.line(left)[-1].summary == "c"


def test_extras_stand_for_what_they_go_on_from():
    """What goes on from a label or a change of model goes on from where that stands."""
    label = entry("label", "l", "a", targetId="a", label="x")
    change = entry("model_change", "m", "l", modelId="x")
    assert tell(user("a", None), user("b", "a"), label, change, user("c", "m")) == [
        ("user", "a"),
        ("user", "c"),
    ]
    root = entry("model_change", "m", None, modelId="x")
    assert tell(user("a", None), root, user("c", "m")) == [("user", "c")]


def test_parents_that_are_not_known_and_ids_seen_before_go_on():
    """What makes no sense leaves nothing behind."""
    records = [user("a", None), user("b", "nowhere"), user("a", None, "again")]
    assert [summary for _, summary in tell(*records)] == ["a", "b", "again"]


def test_parent_session_is_known_by_its_id():
    """The path of the parent's file holds its id."""
    recordings = Recordings()
    header = HEADER | {"parentSession": "/home/x/2026-01-01T00-00-00_p-1.jsonl"}
    (tape,) = recordings.record(jsonl([header, user("a", None)])).tapes
    session = recordings.line(tape.tip)[0].session
    assert session is not None
    assert (session.id, session.parent, session.cwd) == ("s", "p-1", "/w")


def test_fields_of_an_answer():
    """Model, provider, stop, tools and usage are what the message says."""
    usage = {"input": 3, "output": 2, "cacheRead": 0, "cacheWrite": 7, "cost": {"total": 0.1}}
    call = {"type": "toolCall", "id": "t", "name": "read", "arguments": {"path": "/w/x"}}
    more = {"usage": usage, "model": "m", "provider": "p", "stopReason": "toolUse"}
    recordings = Recordings()
    data = jsonl([HEADER, answer("a", None, call, **more)])
    turn = recordings.line(recordings.record(data).tapes[0].tip)[-1]
    assert (turn.model, turn.provider, turn.stop, turn.tools) == ("m", "p", "toolUse", ("read",))
    assert turn.summary == "read: x"
    assert turn.usage is not None
    assert (turn.usage.input, turn.usage.output, turn.usage.cache_read) == (3, 2, 0)
    assert turn.usage.cache_write_5m == 7


def message(role: str, **more: Any) -> Record:
    """Return a message of a role."""
    return entry("message", None, None, message={"role": role, **more})


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (answer(None, None, stopReason="aborted"), ("event", "aborted")),
        (answer(None, None, stopReason="error", errorMessage="no\nmore"), ("event", "error: no")),
        (answer(None, None, text("x"), stopReason="aborted"), ("assistant", "x")),
        (answer(None, None, {"type": "thinking", "thinking": "x"}), ("assistant", "(thinking)")),
        (message("toolResult", content=[text("a\nb")]), ("tool", "a")),
        (message("toolResult", content=[text("a")], isError=True), ("tool", "error: a")),
        (message("toolResult", content=[{"type": "image"}]), ("tool", "[image]")),
        (message("toolResult"), ("tool", "ok")),
        (message("toolResult", isError=True), ("tool", "error")),
        (message("bashExecution", command="ls\nx", output="o"), ("user", "! ls")),
        (message("custom", content="c"), ("user", "c")),
        (message("user", content=[{"type": "image"}]), ("user", "[image]")),
        (entry("custom_message", None, None, customType="x", content="c"), ("user", "c")),
        (entry("compaction", None, None, summary="s", tokensBefore=9),
         ("event", "compacted (9 tokens)")),
        (entry("branch_summary", None, None, summary="s\nt"), ("event", "branch summary: s")),
    ],
)  # fmt: skip
def test_one_record_is_one_turn(record, told):
    """Role and summary of every kind of entry."""
    assert tell(record) == [told]


PARTS = [
    (user(None, None, "a"), {"part": "text", "text": "a"}),
    (message("custom", content="c"), {"part": "text", "text": "c", "injected": True}),
    (message("bashExecution", command="ls", output="a\n"), {"part": "text", "text": "! ls\na"}),
    (
        answer(None, None, {"type": "thinking", "thinking": "h", "thinkingSignature": "s"}),
        {"part": "thinking", "text": "h", "is_signed": True},
    ),
    (
        answer(None, None, {"type": "toolCall", "id": "t", "name": "n", "arguments": {"a": 1}}),
        {"part": "tool_call", "name": "n", "arguments": '{"a":1}', "id": "t"},
    ),
    (
        message("toolResult", toolCallId="t", content=[text("a"), text("b")], isError=True),
        {"part": "tool_result", "text": "a\nb", "is_error": True, "call_id": "t"},
    ),
    (
        message("user", content=[{"type": "image", "mimeType": "image/png", "data": "AA"}]),
        {"part": "attachment", "kind": "image", "media_type": "image/png", "data": "AA"},
    ),
    (
        answer(None, None, stopReason="error", errorMessage="no"),
        {"part": "error", "text": "error: no"},
    ),
    (
        entry("compaction", None, None, summary="s", tokensBefore=9),
        {"part": "compaction", "text": "s", "is_summary": True, "tokens_before": 9},
    ),
    (
        entry("branch_summary", None, None, summary="s"),
        {"part": "text", "text": "s", "injected": True},
    ),
]


@pytest.mark.parametrize(("record", "part"), PARTS)
def test_record_gives_its_part(record, part):
    """What is shown of every kind of entry."""
    recordings = Recordings()
    turn = recordings.line(recordings.record(jsonl([HEADER, record])).tapes[0].tip)[-1]
    (found,) = recordings.parts(turn)
    assert part_members(found) == part


@st.composite
def trees(draw: Any) -> list[Record]:
    """Give a session whose entries go on from any earlier one, most from the last."""
    records: list[Record] = []
    for number in range(draw(st.integers(1, 14))):
        back = draw(st.sampled_from([1, 1, 1, 2, 3, 6, 99]))
        parent = f"n{number - back}" if back <= number else None
        kind = draw(st.sampled_from(["user", "answer", "extra", "branch_summary"]))
        uuid = f"n{number}"
        if kind == "user":
            records.append(user(uuid, parent))
        elif kind == "answer":
            records.append(answer(uuid, parent, text(uuid)))
        elif kind == "extra":
            records.append(entry("label", uuid, parent, label="x"))
        else:
            records.append(entry("branch_summary", uuid, parent, summary=uuid))
    return [*records, user("last", records[-1]["id"])]


@settings(max_examples=120)
@given(trees())
def test_tape_is_the_path_from_the_last_entry_to_the_root(records):
    """The tape is what pi would send: the last entry, its parent, and so on."""
    by_id = {record["id"]: record for record in records}
    path = []
    at = records[-1]["id"]
    while at is not None:
        if by_id[at]["type"] != "label":
            path.append(at)
        at = by_id[at]["parentId"]
    told = [summary.removeprefix("branch summary: ") for _, summary in tell(*records) if summary]
    assert told == path[::-1]


@settings(max_examples=60)
@given(trees())
def test_tree_that_grows_ends_as_if_imported_once(records):
    """Every beginning of a tree, then the whole: the same refs, and all bytes."""
    data = jsonl([HEADER, *records])
    once, growing = Recordings(), Recordings()
    source = once.record(data)
    assert once.rebuild(source) == data
    once.add(data)
    for end in record_ends(data):
        growing.add(data[:end])
    assert growing.refs == once.refs
    growing.add(data[: len(data) // 2])
    assert growing.refs == once.refs


_values: list[Any] = [None, 1, -1, 1.5, True, "", "x", "\ud800", [], [1], {}, [[]], [{}], "a"]
_odd = st.sampled_from([*_values, {"text": 1}, [{"type": "toolCall"}], [{"type": "thinking"}]])
_names = [
    "type",
    "id",
    "parentId",
    "timestamp",
    "cwd",
    "message",
    "summary",
    "tokensBefore",
    "content",
    "customType",
]
_inner = [
    "role",
    "content",
    "timestamp",
    "usage",
    "stopReason",
    "errorMessage",
    "isError",
    "command",
    "output",
]
_roles = st.sampled_from(["user", "assistant", "toolResult", "bashExecution", "custom", 7])
_messages = st.tuples(_roles, st.dictionaries(st.sampled_from(_inner[1:]), _odd)).map(
    lambda made: {"type": "message", "message": {"role": made[0], **made[1]}}
)
hostile = st.lists(st.dictionaries(st.sampled_from(_names), _odd) | _messages | _odd, max_size=12)


@settings(max_examples=120)
@given(hostile, st.randoms(use_true_random=False))
def test_odd_sessions_come_back_and_grow(records, random):
    """Whatever members are of whatever type: bytes come back, and growth changes nothing."""
    data = "".join(json.dumps(record) + "\n" for record in [HEADER, *records]).encode()
    check_back_and_growth(data, random)
