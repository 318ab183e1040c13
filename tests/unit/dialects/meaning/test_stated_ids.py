"""The ids that sources state."""

from __future__ import annotations

import json

import pytest

from tapegit.dialects.meaning.stated_ids import find_response_id, iter_message_ids, iter_stated_ids
from tapegit.dialects.parts import Text, ToolCall, ToolResult
from tests.wire import FIXTURES

ROWS = [
    (
        "claude-code@1",
        {"uuid": "u1", "requestId": "req_1", "message": {"id": "msg_1"}},
        [("record", "u1"), ("message", "msg_1"), ("request", "req_1")],
    ),
    ("claude-code@1", {"uuid": 5, "message": "text"}, []),
    ("codex@1", {"type": "response_item", "payload": {"id": "msg_1"}}, [("record", "msg_1")]),
    ("pi@1", {"id": "e1", "message": {"responseId": "r1"}}, [("record", "e1"), ("message", "r1")]),
    ("gemini-cli@1", {"id": "g1", "message": {"id": "no"}}, [("record", "g1")]),
    ("unheard-of@1", {"id": "x"}, []),
    (None, {"id": "x"}, []),
]


@pytest.mark.parametrize(("dialect", "record", "expected"), ROWS)
def test_records_state_ids(dialect, record, expected):
    """Each dialect has its own places for ids; what stands elsewhere, or is no text, is none."""
    data = json.dumps(record).encode()

    assert list(iter_message_ids(dialect, [data])) == expected
    assert list(iter_message_ids(dialect, [data[:5], data[5:]])) == expected


def test_calls_and_results_state_ids():
    """What parts name is given after what records do; what has no id gives none."""
    parts = [
        Text(text="t"),
        ToolCall(name="sh", arguments="{}", id="c1"),
        ToolCall(name="sh", arguments="{}"),
        ToolResult(text="", call_id="c1"),
    ]

    ids = list(iter_stated_ids("pi@1", [b'{"id":"e1"}'], parts))

    assert ids == [("record", "e1"), ("call", "c1"), ("result", "c1")]


def test_bytes_that_are_no_records_state_nothing():
    """Rubbish, or what is nested too deep, is passed over."""
    for data in (b"", b"rubbish", b"\xff", b"[" * 5000, b"[1]", b'{"uuid":"u1"'):
        assert list(iter_message_ids("claude-code@1", [data])) == []


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.stream")), ids=lambda path: path.name)
def test_recorded_streams_state_an_id(path):
    """The id of a streamed answer is found in its bytes, for all who give one."""
    kind = path.name.split("-")[0]
    dialect = {
        "anthropic": "anthropic.messages@1",
        "chat": "openai.chat@1",
        "responses": "openai.responses@1",
        "gemini": "gemini.generate@1",
        "ollama": "ollama.chat@1",
    }[kind]

    stated = find_response_id(dialect, path.read_bytes())

    if kind in {"anthropic", "chat", "responses"}:
        assert stated is not None
        assert stated.encode() in path.read_bytes()


def test_other_bodies_state_nothing():
    """A body of an unknown dialect, or one that is none, has no id."""
    assert find_response_id("pi@1", b'{"id":"x"}') is None
    assert find_response_id(None, b'{"id":"x"}') is None
    assert find_response_id("anthropic.messages@1", b"rubbish") is None
