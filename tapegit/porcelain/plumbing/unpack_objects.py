"""`unpack-objects`: the objects of a pack from standard input as loose objects."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.porcelain.plumbing.streams import iter_chunks
from tapegit.upkeep.receive.unpack import Unpacked, unpack_objects

if TYPE_CHECKING:
    from typing import BinaryIO

    from tapegit.repository.repository import Repository


def unpack_stream(
    repository: Repository,
    stream: BinaryIO,
    *,
    dry_run: bool = False,
    recover: bool = False,
    size_max: int | None = None,
) -> Unpacked:
    """Unpack a pack from a stream; arguments and errors as of `unpack_objects`."""
    chunks = iter_chunks(stream, "standard input")
    return unpack_objects(repository, chunks, dry_run=dry_run, recover=recover, size_max=size_max)
