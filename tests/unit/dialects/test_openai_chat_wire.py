"""OpenAI's Chat Completions interface: what real bodies and streams say."""

from __future__ import annotations

import json

import pytest

from tapegit.dialects.openai_chat.parts import (
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
from tests.wire import FIXTURES, WIRE, exchanges

decode_stream = WIRE_DIALECTS[NAME].decode_stream

CALL = ToolCall(name="add_numbers", arguments='{"a":5,"b":7}', id="call_K1e5DeMhf00qONjSQD0B4h9C")


def chunks(*deltas, **more):
    """Return a stream of deltas of the first choice."""
    events = [{"id": "c", "model": "m", "choices": [{"index": 0, "delta": d}]} for d in deltas]
    events += [more] if more else []
    return b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in events)


def test_request_is_read_in_full():
    """A call and its result are those of the response that asked for it."""
    request = decode_request((FIXTURES / "chat-tool-result.request.json").read_bytes())
    response = decode_response((FIXTURES / "chat-tool-call.response.json").read_bytes())

    assert request.model == "gpt-4o-mini"
    assert [message.role for message in request.messages] == ["user", "assistant", "tool"]
    assert request.messages[1].parts == (CALL,) == response.parts
    assert request.messages[2].parts == (ToolResult(text="12", call_id=CALL.id),)
    assert [tool.name for tool in request.tools] == ["add_numbers"]
    assert response.stop == "tool_calls"
    assert response.usage is not None
    assert response.usage.input == 52


def test_leading_system_messages_are_the_system_prompt():
    """What a developer says first is no message of the conversation."""
    request = decode_request((FIXTURES / "chat-stream.request.json").read_bytes())

    assert request.system == (Text(text="A streaming test agent"),)
    assert [message.role for message in request.messages] == ["user"]
    assert request.parameters["stream"] == "true"


def test_stream_is_read():
    """A recorded stream gives its text, its reason to stop and its usage."""
    response = decode_stream((FIXTURES / "chat-stream.response.stream").read_bytes())

    assert response.id == "chatcmpl-ChZNa5AVXUvGOZAleY7FgQlVr6bxn"
    assert response.stop == "stop"
    assert response.is_complete
    assert [type(part) for part in response.parts] == [Text]
    assert response.usage is not None


def test_example_of_the_page_is_what_it_says():
    """The bytes in tapesdialect-openai-chat(7) decode to what its text says of them."""
    [body] = read_man_examples("tapesdialect-openai-chat.7.md")

    request = decode_request(body)

    assert body == (FIXTURES / "chat-tool-result.request.json").read_bytes()
    assert [len(message.parts) for message in request.messages] == [1, 1, 1]


MESSAGES = [
    ({"role": "user", "content": "a"}, (Text(text="a"),)),
    ({"role": "user", "content": [{"type": "text", "text": "a"}]}, (Text(text="a"),)),
    (
        {
            "role": "user",
            "content": [{"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}],
        },
        (Attachment(kind="image", media_type="image/png", data="AA"),),
    ),
    (
        {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x"}}]},
        (Attachment(kind="image", url="https://x"),),
    ),
    (
        {"role": "user", "content": [{"type": "file", "file": {"file_id": "f"}}]},
        (Attachment(kind="document", url="file:f"),),
    ),
    (
        {"role": "user", "content": [{"type": "odd"}]},
        (Unknown(type="odd", raw='{"type": "odd"}'),),
    ),
    (
        {"role": "assistant", "content": None, "reasoning_content": "t", "refusal": "no"},
        (Thinking(text="t"), Text(text="no", is_refusal=True)),
    ),
    (
        {"role": "assistant", "function_call": {"name": "n", "arguments": "{}"}},
        (ToolCall(name="n", arguments="{}"),),
    ),
    (
        {"role": "assistant", "tool_calls": [{"id": "i", "type": "odd"}]},
        (Unknown(type="tool_call/odd", raw='{"id": "i", "type": "odd"}'),),
    ),
    (
        {"role": "tool", "tool_call_id": "i", "content": [{"type": "text", "text": "x"}]},
        (ToolResult(text="x", call_id="i"),),
    ),
]


@pytest.mark.parametrize(("message", "parts"), MESSAGES, ids=lambda value: str(value)[:50])
def test_message_is_its_parts(message, parts):
    """Each kind of content has its part, and what is not known is kept."""
    assert decode_message(json.dumps(message).encode()).parts == parts


def test_parallel_calls_are_kept_apart():
    """Pieces of calls go to the call of their index; another id at one index is another call."""

    def call(index, arguments, **more):
        function = {"arguments": arguments, **more.pop("function", {})}
        return {"tool_calls": [{"index": index, "function": function, **more}]}

    body = chunks(
        call(0, "", id="a", function={"name": "x"}),
        call(1, '{"q"', id="b", function={"name": "y"}),
        call(0, "[1]"),
        call(1, ":2}"),
        call(0, "{}", id="c", function={"name": "z"}),
    )

    assert decode_stream(body).parts == (
        ToolCall(name="x", arguments="[1]", id="a"),
        ToolCall(name="y", arguments='{"q":2}', id="b"),
        ToolCall(name="z", arguments="{}", id="c"),
    )


def test_strange_chunks_are_parts():
    """An error in a stream is one; comments say nothing; other choices and data are kept."""
    body = b": KEEP ALIVE\n\n" + chunks({"content": "a"}, error={"code": 502, "message": "bad"})
    body += b'data: {"choices":[{"index":1,"delta":{}}]}\n\ndata: {"odd":1}\n\n'

    response = decode_stream(body)

    assert response.parts == (
        Text(text="a"),
        Failure(text="502: bad"),
        Unknown(type="choice", raw='{"index":1,"delta":{}}'),
        Unknown(type="event", raw='{"odd":1}'),
    )
    assert not response.is_complete


def test_cached_tokens_are_not_counted_as_input():
    """What came from a cache, or went there, is part of `prompt_tokens`, and is taken out."""
    usage = {
        "prompt_tokens": 10,
        "completion_tokens": 5,
        "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 3},
        "completion_tokens_details": {"reasoning_tokens": 2},
    }

    read = decode_response(json.dumps({"choices": [], "usage": usage}).encode()).usage

    assert read == Usage(input=3, output=5, cache_read=4, cache_write_5m=3, reasoning=2)


@pytest.mark.skipif(not WIRE.exists(), reason="needs ../shared/wire")
def test_client_is_understood():
    """Each call of a recorded client is read whole, as a stream and as a body."""
    count = 0
    for request, response in exchanges("sdk-openai"):
        if "/chat/completions" in request.line:
            assert decode_request(request.body).model == "gpt-5"
            is_stream = "event-stream" in response.headers["content-type"]
            read = (decode_stream if is_stream else decode_response)(response.body)
            assert read.is_complete
            assert not [part for part in read.parts if isinstance(part, Unknown)]
            count += 1
    assert count == 6
