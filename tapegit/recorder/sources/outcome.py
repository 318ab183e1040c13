"""What became of a file that was to be imported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from tapegit.objects.oid import ObjectId

NEW: Final = "new"
GROWN: Final = "grown"
UNCHANGED: Final = "unchanged"
SKIPPED: Final = "skipped"


class Failure(NamedTuple):
    """A record that could not be read: the line it is on, from 1, and why."""

    line: int
    reason: str


class ImportedFile(NamedTuple):
    """What became of one file.

    Attributes:
        state: `new`, `grown`, `unchanged` or `skipped`.
        reason: Why it was skipped.
        harness: Whose it is.
        session: The session's id, in the harness's words.
        turn_count: How many turns the file has, on all its tapes.
        size_bytes: How large it is.
        tip: The newest turn of its first tape.
        unreadable_count: How many of its records could not be read.
        failures: The first of those.
        redacted: How many secrets were replaced in it, by rule.
    """

    path: str
    state: str
    reason: str | None = None
    harness: str | None = None
    session: str | None = None
    turn_count: int = 0
    size_bytes: int = 0
    tip: ObjectId | None = None
    unreadable_count: int = 0
    failures: tuple[Failure, ...] = ()
    redacted: tuple[tuple[str, int], ...] = ()
