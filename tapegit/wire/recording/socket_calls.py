"""Calls over WebSockets: messages in, requests and responses out.

Each `response.create` of a client is a request; what the server sends until it says that the
response has ended is the response, in the form of server-sent events. What belongs to no call
is the response of the handshake.

Source: tapeswire(7), "WebSockets".
"""

from __future__ import annotations

from base64 import b64encode
from collections import deque
from typing import TYPE_CHECKING, Final

from tapegit.dialects.syntax.bodies import BODY_SIZE_MAX_BYTES, read_members
from tapegit.recorder.calls.exchanges import Answered

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.recorder.calls.exchanges import Asked
    from tapegit.wire.capture import CapturedClose, CapturedMessage

CODING: Final = "websocket"
SWITCHED: Final = 101
_ENDS: Final = frozenset(
    {
        *("response.completed", "response.failed", "response.incomplete", "response.cancelled"),
        "error",
    }
)
_FAILED: Final = frozenset({"response.failed", "error"})


class _Reply:
    """What came back so far."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.parts: list[bytes] = []
        self.size_bytes = 0
        self.first_ms: int | None = None
        self.reason: str | None = None

    def add(self, event: bytes, time_ms: int) -> None:
        """Take a message."""
        self.first_ms = time_ms if self.first_ms is None else self.first_ms
        self.size_bytes += len(event)
        if self.size_bytes > BODY_SIZE_MAX_BYTES:
            self.reason = "too large"
        else:
            self.parts.append(event)


class SocketCalls:
    """The calls of one WebSocket.

    Args:
        handshake: The request that it began with.
        headers: Of the response to that which are kept.
        first_number: The number of its first call, counted down: below all others.
    """

    def __init__(
        self, handshake: Asked, headers: tuple[tuple[str, str], ...], first_number: int
    ) -> None:
        self._handshake = handshake
        self._headers = headers
        self._first_number = first_number
        self._call_count = 0
        self._open: deque[_Reply] = deque()
        self._rest = _Reply(handshake.number)

    @property
    def next_number(self) -> int:
        """The number that its next call will have."""
        return self._first_number - self._call_count

    def take(self, message: CapturedMessage) -> Iterator[Asked | Answered]:
        """Yield what a message of either side comes to."""
        kind = read_members(message.payload).name("type") if message.is_text else None
        if message.is_from_client:
            if kind == "response.create":
                yield self._ask(message)
            else:
                event = frame_message(message.payload, is_text=message.is_text, name="client")
                self._rest.add(event, message.time_ms)
            return
        reply = self._open[0] if self._open else self._rest
        reply.add(frame_message(message.payload, is_text=message.is_text), message.time_ms)
        if kind in _ENDS and self._open:
            self._open.popleft()
            outcome = "error" if kind in _FAILED else "ok"
            yield self._answer(reply, outcome, message.time_ms)

    def close(self, closed: CapturedClose) -> Iterator[Answered]:
        """Yield the ends of what was open, and of the handshake.

        Who goes away between two calls does what ends any connection, with a close frame or not.
        """
        is_idle = not self._open
        outcome = closed.outcome if closed.outcome != "ok" else "upstream_cut"
        while self._open:
            yield self._answer(self._open.popleft(), outcome, closed.time_ms)
        yield self._answer(self._rest, "ok" if is_idle else closed.outcome, closed.time_ms)

    def _ask(self, message: CapturedMessage) -> Asked:
        number = self.next_number
        self._call_count += 1
        self._open.append(_Reply(number))
        return self._handshake._replace(
            number=number, body=message.payload, started_ms=message.time_ms, coding=CODING
        )

    def _answer(self, reply: _Reply, outcome: str, ended_ms: int) -> Answered:
        return Answered(
            reply.number,
            outcome,  # type: ignore[arg-type]
            SWITCHED,
            self._headers,
            b"".join(reply.parts),
            reply.first_ms,
            ended_ms,
            CODING,
            reply.reason,
        )


def frame_message(payload: bytes, *, is_text: bool, name: str | None = None) -> bytes:
    """Return a message as a server-sent event, from which it can be had again byte for byte."""
    head = b"event: %s\n" % name.encode() if name is not None else b""
    if not is_text or b"\r" in payload:
        return head + b"event: base64\ndata: " + b64encode(payload) + b"\n\n"
    lines = payload.split(b"\n")
    return head + b"".join(b"data: " + line + b"\n" for line in lines) + b"\n"
