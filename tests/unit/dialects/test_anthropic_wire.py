"""Anthropic's Messages interface: what real bodies and streams say."""

from __future__ import annotations

import json

import pytest

from tapegit.dialects.anthropic_messages.parts import (
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
from tests.wire import FIXTURES, RECORDINGS, WIRE, exchanges, recordings

decode_stream = WIRE_DIALECTS[NAME].decode_stream


def message(*blocks, role="user"):
    """Return the parts of a message of blocks."""
    body = json.dumps({"role": role, "content": list(blocks)}).encode()
    return decode_message(body).parts


def events(*events):
    """Return a stream of events."""
    return b"".join(
        f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in events
    )


def test_request_is_read_in_full():
    """Messages, tools, model and parameters of a recorded request are all there."""
    request = decode_request((FIXTURES / "anthropic-thinking.request.json").read_bytes())

    assert request.model == "claude-haiku-4-5-20251001"
    assert [message.role for message in request.messages] == ["user", "assistant", "tool"]
    thinking, call = request.messages[1].parts
    assert isinstance(thinking, Thinking)
    assert thinking.signature.startswith("EoQDCm0I")
    assert call.name == "fixed_version"
    assert request.messages[2].parts[0].call_id == call.id
    assert [tool.name for tool in request.tools] == ["fixed_version"]
    assert request.parameters["max_tokens"] == "64000"
    assert "messages" not in request.parameters


def test_streamed_call_is_read():
    """A call comes out of a recorded stream with its id, its arguments and its usage."""
    body = (FIXTURES / "anthropic-tool-call.response.stream").read_bytes()
    response = decode_stream(body)

    assert response.id == "msg_01BnVamfF7ccY9Qt3nZHAyaG"
    assert response.stop == "tool_use"
    assert response.is_complete
    assert response.parts == (
        ToolCall(
            name="pelican_name_generator", arguments="{}", id="toolu_01CzN6riCPqw4pVSuTd9Dwn7"
        ),
    )
    assert response.usage == Usage(
        input=543, output=40, cache_read=0, cache_write_5m=0, cache_write_1h=0
    )


def test_example_of_the_page_is_what_it_says():
    """The bytes in tapesdialect-anthropic-messages(7) decode to what its text says of them."""
    [body] = read_man_examples("tapesdialect-anthropic-messages.7.md")

    assert body == (FIXTURES / "anthropic-tool-call.response.stream").read_bytes()


def test_whole_response_is_read():
    """A body that is no stream says the same things."""
    response = decode_response((FIXTURES / "anthropic-whole.response.json").read_bytes())

    assert response.stop == "end_turn"
    assert [type(part) for part in response.parts] == [Text]
    assert response.usage is not None


BLOCKS = [
    ({"type": "text", "text": "a", "cache_control": {}}, Text(text="a")),
    (
        {"type": "thinking", "thinking": "t", "signature": "s"},
        Thinking(text="t", is_signed=True, signature="s"),
    ),
    (
        {"type": "redacted_thinking", "data": "d"},
        Thinking(text="", is_redacted=True, signature="d"),
    ),
    (
        {"type": "tool_use", "id": "i", "name": "n", "input": {"a": 1}},
        ToolCall(name="n", arguments='{"a": 1}', id="i"),
    ),
    (
        {"type": "tool_result", "tool_use_id": "i", "content": "x", "is_error": True},
        ToolResult(text="x", is_error=True, call_id="i"),
    ),
    (
        {
            "type": "tool_result",
            "tool_use_id": "i",
            "content": [
                {"type": "text", "text": "x"},
                {"type": "image", "source": {"media_type": "image/png", "data": "AA"}},
                {"type": "odd"},
            ],
        },
        ToolResult(
            text='x\n{"type": "odd"}',
            call_id="i",
            attachments=(Attachment(kind="image", media_type="image/png", data="AA"),),
        ),
    ),
    (
        {"type": "web_search_tool_result", "tool_use_id": "i", "content": {"a": 1}},
        ToolResult(text='{"a": 1}', call_id="i"),
    ),
    (
        {"type": "document", "source": {"type": "url", "url": "u"}},
        Attachment(kind="document", url="u"),
    ),
    ({"type": "compaction", "content": "so far"}, Compaction(text="so far")),
    ({"type": "odd", "a": 1}, Unknown(type="odd", raw='{"type": "odd", "a": 1}')),
    ({"type": "text"}, Unknown(type="text", raw='{"type": "text"}')),
    (7, Unknown(type="block", raw="7")),
]


@pytest.mark.parametrize(("block", "part"), BLOCKS, ids=lambda value: str(value)[:40])
def test_block_is_its_part(block, part):
    """Each kind of block has its part, and what is not known is kept."""
    assert message(block) == (part,)


def test_interleaved_blocks_are_kept_apart():
    """Deltas go to the block of their index, wherever they stand."""
    body = events(
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {
            "type": "content_block_start",
            "index": 1,
            "content_block": {"type": "tool_use", "id": "i", "name": "n", "input": {}},
        },
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": '{"a'},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}},
        {
            "type": "content_block_delta",
            "index": 1,
            "delta": {"type": "input_json_delta", "partial_json": '":1}'},
        },
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "y"}},
    )

    response = decode_stream(body)

    assert response.parts == (Text(text="xy"), ToolCall(name="n", arguments='{"a":1}', id="i"))
    assert not response.is_complete


def test_errors_and_strange_events_are_parts():
    """An error in a stream is one, and an event, a delta or a line not known is kept."""
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    lost = {"type": "content_block_delta", "index": 9, "delta": {"type": "text_delta"}}
    body = events({"type": "ping"}, error, {"type": "odd"}, lost) + b"data: {]\n\ndata: {"

    assert decode_stream(body).parts == (
        Failure(text="overloaded_error: Overloaded"),
        Unknown(type="odd", raw='{"type": "odd"}'),
        Unknown(type="content_block_delta/text_delta", raw=json.dumps(lost)),
        Unknown(type="not JSON", raw="{]"),
        Unknown(type="cut off", raw="{"),
    )


DELTAS = [
    *('{"type":"text_delta","text":"a\\ud800"}', '{"type":"text_delta"}'),
    '{"type":"text_delta","text":5}',
    *('{"text":"first","text":"last","type":"text_delta"}', '{"type":"text_delta","text":""}'),
    '{"type":"text_delta","text":"a","thinking":{"b":[]}}',
    *('{"type":"thinking_delta","thinking":"t"}', '{"type":"signature_delta","signature":"s"}'),
    *('{"type":"input_json_delta","partial_json":"{}"}', '{"type":"citations_delta"}'),
    *('{"type":"unheard_of","text":"a"}', '{"type":""}', '{"text":"a"}', '"text_delta"', "null"),
]
REST = [
    *(',"index":0', "", ',"index":7', ',"index":null', ',"index":0.0', ',"index":"0"'),
    *(',"index":-1', ',"index":9007199254740993', ',"t":1.5', ',"index":0,"index":7'),
    *(',"delta":[]', ',"delta":{"type":"text_delta","text":"other"}', ',"type":"ping"'),
]


@pytest.mark.parametrize("rest", REST)
@pytest.mark.parametrize("delta", DELTAS)
def test_delta_says_the_same_however_it_is_read(delta, rest):
    """At one go, as nearly all are, or member by member, as one whose type is spelled oddly is."""
    block = {"type": "text", "text": "begun "}
    start = events({"type": "content_block_start", "index": 0, "content_block": block})
    ways = []
    for kind in ("content_block_delta", "content_block\\u005fdelta"):
        line = f'event: content_block_delta\ndata: {{"type":"{kind}","delta":{delta}{rest}}}\n\n'
        ways.append(decode_stream(start + line.encode() * 2).parts)
    one, other = (repr(parts).replace("\\\\u005f", "_") for parts in ways)
    assert one == other


@pytest.mark.skipif(not RECORDINGS.exists(), reason="needs ../shared/data/anthropic-wire")
def test_recorded_session_hangs_together():
    """Each answer of a real session is the assistant's message of a later request."""
    sent, answers = [], []
    for body, stream in recordings():
        request = decode_request(body)
        assert not [p for m in request.messages for p in m.parts if isinstance(p, Unknown)]
        sent += [m.parts for m in request.messages if m.role == "assistant"]
        response = decode_stream(stream)
        assert response.is_complete
        answers.append(response)

    called = [
        {(call.name, call.id) for call in answer.parts if isinstance(call, ToolCall)}
        for answer in answers
        if answer.stop == "tool_use"
    ]
    repeated = [{(p.name, p.id) for p in parts if isinstance(p, ToolCall)} for parts in sent]
    assert len(called) > 10
    assert [calls for calls in called if calls not in repeated] == []


@pytest.mark.skipif(not WIRE.exists(), reason="needs ../shared/wire")
@pytest.mark.parametrize(
    ("folder", "complete", "cut", "failed"),
    [
        ("claude-code", 4, 0, 0),
        ("claude-cut", 4, 1, 0),
        ("claude-cancel", 0, 1, 0),
        ("claude-retry529", 3, 0, 2),
        ("claude-subagents", 10, 0, 0),
        ("sdk-anthropic", 4, 0, 0),
    ],
)
def test_clients_are_understood(folder, complete, cut, failed):
    """Every call of every recorded client is read whole, cut or failed, as it was."""
    counts = [0, 0, 0]
    for request, response in exchanges(folder):
        if not request.line.startswith("POST /v1/messages") or "count_tokens" in request.line:
            continue
        assert decode_request(request.body).model is not None
        is_stream = "event-stream" in response.headers["content-type"]
        read = (decode_stream if is_stream else decode_response)(response.body)
        is_failed = any(isinstance(part, Failure) for part in read.parts)
        counts[2 if is_failed else 0 if read.is_complete else 1] += 1
        assert not [part for part in read.parts if isinstance(part, Unknown)]
    assert counts == [complete, cut, failed]
