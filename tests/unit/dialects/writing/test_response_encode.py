"""Answers made from parts: a body of any dialect that its own decoder reads back."""

from __future__ import annotations

import pytest

from tapegit.dialects.exchange import Response
from tapegit.dialects.parts import Text, Thinking, ToolCall
from tapegit.dialects.wire_parts import decode_answer
from tapegit.dialects.wire_table import WIRE_DIALECTS
from tapegit.dialects.writing.response_encode import content_type, encode_response
from tapegit.objects.turn import Usage

ANSWER = Response(
    dialect="any",
    id="msg_7",
    model="a-model",
    parts=(
        Text(text='It says "hé"\n'),
        ToolCall(id="call_a", name="bash", arguments='{"command":"ls -l","n":[1,2]}'),
        ToolCall(id="call_b", name="read", arguments="{}"),
    ),
    usage=Usage(input=7, output=3),
)


def said(response: Response) -> list[tuple[str, ...]]:
    """Return what an answer says, without what a dialect has no place for."""
    found: list[tuple[str, ...]] = []
    for part in response.parts:
        if isinstance(part, Text):
            found.append(("text", part.text))
        elif isinstance(part, ToolCall):
            found.append(("call", part.name, part.arguments.replace(" ", "")))
    return found


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("dialect", WIRE_DIALECTS)
def test_answer_is_read_back(dialect, is_stream):
    """Texts and calls come back as they were, in whole bodies and in streams."""
    body = encode_response(dialect, ANSWER, is_stream=is_stream)
    read = decode_answer(WIRE_DIALECTS[dialect], body)
    assert said(read) == [
        (k, *(each.replace("ls -l", "ls-l") for each in rest)) if k == "call" else (k, *rest)
        for k, *rest in said(ANSWER)
    ]
    assert read.is_complete
    assert read.model == "a-model"
    assert read.usage is not None
    assert (read.usage.input, read.usage.output) == (7, 3)
    if dialect != "ollama.chat@1":
        assert read.id == "msg_7"


@pytest.mark.parametrize("dialect", WIRE_DIALECTS)
def test_answer_without_ids_can_be_read(dialect):
    """Where the turn states nothing, calls have ids all the same, and the same each time."""
    answer = Response(dialect="any", parts=(ToolCall(name="bash", arguments="not JSON"),))
    body = encode_response(dialect, answer, is_stream=True)
    read = decode_answer(WIRE_DIALECTS[dialect], body)
    (call,) = (part for part in read.parts if isinstance(part, ToolCall))
    assert call.name == "bash"
    assert body == encode_response(dialect, answer, is_stream=True)


def test_thoughts_are_sent_where_they_are_signed():
    """A thought without its signature cannot be sent back by a client, so it is not served."""
    parts = (Thinking(text="hm", signature="s"), Thinking(text="unsigned"), Text(text="a"))
    body = encode_response(
        "anthropic.messages@1", Response(dialect="any", parts=parts), is_stream=True
    )
    read = decode_answer(WIRE_DIALECTS["anthropic.messages@1"], body)
    assert [type(part).__name__ for part in read.parts] == ["Thinking", "Text"]


def test_content_types():
    """A client knows by the type what it gets."""
    assert content_type("openai.chat@1", is_stream=True) == "text/event-stream"
    assert content_type("ollama.chat@1", is_stream=True) == "application/x-ndjson"
    assert content_type("ollama.chat@1", is_stream=False) == "application/json"
