"""Requests written for Ollama's interface: what is carried comes back, the rest is told."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegit.dialects.exchange import Loss, Message, Request
from tapegit.dialects.ollama_chat import NAME, decode_request
from tapegit.dialects.ollama_encode import encode_request
from tapegit.dialects.parts import Attachment, Text, Thinking, ToolCall, ToolResult, Unknown

texts = st.text(min_size=1, max_size=20)
said = st.lists(st.builds(Text, text=texts), max_size=1)
images = st.builds(
    Attachment,
    kind=st.just("image"),
    data=st.just("AAAA"),
)
calls = st.lists(st.builds(ToolCall, name=texts, arguments=st.just("{}"), id=texts), max_size=3)
thoughts = st.lists(st.builds(Thinking, text=texts), max_size=1)


def message(role, *parts):
    """Return a strategy for messages of lists of parts, none of them empty."""
    return (
        st.tuples(*parts)
        .map(lambda lists: tuple(part for some in lists for part in some))
        .filter(bool)
        .map(lambda parts: Message(role=role, parts=parts))
    )


conversations = st.lists(
    st.one_of(
        message("user", said, st.lists(images, max_size=2)),
        message("assistant", thoughts, said, calls),
        message("tool", st.builds(ToolResult, text=texts, call_id=texts).map(lambda r: [r])),
    ),
    max_size=6,
).map(tuple)


@given(conversation=conversations, system=said.map(tuple))
@settings(max_examples=60)
def test_what_is_encoded_comes_back(conversation, system):
    """Encoding and decoding gives the same messages, and nothing is lost."""
    request = Request(dialect=NAME, model="m", system=system, messages=conversation)

    encoded = encode_request(request)

    assert encoded.losses == ()
    assert decode_request(encoded.body) == request


LOST = [
    (Message(role="assistant", parts=(Thinking(text="t"),)), "thinking", "t"),
    (Message(role="user", parts=(Unknown(type="u", raw="{}"),)), "unknown", "u"),
    (Message(role="user", parts=(Attachment(kind="audio", data="A"),)), "attachment", "audio"),
    (Message(role="user", parts=(Attachment(kind="image", url="file:f"),)), "attachment", "image"),
    (
        Message(role="tool", parts=(ToolResult(text="r", call_id="i", is_error=True),)),
        "is_error",
        "i",
    ),
    (Message(role="event", parts=()), "role", "event"),
]


@pytest.mark.parametrize(("message", "kind", "detail"), LOST)
def test_what_cannot_be_carried_is_told(message, kind, detail):
    """Each part that the interface has no place for is a loss, with its message."""
    encoded = encode_request(Request(dialect="gemini.generate@1", messages=(message,)))

    assert encoded.losses == (Loss(kind=kind, detail=detail, message=1),)
