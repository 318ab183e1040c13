"""`verify-pack`: packs and their indexes, verified to the last byte."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import DataError, StorageError, UnsafePathError
from tapegit.upkeep.fsck.packlist import verify_pack_and_index

if TYPE_CHECKING:
    from collections.abc import Callable

    from tapegit.upkeep.fsck.packlist import PackedObject

_ENDINGS = (".idx", ".pack")


class VerifiedPack(NamedTuple):
    """A pack: its path, how many objects it has, and what is wrong with it or None."""

    path: str
    object_count: int
    error: str | None


def verify_one(given: str, visit: Callable[[PackedObject], None] | None = None) -> VerifiedPack:
    """Verify a pack that is named by its path, that of its index, or either without ending.

    Args:
        given: The path.
        visit: Takes each object of the pack, in order.
    """
    base = given
    for ending in _ENDINGS:
        base = base.removesuffix(ending)
    path = Path(os.path.abspath(f"{base}.pack"))
    shown = f"{base}.pack"
    try:
        index = verify_pack_and_index(path, visit)
    except FileNotFoundError:
        return VerifiedPack(shown, 0, f"cannot open '{base}.idx': no such file")
    except (DataError, StorageError, UnsafePathError) as error:
        return VerifiedPack(shown, 0, str(error))
    return VerifiedPack(shown, index.object_count, None)
