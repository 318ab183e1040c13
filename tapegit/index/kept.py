"""Using the file of the index: as it is, made anew where it is damaged, or in memory instead.

Rules: whatever is done with the file must give the same as with an empty one. Nothing that is
wrong with the file reaches a user. While history is rewritten nothing is kept: what the refs
led to before may be on its way out.

Source: tapesformat-index(5), "Promises".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tapegit.index.database import DamagedIndexError, IndexFile, remove
from tapegit.repository.gate import verify_settled
from tapegit.repository.layout import INDEX_NAME

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

T = TypeVar("T")


def use_index(
    root: Path,
    work: Callable[[IndexFile], T],
    *,
    is_current: Callable[[IndexFile], bool],
    mark: object,
    below: str = "",
) -> T:
    """Return what some work gives that reads from the index and brings it up to date.

    Args:
        root: The store.
        work: Takes the file; it may be called again, with another one.
        is_current: Whether the work would only read.
        mark: Of the store's history, from before the refs were read that the work is about.
        below: The folder of the file, below that of indexes.

    Raises:
        TapesError: The work raised it.
    """
    folder = root / INDEX_NAME / below
    for _ in range(2):
        try:
            with IndexFile.open(folder) as file:
                verify_settled(root, mark)
                return work(file)
        except DamagedIndexError:
            try:
                remove(folder)
            except OSError:
                break
        except OSError:
            break
    try:
        with IndexFile.open_read_only(folder) as file:
            if is_current(file):
                return work(file)
    except (DamagedIndexError, OSError):
        pass
    with IndexFile.in_memory() as file:
        return work(file)
