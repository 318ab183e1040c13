"""`watch --install` and `--uninstall`: a service of the user that follows the harnesses.

Rules: the only files written outside a store are those of the service, in the place that the
platform has for them; one that this program did not write is never touched; the program that
runs services is called only where it is.

Source: tapes-watch(1), "SERVICE".
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import UnsafePathError, UserError
from tapegit.files import syscalls
from tapegit.files.durable import fsync_dir, make_directories, replace_file
from tapegit.files.oserrors import storage_errors
from tapegit.files.safe_read import read_file
from tapegit.watch.service import is_ours

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tapegit.watch.service import Service

TIMEOUT_S: Final = 30
_SIZE_MAX_BYTES: Final = 1 << 16
_MODE: Final = 0o644


class ServiceReport(NamedTuple):
    """What was done.

    Attributes:
        path: The file of the service.
        has_changed: Whether it was written, or removed.
        failed: The commands that are left to be called, each with the reason.
    """

    path: str
    has_changed: bool
    failed: tuple[tuple[str, str], ...] = ()


class SeenEnviron(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        super().__init__(environ)
        self.asked: dict[str, str] = {}

    def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
        """Return a variable, and keep it as one that matters."""
        value = super().get(key, default)
        if value is not None:
            self.asked[key] = value
        return value


def install(service: Service, *, search_path: str | None) -> ServiceReport:
    """Write the file of a service and start it.

    Args:
        service: The service.
        search_path: Where programs are.

    Raises:
        UnsafePathError: There is a file of this name that is not ours.
        StorageError: It cannot be written.
    """
    path = Path(service.path)
    has_changed = _read_ours(path) != service.text
    if has_changed:
        make_directories(path.parent, root=Path("/"))
        replace_file(path, service.text.encode(), tmp_dir=path.parent, mode=_MODE)
    return ServiceReport(service.path, has_changed, tuple(_call(service.start, search_path)))


def uninstall(service: Service, *, search_path: str | None) -> ServiceReport:
    """Stop a service and remove its file.

    Raises:
        UserError: There is none.
        UnsafePathError: The file of this name is not ours.
        StorageError: It cannot be removed.
    """
    path = Path(service.path)
    if _read_ours(path) is None:
        raise UserError(f"there is no service at '{path}'", path=path)
    failed = list(_call(service.stop, search_path))
    with storage_errors("remove", path):
        syscalls.unlink(path)
    fsync_dir(path.parent)
    failed += _call(service.forget, search_path)
    return ServiceReport(service.path, has_changed=True, failed=tuple(failed))


def _read_ours(path: Path) -> str | None:
    """Return the text of the file that is there, or None where there is none."""
    try:
        text = read_file(path, size_max=_SIZE_MAX_BYTES).decode("utf-8", "replace")
    except FileNotFoundError:
        return None
    if not is_ours(text):
        raise UnsafePathError(
            f"'{path}' was not written by 'tapes watch --install'",
            hint="move it away, if nobody needs it",
            path=path,
        )
    return text


def _call(
    commands: tuple[tuple[str, ...], ...], search_path: str | None
) -> Iterator[tuple[str, str]]:
    """Call the commands in order; yield those that are left to be called, and why."""
    for command in commands:
        program = shutil.which(command[0], path=search_path)
        if program is None:
            yield shlex.join(command), f"'{command[0]}' is not on this machine"
            continue
        try:
            done = subprocess.run(  # noqa: S603 - a fixed command, and the name of our service
                [program, *command[1:]],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            reason = os.strerror(error.errno or 0) if isinstance(error, OSError) else "no answer"
            yield shlex.join(command), reason.lower()
            continue
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().partition("\n")[0]
            yield shlex.join(command), said or f"exit code {done.returncode}"
