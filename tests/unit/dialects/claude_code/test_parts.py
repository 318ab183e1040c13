"""Parts: what a turn consists of, and nothing of it lost."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given

from tapegit.dialects.claude_code.parts import iter_parts
from tapegit.dialects.parts import part_members
from tapegit.dialects.syntax.json_records import read_raw_records
from tapegit.dialects.table import find_decoder
from tests.recordings import FIXTURES
from tests.transcripts import transcripts


def decode(*records: object) -> list[dict]:
    """Return the parts of records as JSON objects."""
    data = b"".join(json.dumps(record).encode() + b"\n" for record in records)
    return [json.loads(msgspec.json.encode(part_members(part))) for part in iter_parts([data])]


def user(content: object, **more: object) -> dict:
    """Return a message of the user."""
    return {"type": "user", "message": {"content": content}, **more}


ROWS = [
    (user("hello"), {"part": "text", "text": "hello"}),
    (user("<system-reminder>x"), {"part": "text", "text": "<system-reminder>x", "injected": True}),
    (user("so far", isCompactSummary=True), {"part": "text", "text": "so far", "injected": True}),
    (
        user([{"type": "text", "text": "skill"}], sourceToolUseID="t"),
        {"part": "text", "text": "skill", "injected": True},
    ),
    (user(["a"]), {"part": "text", "text": "a"}),
    (
        {
            "type": "assistant",
            "message": {"content": [{"type": "text", "text": "<system-reminder>"}]},
        },
        {"part": "text", "text": "<system-reminder>"},
    ),
    (
        user([{"type": "thinking", "thinking": "hm", "signature": "s"}]),
        {"part": "thinking", "text": "hm", "is_signed": True},
    ),
    (user([{"type": "thinking"}]), {"part": "thinking", "text": ""}),
    (
        user([{"type": "redacted_thinking", "data": "x"}]),
        {"part": "thinking", "text": "", "is_redacted": True},
    ),
    (
        user([{"type": "tool_use", "id": "t", "name": "Bash", "input": {"a": 1}}]),
        {"part": "tool_call", "name": "Bash", "arguments": '{"a": 1}', "id": "t"},
    ),
    (
        user([{"type": "server_tool_use", "name": "web"}]),
        {"part": "tool_call", "name": "web", "arguments": "{}"},
    ),
    (
        user([{"type": "tool_result", "tool_use_id": "t", "content": "out"}]),
        {"part": "tool_result", "text": "out", "call_id": "t"},
    ),
    (
        user(
            [
                {
                    "type": "tool_result",
                    "is_error": True,
                    "content": [
                        {"type": "text", "text": "a"},
                        {"type": "text", "text": "b"},
                        {"type": "image", "source": {"media_type": "image/png", "data": "AA=="}},
                    ],
                }
            ]
        ),
        {
            "part": "tool_result",
            "text": "a\nb",
            "is_error": True,
            "attachments": [
                {"part": "attachment", "kind": "image", "media_type": "image/png", "data": "AA=="}
            ],
        },
    ),
    (
        user([{"type": "document", "source": {"type": "url", "url": "u"}}]),
        {"part": "attachment", "kind": "document", "url": "u"},
    ),
    (
        {
            "type": "system",
            "subtype": "compact_boundary",
            "compactMetadata": {"trigger": "auto", "preTokens": 3},
        },
        {
            "part": "compaction",
            "text": "compacted (auto, 3 tokens)",
            "trigger": "auto",
            "tokens_before": 3,
        },
    ),
    (
        {"type": "system", "subtype": "api_error", "error": {"status": 529}},
        {"part": "error", "text": "api error: 529"},
    ),
    (
        {"type": "system", "subtype": "local_command", "content": "x"},
        {"part": "text", "text": "x", "injected": True},
    ),
]


@pytest.mark.parametrize(("record", "part"), ROWS)
def test_part_of_a_record(record, part):
    """Each kind of block and record is the part that the page says."""
    assert decode(record) == [part]


UNKNOWN = [
    ({"type": "progress", "data": {"type": "hook"}}, "progress/hook"),
    ({"type": "attachment", "attachment": {"type": "skill_listing"}}, "attachment/skill_listing"),
    ({"type": "system", "subtype": "turn_duration"}, "system/turn_duration"),
    ({"type": "system"}, "system/unknown"),
    ({"type": "summary"}, "summary"),
    ({"type": "user"}, "user"),
    (7, "record"),
]


@pytest.mark.parametrize(("record", "kind"), UNKNOWN)
def test_record_without_a_part_of_its_own_is_unknown(record, kind):
    """It is named by its type and keeps its bytes."""
    (part,) = decode(record)
    assert (part["part"], part["type"]) == ("unknown", kind)
    assert json.loads(part["raw"]) == record


@pytest.mark.parametrize(
    "block",
    [{"type": "new"}, {}, 7, {"type": "text"}, {"type": "tool_use"}, {"type": "text", "text": 7}],
)
def test_block_that_is_not_understood_is_unknown(block):
    """No block is dropped."""
    (part,) = decode(user([block]))
    assert part["part"] == "unknown"
    assert json.loads(part["raw"]) == block


def test_parts_say_which_record_they_are_in():
    """Records are counted from 1 in the turn, over all its pieces."""
    first, second = (json.dumps(user(text)).encode() + b"\n" for text in ("a", "b"))
    whole = list(iter_parts([first, second]))
    assert [part.record for part in whole] == [1, 2]
    assert list(iter_parts([first + second])) == whole


def test_unreadable_record_is_unknown_with_its_reason():
    """Bytes that are no JSON are shown as far as they are text."""
    (part,) = iter_parts([b"\xff{\n"])
    assert (part.type, part.raw) == ("unreadable: not UTF-8", "\\xff{\n")


@given(transcripts())
def test_no_record_is_dropped(data):
    """Every record that is not blank has a part, unless it is a message without content."""
    reader = read_raw_records()
    records = [*reader.feed(data), *reader.finish()]
    seen = {part.record for part in iter_parts([data])}
    for record in records:
        is_blank = record.value is None and record.reason is None
        if not is_blank:
            assert record.number in seen


@pytest.mark.parametrize("path", sorted(FIXTURES.glob("*.jsonl")), ids=lambda path: path.stem)
def test_parts_of_real_transcripts_have_a_json_form(path):
    """Whatever was recorded can be shown as JSON."""
    for part in iter_parts([path.read_bytes()]):
        msgspec.json.encode(part_members(part))


def test_decoders_are_found_by_dialect_and_version():
    """Only the versions that are known are decoded."""
    assert find_decoder("claude-code@1") is not None
    assert find_decoder("claude-code@2") is find_decoder(None) is None
