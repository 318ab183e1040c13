"""The sink that carries what a proxy saw to a recorder in a process of its own.

Rules:

- Nothing of what is carried touches a disk before the recorder has redacted it: what cannot be
  sent at once is kept in memory, up to a limit, and what is over that is lost.
- Whatever becomes of the recorder, the caller is never held up and never sees an error. A
  recorder that dies is started once more; what it had not yet said it had taken is lost.
- What is lost is counted by exchanges, and written down in the store as soon as it happens.

`start` and `finish` block and are called outside of the event loop, before and after it runs;
the spool itself is called on it.

Source: tapesproxy(7), "The recorder" and "What is lost".
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import selectors
import socket
import subprocess
import time
from collections import deque
from typing import IO, TYPE_CHECKING, Final

from tapegit.errors import (
    ConfigError,
    LockedError,
    RedactionError,
    StorageError,
    TapesError,
    UnsupportedVersionError,
)
from tapegit.repository.recordings import RecordingMark, name_recording
from tapegit.wire.capture import CapturedRequest, CapturedResponse, RecordingSummary
from tapegit.wire.spool.carrier import End, Start, add_summaries, decode_summary, encode_carried

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from tapegit.wire.capture import Carried

MEMORY_SIZE_MAX_BYTES: Final = 128 << 20
"""What waits for the recorder: some minutes of heavy traffic."""

FINISH_TIMEOUT_S: Final = 60.0
"""How long a recorder may take for what it still has, with nothing more to come."""

_FAILURES: Final = {
    each.exit_code: each
    for each in (ConfigError, LockedError, RedactionError, UnsupportedVersionError)
}
"""Why a recorder may not start, by its exit status; anything else is the store's."""

_SAYS: Final = "tapes: error: "
_HINTS: Final = "hint: "
_PIPE_SIZE_BYTES: Final = 1 << 20
_READ_SIZE_BYTES: Final = 1 << 16
_SAID_SIZE_MAX_BYTES: Final = 4096
_PARTS_MAX: Final = 64
_PAUSE_S: Final = 0.5


class _Child:
    """One process that records."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str] | None) -> None:
        ours, theirs = socket.socketpair()
        try:
            process = subprocess.Popen(  # noqa: S603 - the caller's own program
                command,
                stdin=theirs.fileno(),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment,
                bufsize=0,
                start_new_session=True,  # an interrupt is for the agent, not for its recording
            )
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        assert process.stdout is not None
        assert process.stderr is not None
        self.process = process
        self.input = ours
        self.answers: IO[bytes] = process.stdout
        self.errors: IO[bytes] = process.stderr
        self.said = b""
        self.answered = b""
        self.recorded = RecordingSummary()
        self.untaken: dict[int, float | None] = {}
        self.lost = 0
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _PIPE_SIZE_BYTES)

    def read_errors(self) -> bool:
        """Keep the end of what it says; return False at the end."""
        data = _read(self.errors.fileno())
        self.said = (self.said + (data or b""))[-_SAID_SIZE_MAX_BYTES:]
        return data != b""

    def unblock(self) -> None:
        """Let nothing wait for it from now on."""
        for stream in (self.input, self.answers, self.errors):
            os.set_blocking(stream.fileno(), False)

    def close(self) -> None:
        """End it, and close what leads to it."""
        self.input.close()
        self.answers.close()
        self.errors.close()
        self.process.kill()


class Spool:
    """A sink with a recorder behind it."""

    def __init__(
        self,
        command: Sequence[str],
        *,
        root: Path | None,
        clock: Callable[[], int],
        environment: Mapping[str, str] | None = None,
        memory_size_max_bytes: int = MEMORY_SIZE_MAX_BYTES,
    ) -> None:
        """Prepare a spool.

        Args:
            command: Starts a recorder: takes frames on standard input, answers on standard
                output, and says on standard error why it cannot.
            root: The store that losses are written down in; None: they are only counted.
            clock: Gives ms since the epoch.
            environment: Of the recorder; this process's own by default.
            memory_size_max_bytes: How much may wait.
        """
        self._command = command
        self._environment = environment
        self._memory_size_max_bytes = memory_size_max_bytes
        self._mark: RecordingMark | None = None
        if root is not None:
            self._mark = RecordingMark(root, name_recording(clock(), os.getpid()))
        self._child: _Child | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._queue: deque[memoryview] = deque()
        self._queue_size = 0
        self._is_waiting = False
        self._starts_left = 1
        self._dead: list[_Child] = []
        self._lost: set[int] = set()
        self._lost_before = 0
        self._reason = ""
        self._summary: RecordingSummary | None = None
        self._writing_down: asyncio.Future[None] | None = None

    # --- from outside of the loop ---

    def start(self) -> None:
        """Start the recorder and wait until it takes what comes.

        Raises:
            TapesError: The store cannot be written to, or the recorder cannot start; with what
                it said.
        """
        if self._mark is not None:
            self._mark.hold()
        try:
            child = self._child = self._open_child()
            self._write_blocking(self._first_frame())
            line = child.answers.readline()
        except BaseException:
            self._abandon()
            raise
        if not line:
            said = child.errors.read()[-_SAID_SIZE_MAX_BYTES:]
            failure = _FAILURES.get(child.process.wait(), StorageError)
            self._abandon()
            raise failure(f"nothing can be recorded: {_last_line(said)}", hint=_hint(said))
        child.unblock()

    def finish(self, timeout_s: float = FINISH_TIMEOUT_S) -> RecordingSummary:
        """Send what waits, let the recorder finish, and return what it recorded.

        What was lost is in the summary and, if it is anything, written down. A recorder that
        takes longer than `timeout_s` is ended.
        """
        child, self._child = self._child, None
        if child is not None:
            self._put(encode_carried(End(self.lost)))
            self._finish_child(child, timeout_s)
        summary = self._summary or RecordingSummary(lost=self.lost)
        for dead in self._dead:
            dead.process.wait()
            summary = add_summaries(dead.recorded, summary)
        if summary.lost:
            self._reason = summary.reason or self._reason
            summary = summary._replace(reason=self._reason)
        self._summary = summary
        if self._mark is not None:
            if summary.lost:
                self._write_down(summary.lost)
            try:
                self._mark.end()
            except TapesError:
                pass  # the mark that stays says that something went wrong, and something did
        return summary

    @property
    def lost(self) -> int:
        """How many exchanges are known to be lost."""
        said = self._child.lost if self._child is not None else 0
        return len(self._lost) + self._lost_before + said

    @property
    def lag_s(self) -> float:
        """How long the oldest exchange that has ended has been waiting to be durable."""
        waiting = () if self._child is None else self._child.untaken.values()
        now = time.monotonic()
        return max((now - ended for ended in waiting if ended is not None), default=0.0)

    @property
    def reason(self) -> str:
        """Why the last one was; nothing where none was."""
        return self._reason

    # --- on the loop ---

    def take(self, carried: Carried) -> None:
        """Take what passed: the sink of a proxy."""
        child = self._child
        number = carried.number
        if child is None or number in self._lost:
            self._lose({number}, self._reason or "the recorder has ended")
            return
        head, body = encode_carried(carried)
        if self._queue_size + len(body) > self._memory_size_max_bytes:
            child.untaken.pop(number, None)
            self._lose({number}, "the recorder is too slow")
            return
        if isinstance(carried, CapturedRequest):
            child.untaken[number] = None
        elif isinstance(carried, CapturedResponse):
            child.untaken[number] = time.monotonic()
        self._put((head, body))
        if not self._is_waiting:
            self._flush()

    def _put(self, parts: tuple[bytes, bytes]) -> None:
        for part in parts:
            if part:
                self._queue.append(memoryview(part))
                self._queue_size += len(part)

    def _flush(self) -> None:
        """Write what the pipe takes; wait until it takes the rest."""
        child = self._child
        if child is None:
            return
        if self._loop is None:
            self._listen(child)
        try:
            self._write_some(child.input)
        except BlockingIOError:
            pass
        except OSError:
            self._lose_child(child)
            return
        self._await_room(child)

    def _write_some(self, pipe: socket.socket) -> None:
        """Write until the pipe is full or nothing waits.

        Raises:
            BlockingIOError: It is full.
            OSError: Nobody reads it.
        """
        queue = self._queue
        while queue:
            parts = [queue[n] for n in range(min(len(queue), _PARTS_MAX))]
            written = pipe.sendmsg(parts)
            self._queue_size -= written
            while written:
                first = queue[0]
                if len(first) > written:
                    queue[0] = first[written:]
                    break
                written -= len(first)
                queue.popleft()

    def _await_room(self, child: _Child) -> None:
        is_waiting = bool(self._queue)
        if self._loop is None or is_waiting == self._is_waiting:
            return
        self._is_waiting = is_waiting
        if is_waiting:
            self._loop.add_writer(child.input.fileno(), self._flush)
        else:
            self._loop.remove_writer(child.input.fileno())

    def _listen(self, child: _Child) -> None:
        loop = self._loop = asyncio.get_running_loop()
        loop.add_reader(child.answers.fileno(), self._hear, child)
        loop.add_reader(child.errors.fileno(), self._hear_errors, child)

    def _hear(self, child: _Child) -> None:
        data = _read(child.answers.fileno())
        if data == b"":
            self._lose_child(child)
        elif data:
            self._take_answers(child, data)

    def _hear_errors(self, child: _Child) -> None:
        if not child.read_errors() and self._loop is not None:
            self._loop.remove_reader(child.errors.fileno())

    def _take_answers(self, child: _Child, data: bytes) -> None:
        *lines, child.answered = (child.answered + data).split(b"\n")
        for line in lines:
            answer = json.loads(line)
            for number in answer.get("taken", ()):
                child.untaken.pop(number, None)
            if "so_far" in answer:
                so_far = decode_summary(answer["so_far"])
                folders = child.recorded.folders + so_far.folders
                child.recorded = so_far._replace(lost=0, reason="", folders=folders)
            if "lost" in answer:
                child.lost = answer["lost"]
                self._reason = answer["reason"]
                self._note_loss()
            if "summary" in answer:
                self._summary = decode_summary(answer["summary"])

    # --- what goes wrong ---

    def _lose_child(self, child: _Child) -> None:
        """Give up a recorder that has ended; start another, the first time."""
        if child is not self._child:
            return
        self._child = None
        self._stop_listening(child)
        child.read_errors()
        while data := _read(child.answers.fileno()):
            self._take_answers(child, data)
        reason = f"the recorder ended: {_last_line(child.said)}"
        child.close()
        self._dead.append(child)  # reaped at the end: it may take a moment to die
        self._queue.clear()
        self._queue_size = 0
        self._lost_before += child.lost
        self._lose(set(child.untaken), reason)
        if self._starts_left:
            self._starts_left -= 1
            self._restart()

    def _restart(self) -> None:
        try:
            child = self._open_child()
        except TapesError as error:
            self._reason = str(error)
            return
        child.unblock()
        self._child = child
        self._put((self._first_frame(), b""))
        self._flush()

    def _stop_listening(self, child: _Child) -> None:
        loop, self._loop, self._is_waiting = self._loop, None, False
        if loop is None or loop.is_closed():
            return
        loop.remove_reader(child.answers.fileno())
        loop.remove_reader(child.errors.fileno())
        loop.remove_writer(child.input.fileno())

    def _lose(self, numbers: set[int], reason: str) -> None:
        if numbers <= self._lost:
            return
        self._lost |= numbers
        self._reason = reason
        self._note_loss()

    def _note_loss(self) -> None:
        """Write down what is lost, in a thread: the disk may be slow, or full."""
        if self._mark is None or self._loop is None or self._writing_down is not None:
            return
        self._writing_down = self._loop.run_in_executor(None, self._write_down, self.lost)
        self._writing_down.add_done_callback(self._after_writing_down)

    def _after_writing_down(self, done: asyncio.Future[None]) -> None:
        self._writing_down = None

    def _write_down(self, count: int) -> None:
        assert self._mark is not None
        try:
            self._mark.lose(count, self._reason or "nobody said why")
        except TapesError:
            pass  # the mark itself says that something went wrong, as long as it stays

    # --- the process ---

    def _open_child(self) -> _Child:
        try:
            return _Child(self._command, self._environment)
        except OSError as error:
            text = os.strerror(error.errno or 0).lower()
            raise StorageError(
                f"nothing can be recorded: cannot start a recorder: {text}", errno=error.errno
            ) from error

    def _first_frame(self) -> bytes:
        return encode_carried(Start("" if self._mark is None else self._mark.name))[0]

    def _write_blocking(self, data: bytes) -> None:
        assert self._child is not None
        try:
            self._child.input.sendall(data)
        except OSError:
            pass  # it has ended, and the answer that does not come says so

    def _finish_child(self, child: _Child, timeout_s: float) -> None:
        """Send what waits and hear the summary, on the caller's thread: no loop runs any more."""
        self._stop_listening(child)
        deadline = time.monotonic() + timeout_s
        with selectors.DefaultSelector() as selector:
            selector.register(child.input, selectors.EVENT_WRITE)
            selector.register(child.answers, selectors.EVENT_READ)
            selector.register(child.errors, selectors.EVENT_READ)
            while selector.get_map() and time.monotonic() < deadline:
                for key, _ in selector.select(_PAUSE_S):
                    if not self._finish_some(child, key.fileobj):
                        selector.unregister(key.fileobj)
        if self._summary is None:
            child.process.kill()
            self._dead.append(child)
            self._lost.update(child.untaken)
            self._lost_before += child.lost
            is_late = time.monotonic() >= deadline
            self._reason = (
                f"the store had not taken it after {timeout_s:.0f} s"
                if is_late
                else f"the recorder ended: {_last_line(child.said)}"
            )
        child.process.wait()
        child.close()

    def _finish_some(self, child: _Child, stream: object) -> bool:
        """Do what one of a recorder's pipes is ready for; return False when it is done with."""
        if stream is child.errors:
            return child.read_errors()
        if stream is child.answers:
            data = _read(child.answers.fileno())
            self._take_answers(child, data or b"")
            return data != b""
        try:
            self._write_some(child.input)
            child.input.shutdown(socket.SHUT_WR)  # so that it waits for nothing more
        except BlockingIOError:
            return True
        except OSError:
            pass  # it has ended, and the summary that does not come says so
        return False

    def _abandon(self) -> None:
        child, self._child = self._child, None
        if child is not None:
            child.process.kill()
            child.process.wait()
            child.close()
        if self._mark is not None:
            self._mark.end()


def _read(fd: int) -> bytes | None:
    """Return what there is to read, nothing at the end, None where there is nothing yet."""
    try:
        return os.read(fd, _READ_SIZE_BYTES)
    except BlockingIOError:
        return None
    except OSError:
        return b""


def _last_line(said: bytes) -> str:
    """Return the last line of what was said, hints aside.

    That of a traceback may hold what was to be redacted: of it only the kind of error is said.
    """
    lines = [line for line in _lines(said) if not line.startswith(_HINTS)]
    if not lines:
        return "it did not say why"
    if lines[-1].startswith(_SAYS):
        return lines[-1].removeprefix(_SAYS)
    kind = re.match(r"[A-Za-z_][\w.]*(?=:|\Z)", lines[-1])
    return f"a fault of its own ({kind[0]})" if kind is not None else "it did not say why"


def _hint(said: bytes) -> str | None:
    """Return the hints of what was said, a line each."""
    hints = [line.removeprefix(_HINTS) for line in _lines(said) if line.startswith(_HINTS)]
    return "\n".join(hints) or None


def _lines(said: bytes) -> list[str]:
    return said.decode(errors="replace").strip().splitlines()
