"""`proxy`: a proxy that stands, for many clients; and what is known of one that does.

A proxy that stands holds a lock whose name has its port, so that it is known to stand for
exactly as long as it does. Beside the lock is what `tapes env` and `--status` have to know.

Source: tapes-proxy(1).
"""

from __future__ import annotations

import json
import os
import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import DataError, LockedError, TapesError, UserError
from tapegit.files.locks import Lock
from tapegit.files.safe_read import read_file
from tapegit.porcelain.recording.launching import note_upstreams
from tapegit.porcelain.recording.receive import receiver_command
from tapegit.porcelain.recording.recording import Finished, Recording
from tapegit.porcelain.recording.run_folder import RunFolder, overwrite
from tapegit.repository.layout import LOCKS_NAME, TMP_NAME
from tapegit.wire.core_files import forbid_core_files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tapegit.porcelain.recording.launching import Surroundings
    from tapegit.repository.repository import Repository
    from tapegit.wire.proxy.server import Counts

PORT: Final = 7717
"""Where a proxy stands unless it is told another port: on no list of services."""

LOCK_TIMEOUT_S: Final = 5.0
"""Others hold the lock for the moment in which they look whether it is held."""

DEFAULT_SCOPE: Final = "proxy"
STATE_SIZE_MAX_BYTES: Final = 1 << 16
_PAUSE_S: Final = 1.0
_LOCK: Final = re.compile(r"proxy-(\d{1,5})", re.ASCII)


class Standing(NamedTuple):
    """A proxy that stands.

    Attributes:
        port: On which it listens.
        pid: Of its process.
        started_ms: When it began, since the epoch.
        folder: Of its run, which has its upstreams.
        connections: Of clients so far.
        exchanges: Requests so far.
        failures: Those of them that failed.
        lost: Those that could not be stored.
    """

    port: int
    pid: int
    started_ms: int
    folder: Path
    connections: int
    exchanges: int
    failures: int
    lost: int


def run_proxy(
    repository: Repository,
    where: Surroundings,
    *,
    port: int,
    on_start: Callable[[str], None],
) -> Finished:
    """Stand until a signal ends it; return what was recorded.

    Args:
        repository: The store.
        where: Says how upstreams are reached and what clients have for upstreams.
        port: To listen on; 0 for a free one.
        on_start: Told the address once it listens.

    Raises:
        StorageError: The port is taken.
        ConfigError: A setting of the user's about upstreams is not valid.
        RedactionError: The rules that find secrets do not load: nothing may be stored.
    """
    forbid_core_files()
    ends = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ends)
    try:
        with RunFolder.within(repository.root / TMP_NAME) as folder:
            receiver = receiver_command(where.python, repository, DEFAULT_SCOPE, ())
            recording = Recording(
                repository, receiver, where.environ, scope=DEFAULT_SCOPE, port=port
            )
            with recording:
                note_upstreams(where, recording.places, folder)
                recording.admit()
                with Lock(_lock_path(repository, recording.port)).exclusive(
                    timeout_s=LOCK_TIMEOUT_S
                ):
                    _stand(repository, recording, folder, ends, on_start)
        assert recording.finished is not None
        return recording.finished
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _stand(
    repository: Repository,
    recording: Recording,
    folder: RunFolder,
    ends: tuple[int, ...],
    on_start: Callable[[str], None],
) -> None:
    """Wait for the signal that ends it, and write down meanwhile what was seen.

    Who is told that it stands can ask for it: what it is has been written down by then.
    """
    started_ms = repository.clock()
    shown: tuple[Counts, int] | None = None
    while True:
        counts, lost = recording.counts, recording.lost
        if (counts, lost) != shown:
            is_first, shown = shown is None, (counts, lost)
            standing = Standing(
                recording.port,
                os.getpid(),
                started_ms,
                folder.path,
                counts.connections,
                counts.exchanges,
                counts.failures,
                lost,
            )
            _write(repository, standing)
            if is_first:
                on_start(recording.places.origin)
        if hasattr(signal, "sigtimedwait"):
            if signal.sigtimedwait(ends, _PAUSE_S) is not None:
                return
        else:
            signal.sigwait(ends)
            return


def _write(repository: Repository, standing: Standing) -> None:
    path = _state_path(repository, standing.port)
    try:
        overwrite(path, json.dumps(standing._asdict(), default=str))
    except TapesError:
        pass  # a full disk: the proxy goes on, and its state is told later


def _state_path(repository: Repository, port: int) -> Path:
    return repository.root / LOCKS_NAME / f"proxy-{port}.json"


def _lock_path(repository: Repository, port: int) -> Path:
    return repository.root / LOCKS_NAME / f"proxy-{port}"


def iter_standing(repository: Repository) -> Iterator[Standing]:
    """Yield the proxies that stand and record into a store, by port."""
    folder = repository.root / LOCKS_NAME
    ports = [int(match[1]) for name in os.listdir(folder) if (match := _LOCK.fullmatch(name))]
    for port in sorted(ports):
        if (standing := _read(repository, port)) is not None:
            yield standing


def find_standing(repository: Repository, port: int | None) -> Standing:
    """Return the proxy that stands on a port, or the only one where none is named.

    Raises:
        UserError: None stands, or several do.
    """
    found = [each for each in iter_standing(repository) if port in {None, each.port}]
    if not found:
        raise UserError(
            "no proxy stands for this store" + (f" on port {port}" if port is not None else ""),
            hint="'tapes proxy' starts one; 'tapes record -- COMMAND' needs none",
        )
    if len(found) > 1:
        ports = ", ".join(str(each.port) for each in found)
        raise UserError(f"several proxies stand: on ports {ports}", hint="name one with --port")
    return found[0]


def _read(repository: Repository, port: int) -> Standing | None:
    path = _lock_path(repository, port)
    try:
        with Lock(path).exclusive(timeout_s=0):
            return None  # nobody holds it: it stands no more
    except LockedError:
        pass
    try:
        data = read_file(_state_path(repository, port), size_max=STATE_SIZE_MAX_BYTES)
        standing = Standing(**json.loads(data))
    except (OSError, DataError, ValueError, TypeError):
        return None  # it begins just now
    return standing._replace(folder=Path(standing.folder))
