"""Parts of Codex turns: what was said, once, and nothing of it lost."""

from __future__ import annotations

import json

import pytest

from tapegit.dialects.codex.parts import iter_parts
from tapegit.dialects.parts import part_members


def line(kind: str, **payload: object) -> dict[str, object]:
    """Return a record."""
    return {"timestamp": "t", "type": kind, "payload": payload}


def decode(*records: object) -> list[dict[str, object]]:
    """Return the parts of records."""
    data = b"".join(json.dumps(record).encode() + b"\n" for record in records)
    return [part_members(part) for part in iter_parts([data])]


def item(kind: str, **payload: object) -> dict[str, object]:
    """Return an item."""
    return line("response_item", type=kind, **payload)


IMAGE = "data:image/png;base64,AAAA"
ROWS = [
    (
        item("message", role="user", content=[{"type": "input_text", "text": "a"}]),
        {"part": "text", "text": "a"},
    ),
    (
        item("message", role="user", content="<environment_context>x"),
        {"part": "text", "text": "<environment_context>x", "injected": True},
    ),
    (
        item("message", role="assistant", content="<environment_context>x"),
        {"part": "text", "text": "<environment_context>x"},
    ),
    (
        item("message", role="user", content=[{"type": "input_image", "image_url": IMAGE}]),
        {"part": "attachment", "kind": "image", "media_type": "image/png", "data": "AAAA"},
    ),
    (
        item("reasoning", summary=[{"text": "hm"}], encrypted_content="gA"),
        {"part": "thinking", "text": "hm", "is_signed": True},
    ),
    (
        item("reasoning", summary=[], encrypted_content="gA"),
        {"part": "thinking", "text": "", "is_signed": True, "is_redacted": True},
    ),
    (
        item("function_call", name="f", arguments='{"a": 1}', call_id="c"),
        {"part": "tool_call", "name": "f", "arguments": '{"a": 1}', "id": "c"},
    ),
    (
        item("custom_tool_call", name="p", input="free", call_id="c"),
        {"part": "tool_call", "name": "p", "arguments": "free", "id": "c"},
    ),
    (
        item("web_search_call", action={"query": "q"}),
        {"part": "tool_call", "name": "web_search", "arguments": '{"query": "q"}'},
    ),
    (
        item(
            "function_call_output", call_id="c", output='{"output":"a","metadata":{"exit_code":1}}'
        ),
        {"part": "tool_result", "text": "a", "is_error": True, "call_id": "c"},
    ),
    (
        line("compacted", message="so far"),
        {"part": "compaction", "text": "so far", "is_summary": True},
    ),
    (line("compacted", message=""), {"part": "compaction", "text": "compacted"}),
    (
        line("event_msg", type="turn_aborted", reason="interrupted"),
        {"part": "error", "text": "turn aborted: interrupted"},
    ),
    (
        line("event_msg", type="agent_reasoning", text="hm"),
        {"part": "thinking", "text": "hm"},
    ),
]


@pytest.mark.parametrize(("record", "part"), ROWS)
def test_record_gives_its_part(record, part):
    """Each record gives the part of its type."""
    assert decode(record) == [part]


def test_what_is_said_twice_is_given_once():
    """Events that say what an item of the turn says are left out, others come last."""
    records = [
        line("event_msg", type="agent_reasoning", text="hm"),
        line("event_msg", type="agent_message", message="only here"),
        item("reasoning", summary=[{"text": "hm"}]),
        item("message", role="assistant", content=[{"type": "output_text", "text": "yes"}]),
        line("event_msg", type="agent_message", message="yes"),
    ]
    assert [part["text"] for part in decode(*records)] == ["hm", "yes", "only here"]


@pytest.mark.parametrize(
    ("record", "kind"),
    [
        (line("turn_context", model="m"), "turn_context"),
        (line("event_msg", type="token_count"), "event_msg/token_count"),
        (item("ghost_snapshot"), "response_item/ghost_snapshot"),
        (item("message", role="user", content=[{"type": "odd"}]), "odd"),
        (item("message", role="user"), "response_item/message"),
        (7, "record"),
    ],
)
def test_what_has_no_part_is_unknown_with_its_bytes(record, kind):
    """Whatever is not understood is given whole."""
    (part,) = decode(record)
    assert (part["part"], part["type"]) == ("unknown", kind)
    assert json.loads(str(part["raw"])) in (record, {"type": "odd"})
