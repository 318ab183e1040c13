"""Parts replaced in the records that hold them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.dialects.claude_code.parts import iter_parts as claude_parts
from tapegit.dialects.codex.parts import iter_parts as codex_parts
from tapegit.dialects.parts import Text, Thinking, ToolCall
from tapegit.dialects.pi.parts import iter_parts as pi_parts
from tapegit.dialects.writing.editing import is_editable, part_text, replace_part
from tapegit.errors import FormatError, UserError

FIXTURES = Path(__file__).parents[4] / "fixtures" / "transcripts"
FILES = [
    *((path, claude_parts) for path in sorted((FIXTURES / "claude-code").glob("*.jsonl"))),
    *((path, codex_parts) for path in sorted((FIXTURES / "codex").glob("*.jsonl"))),
    *((path, pi_parts) for path in sorted((FIXTURES / "pi").glob("*.jsonl"))),
]
NEW = 'another "text"\n\u2028 \\ é'


def line(value: object) -> bytes:
    """Return a record."""
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


@pytest.mark.parametrize(("path", "decode"), FILES, ids=lambda value: getattr(value, "name", ""))
def test_each_part_of_real_records_is_replaced_and_no_other(path, decode):
    """Record by record: the part reads as the new text, all others as they did."""
    for record in path.read_bytes().splitlines(keepends=True)[:200]:
        parts = list(decode([record]))
        for number, part in enumerate(parts):
            if not is_editable(part) or b'"bashExecution"' in record:
                continue
            text = '{"new":1}' if isinstance(part, ToolCall) else NEW
            edited = replace_part([record], decode, number, text, is_answer=False)
            now = list(decode(edited.pieces))
            assert part_text(now[number]) == text
            assert now[:number] + now[number + 1 :] == parts[:number] + parts[number + 1 :]


def test_a_text_that_is_written_twice_is_replaced_twice():
    """Codex writes what was said for the model and for its screen."""
    said = "the same words"
    item = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": said}]}
    records = [
        line({"type": "response_item", "payload": item}),
        line({"type": "event_msg", "payload": {"type": "user_message", "message": said}}),
    ]
    edited = replace_part([b"".join(records)], codex_parts, 0, "others", is_answer=False)
    assert b"".join(records).replace(said.encode(), b"others") == edited.pieces[0]
    assert edited.before == said


def test_a_text_within_json_within_a_string_is_replaced():
    """Old rollouts wrap what a tool printed in JSON of its own."""
    output = json.dumps({"output": "2 failed\n", "metadata": {"exit_code": 1}})
    item = {"type": "function_call_output", "call_id": "c", "output": output}
    record = line({"type": "response_item", "payload": item})
    edited = replace_part([record], codex_parts, 0, '1 "passed"\n', is_answer=False)
    now = json.loads(json.loads(edited.pieces[0])["payload"]["output"])
    assert now == {"output": '1 "passed"\n', "metadata": {"exit_code": 1}}


def test_a_result_of_several_blocks_becomes_one():
    """The first block takes the text, the others go."""
    blocks = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    content = [{"type": "tool_result", "tool_use_id": "t", "content": blocks}]
    record = line({"type": "user", "message": {"role": "user", "content": content}})
    edited = replace_part([record], claude_parts, 0, "three", is_answer=False)
    (block,) = json.loads(edited.pieces[0])["message"]["content"]
    assert block["content"] == [{"type": "text", "text": "three"}]


def test_words_that_are_also_keys_and_types_are_left_alone():
    """Only the part's own string changes, whatever it says."""
    block = {"type": "text", "text": "text"}
    record = line({"type": "assistant", "message": {"role": "assistant", "content": [block]}})
    edited = replace_part([record], claude_parts, 0, "words", is_answer=False)
    (now,) = json.loads(edited.pieces[0])["message"]["content"]
    assert now == {"type": "text", "text": "words"}


def test_one_of_two_equal_texts_is_replaced():
    """The one that was asked for."""
    blocks = [{"type": "text", "text": "same"}, {"type": "text", "text": "same"}]
    record = line({"type": "assistant", "message": {"role": "assistant", "content": blocks}})
    for number in (0, 1):
        edited = replace_part([record], claude_parts, number, "other", is_answer=False)
        texts = [part.text for part in claude_parts(edited.pieces)]
        assert texts == ["other" if index == number else "same" for index in (0, 1)]


def test_signed_thinking_goes_from_an_answer_and_unsigned_stays():
    """What vouched for other words is no use."""
    blocks = [
        {"type": "thinking", "thinking": "signed", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "c2ln"},
        {"type": "text", "text": "said"},
    ]
    record = line({"type": "assistant", "message": {"role": "assistant", "content": blocks}})
    edited = replace_part([record], claude_parts, 2, "other", is_answer=True)
    assert edited.thinking_count == 2
    assert [part.text for part in claude_parts(edited.pieces)] == ["other"]
    kept = replace_part([record], claude_parts, 2, "other", is_answer=False)
    assert kept.thinking_count == 0
    assert sum(isinstance(part, Thinking) for part in claude_parts(kept.pieces)) == 2


def test_a_record_of_signed_thinking_alone_goes_as_a_whole():
    """As Codex writes it: an item of its own, which may leave a piece empty."""
    thinking = line(
        {
            "type": "response_item",
            "payload": {"type": "reasoning", "summary": [], "encrypted_content": "Z0FBQUE="},
        }
    )
    said = {"type": "message", "role": "assistant", "content": []}
    said["content"] = [{"type": "output_text", "text": "said"}]
    answer = line({"type": "response_item", "payload": said})
    edited = replace_part([thinking, answer], codex_parts, 1, "other", is_answer=True)
    assert edited.pieces == (b"", answer.replace(b"said", b"other"))


@given(st.text(max_size=30), st.text(max_size=30))
def test_any_text_takes_the_place_of_any_other(before, after):
    """Escapes, surrogate pairs and controls included; blank ones may be no part at all."""
    block = {"type": "text", "text": before}
    record = line({"type": "assistant", "message": {"role": "assistant", "content": [block]}})
    parts = list(claude_parts([record]))
    if len(parts) != 1 or not isinstance(parts[0], Text):
        return
    try:
        edited = replace_part([record], claude_parts, 0, after, is_answer=True)
    except FormatError:
        assert len(list(claude_parts([record.replace(json.dumps(before).encode(), b'""')]))) != 1
        return
    (part,) = claude_parts(edited.pieces)
    assert part_text(part) == after


def test_a_text_that_is_made_of_several_fields_is_refused():
    """A command and what it printed are no one string: there is no place for another text."""
    message = {"role": "bashExecution", "command": "ls", "output": "a\n", "exitCode": 0}
    record = line({"type": "message", "message": message})
    with pytest.raises(FormatError, match="not known"):
        replace_part([record], pi_parts, 0, "x", is_answer=False)


def test_what_cannot_be_replaced_is_named():
    """The kind, or the number."""
    block = {"type": "thinking", "thinking": "hm", "signature": "c2ln"}
    record = line({"type": "assistant", "message": {"role": "assistant", "content": [block]}})
    with pytest.raises(UserError, match="'thinking' cannot be replaced"):
        replace_part([record], claude_parts, 0, "x", is_answer=True)
    with pytest.raises(UserError, match="no part 1"):
        replace_part([record], claude_parts, 1, "x", is_answer=True)
