"""Recorded traffic, for tests: bodies of requests and responses, without a line of tapegit.

`exchanges` reads the raw bytes of a client's connections under ../shared/wire; `recordings`
those that another program wrote under ../shared/data. Fixtures of our own are bodies as files.
"""

from __future__ import annotations

import base64
import gzip
import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

SHARED = Path(__file__).parents[2] / "shared"
FIXTURES = Path(__file__).parents[1] / "fixtures" / "wire"
WIRE = SHARED / "wire"
RECORDINGS = SHARED / "data" / "anthropic-wire"


class Sent(NamedTuple):
    """One message of HTTP: its first line, its headers in lower case, its body as far as sent."""

    line: str
    headers: dict[str, str]
    body: bytes


class Exchange(NamedTuple):
    """A request and its response."""

    request: Sent
    response: Sent


def exchanges(folder: str) -> Iterator[Exchange]:
    """Yield what a client's connections carried, in order of connection."""
    for path in sorted((WIRE / folder).glob("c*.c2s.bin")):
        requests = list(iter_http(path.read_bytes()))
        other = path.with_name(path.name.replace("c2s", "s2c")).read_bytes()
        is_head = [request.line.startswith("HEAD ") for request in requests]
        yield from map(Exchange, requests, iter_http(other, is_head))


def iter_http(data: bytes, without_body: list[bool] | None = None) -> Iterator[Sent]:
    """Yield the messages of one direction of a connection."""
    number = 0
    while data:
        head, _, data = data.partition(b"\r\n\r\n")
        line, *fields = head.decode("latin-1").split("\r\n")
        headers = {}
        for field in fields:
            name, _, value = field.partition(":")
            headers[name.lower()] = value.strip()
        body = b""
        if not (without_body and number < len(without_body) and without_body[number]):
            if headers.get("transfer-encoding") == "chunked":
                body, data = read_chunks(data)
            else:
                size = int(headers.get("content-length", 0))
                body, data = data[:size], data[size:]
        number += 1
        yield Sent(line, headers, body)


def read_chunks(data: bytes) -> tuple[bytes, bytes]:
    """Return a chunked body as far as it came, and what follows it."""
    body = b""
    while data:
        size, _, data = data.partition(b"\r\n")
        count = int(size or b"0", 16)
        body += data[:count]
        data = data[count + 2 :]
        if count == 0:
            break
    return body, data


def recordings() -> Iterator[tuple[bytes, bytes]]:
    """Yield request and response bodies of a real session of Claude Code with a real model."""
    for path in sorted(RECORDINGS.glob("*/fixtures/recordings/*/turn-*")):
        stream = (path / "response.sse").read_bytes()
        request = base64.b64decode(json.loads((path / "request.json").read_bytes())["body_b64"])
        yield request, gzip.decompress(stream) if stream.startswith(b"\x1f\x8b") else stream
