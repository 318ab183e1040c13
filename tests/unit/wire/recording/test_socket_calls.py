"""Calls over WebSockets, and how a socket may end."""

from __future__ import annotations

import pytest

from tapegit.recorder.calls.exchanges import Asked
from tapegit.wire.capture import CapturedClose, CapturedMessage
from tapegit.wire.recording.socket_calls import SocketCalls

HANDSHAKE = Asked(1, "run", 1, "GET", "/v1/responses", "http://h/v1/responses", {}, (), b"", 0)
CREATE = CapturedMessage(1, True, True, b'{"type":"response.create","model":"m"}', 5)
DELTA = CapturedMessage(1, False, True, b'{"type":"response.output_text.delta"}', 6)
DONE = CapturedMessage(1, False, True, b'{"type":"response.completed","response":{}}', 7)


def run(*messages, outcome="client_gone"):
    """Return what messages and the end of a socket come to: number and outcome of each answer."""
    calls = SocketCalls(HANDSHAKE, (), 100)
    found = [each for message in messages for each in calls.take(message)]
    found += calls.close(CapturedClose(1, outcome, None, 9))
    return [(each.number, each.outcome) for each in found if not isinstance(each, Asked)]


def test_client_that_goes_between_calls_has_ended_the_socket():
    """No close frame is no failure where nothing was going on."""
    assert run(CREATE, DELTA, DONE) == [(100, "ok"), (1, "ok")]
    assert run() == [(1, "ok")]


@pytest.mark.parametrize("outcome", ["client_gone", "upstream_cut"])
def test_end_within_a_call_is_that_of_the_call(outcome):
    """What was going on has no end, and the socket neither."""
    assert run(CREATE, DELTA, outcome=outcome) == [(100, outcome), (1, outcome)]


def test_close_frame_within_a_call_cuts_it():
    """The socket ended as it should, the call did not."""
    assert run(CREATE, outcome="ok") == [(100, "upstream_cut"), (1, "ok")]
