"""Where the requests of a connection end, told from their bytes.

Rules: the parser says what a request is and what is no request; this module says where one
ends, so that the parser never has bytes of two at a time, and keeps the trailers of a chunked
body. The parser drops all of these but the last, which it takes for a header of what is next.

Source: tapesproxy(7), "Forwarding".
"""

from __future__ import annotations

from typing import Final

LINE_SIZE_MAX_BYTES: Final = 1 << 16
FIELD_SIZE_MAX_BYTES: Final = 1 << 17
FIELD_COUNT_MAX: Final = 512

_HEAD_END: Final = b"\r\n\r\n"


class MalformedError(ValueError):
    """Bytes are no HTTP/1.1, or break a limit; says how."""


class HeadEnd:
    """The end of a head."""

    __slots__ = ("_edge",)

    def __init__(self) -> None:
        self._edge = b""

    def find(self, data: bytes) -> int | None:
        """Take bytes that come next; return where among them the head ends, None if it goes on."""
        seen = self._edge + data
        at = seen.find(_HEAD_END)
        if at < 0:
            self._edge = seen[1 - len(_HEAD_END) :]
            return None
        return at + len(_HEAD_END) - len(self._edge)


class LengthEnd:
    """The end of a body of so many bytes."""

    __slots__ = ("_left",)

    def __init__(self, size: int) -> None:
        self._left = size

    def find(self, data: bytes) -> int | None:
        """Take bytes that come next; return where among them the body ends, None if it goes on."""
        if len(data) >= self._left:
            return self._left
        self._left -= len(data)
        return None


class ChunksEnd:
    """The end of a chunked body.

    Attributes:
        trailers: The lines after the last chunk, as they came, once the end was found.
    """

    __slots__ = ("_count", "_is_trailing", "_left", "_line", "trailers")

    def __init__(self) -> None:
        self._line = b""
        self._left = 0
        self._is_trailing = False
        self._count = 0
        self.trailers = b""

    def find(self, data: bytes) -> int | None:
        """Take bytes that come next; return where among them the body ends, None if it goes on.

        Raises:
            MalformedError: They are no chunks, or a line or the trailers are too long.
        """
        at = 0
        while at < len(data):
            if self._left:
                step = min(self._left, len(data) - at)
                self._left -= step
                at += step
                continue
            end = data.find(b"\n", at) + 1
            self._line += data[at : end or len(data)]
            if len(self._line) > LINE_SIZE_MAX_BYTES:
                raise MalformedError("a line of a chunk is too long")
            if not end:
                return None
            at = end
            line, self._line = self._line, b""
            if self._take_line(line):
                return at
        return None

    def _take_line(self, line: bytes) -> bool:
        """Take a line; return whether it is the last."""
        if not line.endswith(b"\r\n"):
            raise MalformedError("a line feed without a carriage return")
        if not self._is_trailing:
            self._left = _chunk_size(line)
            self._is_trailing = not self._left
            return False
        if line == b"\r\n":
            return True
        self.trailers += line
        self._count += 1
        if len(self.trailers) > FIELD_SIZE_MAX_BYTES or self._count > FIELD_COUNT_MAX:
            raise MalformedError("too many trailers")
        return False


def _chunk_size(line: bytes) -> int:
    """Return how many bytes follow the line of a chunk, 0 after the last one."""
    try:
        size = int(line.partition(b";")[0], 16)
    except ValueError as error:
        raise MalformedError("a chunk without a size") from error
    if size < 0:
        raise MalformedError("a chunk of a negative size")
    return size and size + len(b"\r\n")
