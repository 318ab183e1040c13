"""A recorder that writes what it takes to a file, a line each: `python -m tests.file_recorder`.

    FILE ROOT|- [FAULT]

Faults: `dies:N` at the N-th thing taken, `refuses:N` from the N-th on, `late:S` seconds before
each flush, `mute` before it answers at all, `stuck` flushes never.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from tapegit.errors import RedactionError, StorageError
from tapegit.wire.capture import CapturedResponse, RecordingSummary
from tapegit.wire.spool.receiver import Receiver


class FileRecorder:
    """Takes captured values."""

    def __init__(self, path: str, fault: str) -> None:
        self.path = path
        self.fault, _, value = fault.partition(":")
        self.value = float(value or 0)
        self.count = self.calls = 0
        self.lines: list[str] = []
        self.lost = 0
        self.reason = ""

    def take(self, captured, *, more: bool = False) -> None:
        """Note what came."""
        self.count += 1
        if self.fault == "dies" and self.count == self.value:
            sys.stderr.write("tapes: error: out of paper\n")
            sys.stderr.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        if self.fault == "refuses" and self.count >= self.value:
            raise StorageError("disk is full")
        self.calls += isinstance(captured, CapturedResponse)
        body = getattr(captured, "body", getattr(captured, "payload", b""))
        self.lines.append(f"{type(captured).__name__} {captured.number} {len(body)}")

    def flush(self) -> bool:
        """Write it down."""
        if self.fault == "stuck":
            return False
        if self.fault == "late":
            time.sleep(self.value)
        with Path(self.path).open("a") as file:
            file.writelines(f"{line}\n" for line in self.lines)
        self.lines = []
        return True

    def summarise(self) -> RecordingSummary:
        """Say what came."""
        return RecordingSummary(
            sessions=1, calls=self.calls, redacted=(("rule", 2),), folders=("one",)
        )

    def finish(self) -> RecordingSummary:
        """End."""
        self.flush()
        return self.summarise()


def main() -> None:
    """Receive what standard input brings."""
    path, root, *fault = sys.argv[1:]
    if fault == ["mute"]:
        sys.stderr.write("tapes: error: rules do not load\nhint: install them\nhint: or not\n")
        sys.exit(RedactionError.exit_code)
    recorder = FileRecorder(path, fault[0] if fault else "")
    Receiver(recorder, sys.stdout.buffer, None if root == "-" else Path(root)).receive(
        sys.stdin.buffer
    )


if __name__ == "__main__":
    main()
