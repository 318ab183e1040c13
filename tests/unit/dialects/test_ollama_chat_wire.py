"""Ollama's interface: what real bodies and streams say."""

from __future__ import annotations

import json

import pytest

from tapegit.dialects.ollama_chat.parts import (
    NAME,
    decode_message,
    decode_request,
    decode_response,
)
from tapegit.dialects.parts import (
    Attachment,
    Failure,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Unknown,
)
from tapegit.dialects.wire_table import WIRE_DIALECTS
from tapegit.objects.turn import Usage
from tests.vectors.vector import read_man_examples
from tests.wire import FIXTURES

decode_stream = WIRE_DIALECTS[NAME].decode_stream


def test_request_is_read_in_full():
    """A call without an id and its result are there, and so is the model."""
    request = decode_request((FIXTURES / "ollama-tool.request.json").read_bytes())

    assert request.model == "llama3.1"
    assert [message.parts for message in request.messages] == [
        (ToolCall(name="get_current_weather", arguments='{"location": "San Francisco"}'),),
        (ToolResult(text="The weather in San Francisco is 70 degrees and sunny."),),
    ]
    assert request.parameters["stream"] == "false"


def test_example_of_the_page_is_what_it_says():
    """The bytes in tapesdialect-ollama-chat(7) decode to what its text says of them."""
    [body] = read_man_examples("tapesdialect-ollama-chat.7.md")

    assert body == (FIXTURES / "ollama-tool.request.json").read_bytes()


def test_stream_says_what_a_body_says():
    """Pieces are joined, and the last line has the reason to stop and the usage."""
    stream = decode_stream((FIXTURES / "ollama-stream.response.stream").read_bytes())
    whole = decode_response((FIXTURES / "ollama-tool.response.json").read_bytes())

    assert [type(part) for part in stream.parts] == [Text] == [type(part) for part in whole.parts]
    assert stream.parts[0].text.startswith("Why did the OpenTelemetry")
    assert stream.is_complete
    assert whole.stop == "stop"
    assert whole.usage == Usage(input=44, output=113)


def test_generated_text_is_an_answer():
    """`/api/generate` takes a prompt for a message, and gives a text."""
    request = decode_request((FIXTURES / "ollama-generate.request.json").read_bytes())
    response = decode_response((FIXTURES / "ollama-generate.response.json").read_bytes())

    assert request.messages[0].parts == (Text(text="Tell me a joke about OpenTelemetry"),)
    assert response.parts[0].text.startswith("A niche topic!")


MESSAGES = [
    (
        {"role": "user", "content": "a", "images": ["AA"]},
        (Text(text="a"), Attachment(kind="image", data="AA")),
    ),
    ({"role": "assistant", "content": "", "thinking": "t"}, (Thinking(text="t"),)),
    (
        {"role": "tool", "content": "x", "tool_name": "n"},
        (ToolResult(text="x", name="n"),),
    ),
    (
        {"role": "assistant", "tool_calls": [{"odd": 1}]},
        (Unknown(type="tool_call", raw='{"odd": 1}'),),
    ),
]


@pytest.mark.parametrize(("message", "parts"), MESSAGES, ids=lambda value: str(value)[:50])
def test_message_is_its_parts(message, parts):
    """Each member has its part, and what is not known is kept."""
    assert decode_message(json.dumps(message).encode()).parts == parts


def test_errors_and_strange_lines_are_parts():
    """An error in a stream is one, and a line not known, not JSON or cut off is kept."""
    body = b'{"error":"no model"}\n{"odd":1}\n{]\n{"message":{"content":"a"}}\n{"mess'

    assert decode_stream(body).parts == (
        Text(text="a"),
        Failure(text="no model"),
        Unknown(type="line", raw='{"odd":1}'),
        Unknown(type="not JSON", raw="{]"),
        Unknown(type="cut off", raw='{"mess'),
    )
