"""Parts replaced in answers that came as streams."""

from __future__ import annotations

from pathlib import Path

import pytest

from tapegit.dialects.exchange import Response
from tapegit.dialects.parts import Text, Thinking, ToolCall, Unknown
from tapegit.dialects.wire_parts import decode_answer
from tapegit.dialects.wire_table import WIRE_DIALECTS
from tapegit.dialects.writing.answer_editing import is_streamed, replace_in_stream
from tapegit.dialects.writing.editing import is_editable, part_text
from tapegit.dialects.writing.response_encode import encode_response
from tapegit.errors import FormatError, UserError

FIXTURES = Path(__file__).parents[4] / "fixtures" / "wire"
MESSAGES = "anthropic.messages@1"
ANSWER = Response(
    dialect="any",
    id="msg_7",
    model="a-model",
    parts=(
        Text(text="I refund it."),
        ToolCall(id="call_a", name="pay", arguments='{"cents":1500,"is_refund":true}'),
        ToolCall(id="call_b", name="log", arguments='{"to":["ada","bob"]}'),
    ),
)
NEW = 'another "text"\n\u2028 \\ é'


def read(dialect, data):
    """Return what an answer says."""
    return decode_answer(WIRE_DIALECTS[dialect], data)


@pytest.mark.parametrize("dialect", WIRE_DIALECTS)
def test_a_part_of_a_stream_is_replaced_and_no_other(dialect):
    """In every dialect, a text and the arguments of a call; id and model stay."""
    data = encode_response(dialect, ANSWER, is_stream=True)
    before = read(dialect, data)
    for number, text in ((0, NEW), (1, '{"cents": 1600, "is_refund": false}')):
        edited = replace_in_stream(dialect, [data], number, text)
        now = read(dialect, edited.pieces[0])
        assert part_text(now.parts[number]).replace(" ", "") == text.replace(" ", "")
        assert [p for n, p in enumerate(now.parts) if n != number] == [
            p for n, p in enumerate(before.parts) if n != number
        ]
        assert (now.id, now.model, now.stop) == (before.id, before.model, before.stop)
        assert edited.before == part_text(before.parts[number])
        assert number == 0 or b"1500" not in edited.pieces[0]


STREAMS = {
    "anthropic-thinking": "anthropic.messages@1",
    "anthropic-tool-call": "anthropic.messages@1",
    "chat-stream": "openai.chat@1",
    "responses-stream": "openai.responses@1",
    "gemini-stream": "gemini.generate@1",
    "ollama-stream": "ollama.chat@1",
}


@pytest.mark.parametrize(("name", "dialect"), STREAMS.items())
def test_streams_of_real_providers_are_replaced(name, dialect):
    """Each part that can be, in streams that providers sent."""
    data = (FIXTURES / f"{name}.response.stream").read_bytes()
    assert is_streamed(dialect, [data])
    parts = read(dialect, data).parts
    numbers = [number for number, part in enumerate(parts) if is_editable(part)]
    assert numbers
    for number in numbers:
        text = '{"new":1}' if isinstance(parts[number], ToolCall) else NEW
        edited = replace_in_stream(dialect, [data], number, text)
        said = [p for p in read(dialect, edited.pieces[0]).parts if not isinstance(p, Thinking)]
        assert text in [part_text(part) for part in said]
        assert len(said) == sum(not isinstance(part, Thinking) for part in parts)


def test_signed_thinking_goes_and_is_counted():
    """It vouched for other words."""
    thought = Thinking(text="hm", signature="c2ln", is_signed=True)
    answer = Response(dialect=MESSAGES, parts=(thought, Text(text="Yes.")))
    data = encode_response(MESSAGES, answer, is_stream=True)
    edited = replace_in_stream(MESSAGES, [data], 1, "No.")
    assert edited.thinking_count == 1
    assert read(MESSAGES, edited.pieces[0]).parts == (Text(text="No."),)


def test_what_cannot_be_written_anew_is_refused():
    """A part that is not known beside it, one that is not there, arguments that are no JSON."""
    data = encode_response(MESSAGES, ANSWER, is_stream=True)
    strange = data.replace(b'"type":"tool_use"', b'"type":"strange"', 1)
    assert isinstance(read(MESSAGES, strange).parts[1], Unknown)
    with pytest.raises(FormatError, match="cannot be written anew"):
        replace_in_stream(MESSAGES, [strange], 0, "No.")
    with pytest.raises(UserError, match="no part 7"):
        replace_in_stream(MESSAGES, [data], 7, "No.")
    with pytest.raises(UserError, match="must be JSON"):
        replace_in_stream(MESSAGES, [data], 1, "no JSON")


@pytest.mark.parametrize("dialect", WIRE_DIALECTS)
def test_a_whole_answer_is_no_stream(dialect):
    """It is one object, in which a part stands in one place."""
    assert not is_streamed(dialect, [encode_response(dialect, ANSWER, is_stream=False)])
    assert not is_streamed("claude-code@1", [b"data: {}\n\n"])
