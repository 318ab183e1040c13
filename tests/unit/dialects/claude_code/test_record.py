"""One record: members of the wrong type count as absent, whatever else is in it."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.dialects.claude_code import record as claude_code_record
from tapegit.dialects.claude_code.record import Block, decode_blocks, decode_look, decode_record
from tapegit.dialects.syntax.members import clean_count, clean_text

WRONG = [7, 1.5, True, "text", [], [1], {}, {"a": 1}, None]


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize(
    "name", ["type", "uuid", "isSidechain", "timestamp", "message", "compactMetadata", "cwd"]
)
def test_member_of_another_type_is_absent_and_costs_nothing_else(name, wrong):
    """Each member is judged alone; the others keep their values."""
    good = {"sessionId": "s", "version": "1", "message": {"id": "m", "content": "x"}}
    record = decode_record(json.dumps({**good, name: wrong}).encode())
    assert (record.sessionId, record.version) == ("s", "1")
    if name != "message":
        assert record.message.content == "x"
    expected = getattr(decode_record(b"{}"), name)
    value = getattr(record, name)
    assert value == expected or type(value).__name__ in {
        type(wrong).__name__,
        "Message",
        "CompactMetadata",
    }


@pytest.mark.parametrize("wrong", WRONG)
@pytest.mark.parametrize("name", ["id", "model", "usage", "content", "stop_reason"])
def test_member_of_a_message_is_judged_alone(name, wrong):
    """What is wrong inside a message does not cost the message."""
    message = {
        "id": "m",
        "model": "x",
        "usage": {"input_tokens": 1},
        "content": "c",
        "stop_reason": "s",
    }
    record = decode_record(json.dumps({"message": {**message, name: wrong}}).encode())
    kept = {key for key in message if key != name}
    assert {key for key in kept if getattr(record.message, key) is not None} == kept


def test_usage_keeps_what_is_a_number():
    """Counts that are none are left out, the others stay."""
    usage = {
        "input_tokens": "many",
        "output_tokens": 7,
        "cache_creation": {"ephemeral_5m_input_tokens": None, "ephemeral_1h_input_tokens": 2},
    }
    record = decode_record(json.dumps({"message": {"usage": usage}}).encode())
    assert (record.message.usage.input_tokens, record.message.usage.output_tokens) == (None, 7)
    assert record.message.usage.cache_creation.ephemeral_1h_input_tokens == 2


@pytest.mark.parametrize("value", [b"7", b'"x"', b"[]", b"null", b"true"])
def test_value_that_is_no_object_has_no_member(value):
    """It is a record all the same."""
    assert decode_record(value) == decode_record(b"{}")
    assert decode_look(value) is None


@pytest.mark.parametrize("data", [b"", b"{", b'{"a":1,}', b"{}x", b"{'a':1}"])
def test_what_is_no_json_is_refused(data):
    """The one error is that of the decoder."""
    with pytest.raises(msgspec.DecodeError):
        decode_record(data)


def test_last_of_duplicate_keys_counts():
    """As in every JSON reader that is asked for one."""
    assert decode_record(b'{"uuid":"a","uuid":"b"}').uuid == "b"


contents = (
    st.none()
    | st.text(max_size=5)
    | st.lists(
        st.fixed_dictionaries(
            {"type": st.sampled_from(["text", "tool_use", 7])},
            optional={
                "text": st.text(max_size=3) | st.integers(),
                "name": st.text(max_size=3),
                "is_error": st.booleans() | st.none(),
                "input": st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
            },
        )
        | st.text(max_size=3),
        max_size=4,
    )
)


@given(contents, st.sampled_from(["user", 7, None]))
def test_large_records_are_read_as_small_ones_are(content, kind):
    """The two ways to decode a record give the same."""
    data = json.dumps(
        {"type": kind, "uuid": "u", "message": {"id": "m", "content": content}}
    ).encode()
    small = decode_record(data)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(claude_code_record, "WHOLE_SIZE_MAX_BYTES", 0)
        large = decode_record(data)
    assert msgspec.to_builtins(_plain(small)) == msgspec.to_builtins(_plain(large))


def _plain(record) -> dict:
    found = {name: getattr(record, name) for name in ("type", "uuid")}
    content = record.message.content
    if isinstance(content, list):
        content = [
            [block.type, block.text, block.name, block.is_error, bytes(block.input)]
            for block in content
        ]
        content = [[*rest, json.loads(last or b"null")] for *rest, last in content]
    return {**found, "id": record.message.id, "content": content}


@pytest.mark.parametrize("pad", [0, 2 << 20])
def test_only_the_first_elements_of_content_count(pad):
    """However many there are, and however large the record is."""
    elements = [{"type": "text", "text": str(n)} for n in range(5000)]
    record = decode_record(
        json.dumps({"pad": "x" * pad, "message": {"content": elements}}).encode()
    )
    assert len(record.message.content) == 4096
    assert record.message.content[-1].text == "4095"


def test_blocks_in_either_form():
    """Content is a text or a list; an element that is a text is a text block."""
    assert decode_blocks(b'"x"') == "x"
    assert decode_blocks(b'["x"]') == [Block(type="text", text="x")]
    assert decode_blocks(b"7") is None


def test_texts_and_counts_are_bounded():
    """What is too long or out of range is no id, no name and no count."""
    assert clean_text("") is clean_text("x" * 4097) is None
    assert clean_text("x" * 4096) is not None
    assert clean_count(-1) is clean_count(1 << 53) is clean_count(None) is None
    assert clean_count(0) == 0
