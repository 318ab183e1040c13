"""Messages of HTTP/1.1 as they come in: heads as values, bodies without their framing.

Rules: the parser is aiohttp's (llhttp), and no other module knows it. Requests are parsed
strictly: what two programs could read in two ways is refused. Responses are parsed as
leniently as clients do, because they are passed on whatever this module makes of them.
Nothing is decompressed.

Source: tapesproxy(7), "Forwarding".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, cast

from aiohttp.http import HttpRequestParser, HttpResponseParser
from aiohttp.http_exceptions import HttpProcessingError

from tapegit.wire.capture import SWITCHING
from tapegit.wire.http.framing import (
    FIELD_COUNT_MAX,
    FIELD_SIZE_MAX_BYTES,
    LINE_SIZE_MAX_BYTES,
    ChunksEnd,
    HeadEnd,
    LengthEnd,
    MalformedError,
)

if TYPE_CHECKING:
    import asyncio

    from aiohttp.base_protocol import BaseProtocol
    from aiohttp.streams import StreamReader

    from tapegit.wire.capture import Headers

_BUFFER_SIZE: Final = 1 << 24
"""A body is taken after each feed, so that this is never reached."""


class RequestHead(NamedTuple):
    """The head of a request; headers and target as they came, decoded as Latin-1."""

    method: str
    target: str
    is_http10: bool
    headers: Headers
    is_chunked: bool
    is_upgrade: bool
    should_close: bool


class ResponseHead(NamedTuple):
    """The head of a response."""

    status: int
    headers: Headers
    should_close: bool


class Body:
    """The body of one message, as far as it has come.

    Attributes:
        trailers: The lines after its last chunk, as they came; nothing before it is complete.
    """

    __slots__ = ("_reader", "trailers")

    def __init__(self, reader: StreamReader) -> None:
        self._reader = reader
        self.trailers = b""

    def take(self) -> bytes:
        """Return what came since the last call."""
        return self._reader.read_nowait(-1)

    @property
    def is_complete(self) -> bool:
        """Whether its end has come."""
        return self._reader.is_eof()


class RequestReader:
    """The requests that come on one connection."""

    __slots__ = ("_body", "_end", "_loop", "_parser", "is_upgraded", "tail")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._parser = _make_parser(loop)
        self._end: HeadEnd | LengthEnd | ChunksEnd = HeadEnd()
        self._body: Body | None = None
        self.is_upgraded = False
        self.tail = b""

    def feed(self, data: bytes) -> list[tuple[RequestHead, Body]]:
        """Take bytes of the connection; return the requests whose heads they completed.

        After a request to switch protocols `is_upgraded` is set, and `tail` holds what
        followed it; nothing may be fed any more.

        Raises:
            MalformedError: It is no request, or an ambiguous one.
        """
        found: list[tuple[RequestHead, Body]] = []
        while data and not self.is_upgraded:
            end = self._end.find(data)
            part, data = (data, b"") if end is None else (data[:end], data[end:])
            begun = self._parse(part)
            found += begun
            if begun:
                head, self._body = begun[-1]
                self._end = _find_end(head)
            elif end is not None:
                self._end_message()
        self.tail += data
        return found

    def _end_message(self) -> None:
        """Note the trailers, and forget the parser's: it has the last of them still."""
        if self._body is not None and isinstance(self._end, ChunksEnd) and self._end.trailers:
            self._body.trailers = self._end.trailers
            self._parser = _make_parser(self._loop)
        self._end = HeadEnd()

    def _parse(self, data: bytes) -> list[tuple[RequestHead, Body]]:
        """Give bytes of one request to the parser; return it if its head is complete with them."""
        try:
            messages, self.is_upgraded, self.tail = self._parser.feed_data(data)
        except HttpProcessingError as error:
            raise MalformedError(_first_line(error)) from error
        found = []
        for message, payload in messages:
            head = RequestHead(
                message.method,
                message.path.encode("utf-8", "surrogateescape").decode("latin-1"),
                message.version < (1, 1),
                _decode(message.raw_headers),
                bool(message.chunked),
                bool(message.upgrade),
                bool(message.should_close),
            )
            found.append((head, Body(payload)))
        return found


class ResponseReader:
    """The response to one request."""

    __slots__ = ("_body", "_parser", "head", "tail")

    def __init__(self, loop: asyncio.AbstractEventLoop, *, has_body: bool) -> None:
        """Args: has_body: False where the request was a HEAD."""
        self._parser = HttpResponseParser(
            _FLOW,
            loop,
            _BUFFER_SIZE,
            max_line_size=LINE_SIZE_MAX_BYTES,
            max_field_size=FIELD_SIZE_MAX_BYTES,
            max_headers=FIELD_COUNT_MAX,
            response_with_body=has_body,
            read_until_eof=True,
            auto_decompress=False,
        )
        self.head: ResponseHead | None = None
        self._body: StreamReader | None = None
        self.tail = b""

    def feed(self, data: bytes) -> bytes:
        """Take bytes of the connection; return those of the body among them.

        `head` is set as soon as that of the response itself is there, whatever interim ones
        came before. After a switch of protocols `tail` holds what followed it.

        Raises:
            MalformedError: It is no response.
        """
        try:
            messages, _, tail = self._parser.feed_data(data)
        except HttpProcessingError as error:
            raise MalformedError(_first_line(error)) from error
        for message, payload in messages:
            if self.head is not None:
                raise MalformedError("more than one response")
            if message.code < 200 and message.code != SWITCHING:
                continue
            self.head = ResponseHead(
                message.code, _decode(message.raw_headers), bool(message.should_close)
            )
            self._body = payload
            self.tail = tail
        return b"" if self._body is None else self._body.read_nowait(-1)

    @property
    def is_complete(self) -> bool:
        """Whether the whole response has come."""
        return self._body is not None and self._body.is_eof()

    def end(self) -> bool:
        """Take the end of the connection; return whether the response was complete with it."""
        if self._body is None:
            return False
        try:
            self._parser.feed_eof()
        except HttpProcessingError:
            return False
        return self.is_complete


class _Flow:
    """What the parser asks for flow control; bodies are taken at once, so it never is."""

    connected = True
    _reading_paused = False  # older versions of the parser look at it

    def pause_reading(self) -> None:
        """Do nothing."""

    def resume_reading(self, *, resume_parser: bool = True) -> None:
        """Do nothing."""


_FLOW: Final = cast("BaseProtocol", _Flow())


def _make_parser(loop: asyncio.AbstractEventLoop) -> HttpRequestParser:
    return HttpRequestParser(
        _FLOW,
        loop,
        _BUFFER_SIZE,
        max_line_size=LINE_SIZE_MAX_BYTES,
        max_field_size=FIELD_SIZE_MAX_BYTES,
        max_headers=FIELD_COUNT_MAX,
        auto_decompress=False,
    )


def _find_end(head: RequestHead) -> HeadEnd | LengthEnd | ChunksEnd:
    """Return what tells the end of what follows a head: its body, or the next head."""
    if head.is_chunked:
        return ChunksEnd()
    length = next((value for name, value in head.headers if name.lower() == "content-length"), "0")
    return LengthEnd(int(length)) if int(length) else HeadEnd()


def _decode(raw: tuple[tuple[bytes, bytes], ...]) -> Headers:
    return tuple([(name.decode("latin-1"), value.decode("latin-1")) for name, value in raw])


def _first_line(error: HttpProcessingError) -> str:
    lines = str(error.message).splitlines()
    return lines[0].rstrip(":") if lines else type(error).__name__
