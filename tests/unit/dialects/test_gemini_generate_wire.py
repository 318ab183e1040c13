"""Gemini's generateContent interface: what real bodies and streams say."""

from __future__ import annotations

import json

import pytest

from tapegit.dialects.gemini_generate.parts import (
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
from tests.wire import FIXTURES, SHARED

decode_stream = WIRE_DIALECTS[NAME].decode_stream

SCRIPTS = SHARED / "data" / "gemini-cli-fake-responses"


def test_request_is_read_in_full():
    """A call, its result that is an error, the tools and the system prompt are all there."""
    request = decode_request((FIXTURES / "gemini-tool-result.request.json").read_bytes())

    assert request.system == (Text(text="You are a helpful chatbot."),)
    assert [message.role for message in request.messages] == ["user", "assistant", "tool"]
    [call], [result] = request.messages[1].parts, request.messages[2].parts
    assert (call.name, result.call_id, result.name) == ("get_capital", call.id, "get_capital")
    assert result.is_error
    assert result.text.startswith("The country is not supported.")
    assert [tool.name for tool in request.tools] == ["get_capital"]
    assert request.tools[0].parameters is not None


def test_whole_response_is_read():
    """A call comes with its signature; thoughts are counted as output."""
    response = decode_response((FIXTURES / "gemini-tool-call.response.json").read_bytes())

    [call] = response.parts
    assert call.arguments == '{"country": "France"}'
    assert call.signature.startswith("CpYEAXLI")
    assert response.id == "g5YoaezOBeyrqtsPwYqL2Q8"
    assert response.usage == Usage(input=57, output=139, reasoning=124)


def test_stream_is_read():
    """Texts that follow one another are one part; the last usage counts."""
    response = decode_stream((FIXTURES / "gemini-stream.response.stream").read_bytes())

    assert response.parts == (Text(text="\n".join(str(n) for n in range(1, 31))),)
    assert response.stop == "STOP"
    assert response.is_complete
    assert response.usage == Usage(input=18, output=115, reasoning=35)


def test_example_of_the_page_is_what_it_says():
    """The bytes in tapesdialect-gemini-generate(7) decode to what its text says of them."""
    [body] = read_man_examples("tapesdialect-gemini-generate.7.md")

    assert body == (FIXTURES / "gemini-stream.response.stream").read_bytes()


def test_array_is_a_stream():
    """Without `alt=sse` a stream is an array of the same bodies, also where it is cut."""
    body = (FIXTURES / "gemini-stream.response.stream").read_bytes()
    events = [event.removeprefix(b"data: ") for event in body.split(b"\r\n\r\n")[:-1]]
    array = b"[" + b"\r\n,\r\n".join(events) + b"]"

    assert decode_stream(array) == decode_stream(body)
    cut = decode_stream(array[:-100])
    assert not cut.is_complete
    assert [type(part) for part in cut.parts] == [Text, Unknown]


PARTS = [
    ({"text": "a", "thoughtSignature": "s"}, Text(text="a", signature="s")),
    ({"text": "a", "thought": True}, Thinking(text="a")),
    (
        {"inlineData": {"mimeType": "image/png", "data": "AA"}},
        Attachment(kind="image", media_type="image/png", data="AA"),
    ),
    (
        {"file_data": {"mime_type": "application/pdf", "file_uri": "u"}},
        Attachment(kind="document", media_type="application/pdf", url="u"),
    ),
    ({"functionCall": {"name": "n"}}, ToolCall(name="n", arguments="{}")),
    (
        {"functionResponse": {"name": "n", "response": {"output": "x"}}},
        ToolResult(text="x", name="n"),
    ),
    (
        {"functionResponse": {"name": "n", "response": {"a": 1}}},
        ToolResult(text='{"a": 1}', name="n"),
    ),
    (
        {"executableCode": {"code": "1"}},
        ToolCall(name="code_execution", arguments='{"code": "1"}'),
    ),
    (
        {"codeExecutionResult": {"outcome": "OUTCOME_FAILED", "output": "x"}},
        ToolResult(text="x", is_error=True, name="code_execution"),
    ),
    ({"odd": 1}, Unknown(type="odd", raw='{"odd": 1}')),
]


@pytest.mark.parametrize(("part", "expected"), PARTS, ids=lambda value: str(value)[:40])
def test_part_is_its_part(part, expected):
    """Each kind of part has its part, and what is not known is kept."""
    message = decode_message(json.dumps({"role": "model", "parts": [part]}).encode())

    assert message.role == ("assistant")
    assert message.parts == (expected,)


def test_blocked_prompt_and_errors_are_failures():
    """An answer that did not come says why."""
    blocked = decode_response(b'{"promptFeedback":{"blockReason":"SAFETY"}}')
    failed = decode_response(b'{"error":{"code":503,"message":"busy","status":"UNAVAILABLE"}}')

    assert blocked.parts == (Failure(text="blocked: SAFETY"),)
    assert failed.parts == (Failure(text="UNAVAILABLE: busy"),)


@pytest.mark.skipif(not SCRIPTS.exists(), reason="needs ../shared/data/gemini-cli-fake-responses")
def test_scripted_streams_are_understood():
    """Every scripted answer of the client's own tests is read, and no part is unknown."""
    count = 0
    for path in sorted(SCRIPTS.rglob("*.responses")):
        for line in path.read_bytes().splitlines():
            script = json.loads(line)
            if script["method"] != "generateContentStream":
                continue
            events = [json.dumps(event) for event in script["response"]]
            body = "".join(f"data: {event}\r\n\r\n" for event in events).encode()
            assert not [p for p in decode_stream(body).parts if isinstance(p, Unknown)], path.name
            count += 1
    assert count > 100
