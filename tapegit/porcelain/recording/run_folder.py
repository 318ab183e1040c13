"""The folder of a run in the store's `tmp/`: files that flags name, and shims in front of PATH.

A *shim* stands in for a client that is started by another program: it has the client's name and
starts the client by way of `tapes shim`, which lays the recipe over its arguments. The folder
goes with the run; of a run that was killed gc removes it.

Source: tapes-record(1), "Wrapped commands".
"""

from __future__ import annotations

import contextlib
import json
import os
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from tapegit.errors import FormatError
from tapegit.files import syscalls
from tapegit.files.durable import write_all
from tapegit.files.oserrors import storage_errors
from tapegit.files.safe_read import read_file
from tapegit.porcelain.recording.places import Place, Places

if TYPE_CHECKING:
    from collections.abc import Iterable
    from types import TracebackType

BIN_NAME: Final = "bin"
PLACES_NAME: Final = "places"
DOUBTS_NAME: Final = "doubts"
DOUBTS_SIZE_MAX_BYTES: Final = 1 << 16
_PLACES_SIZE_MAX_BYTES: Final = 1 << 20
_SHIM: Final = """#!/bin/sh
# A shim of 'tapes record': it starts {name} so that its requests are recorded.
exec {python} -P -m tapegit shim -- {folder} {name} "$@"
"""


class RunFolder:
    """The folder at `path`; as a context it is made and removed."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def within(cls, tmp_dir: Path) -> Self:
        """Return the folder of a new run of this process."""
        return cls(tmp_dir / f"run-{os.getpid()}-{os.urandom(8).hex()}")

    @property
    def bin_dir(self) -> Path:
        """Where shims are."""
        return self.path / BIN_NAME

    def __enter__(self) -> Self:
        with storage_errors("create", self.path):
            syscalls.mkdir(self.path)
            syscalls.mkdir(self.bin_dir)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with storage_errors("remove", self.path), contextlib.suppress(FileNotFoundError):
            _remove(self.path)  # somebody may have done so: `git clean -fdx` takes the store

    def write(self, name: str, text: str, mode: int = 0o600) -> Path:
        """Write a file, which another run of the same recipe may have written before."""
        path = self.path / name
        overwrite(path, text, mode)
        return path

    def write_places(self, places: Places) -> None:
        """Write down the upstreams, for who joins the run."""
        known = {"origin": places.origin, "places": [list(place) for place in places.all]}
        self.write(PLACES_NAME, json.dumps(known))

    def write_shims(self, names: Iterable[str], python: str) -> None:
        """Write a shim for each name."""
        for name in names:
            text = _SHIM.format(
                name=name, python=shlex.quote(python), folder=shlex.quote(str(self.path))
            )
            self.write(f"{BIN_NAME}/{name}", text, 0o700)

    def read_places(self) -> Places:
        """Return the upstreams that were written down.

        Raises:
            FormatError: The folder is not that of a run.
        """
        try:
            known = json.loads(read_file(self.path / PLACES_NAME, size_max=_PLACES_SIZE_MAX_BYTES))
            places = [Place(*place) for place in known["places"]]
            return Places(known["origin"], places, is_open=False)
        except (FileNotFoundError, ValueError, KeyError, TypeError) as error:
            raise FormatError(
                f"'{self.path}' is not the folder of a run",
                hint="shims are for recordings alone",
                where=self.path,
            ) from error

    def add_doubts(self, doubts: Iterable[str]) -> None:
        """Leave word for the end of the run of why requests may go past the proxy."""
        lines = "".join(f"{doubt}\n" for doubt in doubts)
        if not lines:
            return
        with storage_errors("write", self.path / DOUBTS_NAME):
            fd = syscalls.open_append(self.path / DOUBTS_NAME)
            try:
                write_all(fd, lines.encode())
            finally:
                os.close(fd)

    def read_doubts(self) -> tuple[str, ...]:
        """Return what was left, each line once."""
        try:
            data = read_file(self.path / DOUBTS_NAME, size_max=DOUBTS_SIZE_MAX_BYTES)
        except (FileNotFoundError, FormatError):
            return ()
        return tuple(dict.fromkeys(data.decode("utf-8", "replace").splitlines()))


def overwrite(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a file that need not outlive a crash, in place.

    Raises:
        StorageError: It cannot be written.
    """
    with storage_errors("write", path):
        fd = syscalls.open_lock(path)
        try:
            syscalls.ftruncate(fd, 0)
            write_all(fd, text.encode())
            syscalls.fchmod(fd, mode)
        finally:
            os.close(fd)


def _remove(path: Path) -> None:
    for entry in list(os.scandir(path)):
        if entry.is_dir(follow_symlinks=False):
            _remove(Path(entry.path))
        else:
            syscalls.unlink(Path(entry.path))
    syscalls.rmdir(path)
