"""Decompressed frames of packs, kept as long as there is room.

One cache serves all packs of a store, so its limit is that of the whole process. The frame
used last is always kept, however large: whoever reads one object usually wants its neighbour.
"""

from __future__ import annotations

import mmap
from contextlib import suppress
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from array import array

SIZE_MAX_BYTES: Final = 64 << 20


class FrameBuffer:
    """Memory for one frame after the other: as it is in its pack, and decompressed."""

    __slots__ = ("compressed", "content")

    def __init__(self, compressed_size: int, content_size: int) -> None:
        self.compressed = _new_memory(compressed_size)
        self.content = _new_memory(content_size)


class DecodedFrame(NamedTuple):
    """A frame's content and where its records start; the last offset is the end."""

    content: bytes | memoryview
    offsets: array[int]
    kind_number: int
    first_ordinal: int

    def record(self, ordinal: int) -> bytes:
        """Return the record of an object of this frame."""
        place = ordinal - self.first_ordinal
        return bytes(self.content[self.offsets[place] : self.offsets[place + 1]])


class FrameCache:
    """The frames read last, by pack and number; the least recently used go first."""

    def __init__(self, size_max: int = SIZE_MAX_BYTES) -> None:
        self.size_max = size_max
        self.size_bytes = 0
        self._frames: dict[tuple[int, int], DecodedFrame] = {}

    def find(self, key: tuple[int, int]) -> DecodedFrame | None:
        """Return a frame, which is then the last to go, or None."""
        frame = self._frames.pop(key, None)
        if frame is not None:
            self._frames[key] = frame
        return frame

    def put(self, key: tuple[int, int], frame: DecodedFrame) -> None:
        """Keep a frame, and let go of others as long as there are too many bytes."""
        self._frames[key] = frame
        self.size_bytes += _size(frame)
        self.shrink(self.size_max)

    def shrink(self, size_bytes: int) -> None:
        """Let go of frames as long as there are more bytes, but for the frame used last."""
        while self.size_bytes > size_bytes and len(self._frames) > 1:
            oldest = next(iter(self._frames))
            self.size_bytes -= _size(self._frames.pop(oldest))

    def __contains__(self, key: tuple[int, int]) -> bool:
        return key in self._frames

    def __len__(self) -> int:
        return len(self._frames)


def _size(frame: DecodedFrame) -> int:
    return len(frame.content) + 8 * len(frame.offsets)


def _new_memory(size_bytes: int) -> memoryview:
    """Return memory that costs nothing until it is written to, in large pages where it can be."""
    memory = mmap.mmap(-1, size_bytes, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    if hasattr(mmap, "MADV_HUGEPAGE"):
        with suppress(OSError):
            memory.madvise(mmap.MADV_HUGEPAGE)
    return memoryview(memory)
