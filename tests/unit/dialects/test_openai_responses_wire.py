"""OpenAI's Responses interface: what real bodies and streams say."""

from __future__ import annotations

import json

import pytest

from tapegit.dialects.openai_responses.parts import (
    NAME,
    decode_message,
    decode_request,
    decode_response,
)
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
from tapegit.objects.turn import Usage
from tests.vectors.vector import read_man_examples
from tests.wire import FIXTURES, WIRE, exchanges

decode_stream = WIRE_DIALECTS[NAME].decode_stream

CALL = ToolCall(
    name="get_weather", arguments='{"city":"London"}', id="call_B8tgP9l0UOJj9DF47eAb54Om"
)


def events(*events):
    """Return a stream of events."""
    return b"".join(f"data: {json.dumps(event)}\n\n".encode() for event in events)


def test_request_is_read_in_full():
    """A call and its result are those of the response that asked for it."""
    request = decode_request((FIXTURES / "responses-tool-result.request.json").read_bytes())
    response = decode_response((FIXTURES / "responses-tool-call.response.json").read_bytes())

    assert request.system == (
        Text(text="You get the weather for a city using the get_weather tool."),
    )
    assert [message.role for message in request.messages] == ["user", "assistant", "tool"]
    assert request.messages[1].parts == (CALL,) == response.parts
    assert request.messages[2].parts[0].call_id == CALL.id
    assert response.stop == "completed"
    assert response.is_complete


def test_example_of_the_page_is_what_it_says():
    """The bytes in tapesdialect-openai-responses(7) decode to what its text says of them."""
    [body] = read_man_examples("tapesdialect-openai-responses.7.md")

    assert body == (FIXTURES / "responses-tool-result.request.json").read_bytes()


ITEMS = [
    ({"role": "user", "content": "a"}, "user", (Text(text="a"),)),
    (
        {"type": "message", "role": "developer", "content": [{"type": "input_text", "text": "a"}]},
        "system",
        (Text(text="a"),),
    ),
    (
        {
            "role": "user",
            "content": [
                {"type": "input_image", "image_url": "data:image/png;base64,AA"},
                {"type": "input_file", "file_id": "f"},
                {"type": "odd"},
            ],
        },
        "user",
        (
            Attachment(kind="image", media_type="image/png", data="AA"),
            Attachment(kind="document", url="file:f"),
            Unknown(type="odd", raw='{"type": "odd"}'),
        ),
    ),
    (
        {
            "type": "reasoning",
            "summary": [{"type": "summary_text", "text": "a"}],
            "encrypted_content": "e",
        },
        "assistant",
        (Thinking(text="a", is_signed=True, signature="e"),),
    ),
    (
        {"type": "custom_tool_call", "call_id": "i", "name": "n", "input": "x"},
        "assistant",
        (ToolCall(name="n", arguments="x", id="i"),),
    ),
    (
        {"type": "local_shell_call", "call_id": "i", "action": {"a": 1}},
        "assistant",
        (ToolCall(name="local_shell", arguments='{"a": 1}', id="i"),),
    ),
    (
        {"type": "mcp_call", "id": "i", "name": "n", "arguments": "{}", "output": "o"},
        "assistant",
        (ToolCall(name="n", arguments="{}", id="i"), ToolResult(text="o", call_id="i")),
    ),
    (
        {"type": "web_search_call", "id": "i", "action": {"q": 1}, "status": "completed"},
        "assistant",
        (
            ToolCall(name="web_search", arguments='{"q": 1}', id="i"),
            ToolResult(text="completed", call_id="i"),
        ),
    ),
    (
        {"type": "function_call_output", "call_id": "i", "output": "x"},
        "tool",
        (ToolResult(text="x", call_id="i"),),
    ),
    ({"type": "compaction", "encrypted_content": "e"}, "event", (Compaction(text=""),)),
    (
        {"type": "item_reference", "id": "i"},
        "event",
        (Unknown(type="item_reference", raw='{"type": "item_reference", "id": "i"}'),),
    ),
]


@pytest.mark.parametrize(("item", "role", "parts"), ITEMS, ids=lambda value: str(value)[:40])
def test_item_is_its_parts(item, role, parts):
    """Each kind of item has its role and its parts, and what is not known is kept."""
    message = decode_message(json.dumps(item).encode())

    assert (message.role, message.parts) == (role, parts)


def test_items_of_the_model_are_one_message():
    """What the model said in a row is one message; each result is one of its own."""
    reasoning = {"type": "reasoning", "summary": []}
    call = {"type": "function_call", "call_id": "i", "name": "n", "arguments": "{}"}
    result = {"type": "function_call_output", "call_id": "i", "output": "x"}
    body = {"input": [reasoning, call, call, result, result], "previous_response_id": "resp_1"}

    request = decode_request(json.dumps(body).encode())

    assert [(m.role, len(m.parts)) for m in request.messages] == [
        ("assistant", 3),
        ("tool", 1),
        ("tool", 1),
    ]
    assert request.previous == "resp_1"


def test_input_may_be_a_string():
    """A string is a message of the user."""
    assert decode_request(b'{"input":"hi"}').messages[0].parts == (Text(text="hi"),)


STREAM = [
    {"type": "response.created", "response": {"id": "r", "model": "m", "status": "in_progress"}},
    {"type": "response.output_item.added", "output_index": 0, "item": {"type": "reasoning"}},
    {
        "type": "response.reasoning_summary_text.delta",
        "output_index": 0,
        "summary_index": 0,
        "delta": "why",
    },
    {
        "type": "response.output_item.added",
        "output_index": 1,
        "item": {"type": "function_call", "call_id": "i", "name": "n", "arguments": ""},
    },
    {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": '{"a'},
    {"type": "response.output_text.delta", "output_index": 2, "delta": "x"},
    {"type": "response.output_text.delta", "output_index": 2, "content_index": 1, "delta": "y"},
    {"type": "response.function_call_arguments.delta", "output_index": 1, "delta": '":1}'},
]


def test_cut_stream_gives_what_its_deltas_said():
    """Items that are not done are given as far as they came, kept apart by their index."""
    response = decode_stream(events(*STREAM))

    assert response.id == "r"
    assert not response.is_complete
    assert response.parts == (
        Thinking(text="why"),
        ToolCall(name="n", arguments='{"a":1}', id="i"),
        Text(text="x"),
        Text(text="y"),
    )


def test_end_of_an_item_counts():
    """What an item's end says replaces what its deltas said; the last object has the rest."""
    item = {"type": "message", "role": "assistant", "content": "z"}
    cache = {"cached_tokens": 4, "cache_write_tokens": 2}
    usage = {"input_tokens": 9, "input_tokens_details": cache, "output_tokens": 2}
    end = {"id": "r", "status": "incomplete", "usage": usage}
    end["incomplete_details"] = {"reason": "max_output_tokens"}
    response = decode_stream(
        events(
            *STREAM[:1],
            {"type": "response.output_text.delta", "output_index": 0, "delta": "x"},
            {"type": "response.output_item.done", "output_index": 0, "item": item},
            {"type": "response.incomplete", "response": end},
        )
    )

    assert response.parts == (Text(text="z"),)
    assert response.stop == "max_output_tokens"
    assert response.usage == Usage(input=3, cache_read=4, cache_write_5m=2, output=2)
    assert response.is_complete


def test_errors_and_strange_events_are_parts():
    """An error in a stream is one, also that of a failed response; what is not known is kept."""
    failed = {"id": "r", "status": "failed", "error": {"code": "server_error", "message": "bad"}}
    body = events(
        {"type": "error", "code": "rate_limit", "message": "slow down"},
        {"type": "odd"},
        {"type": "response.web_search_call.searching"},
        {"type": "response.failed", "response": failed},
    )

    assert decode_stream(body).parts == (
        Failure(text="rate_limit: slow down"),
        Unknown(type="odd", raw='{"type": "odd"}'),
        Failure(text="server_error: bad"),
    )


@pytest.mark.skipif(not WIRE.exists(), reason="needs ../shared/wire")
@pytest.mark.parametrize(("folder", "count", "chained"), [("codex", 3, 0), ("sdk-openai", 6, 2)])
def test_clients_are_understood(folder, count, chained):
    """Every call of every recorded client is read whole, chained by the id before it or not."""
    ids = []
    for request, response in exchanges(folder):
        if "/responses" not in request.line:
            continue
        asked = decode_request(request.body)
        is_stream = "event-stream" in response.headers["content-type"]
        read = (decode_stream if is_stream else decode_response)(response.body)
        assert read.is_complete
        assert not [part for part in read.parts if isinstance(part, Unknown)]
        assert asked.previous in {None, *ids}
        chained -= asked.previous is not None
        ids.append(read.id)
    assert (len(ids), chained) == (count, 0)
