"""Trajectories of SWE-agent and mini-swe-agent: messages, ids, and what becomes of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegit.dialects.parts import ToolCall, ToolResult, part_members
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import read_content
from tapegit.recorder.sources.source import recognise
from tests.recordings import Recordings
from tests.sources import FIXTURES, SHARED

if TYPE_CHECKING:
    from pathlib import Path

    from tapegit.objects.turn import Turn

Record = dict[str, Any]
SYSTEM: Record = {"role": "system", "content": "be", "agent": "main"}
TASK: Record = {"role": "user", "content": "go", "agent": "main"}
ANSWER: Record = {"role": "assistant", "content": "I look", "agent": "main"}
CALL: Record = {"id": "c", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
USAGE: Record = {
    "prompt_tokens": 10,
    "completion_tokens": 3,
    "prompt_tokens_details": {"cached_tokens": 4},
    "completion_tokens_details": {"reasoning_tokens": 2},
}


def swe(*history: Record, indent: int | None = 2, **more: Any) -> bytes:
    """Return a trajectory of SWE-agent."""
    made = {"trajectory": [], "history": [SYSTEM, TASK, *history], "info": {}, **more}
    return json.dumps(made, indent=indent).encode()


def mini(*messages: Record, **more: Any) -> bytes:
    """Return a trajectory of mini-swe-agent."""
    made = {"info": {"mini_version": "2"}, "messages": [*messages], **more}
    return json.dumps(made, indent=2).encode()


def tell(data: bytes) -> list[Turn]:
    """Return the turns of a document between its leader and its own."""
    recordings = Recordings()
    (tape,) = recordings.record(data).tapes
    return recordings.line(tape.tip)[1:-1]


def session_of(data: bytes) -> str | None:
    """Return the id that a document gets."""
    return Recordings().record(data).tapes[0].session_id


def iter_real() -> list[Path]:
    """Return the real trajectories."""
    found = [*FIXTURES.glob("*swe-agent/*.traj*"), *SHARED.glob("swe-agent/**/*.traj")]
    return sorted(found)


@pytest.mark.parametrize("path", iter_real(), ids=lambda path: path.stem[-24:])
def test_every_real_message_is_one_turn_in_order(path: Path):
    """No message is dropped or doubled, and each call is answered at most once, later."""
    data = path.read_bytes()
    recordings = Recordings()
    assert recordings.add(data)
    assert not recordings.add(data)
    ((_, tip),) = recordings.refs.items()
    value = json.loads(data)
    messages = value.get("history") or value["messages"]
    turns = recordings.line(tip)[1:-1]
    assert len(turns) == len(messages)
    calls: list[str | None] = []
    answered: list[str | None] = []
    for turn, stated in zip(turns, messages, strict=True):
        (piece,) = turn.raw
        raw = read_content(recordings.objects.find, ObjectId.parse(piece.oid))
        assert json.loads(raw) == stated
        for part in recordings.parts(turn):
            if isinstance(part, ToolCall):
                calls.append(part.id)
            elif isinstance(part, ToolResult):
                assert part.call_id in calls
                answered.append(part.call_id)
    assert answered == [call for call in calls if call in answered]


@pytest.mark.parametrize(
    ("record", "told"),
    [
        (SYSTEM, ("system", "be")),
        (TASK, ("user", "go")),
        (TASK | {"content": "We solve\nISSUE:\n\nlist\n"}, ("user", "list")),
        (TASK | {"content": "We solve\nISSUE:\nlist", "is_demo": True}, ("user", "We solve")),
        (
            TASK
            | {
                "content": [
                    {
                        "type": "text",
                        "text": "x <pr_description>\nConsider the following PR description:\n\ny",
                    }
                ]
            },
            ("user", "y"),
        ),
        (ANSWER, ("assistant", "I look")),
        (ANSWER | {"content": "", "tool_calls": [CALL]}, ("assistant", "ls")),
        (ANSWER | {"content": "", "thinking_blocks": [{}]}, ("assistant", "(thinking)")),
        ({"role": "tool", "content": "a\nb", "tool_call_ids": ["c"]}, ("tool", "a")),
        ({"role": "tool", "content": ""}, ("tool", "ok")),
        ({"role": "odd", "content": "x"}, ("event", "odd")),
        ({}, ("event", "record")),
    ],
)
def test_message_of_swe_agent_is_told_by_its_line(record, told):
    """Role and summary of every kind of message."""
    turn = tell(swe(record))[-1]
    assert (turn.role, turn.summary) == told


def parts_of(data: bytes) -> list[dict[str, Any]]:
    """Return the parts of the last message of a document."""
    recordings = Recordings()
    (tape,) = recordings.record(data).tapes
    return [part_members(part) for part in recordings.parts(recordings.line(tape.tip)[-2])]


def test_result_names_the_call_that_it_answers():
    """SWE-agent has a list of ids where the wire has one."""
    record = {"role": "tool", "content": "a", "tool_call_ids": ["c"]}
    assert parts_of(swe(record)) == [{"part": "tool_result", "text": "a", "call_id": "c"}]


def test_thoughts_are_given_once():
    """A thought is in a block and, a second time, as a text."""
    blocks = [{"type": "thinking", "thinking": "hm", "signature": "s"}]
    record = ANSWER | {"thinking_blocks": blocks, "reasoning_content": "hm"}
    assert parts_of(swe(record)) == [
        {"part": "thinking", "text": "hm", "is_signed": True, "signature": "s"},
        {"part": "text", "text": "I look"},
    ]


def test_demonstration_is_injected():
    """Nobody asked what a demonstration shows."""
    record = TASK | {"is_demo": True}
    assert parts_of(swe(record)) == [{"part": "text", "text": "go", "injected": True}]


def test_answer_has_what_the_provider_said_of_it():
    """Model, stop, tokens and time come from the answer that stands beside the message."""
    response = {"model": "m", "choices": [{"finish_reason": "stop"}], "usage": USAGE}
    record = ANSWER | {"extra": {"response": response, "timestamp": 1767225601.5}}
    turn = tell(mini(TASK, record))[-1]
    assert (turn.model, turn.stop, turn.time) == ("m", "stop", 1767225601500)
    usage = turn.usage
    assert usage is not None
    counted = (usage.input, usage.cache_read, usage.output, usage.reasoning)
    assert counted == (6, 4, 3, 2)


def test_answer_through_responses_is_one_turn_with_all_its_items():
    """Text and calls of one answer are parts of one turn, and its tokens are counted."""
    output = [
        {"type": "message", "content": [{"type": "output_text", "text": "I look"}]},
        {"type": "function_call", "call_id": "c", "name": "bash", "arguments": "{}"},
    ]
    usage = {"input_tokens": 5, "output_tokens": 2}
    answer = {"object": "response", "output": output, "model": "m", "usage": usage}
    data = mini(TASK, answer)
    turn = tell(data)[-1]
    assert (turn.role, turn.tools, turn.model) == ("assistant", ("bash",), "m")
    assert turn.usage is not None
    assert (turn.usage.input, turn.usage.output) == (5, 2)
    assert [part["part"] for part in parts_of(data)] == ["text", "tool_call"]


@pytest.mark.parametrize(("status", "kind"), [("Submitted", "text"), ("LimitsExceeded", "error")])
def test_end_is_an_event(status, kind):
    """A run that was ended by something else than its own answer failed."""
    data = mini(TASK, {"role": "exit", "content": "x", "extra": {"exit_status": status}})
    turn = tell(data)[-1]
    assert (turn.role, turn.summary) == ("event", f"exit: {status}")
    assert [part["part"] for part in parts_of(data)] == [kind]


def test_trajectory_that_grows_is_one_session():
    """State after state extends one tape, and each comes back."""
    answers = [ANSWER | {"content": f"step {number}"} for number in range(4)]
    states = [swe(*answers[:count], info={"n": count}) for count in range(1, 5)]
    recordings = Recordings()
    for state in states:
        assert recordings.add(state)
    ((_, tip),) = recordings.refs.items()
    assert len(recordings.line(tip)) == 8
    kept = []
    oid: ObjectId | None = tip
    while oid is not None:
        turn = recordings.line(oid)[-1]
        kept.append(read_content(recordings.objects.find, ObjectId.parse(turn.raw[0].oid)))
        oid = turn.parent_ids[1] if len(turn.parents) > 1 else None
    assert kept == states[::-1]
    for state in states:
        assert not recordings.add(state)


@pytest.mark.parametrize(
    "other",
    [
        swe(ANSWER | {"content": "I search"}),
        swe(ANSWER, environment="e"),
        swe(ANSWER, replay_config="r"),
        swe(ANSWER, trajectory=[{"execution_time": 0.5}]),
        swe(TASK, ANSWER),
    ],
)
def test_other_run_is_another_session(other):
    """Whatever tells two runs apart before they go on makes two sessions of them."""
    assert session_of(other) != session_of(swe(ANSWER))


def test_what_is_written_later_is_not_in_the_id():
    """Later messages and the outcome do not make another session."""
    later = swe(ANSWER, ANSWER, info={"exit_status": "x"}, trajectory=[{}, {"execution_time": 1}])
    assert session_of(later) == session_of(swe(ANSWER))


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (swe(), "swe-agent"),
        (swe(indent=None), "swe-agent"),
        (json.dumps({"history": [SYSTEM]}).encode(), "swe-agent"),
        (json.dumps({"history": [{"role": "user"}]}).encode(), None),
        (json.dumps({"history": {}, "trajectory": [], "info": {}}).encode(), None),
        (json.dumps({"history": []}).encode(), None),
        (mini(TASK), "mini-swe-agent"),
        (mini(TASK, info={}), None),
        (mini(TASK, info={}, trajectory_format="mini-swe-agent-1"), "mini-swe-agent"),
        (json.dumps([TASK, ANSWER], indent=2).encode(), None),
        (json.dumps([], indent=2).encode(), None),
        (json.dumps([[]], indent=2).encode(), None),
        (
            json.dumps(
                [SYSTEM | {"content": "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"}, ANSWER],
                indent=2,
            ).encode(),
            "mini-swe-agent",
        ),
    ],
)
def test_trajectory_is_known_by_what_is_in_it(data, name):
    """What could be anybody's is nobody's."""
    found = recognise([data])
    assert (found.name if found is not None else None) == name


_values: list[Any] = [None, 1, -1.5, 1e300, True, "", "x", "\ud800", [], [1], {}, [[]], [{}]]
_odd = st.sampled_from([*_values, {"text": 1}, [{"type": "text"}], [CALL], [{"function": 1}]])
_names = [
    "role",
    "content",
    "agent",
    "tool_calls",
    "tool_call_ids",
    "thinking_blocks",
    "extra",
    "output",
    "type",
    "is_demo",
    "object",
]
_roles = st.sampled_from(["user", "assistant", "tool", "system", "exit", 7])
_records = st.tuples(_roles, st.dictionaries(st.sampled_from(_names), _odd)).map(
    lambda made: {"role": made[0], **made[1]}
)


@settings(max_examples=100)
@given(st.lists(_records | _odd, max_size=6), st.booleans())
def test_odd_trajectories_come_back(records, is_mini):
    """Whatever members are of whatever type: the bytes are kept, and nothing comes twice."""
    data = mini(*records) if is_mini else swe(*records)
    recordings = Recordings()
    assert recordings.add(data)
    assert not recordings.add(data)
    ((_, tip),) = recordings.refs.items()
    turns = recordings.line(tip)
    assert len(turns) == len(records) + (2 if is_mini else 4)
    for turn in turns:
        recordings.parts(turn)
    whole = ObjectId.parse(turns[-1].raw[0].oid)
    assert read_content(recordings.objects.find, whole) == data
