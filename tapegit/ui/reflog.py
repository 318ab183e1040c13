"""Moves of refs as text and as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from tapegit.ui.dates import format_date
from tapegit.ui.terminal import Styled

if TYPE_CHECKING:
    from tapegit.formats.reflog import ReflogEntry


class ShownMove(Protocol):
    """A move and its number, newest first."""

    @property
    def name(self) -> str:
        """The ref."""

    @property
    def number(self) -> int:
        """0 for the newest move."""

    @property
    def entry(self) -> ReflogEntry:
        """The move."""


def format_entry(
    shown: ShownMove, abbreviated: str, label: str, *, date: str | None = None, now_ms: int = 0
) -> tuple[str | Styled, ...]:
    """Return `<id> <ref>@{<number>}: <message>`, or with a time in place of the number."""
    at = str(shown.number)
    if date is not None:
        at = format_date(shown.entry.time_ms, date, now_ms=now_ms)
    return Styled(abbreviated, "yellow"), f" {label}@{{{at}}}: {shown.entry.message}"


def reflog_members(shown: ShownMove) -> dict[str, object]:
    """Return a move as the members of a JSON object."""
    entry = shown.entry
    return {
        "ref": shown.name,
        "number": shown.number,
        "old": str(entry.old),
        "new": str(entry.new),
        "time": entry.time_ms,
        "who": entry.who or None,
        "message": entry.message,
    }
