"""Where salvage puts damaged files: `trash/lost/`, under the path they had in the store.

Rules: nothing there is ever overwritten, and gc leaves it alone.

Source: tapesmaintenance(7), "Salvage".
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from tapegit.files import syscalls
from tapegit.files.durable import fsync_dir, make_directories, replace_file
from tapegit.files.oserrors import storage_errors
from tapegit.repository.layout import TMP_NAME

if TYPE_CHECKING:
    from pathlib import Path

_LOST_NAME: Final = "trash/lost"


def put_aside(root: Path, relative: str) -> list[str]:
    """Move a file of the store to `trash/lost/`, durably; return where it is, if it was there."""
    source = root / relative
    if not os.path.lexists(source):
        return []
    target = _find_room(root, relative)
    with storage_errors("move to the trash", source):
        syscalls.rename(source, target)
    fsync_dir(target.parent)
    fsync_dir(source.parent)
    return [str(target.relative_to(root))]


def replace_damaged(root: Path, relative: str, damaged: bytes, sound: bytes) -> str:
    """Put sound bytes in the place of damaged ones, which are kept; return where they are now.

    At every instant the file is there, with the one or the other.
    """
    target = _find_room(root, relative)
    replace_file(target, damaged, tmp_dir=root / TMP_NAME)
    replace_file(root / relative, sound, tmp_dir=root / TMP_NAME)
    return str(target.relative_to(root))


def _find_room(root: Path, relative: str) -> Path:
    """Return a path in `trash/lost/` that nothing has yet, its folders made."""
    target = root / _LOST_NAME / relative
    make_directories(target.parent, root=root)
    number = 0
    while os.path.lexists(target):
        number += 1
        target = target.with_name(f"{(root / relative).name}.{number}")
    return target
