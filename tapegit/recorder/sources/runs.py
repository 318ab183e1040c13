"""Contiguous runs of records, each stored once its last record has come.

Only one run is in memory at a time: records arrive in order, so a record of another turn
ends the run of the one before.

Source: tapesdialect-claude-code(7), "Turns".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.objects.kind import SIZE_MAX_BYTES, Kind
from tapegit.objects.rope_builder import iter_content_objects
from tapegit.recorder.sources.drafts import Piece

if TYPE_CHECKING:
    from collections.abc import Callable

    from tapegit.objects.oid import ObjectId
    from tapegit.recorder.sources.drafts import Draft

    Write = Callable[[Kind, bytes], ObjectId]


class RunWriter:
    """Joins the records of a turn that follow one another and writes each run."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._parts: list[bytes] = []
        self._size_bytes = 0
        self._first = 0
        self._last = 0
        self._draft: Draft | None = None

    def add(self, draft: Draft, number: int, data: bytes) -> None:
        """Add a record to its turn."""
        size_bytes = self._size_bytes + len(data)
        if draft is not self._draft or size_bytes > SIZE_MAX_BYTES[Kind.BLOB]:
            self.finish()
            self._draft = draft
            self._first = number
            draft.piece_count += 1
        self._parts.append(data)
        self._size_bytes += len(data)
        self._last = number
        draft.last = max(draft.last, number)

    def finish(self) -> None:
        """Write the run that is not written yet."""
        draft, self._draft = self._draft, None
        if draft is None:
            return
        parts, self._parts = self._parts, []
        self._size_bytes = 0
        data = parts[0] if len(parts) == 1 else b"".join(parts)
        draft.pieces.append(Piece(write_bytes(self._write, data), self._first, self._last))


def write_bytes(write: Write, data: bytes) -> ObjectId:
    """Write bytes as a blob or, where they are too large for one, as a rope; return its id."""
    if len(data) <= SIZE_MAX_BYTES[Kind.BLOB]:
        return write(Kind.BLOB, data)
    for built in iter_content_objects(data):
        oid = write(built.kind, built.data)
    return oid
