"""A budget of the design and what was measured against it."""

from __future__ import annotations

from typing import NamedTuple


class Figure(NamedTuple):
    """One measured figure.

    `value` and `limit` have the same unit; `is_floor` means that at least the limit is asked for.
    `detail` holds both sides in the units a reader thinks in.
    """

    work: str
    value: float
    limit: float
    unit: str
    detail: str
    is_floor: bool = False

    @property
    def is_met(self) -> bool:
        """Whether the budget is kept."""
        return self.value >= self.limit if self.is_floor else self.value <= self.limit


def format_figures(figures: list[Figure]) -> str:
    """Return an aligned table, one figure a line."""
    rows = [
        (
            "ok" if figure.is_met else "OVER",
            figure.work,
            f"{figure.value:.3g} {figure.unit}",
            f"{'>=' if figure.is_floor else '<='} {figure.limit:g}",
            figure.detail,
        )
        for figure in figures
    ]
    widths = [max(len(row[n]) for row in rows) for n in range(4)]
    return "\n".join(
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[4]])
        for row in rows
    )
