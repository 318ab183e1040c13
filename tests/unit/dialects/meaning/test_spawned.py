"""Which agents a turn says were spawned."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.dialects.meaning.spawned import Spawned, iter_spawned


def spawned(dialect: str | None, *records: object) -> list[Spawned]:
    """Return what the records of a turn tell, each a line."""
    pieces = [json.dumps(record).encode() + b"\n" for record in records]
    return list(iter_spawned(dialect, pieces))


def claude(result: object, *blocks: object) -> dict[str, object]:
    """Return a result of Claude Code."""
    return {"type": "user", "message": {"content": list(blocks)}, "toolUseResult": result}


BLOCK = {"type": "tool_result", "tool_use_id": "t1", "content": "x"}
OUTPUT = {"type": "function_call_output", "call_id": "c1"}


@pytest.mark.parametrize(
    ("record", "found"),
    [
        (claude({"agentId": "a"}, BLOCK), [("a", "t1")]),
        (
            claude({"agentId": "a"}, BLOCK, {**BLOCK, "tool_use_id": "t2"}),
            [("a", "t1"), ("a", "t2")],
        ),
        (claude({"agentId": ""}, BLOCK), []),
        (claude({"agentId": 7}, BLOCK), []),
        (claude({"agentId": "a"}), []),
        (claude({"agentId": "a"}, {"type": "text", "tool_use_id": "t"}), []),
        (claude({"agentId": "a"}, {**BLOCK, "tool_use_id": None}), []),
        (claude("agentId", BLOCK), []),
        (claude([{"agentId": "a"}], BLOCK), []),
        ({"toolUseResult": {"agentId": "a"}, "message": "x"}, []),
        ({"parentToolUseID": "t", "data": {"agentId": "a"}}, [("a", "t")]),
        ({"parentToolUseID": "t", "data": "agentId"}, []),
        ({"data": {"agentId": "a"}}, []),
        (["agentId"], []),
        ('"agentId"', []),
    ],
)
def test_claude_code_tells_beside_the_result(record, found):
    """The result's own record names the agent, or a record of its progress does."""
    assert spawned("claude-code@1", record) == [Spawned(*pair) for pair in found]


@pytest.mark.parametrize(
    ("payload", "found"),
    [
        ({**OUTPUT, "output": '{"agent_id":"t"}'}, [("t", "c1")]),
        ({**OUTPUT, "output": '{"agent_id":7}'}, []),
        ({**OUTPUT, "output": "agent_id"}, []),
        ({**OUTPUT, "output": {"agent_id": "t"}}, []),
        ({**OUTPUT, "output": "\ud800"}, []),
        ({**OUTPUT, "call_id": None, "output": '{"agent_id":"t"}'}, []),
        ({"type": "function_call", "call_id": "c", "arguments": '{"agent_id":"t"}'}, []),
        ({"type": "collab_agent_spawn_end", "call_id": "c", "new_thread_id": "t"}, [("t", "c")]),
        ({"type": "collab_agent_spawn_end", "call_id": "c", "new_thread_id": None}, []),
        (
            {
                "type": "sub_agent_activity",
                "event_id": "c",
                "agent_thread_id": "t",
                "kind": "started",
            },
            [("t", "c")],
        ),
        (
            {
                "type": "sub_agent_activity",
                "event_id": "c",
                "agent_thread_id": "t",
                "kind": "other",
            },
            [],
        ),
        ("text", []),
    ],
)
def test_codex_tells_in_the_output_or_in_an_event(payload, found):
    """What a call gave back names the thread that it began; so do two events."""
    record = {"timestamp": "t", "type": "response_item", "payload": payload}
    assert spawned("codex@1", record) == [Spawned(*pair) for pair in found]


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ([{"callID": "c", "state": {"metadata": {"sessionId": "s"}}}], [("s", "c")]),
        ([{"callID": "c", "state": {"metadata": {}}}, {"text": "x"}], []),
        ([{"state": {"metadata": {"sessionId": "s"}}}], []),
        ([{"callID": "c", "state": "sessionId"}, 7, None], []),
        ({"callID": "c"}, []),
    ],
)
def test_opencode_tells_in_the_metadata_of_the_call(parts, found):
    """A message is one element of a document, over several lines."""
    data = json.dumps({"info": {"role": "assistant"}, "parts": parts}, indent=2).encode()
    pieces = [data[:40], data[40:]]
    assert list(iter_spawned("opencode@1", pieces)) == [Spawned(*pair) for pair in found]
    assert list(iter_spawned("opencode@1", [b"{", b"sessionId"])) == []


@pytest.mark.parametrize("dialect", [None, "", "pi@1", "martian@9"])
def test_other_dialects_do_not_tell(dialect):
    """Nothing is guessed."""
    assert spawned(dialect, claude({"agentId": "a"}, BLOCK)) == []


def test_a_later_version_of_a_dialect_is_read_too():
    """What is looked for has been where it is for years."""
    assert spawned("claude-code@2", claude({"agentId": "a"}, BLOCK)) == [Spawned("a", "t1")]


def test_records_may_be_cut_anywhere_between_pieces():
    """A rope gives its bytes in pieces of its own."""
    data = json.dumps(claude({"agentId": "a"}, BLOCK)).encode() + b"\n"
    pieces = [data[place : place + 7] for place in range(0, len(data), 7)]
    assert list(iter_spawned("claude-code@1", pieces)) == [Spawned("a", "t1")]


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "agentId",
                    "toolUseResult",
                    "message",
                    "content",
                    "type",
                    "payload",
                    "output",
                    "data",
                    "parts",
                    "state",
                    "metadata",
                    "sessionId",
                    "callID",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(_values, st.sampled_from(["claude-code@1", "codex@1", "opencode@1"]))
def test_any_json_is_read(value, dialect):
    """No record raises, whatever its members are."""
    spawned(dialect, value, {"agentId": value})
