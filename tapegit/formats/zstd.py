"""Zstandard frames under limits: the only module that imports `zstandard`.

Rules: a frame is read only if its header states the size of its content, that size is
within the caller's limit, its window is at most 128 MiB, it names no dictionary, and the
bytes are that one frame and nothing else. The header is looked at before anything is
allocated, because the library takes a stated size on trust, whatever limit it is given.
A frame that is written states its size and carries a checksum.

Source: tapesformat-loose(5), "The frame".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import zstandard

from tapegit.errors import FormatError, IntegrityError, TruncatedError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

WINDOW_SIZE_MAX_BYTES: Final = 1 << 27
_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_HEADER_SIZE_MAX_BYTES: Final = 18
_SIZE_UNKNOWN: Final = zstandard.CONTENTSIZE_UNKNOWN
_SALVAGE_STEP_BYTES: Final = 1 << 10
_STREAM_STEP_BYTES: Final = 1 << 9
_SINGLE_SEGMENT: Final = 1 << 5
_HAS_CHECKSUM: Final = 1 << 2
_FLAGS_OFFSET: Final = 4
_CHECKSUM_SIZE_BYTES: Final = 4
_WINDOW_LOG_MIN: Final = 10


class Compressor:
    """Makes frames; one thread at a time may use it."""

    __slots__ = ("_compressor",)

    def __init__(self, compressor: zstandard.ZstdCompressor) -> None:
        self._compressor = compressor

    def compress(self, data: bytes) -> bytes:
        """Return the data as one frame.

        Raises:
            MemoryError: There is too little; nothing else can go wrong.
        """
        try:
            return self._compressor.compress(data)
        except zstandard.ZstdError as error:
            raise MemoryError(str(error)) from error


def make_compressor(level: int) -> Compressor:
    """Return a compressor for many frames."""
    return Compressor(
        zstandard.ZstdCompressor(level=level, write_checksum=True, write_content_size=True)
    )


def make_long_distance_compressor(level: int, window_log: int) -> Compressor:
    """Return a compressor that also finds what is repeated far away in large frames."""
    parameters = zstandard.ZstdCompressionParameters.from_level(
        level,
        window_log=window_log,
        enable_ldm=True,
        write_checksum=True,
        write_content_size=True,
    )
    return Compressor(zstandard.ZstdCompressor(compression_params=parameters))


def compress(data: bytes, *, level: int = 3) -> bytes:
    """Return the data as one frame with its size and a checksum."""
    return make_compressor(level).compress(data)


def read_content_size(frame: bytes | memoryview, *, size_max: int, where: object) -> int:
    """Return the size that a frame's header states, having checked the header.

    Raises:
        FormatError: This is no frame, its content is larger than `size_max`, states no size,
            needs a dictionary or a window of more than 128 MiB.
        TruncatedError: The header itself is cut off.
    """
    if len(frame) == 0:
        raise TruncatedError(f"cannot read '{where}': it is empty", where=where, wanted=1, got=0)
    if bytes(frame[:4]) != _MAGIC[: len(frame)]:
        raise _format_error(where, "not a zstandard frame", bytes(frame[:4]))
    try:
        header = zstandard.get_frame_parameters(frame[:_HEADER_SIZE_MAX_BYTES])
    except zstandard.ZstdError as error:
        if len(frame) < _HEADER_SIZE_MAX_BYTES:
            raise _truncated_error(where, len(frame)) from error
        raise _format_error(where, "not a zstandard frame", bytes(frame[:4])) from error
    if header.content_size == _SIZE_UNKNOWN:
        raise _format_error(where, "its frame states no size", None)
    if header.content_size > size_max:
        raise _format_error(
            where, f"its frame states more than {size_max} bytes", header.content_size
        )
    if header.dict_id:
        raise _format_error(where, "its frame needs a dictionary", header.dict_id)
    if header.window_size > WINDOW_SIZE_MAX_BYTES:
        raise _format_error(where, "its frame needs too large a window", header.window_size)
    return header.content_size


def decompress(frame: bytes | memoryview, *, size_max: int, where: object) -> bytes:
    """Return the content of the one frame that the bytes are.

    Args:
        frame: The frame, whole, with nothing before and nothing after it.
        size_max: The most bytes the content may have.
        where: What is being read, for messages.

    Raises:
        FormatError: As `read_content_size`, or there are bytes after the frame.
        TruncatedError: The frame ends too early.
        IntegrityError: The frame is damaged.
    """
    size_bytes = read_content_size(frame, size_max=size_max, where=where)
    decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW_SIZE_MAX_BYTES)
    try:
        # An empty content comes back without a look at the rest of the frame.
        content = (
            decompressor.decompress(frame, allow_extra_data=False)
            if size_bytes
            else _decompress_empty(decompressor, frame)
        )
    except zstandard.ZstdError as error:
        raise _damage_error(frame, where, error) from error
    if len(content) != size_bytes:
        raise IntegrityError(
            f"cannot read '{where}': its frame holds {len(content)} bytes, not {size_bytes}",
            where=where,
        )
    return content


def decompress_into(content: memoryview, frame: memoryview, *, where: object) -> memoryview:
    """Return the content of a frame as the first bytes of a buffer, which is overwritten.

    Neither the checksum of the frame is looked at nor what follows: this is for who has another
    check for each part of the content, and takes a fifth less time.

    Args:
        content: A buffer as large as the content may be.
        frame: The frame, whole; its header is changed.
        where: What is being read, for messages.

    Raises:
        FormatError: As `read_content_size`.
        TruncatedError: The frame ends too early.
        IntegrityError: The frame is damaged.
    """
    size_bytes = read_content_size(frame, size_max=len(content), where=where)
    content = content[:size_bytes]
    if frame[_FLAGS_OFFSET] & _HAS_CHECKSUM:
        frame[_FLAGS_OFFSET] &= ~_HAS_CHECKSUM
        frame = frame[:-_CHECKSUM_SIZE_BYTES]
    decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW_SIZE_MAX_BYTES)
    try:
        # With all bytes of the frame and room for all of its content this is one pass.
        with decompressor.stream_reader(frame, read_size=len(frame)) as reader:
            got_bytes = reader.readinto(content)
    except zstandard.ZstdError as error:
        raise _damage_error(frame, where, error) from error
    if got_bytes != size_bytes:
        raise _truncated_error(where, len(frame))
    return content


def is_frame(head: bytes) -> bool:
    """Return whether bytes begin as a frame does."""
    return head.startswith(_MAGIC)


def iter_stream(chunks: Iterable[bytes], *, where: object) -> Iterator[bytes]:
    """Yield what frames of others, one after the other, hold; their sizes need not be stated.

    Memory is bounded whatever they claim: the input is taken in steps so small that no step
    gives more than some MiB.

    Raises:
        FormatError: The bytes are not such frames.
        TruncatedError: They end inside one.
    """
    decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW_SIZE_MAX_BYTES)
    frame = None
    for chunk in chunks:
        for start in range(0, len(chunk), _STREAM_STEP_BYTES):
            piece = chunk[start : start + _STREAM_STEP_BYTES]
            while piece:
                frame = frame or decompressor.decompressobj()
                try:
                    data = frame.decompress(piece)
                except zstandard.ZstdError as error:
                    raise _format_error(where, "no frames of zstd", str(error)) from error
                if data:
                    yield data
                piece = b""
                if frame.eof:
                    piece, frame = frame.unused_data, None
    if frame is not None:
        raise _truncated_error(where, 0)


def salvage(
    frame: bytes | memoryview, *, size_max: int, where: object, content_size: int | None = None
) -> bytes:
    """Return what can be had of a damaged frame's content, from its start; it is unverified.

    Args:
        frame: The frame.
        size_max: The most bytes the content may have.
        where: What is being read, for messages.
        content_size: The size of the content where it is known from elsewhere: then a damaged
            header is written anew.

    Raises:
        FormatError: The frame's header is damaged or breaks a limit.
        TruncatedError: The header is cut off.
    """
    try:
        size_bytes = read_content_size(frame, size_max=size_max, where=where)
    except FormatError:
        if content_size is None or content_size > size_max:
            raise
        return _salvage_without_header(frame, content_size)
    if content_size is not None and size_bytes != content_size <= size_max:
        return _salvage_without_header(frame, content_size)
    return _salvage_blocks(frame, size_bytes)


def _salvage_blocks(frame: bytes | memoryview, size_bytes: int) -> bytes:
    stream = _SalvageStream(frame, size_bytes)
    stream.read(_SALVAGE_STEP_BYTES)
    # A step that fails gives nothing, not even the blocks before the damage: so byte by byte.
    again = _SalvageStream(frame[: stream.offset + _SALVAGE_STEP_BYTES], size_bytes)
    again.read(_SALVAGE_STEP_BYTES, until=stream.offset)
    again.read(1)
    return b"".join(again.parts)[:size_bytes]


def _salvage_without_header(frame: bytes | memoryview, size_bytes: int) -> bytes:
    """Return what a frame gives when its header is any that we would have written for it."""
    best = b""
    for header in _iter_headers(size_bytes):
        content = _salvage_blocks(header + bytes(frame[len(header) :]), size_bytes)
        if len(content) > len(best):
            best = content
        if len(best) == size_bytes:
            break
    return best


def _iter_headers(size_bytes: int) -> Iterator[bytes]:
    """Yield the headers of frames with a size and a checksum and without a dictionary.

    Source: RFC 8878, section 3.1.1.1.
    """
    code = (size_bytes >= 1 << 8) + (size_bytes >= (1 << 16) + (1 << 8))
    size = (size_bytes - (1 << 8) if code == 1 else size_bytes).to_bytes(1 << code, "little")
    yield _MAGIC + bytes([code << 6 | _SINGLE_SEGMENT | _HAS_CHECKSUM]) + size
    if code:
        for window_log in range(_WINDOW_LOG_MIN, WINDOW_SIZE_MAX_BYTES.bit_length()):
            window = (window_log - _WINDOW_LOG_MIN) << 3
            yield _MAGIC + bytes([code << 6 | _HAS_CHECKSUM, window]) + size


class _SalvageStream:
    """Reads a frame step by step, until it ends, is damaged, or gives more than it states."""

    def __init__(self, frame: bytes | memoryview, size_max: int) -> None:
        decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW_SIZE_MAX_BYTES)
        self._stream = decompressor.decompressobj()
        self._frame = frame
        self._left = size_max
        self.parts: list[bytes] = []
        self.offset = 0

    def read(self, step_bytes: int, *, until: int | None = None) -> None:
        """Read on in steps; `offset` stays before one that fails."""
        end = len(self._frame) if until is None else until
        while self.offset < end and self._left > 0 and not self._stream.eof:
            step = self._frame[self.offset : min(self.offset + step_bytes, end)]
            try:
                part = self._stream.decompress(bytes(step))
            except zstandard.ZstdError:
                return
            self.parts.append(part)
            self._left -= len(part)
            self.offset += len(step)


def _decompress_empty(decompressor: zstandard.ZstdDecompressor, frame: bytes | memoryview) -> bytes:
    stream = decompressor.decompressobj()
    content = stream.decompress(bytes(frame[: 2 * _HEADER_SIZE_MAX_BYTES]))
    if not stream.eof:
        raise zstandard.ZstdError("did not decompress full frame")
    if stream.unused_data or len(frame) > 2 * _HEADER_SIZE_MAX_BYTES:
        raise zstandard.ZstdError("unused data")
    return content


def _damage_error(
    frame: bytes | memoryview, where: object, error: zstandard.ZstdError
) -> FormatError | IntegrityError | TruncatedError:
    text = str(error)
    if "memory" in text:
        raise MemoryError(text) from error
    if "unused data" in text:
        return _format_error(where, "there are bytes after its frame", None)
    if "full frame" in text:
        return _truncated_error(where, len(frame))
    return IntegrityError(f"cannot read '{where}': its frame is damaged", where=where)


def _format_error(where: object, what: str, actual: object) -> FormatError:
    return FormatError(f"cannot read '{where}': {what}", where=where, actual=actual)


def _truncated_error(where: object, got_bytes: int) -> TruncatedError:
    return TruncatedError(
        f"cannot read '{where}': its frame is cut off", where=where, wanted=None, got=got_bytes
    )
