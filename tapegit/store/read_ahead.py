"""More frames at once than there is room for: a second thread decompresses some of them.

Rules: zstandard works without the interpreter's lock, so two processors decompress two frames
at a time, into buffers that are used again: fresh memory for each is a third of the work. A
frame is valid until the next one is asked for, and none is kept: they would push each other out
of the cache. Only what is taken from it is verified, by its id; a frame that cannot be read is left
to the caller, who says what is wrong with it.
"""

from __future__ import annotations

import os
from collections import deque
from threading import Condition, Thread
from typing import TYPE_CHECKING, Final, NamedTuple, Self

from tapegit.errors import TapesError
from tapegit.store.frames import FrameBuffer

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence
    from types import TracebackType

    from tapegit.store.frames import DecodedFrame, FrameCache
    from tapegit.store.pack_reader import PackReader

LARGE_SIZE_BYTES: Final = 1 << 19
"""A smaller frame is decompressed in less time than two threads may wait for each other."""
_WAITING_COUNT_MAX: Final = 2


class FrameRun(NamedTuple):
    """Objects of one frame: of all that are wanted those from `start` to `end`."""

    reader: PackReader
    frame: int
    start: int
    end: int


def count_processors() -> int:
    """Return how many processors this process may use."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return count or 1


def iter_ahead(
    runs: Sequence[FrameRun], cache: FrameCache
) -> Generator[tuple[FrameRun, DecodedFrame | None]]:
    """Yield each run, and its frame where that was decompressed ahead: those come last.

    Args:
        runs: Those of one batch, each frame once.
        cache: Where their readers keep frames; half of it is let go for the buffers.
    """
    large = [run for run in runs if run.reader.is_missing(run.frame, LARGE_SIZE_BYTES)]
    if sum(map(_size, large)) <= cache.size_max:
        large = []
    ahead = set(large)
    for run in runs:
        if run not in ahead:
            yield run, None
    if large:
        cache.shrink(cache.size_max // 2)
        with _Helper(large) as helper:
            yield from helper.iter_frames()


class _Helper:
    """A thread, the frames that nobody has begun, and those that wait for the caller."""

    def __init__(self, runs: Sequence[FrameRun]) -> None:
        sizes = [run.reader.sizes(run.frame) for run in runs]
        self._compressed_size, self._content_size = map(max, zip(*sizes, strict=True))
        self._left = deque(runs)
        self._done: deque[tuple[FrameRun, DecodedFrame | None, FrameBuffer]] = deque()
        self._free = [self._new_buffer() for _ in range(_WAITING_COUNT_MAX)]
        self._is_working = count_processors() > 1
        self._change = Condition()
        self._thread = Thread(target=self._work, name="read ahead", daemon=True)

    def iter_frames(self) -> Iterator[tuple[FrameRun, DecodedFrame | None]]:
        """Yield each run with its frame, or None where that cannot be read."""
        own = self._new_buffer()
        while True:
            with self._change:
                while not (self._done or self._left) and self._is_working:
                    self._change.wait()
                if self._done:
                    run, frame, buffer = self._done.popleft()
                elif self._left:
                    run, frame, buffer = self._left.popleft(), None, own
                else:
                    return
            if buffer is own:
                frame = _load(run, own)
            yield run, frame
            if buffer is not own:
                with self._change:
                    self._free.append(buffer)
                    self._change.notify()

    def _work(self) -> None:
        try:
            while (begun := self._begin()) is not None:
                run, buffer = begun
                frame = _load(run, buffer)
                with self._change:
                    self._done.append((run, frame, buffer))
                    self._change.notify()
        finally:
            with self._change:
                self._is_working = False
                self._change.notify()

    def _begin(self) -> tuple[FrameRun, FrameBuffer] | None:
        """Return a run and a buffer for its frame, waiting for that; None at the end."""
        with self._change:
            while self._left and not self._free:
                self._change.wait()
            return (self._left.popleft(), self._free.pop()) if self._left else None

    def _new_buffer(self) -> FrameBuffer:
        return FrameBuffer(self._compressed_size, self._content_size)

    def __enter__(self) -> Self:
        if self._is_working:
            try:
                self._thread.start()
            except RuntimeError:
                self._is_working = False  # no room for a thread: the caller does all of it
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with self._change:
            self._left.clear()
            self._change.notify()
        if self._thread.ident is not None:
            self._thread.join()


def _load(run: FrameRun, buffer: FrameBuffer) -> DecodedFrame | None:
    try:
        return run.reader.load(run.frame, buffer)
    except (TapesError, MemoryError, LookupError):
        return None


def _size(run: FrameRun) -> int:
    return run.reader.sizes(run.frame)[1]
