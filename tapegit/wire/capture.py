"""What the proxy saw of an exchange, as it hands it to the recorder: values alone.

The bodies are the bytes of the wire, content coding and all; chunked framing is undone. A
request is handed over when it is complete, its response when it has ended, however it ended.
Both carry the number of the exchange. Nothing here has been redacted: these values live in
memory and pass through pipes, and never go to a disk.

Source: tapesproxy(7), "What is captured".
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

Headers = tuple[tuple[str, str], ...]
"""Names and values in the order of the wire, decoded as Latin-1."""

SWITCHING: Final = 101
"""The status after which a connection is a WebSocket."""

Outcome = Literal["ok", "error", "client_gone", "upstream_cut"]


class CapturedRequest(NamedTuple):
    """One request, complete.

    Attributes:
        number: Of the exchange, from 1, in the order in which requests were complete.
        scope: The recording run or the path prefix that it belongs to; never empty.
        connection: Of the client, from 1.
        method: As the client sent it.
        target: Path and query as the client sent them, the prefix of the scope taken off.
        url: Where it was forwarded to, without user information.
        headers: As the client sent them.
        body: As the client sent it.
        started_ms: When it was complete, since the epoch.
        is_cut: The body was longer than what is captured, and ends here.
    """

    number: int
    scope: str
    connection: int
    method: str
    target: str
    url: str
    headers: Headers
    body: bytes
    started_ms: int
    is_cut: bool = False


class CapturedResponse(NamedTuple):
    """How an exchange ended.

    Attributes:
        number: Of the exchange.
        outcome: `ok`: the end of the response reached the client, or its terminal event did;
            `error`: it did and its status says 400 or more, or the upstream could not be
            reached; `client_gone`; `upstream_cut`.
        status: None where no response began.
        headers: As the upstream sent them.
        body: What had arrived.
        first_byte_ms: When the head of the response was there, since the epoch.
        ended_ms: When the last byte came, or the cut.
        error: What went wrong with the upstream, in words; None where nothing did.
        is_cut: The body was longer than what is captured, and ends here.
    """

    number: int
    outcome: Outcome
    status: int | None
    headers: Headers
    body: bytes
    first_byte_ms: int | None
    ended_ms: int
    error: str | None = None
    is_cut: bool = False


class CapturedMessage(NamedTuple):
    """One message on a WebSocket; its handshake is an exchange of its own, which comes first.

    Attributes:
        number: Of the handshake's exchange.
        is_from_client: Which way it went.
        is_text: Its type; otherwise binary.
        payload: Decompressed, whole.
        time_ms: When it was complete, since the epoch.
    """

    number: int
    is_from_client: bool
    is_text: bool
    payload: bytes
    time_ms: int


class CapturedClose(NamedTuple):
    """How a WebSocket ended, after its last message.

    Attributes:
        number: Of the handshake's exchange.
        outcome: `ok` where either side said so with a close frame; else who was gone first.
        code: Of the first close frame; None where there was none or it had none.
        time_ms: When, since the epoch.
    """

    number: int
    outcome: Outcome
    code: int | None
    time_ms: int


Captured = CapturedRequest | CapturedResponse | CapturedMessage | CapturedClose
"""What a recorder of calls takes."""


class CapturedFrames(NamedTuple):
    """Bytes of a WebSocket as they passed, frames and all, one way.

    Attributes:
        number: Of the handshake's exchange.
        is_from_client: Which way they went.
        data: Any number of frames, the first and the last perhaps in part. Nothing: the end.
        time_ms: When they came, since the epoch.
        outcome: With the end alone: whose connection it was that ended, `upstream_cut` or
            `client_gone`.
    """

    number: int
    is_from_client: bool
    data: bytes
    time_ms: int
    outcome: Outcome | None = None


Carried = CapturedRequest | CapturedResponse | CapturedFrames
"""What the proxy hands over: it looks into no frame."""


class RecordingSummary(NamedTuple):
    """What was recorded.

    Attributes:
        sessions: How many sessions had a call of a conversation.
        calls: How many calls of conversations.
        side_calls: How many other exchanges.
        errors: How many of both failed: a status of 400 or more, cut, or given up.
        lost: How many exchanges could not be stored.
        redacted: How many secrets were replaced, by rule.
        reason: Why the last that was lost was; empty where nothing was.
        folders: Of the refs of the sessions, where they are known.
    """

    sessions: int = 0
    calls: int = 0
    side_calls: int = 0
    errors: int = 0
    lost: int = 0
    redacted: tuple[tuple[str, int], ...] = ()
    reason: str = ""
    folders: tuple[str, ...] = ()


def get_all(headers: Headers, name: str) -> list[str]:
    """Return every value of a header; `name` is in lower case."""
    return [value for key, value in headers if key.lower() == name]
