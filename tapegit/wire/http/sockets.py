"""WebSockets from the bytes that passed: whole messages, decompressed, one way each.

Rules: pure. Both directions of one socket are read alike; nothing here answers. What breaks the
protocol ends the reading of that direction, and its bytes go on to be passed by the proxy. A
message over the limit is cut there.

Source: RFC 6455 section 5; RFC 7692 section 7; tapesproxy(7), "WebSockets".
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.wire.capture import CapturedClose, CapturedMessage, get_all

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.wire.capture import CapturedFrames, Headers

MESSAGE_SIZE_MAX_BYTES: Final = 64 << 20

_CONTINUATION: Final = 0
_TEXT: Final = 1
_BINARY: Final = 2
_CLOSE: Final = 8
_FLUSH_END: Final = b"\x00\x00\xff\xff"


class Frame(NamedTuple):
    """One frame, unmasked; `is_compressed` is its first reserved bit."""

    opcode: int
    is_last: bool
    is_compressed: bool
    payload: bytes


class FrameReader:
    """The frames of one direction."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take bytes; yield the frames that they complete.

        Raises:
            ValueError: A frame is larger than any message may be.
        """
        self._buffer += data
        while (frame := self._next()) is not None:
            yield frame

    def _next(self) -> Frame | None:
        buffer = self._buffer
        if len(buffer) < 2:
            return None
        size, offset = buffer[1] & 0x7F, 2
        if size >= 126:
            width = 2 if size == 126 else 8
            if len(buffer) < offset + width:
                return None
            size = int.from_bytes(buffer[offset : offset + width], "big")
            offset += width
        if size > MESSAGE_SIZE_MAX_BYTES:
            raise ValueError("a frame is too large")
        mask = b""
        if buffer[1] & 0x80:
            mask = bytes(buffer[offset : offset + 4])
            offset += 4
        if len(buffer) < offset + size:
            return None
        payload = bytes(buffer[offset : offset + size])
        first = buffer[0]
        del buffer[: offset + size]
        return Frame(first & 0x0F, bool(first & 0x80), bool(first & 0x40), _unmask(payload, mask))


class _Direction:
    """The messages of one direction."""

    def __init__(self, *, has_context: bool) -> None:
        self.frames = FrameReader()
        self.is_broken = False
        self._has_context = has_context
        self._inflater = zlib.decompressobj(wbits=-15)
        self._parts: list[bytes] = []
        self._opcode = _BINARY
        self._is_compressed = False

    def add(self, frame: Frame) -> bytes | None:
        """Take a frame of data; return the message that it ends.

        Raises:
            zlib.error: It is not compressed as it says.
        """
        if frame.opcode != _CONTINUATION:
            self._parts = []
            self._opcode = frame.opcode
            self._is_compressed = frame.is_compressed
        self._parts.append(frame.payload)
        if not frame.is_last:
            return None
        payload, self._parts = b"".join(self._parts), []
        return self._inflate(payload) if self._is_compressed else payload

    @property
    def is_text(self) -> bool:
        return self._opcode == _TEXT

    def _inflate(self, payload: bytes) -> bytes:
        inflater = self._inflater
        plain = inflater.decompress(payload + _FLUSH_END, MESSAGE_SIZE_MAX_BYTES)
        if inflater.unconsumed_tail:
            raise zlib.error("a message is too large")
        if not self._has_context or inflater.eof:
            self._inflater = zlib.decompressobj(wbits=-15)
        return plain


class SocketReader:
    """The messages of one socket, both ways."""

    def __init__(self, number: int, headers: Headers) -> None:
        """Args: number: Of the handshake's exchange; headers: Of its response."""
        said = ",".join(get_all(headers, "sec-websocket-extensions")).lower()
        self._number = number
        self._client = _Direction(has_context="client_no_context_takeover" not in said)
        self._server = _Direction(has_context="server_no_context_takeover" not in said)
        self._code: int | None = None
        self._is_closed = False

    def feed(self, frames: CapturedFrames) -> Iterator[CapturedMessage | CapturedClose]:
        """Take bytes of one direction; yield the messages that they complete, or the end."""
        if frames.outcome is not None:
            outcome = "ok" if self._is_closed else frames.outcome
            yield CapturedClose(self._number, outcome, self._code, frames.time_ms)
            return
        direction = self._client if frames.is_from_client else self._server
        if direction.is_broken:
            return
        try:
            for frame in direction.frames.feed(frames.data):
                payload = self._take(direction, frame)
                if payload is not None:
                    yield CapturedMessage(
                        self._number,
                        frames.is_from_client,
                        direction.is_text,
                        payload,
                        frames.time_ms,
                    )
        except (ValueError, zlib.error):
            direction.is_broken = True

    def _take(self, direction: _Direction, frame: Frame) -> bytes | None:
        if frame.opcode == _CLOSE and not self._is_closed:
            self._is_closed = True
            if len(frame.payload) >= 2:
                self._code = int.from_bytes(frame.payload[:2], "big")
        if frame.opcode > _BINARY:
            return None
        return direction.add(frame)


def _unmask(payload: bytes, mask: bytes) -> bytes:
    if not mask or not payload:
        return payload
    size = len(payload)
    key = int.from_bytes((mask * (size // 4 + 1))[:size], "big")
    return (int.from_bytes(payload, "big") ^ key).to_bytes(size, "big")
