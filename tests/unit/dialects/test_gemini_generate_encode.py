"""Requests written for Gemini's interface: what is carried comes back, the rest is told."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegit.dialects.exchange import Loss, Message, Request
from tapegit.dialects.gemini_generate_encode import encode_request
from tapegit.dialects.gemini_generate_parts import NAME, decode_request
from tapegit.dialects.parts import (
    Attachment,
    Compaction,
    Failure,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Unknown,
)
from tapegit.dialects.wire_table import WIRE_DIALECTS
from tests.wire import FIXTURES

texts = st.text(min_size=1, max_size=20)
images = st.builds(
    Attachment,
    kind=st.just("image"),
    media_type=st.just("image/png"),
    data=st.just("AAAA"),
)
calls = st.builds(
    ToolCall,
    name=texts,
    arguments=st.dictionaries(texts, st.integers() | texts, max_size=2).map(
        lambda value: msgspec.json.encode(value).decode()
    ),
    id=texts,
)
results = st.builds(
    ToolResult,
    text=texts,
    is_error=st.booleans(),
    call_id=texts,
    name=texts,
)
thoughts = st.builds(Thinking, text=texts, is_signed=st.just(True), signature=texts)


def messages(role, *parts):
    """Return messages of a role, each of some of the parts."""
    return st.builds(
        Message,
        role=st.just(role),
        parts=st.lists(st.one_of(*parts), min_size=1, max_size=4).map(tuple),
    )


said = st.builds(Text, text=texts)
conversations = st.lists(
    st.tuples(
        messages("user", said, images),
        messages("assistant", said, thoughts, calls),
        messages("tool", results),
    ),
    max_size=3,
).map(lambda rounds: tuple(message for messages in rounds for message in messages))


@given(conversation=conversations, system=st.lists(said, max_size=2).map(tuple))
@settings(max_examples=60)
def test_what_is_encoded_comes_back(conversation, system):
    """Encoding and decoding gives the same messages, and nothing is lost."""
    request = Request(dialect=NAME, system=system, messages=conversation)

    encoded = encode_request(request)

    assert encoded.losses == ()
    assert decode_request(encoded.body) == request


@pytest.mark.parametrize(
    "path", sorted(FIXTURES.glob("*.request.json")), ids=lambda path: path.name
)
def test_recorded_requests_of_all_dialects_are_carried(path):
    """A recorded request of any dialect keeps its texts, calls and results, in order."""
    dialect = next(
        name
        for name in WIRE_DIALECTS
        if path.name.split("-")[0] in {name.split(".")[0], name.split(".")[1].split("@")[0]}
    )
    request = WIRE_DIALECTS[dialect].decode_request(path.read_bytes())

    encoded = encode_request(request)

    def shape(messages):
        return [
            (type(part), getattr(part, "text", None) or getattr(part, "name", None))
            for message in messages
            for part in message.parts
            if not isinstance(part, Thinking)
        ]

    assert shape(decode_request(encoded.body).messages) == shape(request.messages)
    assert {loss.kind for loss in encoded.losses} <= {"parameter", "thinking"}


LOST = [
    (Message(role="assistant", parts=(Thinking(text="t"),)), "thinking", "t"),
    (Message(role="user", parts=(Text(text="a", signature="s"),)), "signature", "text"),
    (Message(role="user", parts=(Failure(text="e"),)), "error", "e"),
    (Message(role="user", parts=(Compaction(text="c"),)), "compaction", "c"),
    (Message(role="user", parts=(Unknown(type="u", raw="{}"),)), "unknown", "u"),
    (Message(role="user", parts=(Attachment(kind="audio", url="u"),)), "attachment", "audio"),
    (Message(role="tool", parts=(ToolResult(text="r"),)), "tool_result", "r"),
    (Message(role="event", parts=()), "role", "event"),
    (Message(role="assistant", parts=(ToolCall(name="n", arguments="x"),)), "arguments", "n"),
]


@pytest.mark.parametrize(("message", "kind", "detail"), LOST, ids=[row[1] for row in LOST])
def test_what_cannot_be_carried_is_told(message, kind, detail):
    """Each part that the interface has no place for is a loss, with its message."""
    encoded = encode_request(Request(dialect="openai.chat@1", messages=(message,)))

    assert encoded.losses == (Loss(kind=kind, detail=detail, message=1),)


def test_results_in_a_row_are_one_message():
    """Results of parallel calls, also without ids, answer their calls in one message."""
    call, result = ToolCall(name="n", arguments="{}"), ToolResult(text="r")
    request = Request(
        dialect="ollama.chat@1",
        messages=(
            Message(role="assistant", parts=(call, call)),
            Message(role="tool", parts=(result,)),
            Message(role="tool", parts=(result,)),
        ),
    )

    asked, answered = decode_request(encode_request(request).body).messages

    assert [part.name for part in asked.parts] == [part.name for part in answered.parts]
