"""One request and its response, as they pass: what of them goes to the recorder.

Rules: whatever is handed to the sink has passed already; a sink returns at once and never
raises. Bytes over the limit are counted and let go.

Source: tapesproxy(7), "What is captured".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.wire.capture import CapturedFrames, CapturedRequest, CapturedResponse
from tapegit.wire.http.stream_end import has_ended

if TYPE_CHECKING:
    from collections.abc import Callable

    from tapegit.wire.capture import Carried, Outcome
    from tapegit.wire.http.parsing import RequestHead, ResponseHead
    from tapegit.wire.proxy.routes import Route

    Sink = Callable[[Carried], None]

CAPTURE_SIZE_MAX_BYTES: Final = 64 << 20
"""Of one body; no provider takes requests this large."""

HELD_SIZE_MAX_BYTES: Final = 256 << 20
"""Of all bodies that are going on."""


class Ledger:
    """What all exchanges of a proxy share: the sink, the clock, and what is counted.

    Attributes:
        exchanges: How many requests were complete.
        open_exchanges: How many are going on.
        failures: How many ended in anything but `ok`.
        connections: How many clients there have been.
        held_size: How many bytes of bodies are held until they can be handed over.
    """

    def __init__(
        self,
        sink: Sink | None,
        *,
        clock: Callable[[], int],
        scope: str,
        size_max_bytes: int = CAPTURE_SIZE_MAX_BYTES,
    ) -> None:
        """Args: sink: None: nothing is captured; clock: ms since the epoch."""
        self.sink = sink
        self.clock = clock
        self.scope = scope
        self.size_max_bytes = size_max_bytes
        self.exchanges = 0
        self.open_exchanges = 0
        self.failures = 0
        self.connections = 0
        self.held_size = 0


class _Taken:
    """Bytes of a body, up to a limit."""

    __slots__ = ("_ledger", "_parts", "_room", "is_cut", "size")

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._parts: list[bytes] = []
        self._room = ledger.size_max_bytes if ledger.sink is not None else 0
        self.size = 0
        self.is_cut = False

    def add(self, data: bytes) -> None:
        if self.is_cut:
            return
        room = min(self._room, HELD_SIZE_MAX_BYTES - self._ledger.held_size)
        if len(data) > room:
            data = data[:room]
            self.is_cut = True
        self._room -= len(data)
        self.size += len(data)
        self._ledger.held_size += len(data)
        self._parts.append(data)

    def join(self) -> bytes:
        """Return them; a second call returns the same."""
        if len(self._parts) != 1:
            self._parts = [b"".join(self._parts)]
        return self._parts[0]

    def release(self) -> None:
        """Hold nothing any more."""
        self._ledger.held_size -= self.size
        self.size = 0
        self._parts = []


class Exchange:
    """What passed of one exchange so far."""

    __slots__ = (
        "_connection",
        "_first_byte_ms",
        "_head",
        "_ledger",
        "_number",
        "_request",
        "_response",
        "_response_head",
        "_route",
    )

    def __init__(self, ledger: Ledger, connection: int, head: RequestHead, route: Route) -> None:
        self._ledger = ledger
        self._connection = connection
        self._head = head
        self._route = route
        self._number: int | None = None
        self._request = _Taken(ledger)
        self._response = _Taken(ledger)
        self._response_head: ResponseHead | None = None
        self._first_byte_ms: int | None = None
        ledger.open_exchanges += 1

    def add_request(self, data: bytes) -> None:
        """Take bytes of the request's body."""
        self._request.add(data)

    def complete_request(self, *, is_whole: bool = True) -> None:
        """Hand over the request: it is complete, or as complete as it will be."""
        ledger = self._ledger
        ledger.exchanges += 1
        self._number = ledger.exchanges
        if ledger.sink is None:
            return
        head, route, body = self._head, self._route, self._request
        captured = CapturedRequest(
            self._number,
            route.scope or ledger.scope,
            self._connection,
            head.method,
            route.target,
            route.url,
            head.headers,
            body.join(),
            ledger.clock(),
            is_cut=not is_whole or body.is_cut,
        )
        body.release()
        ledger.sink(captured)

    def begin_response(self, head: ResponseHead) -> None:
        """Take the head of the response."""
        self._response_head = head
        self._first_byte_ms = self._ledger.clock()

    def add_response(self, data: bytes) -> None:
        """Take bytes of the response's body."""
        self._response.add(data)

    def has_ended(self) -> bool:
        """Return whether the terminal event is among what came, as far as that can be read."""
        return has_ended(self._response.join())

    def finish(self, outcome: Outcome, error: str | None = None) -> None:
        """Hand over the response: no more of it comes."""
        ledger = self._ledger
        if self._number is None:
            self.complete_request(is_whole=False)
        assert self._number is not None
        ledger.open_exchanges -= 1
        head = self._response_head
        if outcome == "ok" and head is not None and head.status >= 400:
            outcome = "error"
        ledger.failures += outcome != "ok"
        if ledger.sink is None:
            return
        captured = CapturedResponse(
            self._number,
            outcome,
            None if head is None else head.status,
            () if head is None else head.headers,
            self._response.join(),
            self._first_byte_ms,
            ledger.clock(),
            error,
            self._response.is_cut,
        )
        self._response.release()
        ledger.sink(captured)

    def pass_frames(self, data: bytes, *, is_from_client: bool) -> None:
        """Hand over bytes of a WebSocket that passed."""
        ledger = self._ledger
        if ledger.sink is not None and self._number is not None:
            ledger.sink(CapturedFrames(self._number, is_from_client, data, ledger.clock()))

    def end_frames(self, *, is_from_client: bool) -> None:
        """Hand over that one side of a WebSocket has ended, and with it the other."""
        ledger = self._ledger
        if ledger.sink is not None and self._number is not None:
            outcome: Outcome = "client_gone" if is_from_client else "upstream_cut"
            ledger.sink(CapturedFrames(self._number, is_from_client, b"", ledger.clock(), outcome))
