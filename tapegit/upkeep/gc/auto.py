"""When gc is due by itself, and running it where it is in nobody's way.

Rules: finding out costs two listings of folders, not a look at every object. The run goes on in
a process of its own, in a session of its own, so that it outlives the command that started it
and no terminal waits for it; what it has to say goes to `gc.log`. A recorder never runs it
inside itself. While `gc.log` holds the failure of the last day, it is not tried again.

Source: tapesmaintenance(7), "Automatic gc".
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Final

from tapegit.errors import StorageError, TapesError
from tapegit.files.durable import replace_file_cheaply
from tapegit.files.oserrors import storage_error
from tapegit.files.safe_read import read_file
from tapegit.repository.layout import FANOUT_NAMES, OBJECTS_NAME, PACK_NAME, TMP_NAME
from tapegit.upkeep.inventory import list_pack_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOG_NAME: Final = "gc.log"
LOG_SIZE_MAX_BYTES: Final = 1 << 16
LOG_AGE_MS: Final = 24 * 3600 * 1000

_SAMPLE_NAME: Final = "17"
_LOOSE_NAME: Final = re.compile(r"[0-9a-f]{62}")


def is_due(root: Path, *, loose_max: int, pack_max: int) -> bool:
    """Return whether a store has so many files that gc would help.

    Args:
        root: The store.
        loose_max: About how many loose objects are well; 0: never due.
        pack_max: How many packs without a `.keep` file are well; 0: any number.

    Raises:
        StorageError: A folder cannot be listed.
    """
    if loose_max <= 0:
        return False
    folder = root / OBJECTS_NAME / _SAMPLE_NAME
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        names = []
    except OSError as error:
        raise storage_error(error, "list", folder) from error
    # Ids are evenly spread, so one folder tells of all.
    count = sum(_LOOSE_NAME.fullmatch(name) is not None for name in names)
    if count * len(FANOUT_NAMES) > loose_max:
        return True
    files = list_pack_files(root / PACK_NAME).values()
    return 0 < pack_max < sum(".pack" in s and not {".keep", ".cruft"} & s for s in files)


def find_failure(root: Path, now_ms: int) -> str | None:
    """Return what the last automatic run said if it failed less than a day ago."""
    path = root / LOG_NAME
    try:
        mtime_ms = os.lstat(path).st_mtime_ns // 1_000_000
        text = read_file(path, size_max=LOG_SIZE_MAX_BYTES).decode(errors="replace").strip()
    except (OSError, TapesError):
        return None
    return text if text and mtime_ms > now_ms - LOG_AGE_MS else None


def write_log(root: Path, text: str) -> None:
    """Replace what the log says; nothing is what it says of a run that went well.

    Raises:
        StorageError: It cannot be written.
    """
    replace_file_cheaply(root / LOG_NAME, text.encode(), tmp_dir=root / TMP_NAME)


def detach(run: Callable[[], None]) -> bool:
    """Run something in a process of its own; return False where the system cannot fork.

    The caller goes on at once. The child has a session of its own and no terminal, and ends
    after `run` without returning from here.

    Raises:
        StorageError: The system has no process for it.
    """
    if not hasattr(os, "fork"):
        return False
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    try:
        pid = os.fork()
    except OSError as error:
        raise StorageError(
            "cannot start gc in the background: no process to be had", errno=error.errno
        ) from error
    if pid:
        os.waitpid(pid, 0)
        return True
    try:
        os.setsid()
        if os.fork() == 0:
            _close_streams()
            run()
    finally:
        # Neither buffers nor handlers of the parent may run twice.
        os._exit(0)


def _close_streams() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
