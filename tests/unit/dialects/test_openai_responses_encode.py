"""Requests written for OpenAI's Responses interface: what is carried comes back."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegit.dialects.exchange import Loss, Message, Request
from tapegit.dialects.openai_responses_encode import encode_request
from tapegit.dialects.openai_responses_parts import NAME, decode_request
from tapegit.dialects.parts import (
    Attachment,
    Compaction,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Unknown,
)
from tapegit.dialects.wire_table import WIRE_DIALECTS
from tests.wire import FIXTURES, RECORDINGS, recordings

texts = st.text(min_size=1, max_size=20)
said = st.lists(st.builds(Text, text=texts), max_size=3)
images = st.builds(
    Attachment,
    kind=st.sampled_from(["image", "document"]),
    media_type=st.just("image/png"),
    data=st.just("AAAA"),
)
calls = st.lists(st.builds(ToolCall, name=texts, arguments=texts, id=texts), max_size=3)
thoughts = st.lists(
    st.builds(Thinking, text=texts, is_signed=st.just(True), signature=texts), max_size=1
)


def message(role, *parts):
    """Return a strategy for messages of lists of parts, none of them empty."""
    return (
        st.tuples(*parts)
        .map(lambda lists: tuple(part for some in lists for part in some))
        .filter(bool)
        .map(lambda parts: Message(role=role, parts=parts))
    )


results = st.builds(
    ToolResult, text=texts, call_id=texts, attachments=st.lists(images, max_size=2).map(tuple)
)
conversations = st.lists(
    st.tuples(
        message("user", said, st.lists(images, max_size=2)),
        message("assistant", thoughts, said, calls),
        message("tool", results.map(lambda result: [result])),
    ),
    max_size=3,
).map(lambda rounds: tuple(message for messages in rounds for message in messages))


@given(conversation=conversations, system=said.map(lambda some: tuple(some[:1])))
@settings(max_examples=60)
def test_what_is_encoded_comes_back(conversation, system):
    """Encoding and decoding gives the same messages, and nothing is lost."""
    request = Request(dialect=NAME, model="m", system=system, messages=conversation)

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

    again = decode_request(encode_request(request).body)

    def shape(messages):
        return [
            (type(part), getattr(part, "text", None) or getattr(part, "name", None))
            for message in messages
            for part in message.parts
            if not isinstance(part, Thinking)
        ]

    assert shape(again.messages) == shape(request.messages)


@pytest.mark.skipif(not RECORDINGS.exists(), reason="needs ../shared/data/anthropic-wire")
def test_recorded_session_of_another_provider_is_carried():
    """Of a real session nothing is lost but thoughts, signatures, failures and settings."""
    for body, _ in recordings():
        request = decode_anthropic(body)
        encoded = encode_request(request)
        assert {loss.kind for loss in encoded.losses} <= {"thinking", "parameter", "is_error"}
        again = decode_request(encoded.body)
        count = sum(isinstance(p, ToolCall) for m in request.messages for p in m.parts)
        assert sum(isinstance(p, ToolCall) for m in again.messages for p in m.parts) == count
        assert len(again.tools) == len(request.tools)


def decode_anthropic(body):
    """Return a request of Anthropic's interface."""
    return WIRE_DIALECTS["anthropic.messages@1"].decode_request(body)


LOST = [
    (Message(role="assistant", parts=(Thinking(text="t"),)), "thinking", "t"),
    (Message(role="user", parts=(Unknown(type="u", raw="{}"),)), "unknown", "u"),
    (Message(role="user", parts=(Attachment(kind="audio", data="A"),)), "attachment", "audio"),
    (Message(role="user", parts=(Attachment(kind="image", url="file:f"),)), "attachment", "image"),
    (Message(role="tool", parts=(ToolResult(text="r"),)), "tool_result", "r"),
    (
        Message(role="tool", parts=(ToolResult(text="r", call_id="i", is_error=True),)),
        "is_error",
        "i",
    ),
    (Message(role="event", parts=(Compaction(text="c"),)), "compaction", "c"),
]


@pytest.mark.parametrize(("message", "kind", "detail"), LOST)
def test_what_cannot_be_carried_is_told(message, kind, detail):
    """Each part that the interface has no place for is a loss, with its message."""
    encoded = encode_request(Request(dialect="gemini.generate@1", messages=(message,)))

    assert encoded.losses == (Loss(kind=kind, detail=detail, message=1),)
