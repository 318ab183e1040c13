"""Frames compressed side by side, and handed back in the order they came in.

Rules: zstandard works without the interpreter's lock, so threads do; each has compressors of
its own. Only so many frames are in flight that memory stays a few frames, however fast they
come in. With one thread everything happens in the caller.
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from threading import local
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.formats import zstd
from tapegit.objects.kind import MIB, Kind
from tapegit.store.read_ahead import count_processors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.store.section_writer import FrameContent

THREAD_COUNT_MAX: Final = 8
COLD_THREAD_COUNT_MAX: Final = 2
"""Each takes some 80 MB: a large frame, what it becomes, and the tables of the compressor."""
_LEVEL_COLD: Final = 12
_LEVEL_RECENT: Final = 9
_LEVEL_LINKED: Final = 12
_LONG_DISTANCE_MIN_BYTES: Final = 2 * MIB
_WINDOW_LOG: Final = 24


class CompressedFrame(NamedTuple):
    """A frame as it goes into a pack."""

    kind: Kind
    compressed: bytes
    content_size: int
    record_count: int


def count_threads() -> int:
    """Return how many threads may compress at a time."""
    return min(count_processors(), THREAD_COUNT_MAX)


class FrameCompressor:
    """Compresses frames; `put` as many as there are, `take` them back in order."""

    def __init__(self, *, cold: bool, threads: int) -> None:
        self._level = _LEVEL_COLD if cold else _LEVEL_RECENT
        threads = min(threads, COLD_THREAD_COUNT_MAX) if cold else threads
        self._count_max = threads
        self._executor = ThreadPoolExecutor(threads, "compress") if threads > 1 else None
        self._queue: deque[Future[CompressedFrame]] = deque()
        self._local = local()
        self._is_crowded = False

    def put(self, frame: FrameContent) -> None:
        """Take a frame to compress."""
        future = self._submit(frame)
        if future is None:
            future = Future()
            future.set_result(self._compress(frame))
        self._queue.append(future)

    def _submit(self, frame: FrameContent) -> Future[CompressedFrame] | None:
        """Leave a frame to the threads; None where there are none, or none can be started."""
        if self._executor is None or self._is_crowded:
            return None
        try:
            return self._executor.submit(self._compress, frame)
        except RuntimeError:
            # The system has no room for one more thread: this one does the work.
            self._is_crowded = True
            return None

    def take(self, *, all_of_them: bool = False) -> Iterator[CompressedFrame]:
        """Yield frames, compressed, until few enough are in flight or all are."""
        count = 0 if all_of_them or self._executor is None else self._count_max
        while len(self._queue) > count:
            yield self._queue.popleft().result()

    def close(self) -> None:
        """Drop what is in flight and end the threads."""
        self._queue.clear()
        if self._executor is not None:
            self._executor.shutdown(wait=True, cancel_futures=True)

    def _compress(self, frame: FrameContent) -> CompressedFrame:
        size = len(frame.content)
        if frame.kind is not Kind.BLOB:
            key, level, window_log = "linked", _LEVEL_LINKED, 0
        elif size < _LONG_DISTANCE_MIN_BYTES:
            key, level, window_log = "small", self._level, 0
        else:
            key, level, window_log = "large", self._level, _WINDOW_LOG
        compressor: zstd.Compressor | None = getattr(self._local, key, None)
        if compressor is None:
            compressor = (
                zstd.make_long_distance_compressor(level, window_log)
                if window_log
                else zstd.make_compressor(level)
            )
            setattr(self._local, key, compressor)
        compressed = compressor.compress(frame.content)
        return CompressedFrame(frame.kind, compressed, size, frame.record_count)
