"""Recording the system calls of real code, as calls of the model in `disk`.

Every function of `files/syscalls` is stood in for, so a new one that this module does not know
fails the run. The place in the program where a sync was asked for is the innermost line outside
of `files/durable`: there a programmer decided that something must be durable.
"""

from __future__ import annotations

import inspect
import os
import sys
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tapegit.files import syscalls
from tests.crash.disk import Base, Call, Change, Data, Done, Name, Site, Sync

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

PACKAGE = str(Path(syscalls.__file__).parent.parent)
TRANSPARENT = (syscalls.__file__, str(Path(syscalls.__file__).with_name("durable.py")))
IGNORED = frozenset({"fchmod", "utime"})
"""Calls that change no name and no byte."""


class Recorder:
    """The calls made below a folder, and the folder as it is after them."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = iter(range(1, 1 << 60))
        self._names: dict[Name, int] = {}
        self._files: dict[int, bytes] = {}
        self._open: dict[int, int] = {}
        self._lock = threading.RLock()
        self.root = next(self._numbers)
        self._scan(folder, self.root)
        self.base = Base(dict(self._names), dict(self._files), self.root)
        self.calls: list[Call] = []

    def _scan(self, folder: Path, number: int) -> None:
        for entry in os.scandir(folder):
            node = self._names[Name(number, entry.name)] = next(self._numbers)
            if entry.is_dir():
                self._scan(folder / entry.name, node)
            else:
                self._files[node] = (folder / entry.name).read_bytes()

    @contextmanager
    def recording(self) -> Iterator[None]:
        """Record what happens inside."""
        functions = {
            name: function
            for name, function in vars(syscalls).items()
            if inspect.isfunction(function) and function.__module__ == syscalls.__name__
        }
        for name, function in functions.items():
            setattr(syscalls, name, self._stand_in(name, function))
        try:
            yield
        finally:
            for name, function in functions.items():
                setattr(syscalls, name, function)

    @contextmanager
    def recording_no_sync(self) -> Iterator[None]:
        """Record what happens inside as of a process that was stopped before it synced folders."""
        start = len(self.calls)
        with self.recording():
            yield
        self.calls[start:] = [
            call
            for call in self.calls[start:]
            if not (isinstance(call, Sync) and call.site.call == "fsync_dir")
        ]

    def acknowledge(self, step: int) -> None:
        """Note that a step ended without an error."""
        self.calls.append(Done(step))

    def _stand_in(self, name, function):
        note = None if name in IGNORED else getattr(self, f"_note_{name}")

        def standing_in(*args, **options):
            with self._lock:
                before = self._before(name, args)
                result = function(*args, **options)
                if note is not None:
                    note(before, result, *args)
                return result

        return standing_in

    def _before(self, name: str, args: tuple) -> bool:
        """Return whether a file exists that may be created by this call."""
        return name in ("open_append", "open_lock") and os.path.lexists(args[0])

    def _locate(self, path: Path | str) -> Name | None:
        """Return the name of a path below the folder, or None for one elsewhere."""
        inside = os.path.relpath(os.path.abspath(path), self._folder)
        if inside.startswith(".."):
            return None
        parts = inside.split("/")
        folder = self.root
        for part in parts[:-1]:
            folder = self._names[Name(folder, part)]
        return Name(folder, parts[-1])

    def _change(self, values: dict[Name, int | None]) -> None:
        for name, node in values.items():
            if node is None:
                self._names.pop(name, None)
            else:
                self._names[name] = node
        self.calls.append(Change(values))

    def _create(self, path: Path | str, fd: int) -> None:
        name = self._locate(path)
        if name is None:
            self._open.pop(fd, None)
            return
        node = next(self._numbers)
        self._open[fd] = node
        self._change({name: node})
        self.calls.append(Data(node, size=0))

    def _note_open_new(self, _existed, fd, path, *_mode) -> None:
        self._create(path, fd)

    def _note_open_append(self, existed, fd, path, *_mode) -> None:
        if not existed:
            self._create(path, fd)
            return
        name = self._locate(path)
        if name is None:
            self._open.pop(fd, None)
        else:
            self._open[fd] = self._names[name]

    def _note_open_lock(self, existed, fd, path) -> None:
        self._note_open_append(existed, fd, path)

    def _note_open_special(self, _existed, fd, _path) -> None:
        self._open.pop(fd, None)  # a pipe or a device keeps nothing

    def _note_write(self, _existed, count, fd, data) -> None:
        node = self._open.get(fd)
        if node is not None:
            offset = os.fstat(fd).st_size - count
            self.calls.append(Data(node, offset, bytes(memoryview(data).cast("B")[:count])))

    def _note_pwrite(self, _existed, count, fd, data, offset) -> None:
        node = self._open.get(fd)
        if node is not None:
            self.calls.append(Data(node, offset, bytes(memoryview(data).cast("B")[:count])))

    def _note_ftruncate(self, _existed, _result, fd, size) -> None:
        if fd in self._open:
            self.calls.append(Data(self._open[fd], size=size))

    def _note_fsync(self, _existed, _result, fd) -> None:
        if fd in self._open:
            self.calls.append(Sync(self._open[fd], self._site("fsync")))

    def _note_fdatasync(self, _existed, _result, fd) -> None:
        if fd in self._open:
            self.calls.append(Sync(self._open[fd], self._site("fdatasync")))

    def _note_fsync_dir(self, _existed, _result, path) -> None:
        if os.path.samefile(path, self._folder):
            self.calls.append(Sync(self.root, self._site("fsync_dir")))
        elif (name := self._locate(path)) is not None:
            self.calls.append(Sync(self._names[name], self._site("fsync_dir")))

    def _note_link(self, _existed, _result, source, target) -> None:
        old, new = self._locate(source), self._locate(target)
        if old is not None and new is not None:
            self._change({new: self._names[old]})

    def _note_rename(self, _existed, _result, source, target) -> None:
        old, new = self._locate(source), self._locate(target)
        assert old is not None, source
        assert new is not None, target
        self._change({new: self._names[old], old: None})

    def _note_unlink(self, _existed, _result, path) -> None:
        if (name := self._locate(path)) is not None:
            self._change({name: None})

    def _note_rmdir(self, _existed, _result, path) -> None:
        if (name := self._locate(path)) is not None:
            self._change({name: None})

    def _note_mkdir(self, _existed, _result, path, *_mode) -> None:
        if (name := self._locate(path)) is not None:
            self._change({name: next(self._numbers)})

    def _site(self, call: str) -> Site:
        """Return where a sync was asked for."""
        frame: FrameType | None = sys._getframe(2)
        while frame is not None:
            path = frame.f_code.co_filename
            if path.startswith(PACKAGE) and path not in TRANSPARENT:
                return Site(os.path.relpath(path, PACKAGE), frame.f_lineno, call)
            frame = frame.f_back
        raise AssertionError("a sync that nobody in the package asked for")
