"""The first line of a text: what stands for it in a summary."""

from __future__ import annotations

from typing import Final

LINE_LENGTH_MAX: Final = 1000
BLANKS: Final = " \t\r\n"


def first_line(text: str) -> str | None:
    """Return the first line of a text that is not blank, at most 1,000 characters of it."""
    line = text.lstrip(BLANKS)[: LINE_LENGTH_MAX + 1].partition("\n")[0]
    return line[:LINE_LENGTH_MAX].rstrip(BLANKS) or None
