"""The other end of the spool's pipe: a process that records what a proxy saw.

Rules: takes what comes, in order, and says what it has taken, so that the spool knows what is
lost with it. When the pipe ends without its last frame the proxy has been killed: what had come
is finished, and how much had no end is written down.

Source: tapesproxy(7), "The recorder" and "What is lost".
"""

from __future__ import annotations

import json
import os
import select
import time
from typing import TYPE_CHECKING, Final, Protocol

from tapegit.errors import TapesError, TruncatedError
from tapegit.repository.recordings import RecordingMark
from tapegit.wire.capture import SWITCHING, CapturedFrames, CapturedRequest
from tapegit.wire.core_files import forbid_core_files
from tapegit.wire.http.sockets import SocketReader
from tapegit.wire.spool.carrier import End, Start, encode_summary, iter_carried

if TYPE_CHECKING:
    from pathlib import Path
    from typing import BinaryIO

    from tapegit.wire.capture import Captured, Carried, RecordingSummary
    from tapegit.wire.spool.carrier import Frame


FLUSH_COUNT_MAX: Final = 256
"""What is taken before it is made durable together, while more keeps coming."""

FLUSH_SIZE_MAX_BYTES: Final = 64 << 20
"""The same, in bytes of bodies."""

FLUSH_AFTER_S: Final = 0.5
"""The same, in time: nothing that was taken waits longer for what comes after it."""

GATHER_S: Final = 0.1
"""How long what came may wait for more: a transaction costs the same for one and for many."""

GATHER_SIZE_MAX_BYTES: Final = 16 << 20

NAP_S: Final = 0.025
"""How often it is fetched from the pipe meanwhile: with each a proxy would be put off by one."""

NICENESS: Final = 10
"""Who waits for a model, and who passes on what it says, comes first."""

RETRY_PAUSE_S: Final = 1.0
_READ_SIZE_BYTES: Final = 1 << 18
_HUNG_UP: Final = getattr(select, "POLLRDHUP", 0)


class TakesCaptured(Protocol):
    """A recorder of calls.

    Attributes:
        lost: How many exchanges it has given up so far.
        reason: Why.
    """

    lost: int
    reason: str

    def take(self, captured: Captured, *, more: bool = False) -> None:
        """Record something; with `more` it need not be durable before the next `flush`.

        Raises:
            TapesError: It cannot be recorded, ever.
        """

    def flush(self) -> bool:
        """Make durable what was taken; return whether it is."""

    def summarise(self) -> RecordingSummary:
        """Say what was recorded so far."""

    def finish(self) -> RecordingSummary:
        """Record what has no end yet, and say what was recorded."""


class PipeReader:
    """Bytes of a pipe; tells whether there are more without waiting for them.

    To wait for bytes is to be woken by each write, beside the traffic whose copy it is. So what
    comes is fetched a few times and otherwise left where it is, but for the end of the pipe.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._buffer = bytearray()
        self._end = select.poll()
        self._end.register(fd, _HUNG_UP)

    def read(self, size: int) -> bytes:
        """Return so many bytes, fewer only at the end."""
        buffer = self._buffer
        while len(buffer) < size:
            data = os.read(self._fd, _READ_SIZE_BYTES)
            if not data:
                break
            buffer += data
        with memoryview(buffer) as view:
            taken = bytes(view[:size])
        del buffer[:size]
        return taken

    def has_more(self, timeout_s: float | None = 0.0) -> bool:
        """Return whether a read would have something, be it the end; None: wait for it."""
        return bool(self._buffer) or bool(select.select([self._fd], [], [], timeout_s)[0])

    def gather(self, for_s: float) -> None:
        """Wait for the first bytes, then for so long for more, or for the end."""
        self.has_more(None)
        until_s = time.monotonic() + for_s
        while (left_s := until_s - time.monotonic()) > 0:
            if self._end.poll(min(left_s, NAP_S) * 1000):
                return
            while len(self._buffer) < GATHER_SIZE_MAX_BYTES and self._has_come():
                data = os.read(self._fd, _READ_SIZE_BYTES)
                if not data:
                    return
                self._buffer += data

    def _has_come(self) -> bool:
        return bool(select.select([self._fd], [], [], 0)[0])


class Receiver:
    """Takes what comes from a proxy, for as long as it comes."""

    def __init__(self, recorder: TakesCaptured, answers: BinaryIO, root: Path | None) -> None:
        """Prepare to receive.

        Args:
            recorder: Records it.
            answers: Where to say what was taken: a JSON object on each line.
            root: The store that has the recording's mark; None: there is none.
        """
        self._recorder = recorder
        self._answers = answers
        self._root = root
        self._mark: RecordingMark | None = None
        self._sockets: dict[int, SocketReader] = {}
        self._open: set[int] = set()
        self._lost: set[int] = set()
        self._taken: list[int] = []
        self._waiting = 0
        self._size = 0
        self._due_s = 0.0
        self._is_failing = False
        self._reason = ""
        self._told = 0
        self._folder_count = 0

    def receive(self, source: BinaryIO) -> RecordingSummary:
        """Take everything, and return what was recorded of it.

        Args:
            source: A pipe of which nothing has been read.

        Raises:
            TapesError: The store cannot be written to at the end.
        """
        os.nice(NICENESS)
        forbid_core_files()
        end = self._receive(PipeReader(source.fileno()))
        summary = self._recorder.finish()
        without_end = len(self._open) + len(self._sockets)
        lost = len(self._lost) + (without_end if end is None else end.lost)
        summary = summary._replace(lost=summary.lost + lost, reason=summary.reason or self._reason)
        if end is None and self._mark is not None:
            self._mark.lose(summary.lost, summary.reason or "the proxy was killed")
            self._mark.end()
        self._answer(summary=encode_summary(summary))
        return summary

    def _receive(self, pipe: PipeReader) -> End | None:
        """Take everything until the last frame, which is returned, or without one."""
        try:
            for frame in iter_carried(pipe.read):
                if isinstance(frame, End):
                    return frame
                self._take(frame)
                is_behind = False
                while self._waiting and not self._goes_on(pipe):
                    is_behind = pipe.has_more()
                    self._flush()
                if not (self._waiting or is_behind):
                    pipe.gather(GATHER_S)
        except TruncatedError:
            pass  # the proxy was killed in the middle of a frame
        return None

    def _goes_on(self, pipe: PipeReader) -> bool:
        """Return whether more has come that may become durable together with what waits."""
        left_s = self._due_s - time.monotonic()
        if self._is_failing:
            return left_s > 0 and pipe.has_more(left_s)
        is_full = self._waiting >= FLUSH_COUNT_MAX or self._size >= FLUSH_SIZE_MAX_BYTES
        return left_s > 0 and not is_full and pipe.has_more()

    def _flush(self) -> None:
        is_durable = self._recorder.flush()
        self._tell_losses()
        if not is_durable:
            self._is_failing = True
            self._due_s = time.monotonic() + RETRY_PAUSE_S
            return
        self._is_failing = False
        taken, self._taken, self._waiting, self._size = self._taken, [], 0, 0
        if taken:
            so_far = self._recorder.summarise()
            new = so_far.folders[self._folder_count :]
            self._folder_count += len(new)
            self._answer(taken=taken, so_far=encode_summary(so_far._replace(folders=new)))

    def _take(self, frame: Frame) -> None:
        if isinstance(frame, Start):
            if self._root is not None and frame.recording:
                self._mark = RecordingMark(self._root, frame.recording)
                self._mark.hold()
            self._answer(ready=True)
        elif not isinstance(frame, End):
            try:
                self._record(frame)
            except TapesError as error:
                self._lost.add(frame.number)
                self._reason = str(error)
                self._tell_losses()

    def _tell_losses(self) -> None:
        """Say how much is lost by now, where that is more than was said."""
        lost = len(self._lost) + self._recorder.lost
        if lost > self._told:
            self._told = lost
            self._answer(lost=lost, reason=self._recorder.reason or self._reason)

    def _record(self, carried: Carried) -> None:
        number = carried.number
        if not self._waiting:
            self._due_s = time.monotonic() + FLUSH_AFTER_S
        self._waiting += 1
        if isinstance(carried, CapturedFrames):
            self._size += len(carried.data)
            self._record_frames(carried)
            return
        self._size += len(carried.body)
        if isinstance(carried, CapturedRequest):
            self._open.add(number)
        else:
            self._open.discard(number)
            self._taken.append(number)
            if carried.status == SWITCHING:
                self._sockets[number] = SocketReader(number, carried.headers)
        self._recorder.take(carried, more=True)

    def _record_frames(self, carried: CapturedFrames) -> None:
        socket = self._sockets.get(carried.number)
        if socket is None:
            return
        if carried.outcome is not None:
            del self._sockets[carried.number]
        self._taken.append(carried.number)
        for captured in socket.feed(carried):
            self._recorder.take(captured, more=True)

    def _answer(self, **members: object) -> None:
        try:
            self._answers.write(json.dumps(members).encode() + b"\n")
            self._answers.flush()
        except OSError:
            pass  # nobody is there to hear it any more; what came is recorded all the same
