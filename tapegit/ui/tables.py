"""Aligned columns for people: the only place that knows tabulate."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tabulate import tabulate

from tapegit.ui.escape import escape_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def format_table(
    rows: Iterable[Sequence[str | int]], *, headers: Sequence[str] = (), right: Sequence[int] = ()
) -> str:
    """Return rows as aligned columns without rules.

    Args:
        rows: Cells as text or integers; each cell stays on one line.
        headers: A title for each column, or none.
        right: The numbers of the columns to align right, counted from 0.
    """
    cells = [[escape_line(str(cell)) for cell in row] for row in rows]
    if not cells:
        return ""
    align = ["right" if column in right else "left" for column in range(len(cells[0]))]
    return tabulate(cells, headers=headers, tablefmt="plain", colalign=align, disable_numparse=True)
