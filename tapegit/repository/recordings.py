"""Which recordings run, and what those lost that ran: so that the next start can say it.

Rules: a mark is a file that its recording holds locked for as long as it lives, so that one
which was killed is known by its mark being there and free. What was lost is written beside it,
whole or not at all; on a full disk into the mark itself, which has room for that from the start.
Neither holds anything of what was recorded, and neither is synced: it must not hold up traffic,
and after a power cut there is more to look for than this.

Source: tapesproxy(7), "What is lost".
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import LockedError, StorageError, TapesError
from tapegit.files import syscalls
from tapegit.files.durable import replace_file_cheaply
from tapegit.files.locks import Lock
from tapegit.files.oserrors import storage_error
from tapegit.files.safe_read import read_file
from tapegit.repository.layout import RECORDINGS_NAME, TMP_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tapegit.files.locks import HeldLock

KILLED: Final = "it was killed"

_MARK: Final = re.compile(r"(?P<started>\d{1,15})-\d{1,10}")
_LOST: Final = re.compile(r"(?P<count>\d{1,15}) calls: (?P<reason>[^\n]{1,1000})\n")
_SUFFIX: Final = ".lost"
_SIZE_MAX_BYTES: Final = 4096
_ROOM_OFFSET_BYTES: Final = 64
"""Before it is what a lock says of its holder."""

_ROOM_SIZE_BYTES: Final = 1024


class Loss(NamedTuple):
    """What a recording that has ended did not record.

    Attributes:
        started_ms: When it began, since the epoch.
        calls: How many; None where nobody was left to count them.
        reason: Why, in words.
    """

    started_ms: int
    calls: int | None
    reason: str


class RecordingMark:
    """The mark of one recording; two processes may hold it."""

    def __init__(self, root: Path, name: str) -> None:
        """Args: root: The store; name: From `name_recording`."""
        self._path = root / RECORDINGS_NAME / name
        self._lost_path = self._path.with_name(name + _SUFFIX)
        self._tmp_dir = root / TMP_NAME
        self._held: HeldLock | None = None
        self._has_loss = False
        self.name = name

    def hold(self) -> None:
        """Set the mark, or hold it together with who has set it.

        Raises:
            TapesError: The store cannot be written to.
        """
        try:
            syscalls.mkdir(self._path.parent, 0o700)
        except FileExistsError:
            pass
        except OSError as error:
            raise storage_error(error, "create", self._path.parent) from error
        held = Lock(self._path).shared(timeout_s=0)
        held.acquire()
        self._held = held
        if os.stat(self._path).st_size < _ROOM_OFFSET_BYTES + _ROOM_SIZE_BYTES:
            try:
                self._write("")
            except StorageError:
                self.end()
                raise

    def lose(self, count: int, reason: str) -> None:
        """Write down how many calls have been lost in all, and why the last one was.

        Raises:
            StorageError: The store cannot be written to, not even where there was room.
        """
        line = f"{count} calls: {' '.join(reason.split())[:1000]}\n"
        try:
            replace_file_cheaply(self._lost_path, line.encode(), tmp_dir=self._tmp_dir)
            self._has_loss = False
        except StorageError:
            self._write(line)
            self._has_loss = True

    def _write(self, line: str) -> None:
        """Write a line into the mark itself, in the place of what was there."""
        text = line.encode()[: _ROOM_SIZE_BYTES - 1].rstrip(b"\n")
        data = (text + b"\n").ljust(_ROOM_SIZE_BYTES)
        try:
            fd = syscalls.open_lock(self._path)
            try:
                syscalls.pwrite(fd, data, _ROOM_OFFSET_BYTES)
            finally:
                os.close(fd)
        except OSError as error:
            raise storage_error(error, "write", self._path) from error

    def end(self) -> None:
        """Take the mark away, unless what was lost is in it."""
        held, self._held = self._held, None
        if held is None:
            return
        if self._has_loss:
            held.release()
            return
        try:
            syscalls.unlink(self._path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise storage_error(error, "remove", self._path) from error
        finally:
            held.release()


def name_recording(started_ms: int, pid: int) -> str:
    """Return the name of a recording's mark."""
    return f"{started_ms}-{pid}"


def iter_losses(root: Path) -> Iterator[Loss]:
    """Yield what recordings lost that have ended, the oldest first.

    Whatever cannot be read is passed over: this tells of trouble and must not make any.
    """
    for name, is_running in _list_names(root).items():
        if is_running:
            continue
        match = _MARK.fullmatch(name)
        assert match is not None
        path = root / RECORDINGS_NAME / name
        loss = _read_loss(path, _ROOM_OFFSET_BYTES) or _read_loss(path.with_name(name + _SUFFIX))
        count, reason = loss if loss is not None else (None, KILLED)
        yield Loss(int(match["started"]), count, reason)


def forget_losses(root: Path) -> None:
    """Remove what `iter_losses` yields.

    Raises:
        StorageError: The store cannot be written to.
    """
    for name, is_running in _list_names(root).items():
        if is_running:
            continue
        for path in (root / RECORDINGS_NAME / (name + _SUFFIX), root / RECORDINGS_NAME / name):
            try:
                syscalls.unlink(path)
            except FileNotFoundError:
                pass
            except OSError as error:
                raise storage_error(error, "remove", path) from error


def _list_names(root: Path) -> dict[str, bool]:
    """Return the names of recordings that left something, and whether each is running."""
    folder = root / RECORDINGS_NAME
    try:
        files = set(os.listdir(folder))
    except OSError:
        return {}
    names = {name.removesuffix(_SUFFIX) for name in files}
    ordered = sorted(name for name in names if _MARK.fullmatch(name))
    return {name: name in files and _is_held(folder / name) for name in ordered}


def _is_held(path: Path) -> bool:
    try:
        with Lock(path).exclusive(timeout_s=0):
            return False
    except LockedError:
        return True
    except TapesError:
        return False


def _read_loss(path: Path, offset_bytes: int = 0) -> tuple[int, str] | None:
    try:
        data = read_file(path, size_max=_SIZE_MAX_BYTES)[offset_bytes:]
    except (OSError, TapesError):
        return None
    match = _LOST.match(data.decode(errors="replace"))
    return (int(match["count"]), match["reason"]) if match else None
