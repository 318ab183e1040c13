"""Whether a stream has said its last word."""

from __future__ import annotations

import pytest

from tapegit.wire.http.stream_end import has_ended

LONG = b'{"type":"response.completed","response":{"instructions":"%b"}}' % (b"x" * 200_000)

ENDED = {
    "anthropic": b'event: ping\ndata: {}\n\nevent: message_stop\ndata: {"type":"message_stop"}\n\n',
    "anthropic without events": b'data: {"type":"message_stop"}\n\n',
    "with carriage returns": b"event: a\r\ndata: {}\r\n\r\nevent: message_stop\r\ndata: {}\r\n\r\n",
    "responses": b"event: response.completed\ndata: " + LONG + b"\n\n",
    "responses without events": b"data: " + LONG + b"\n\n",
    "responses that failed": b'event: response.failed\ndata: {"type":"response.failed"}\n\n',
    "chat": b'data: {"id":1}\n\ndata: [DONE]\n\n',
    "with a comment after it": b"data: [DONE]\n\n: bye\n\n",
    "with a part after it": b"data: [DONE]\n\ndata: {",
    "gemini": b'data: {"candidates":[{"content":{},"finishReason": "STOP"}]}\n\n',
    "ollama": b'{"done":false}\n{"model":"m","done":true,"x":1}\n',
}

GOING_ON = {
    "nothing": b"",
    "a part of the last event": b"event: message_stop\ndata: {",
    "an event without its end": b'event: message_stop\ndata: {"type":"message_stop"}\n',
    "the word in a text": b'data: {"type":"delta","text":"message_stop [DONE]"}\n\n',
    "the word in a line of a text": b'data: {"type":"delta","t":"\\nevent: message_stop"}\n\n',
    "ollama": b'{"done":true}\n{"done":false}\n',
    "a part of a line": b'{"done":true',
    "json": b'{"type":"message","stop_reason":"end_turn"}',
}


@pytest.mark.parametrize("body", ENDED.values(), ids=ENDED)
def test_terminal_events_are_seen(body):
    """Of each provider."""
    assert has_ended(body)


@pytest.mark.parametrize("body", GOING_ON.values(), ids=GOING_ON)
def test_what_is_no_terminal_event_is_none(body):
    """Whatever it says."""
    assert not has_ended(body)
