"""What a replay server sends: recorded responses, and the errors where there is none.

Source: tapes-replay(1), "WHAT IS SERVED".
"""

from __future__ import annotations

import json
import re
import zlib
from base64 import b64decode
from typing import TYPE_CHECKING, Final, NamedTuple

import brotli

from tapegit.dialects.wire_parts import is_stream
from tapegit.recorder.calls.endpoints import ANTHROPIC, COUNT, GEMINI, MODELS, OLLAMA, PROBE
from tapegit.wire.recording.socket_calls import CODING as WEBSOCKET
from tapegit.wire.recording.socket_calls import SWITCHED

if TYPE_CHECKING:
    from collections.abc import Callable

    from tapegit.wire.replay.keys import RequestKeys
    from tapegit.wire.replay.match import Reply
    from tapegit.wire.replay.silence import Silence

NOT_SENT: Final = frozenset(
    {"content-encoding", "content-length", "date", "upgrade", "transfer-encoding", "connection"}
)
"""Headers that the server makes itself, as the body that it sends has it."""
DIVERGED: Final = "not on the tape"

_EVENT_END: Final = re.compile(rb"\r?\n\r?\n|\r\r")
_JSON_HEADERS: Final = [("Content-Type", "application/json")]


class Answer(NamedTuple):
    """A response, ready to be sent.

    Attributes:
        status: None where the connection is to end without one.
        headers: Those of the body with it.
        body: As it goes over the wire.
        plain: The same without its content coding.
        is_stream: It goes in pieces.
        is_whole: It is not cut.
        first_s: From the request to its first byte, as recorded.
        rest_s: From there to the last.
        silence: What follows instead of the end, where the client did not wait for it.
    """

    status: int | None
    headers: list[tuple[str, str]]
    body: bytes
    plain: bytes
    is_stream: bool = False
    is_whole: bool = True
    first_s: float = 0.0
    rest_s: float = 0.0
    silence: Silence | None = None


def make_answer(reply: Reply, accepted: str) -> Answer:
    """Return a recorded response for a client that accepts these content codings."""
    plain = reply.read_body()
    headers = [pair for pair in reply.headers if pair[0].lower() not in NOT_SENT]
    body = plain
    encode = _ENCODERS.get(reply.coding or "")
    if encode is not None and reply.is_whole and _is_accepted(reply.coding or "", accepted):
        body = encode(plain)
        headers.append(("Content-Encoding", reply.coding or ""))
    status = reply.status
    if reply.coding == WEBSOCKET and status == SWITCHED:
        status = 200  # of the handshake; a message has none
    streams = is_stream(plain) or any(
        name.lower() == "content-type" and ("event-stream" in value or "ndjson" in value)
        for name, value in headers
    )
    return Answer(
        status, headers, body, plain, streams, reply.is_whole, reply.first_s, reply.rest_s
    )


def _is_accepted(coding: str, accepted: str) -> bool:
    for each in accepted.lower().split(","):
        name, _, parameters = each.partition(";")
        if name.strip() in {coding, "*"}:
            return parameters.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def _gzip(data: bytes) -> bytes:
    made = zlib.compressobj(6, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    return made.compress(data) + made.flush()


def _brotli(data: bytes) -> bytes:
    made: bytes = brotli.compress(data, quality=4)
    return made


_ENCODERS: Final[dict[str, Callable[[bytes], bytes]]] = {
    "gzip": _gzip,
    "deflate": zlib.compress,
    "br": _brotli,
}


def refuse(dialect: str | None, nearest: str | None) -> Answer:
    """Return the error for a request of the conversation that is not on the tape."""
    near = f"; the nearest is {nearest}" if nearest is not None else ""
    message = f"tapes replay: this request is {DIVERGED}{near}"
    error: object
    if dialect == OLLAMA:
        error = {"error": message}
    elif dialect == GEMINI:
        error = {"error": {"code": 400, "message": message, "status": "INVALID_ARGUMENT"}}
    else:
        kind = "invalid_request_error"
        # The status is for clients on a WebSocket, which wait on without one.
        error = {"type": "error", "status": 400, "error": {"type": kind, "message": message}}
    return _answer(400, error)


def find_substitute(keys: RequestKeys) -> Answer:
    """Return what answers a call beside the conversation that nothing on the tape answers."""
    if keys.kind == PROBE:
        return Answer(200, [], b"", b"")
    if keys.kind == COUNT:
        names = {ANTHROPIC: "input_tokens", GEMINI: "totalTokens"}
        return _answer(200, {names.get(keys.dialect or "", "input_tokens"): 1})
    if keys.kind == MODELS and keys.method == "GET":
        return _answer(200, {"object": "list", "data": [], "models": [], "has_more": False})
    return refuse(keys.dialect, None)._replace(status=404)


def _answer(status: int, value: object) -> Answer:
    body = json.dumps(value).encode()
    return Answer(status, list(_JSON_HEADERS), body, body)


def split_events(body: bytes) -> list[bytes]:
    """Return a stream event by event, or line by line; they join to the stream."""
    if not is_stream(body):
        return body.splitlines(keepends=True) or [body]
    pieces = []
    start = 0
    for found in _EVENT_END.finditer(body):
        pieces.append(body[start : found.end()])
        start = found.end()
    return [*pieces, body[start:]] if start < len(body) else pieces or [body]


def unframe_event(event: bytes) -> tuple[bytes, bool]:
    """Return the message that an event of a WebSocket's response stands for, and if it is text.

    What is no event is the message as it is: an error of ours.
    """
    if not is_stream(event):
        return event, True
    lines = event.split(b"\n")
    data = b"\n".join(line[6:] for line in lines if line.startswith(b"data: "))
    if b"event: base64" in lines:
        return b64decode(data), False
    return data, True
