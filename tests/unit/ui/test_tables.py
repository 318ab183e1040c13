"""Aligned columns."""

from __future__ import annotations

from tapegit.ui.tables import format_table


def test_format_table_aligns_columns():
    """Text is aligned left, numbers where asked for right, without rules."""
    table = format_table([("a", 1), ("long", 1000)], headers=("name", "count"), right=[1])

    assert [line.rstrip() for line in table.splitlines()] == [
        "name      count",
        "a             1",
        "long       1000",
    ]


def test_format_table_of_nothing_is_empty():
    """No rows are no table, not even a header."""
    assert format_table([], headers=("name",)) == ""


def test_format_table_keeps_each_cell_on_its_line():
    """A cell cannot break the table or command the terminal, nor is it taken for a number."""
    assert format_table([("a\nb", "0010")]) == "a\\x0ab  0010"
