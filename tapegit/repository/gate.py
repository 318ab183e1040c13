"""The gate between writers and gc.

Rules: a writer is inside from its first object to its last ref, together with any number of
others; gc removes nothing while one is inside. Everybody passes the turnstile to get in, and
gc holds it while it waits, so that writers who overlap for ever cannot starve it. Getting in
twice is getting in once: else a writer would wait at the turnstile for gc, which waits for it.
Whoever gets in looks whether history was rewritten meanwhile: what is remembered is wrong then.

Source: tapesformat-store(5), "Locks".
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, Self

from tapegit.files.locks import Lock
from tapegit.repository.layout import GC_LOCK, REWRITING_NAME, TOMBSTONES_NAME, TURNSTILE_LOCK

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType

    from tapegit.files.locks import HeldLock

WRITER_TIMEOUT_S: Final = 60.0
"""Longer than gc waits at the turnstile and then takes to move files into the trash."""

GC_TIMEOUT_S: Final = 10.0


def read_history_mark(root: Path) -> tuple[int, int, int] | None:
    """Return what is another whenever history was rewritten; it is asked inside of the gate."""
    try:
        status = os.stat(root / TOMBSTONES_NAME)
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns, status.st_size


def read_settled_mark(root: Path) -> object:
    """Return what is another after history was rewritten; None while it is."""
    if (root / REWRITING_NAME).exists():
        return None
    return (read_history_mark(root),)


def verify_settled(root: Path, mark: object) -> None:
    """Check that what refs led to is not on its way out: none of that is to be kept.

    A file that was opened before is a file that a rewriting removes, if one begins later.

    Args:
        root: The store.
        mark: The mark of before the refs were read.

    Raises:
        OSError: History is being rewritten, or was since then.
    """
    if mark is None or mark != read_settled_mark(root):
        raise OSError("history is being rewritten")


class WriterGate:
    """A context in which gc of the store at `root` removes nothing; one for a repository.

    Args:
        root: The store.
        on_rewritten: Is called inside, if history was rewritten since the last time, or since
            this was made.
    """

    def __init__(self, root: Path, on_rewritten: Callable[[], None] | None = None) -> None:
        self._root = root
        self._on_rewritten = on_rewritten
        self._mark = read_history_mark(root)
        self._held: HeldLock | None = None
        self._depth = 0

    def __enter__(self) -> Self:
        """Get in.

        Raises:
            LockedError: gc did not end in time.
            StorageError: The file system has no locks.
        """
        if self._depth == 0:
            held = Lock(self._root / GC_LOCK).shared(WRITER_TIMEOUT_S)
            with Lock(self._root / TURNSTILE_LOCK).shared(WRITER_TIMEOUT_S):
                held.acquire()
            self._held = held
            mark = read_history_mark(self._root)
            if mark != self._mark and self._on_rewritten is not None:
                self._on_rewritten()
            self._mark = mark
        self._depth += 1
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._depth -= 1
        if self._depth == 0 and self._held is not None:
            held, self._held = self._held, None
            held.release()


class RemoverGate:
    """A context in which no writer is inside: for gc's last step, and as short as possible."""

    def __init__(self, root: Path, timeout_s: float = GC_TIMEOUT_S) -> None:
        self._turnstile = Lock(root / TURNSTILE_LOCK).exclusive(timeout_s)
        self._gate = Lock(root / GC_LOCK).exclusive(timeout_s)

    def __enter__(self) -> Self:
        """Keep new writers out and wait until those inside have left.

        Raises:
            LockedError: They did not in time; nothing may be removed.
            StorageError: The file system has no locks.
        """
        self._turnstile.acquire()
        try:
            self._gate.acquire()
        except BaseException:
            self._turnstile.release()
            raise
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._gate.release()
        self._turnstile.release()
