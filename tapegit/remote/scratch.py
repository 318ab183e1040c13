"""A folder in `tmp/` for what another program must see as files; it goes when it was used.

Source: tapesformat-store(5), "Diagram".
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

from tapegit.files import syscalls
from tapegit.files.durable import write_all
from tapegit.files.oserrors import storage_errors

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType


class ScratchFolder:
    """A folder, made on entering the context and removed with all in it on leaving.

    What a killed process leaves is swept by gc: its name holds the process's number.
    """

    def __init__(self, tmp_dir: Path, prefix: str) -> None:
        self.path = tmp_dir / f"{prefix}-{os.getpid()}-{os.urandom(8).hex()}"

    def make_folder(self, name: str) -> Path:
        """Make a folder in it.

        Raises:
            StorageError: It cannot be made.
        """
        path = self.path / name
        with storage_errors("create", path):
            syscalls.mkdir(path)
        return path

    def write(self, name: str, data: bytes) -> Path:
        """Write a file in it.

        Raises:
            StorageError: It cannot be written.
        """
        path = self.path / name
        with storage_errors("create", path):
            fd = syscalls.open_new(path)
            try:
                write_all(fd, data)
            finally:
                os.close(fd)
        return path

    def __enter__(self) -> Self:
        with storage_errors("create", self.path):
            syscalls.mkdir(self.path)
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        remove_folder(self.path)


def remove_folder(path: Path) -> None:
    """Remove a folder and what is in it, as far as that can be done; gc sweeps `tmp/`."""
    try:
        for entry in list(os.scandir(path)):
            if entry.is_dir(follow_symlinks=False):
                remove_folder(path / entry.name)
            else:
                syscalls.unlink(path / entry.name)
        syscalls.rmdir(path)
    except OSError:
        return
