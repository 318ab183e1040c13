"""Histories drawn: the shapes are git's, and every edge leads to a parent."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.ui.graph import GraphDrawer


def draw(history: list[tuple]) -> list[str]:
    """Return the rows of a history, each turn's name after the row with its star."""
    drawer = GraphDrawer()
    rows: list[str] = []
    for oid, parents in history:
        drawing = drawer.draw(oid, parents)
        rows += [*drawing.before, f"{drawing.row}{oid}", *drawing.after]
    return rows


SHAPES = {
    "line": ([("B", ["A"]), ("A", [])], ["* B", "* A"]),
    "fork": (
        [("A", ["R"]), ("B", ["R"]), ("R", [])],
        ["* A", "| * B", "|/", "* R"],
    ),
    "merge": (
        [("M", ["A", "B"]), ("B", ["R"]), ("A", ["R"]), ("R", [])],
        ["*   M", "|\\", "| * B", "* | A", "|/", "* R"],
    ),
    "octopus": (
        [("O", ["A", "B", "C"]), ("C", ["R"]), ("B", ["R"]), ("A", ["R"]), ("R", [])],
        ["*-.   O", "|\\ \\", "| | * C", "| * | B", "| |/", "* | A", "|/", "* R"],
    ),
    "crossing": (
        [("Q", ["R"]), ("M", ["A", "B"]), ("B", ["R"]), ("A", ["R"]), ("R", [])],
        ["* Q", "| *   M", "| |\\", "| | * B", "| |/", "|/|", "| * A", "|/", "* R"],
    ),
    "end of a line beside another": (
        [("A", []), ("B", ["C"]), ("C", [])],
        ["* A", "* B", "* C"],
    ),
    "line that ends left of another": (
        [("A", ["Z"]), ("B", ["C"]), ("Z", []), ("C", [])],
        ["* A", "| * B", "* | Z", " /", "* C"],
    ),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shape_is_gits(name):
    """Forks, merges, octopuses, crossings and ends look as `git log --graph` draws them."""
    history, rows = SHAPES[name]
    assert draw(history) == rows


def test_further_lines_of_text_stand_beside_the_lines_that_pass():
    """What is put beside more text has one bar for each line of history."""
    drawer = GraphDrawer()
    assert drawer.draw("A", ["R"]).passing == "|"
    assert drawer.draw("B", ["S"]).passing == "| |"
    assert drawer.draw("R", []).passing == "|"
    assert drawer.draw("S", []).passing == ""


@st.composite
def histories(draw_from) -> list[tuple[str, list[str]]]:
    """Give a history in an order in which every child is before its parents."""
    count = draw_from(st.integers(1, 14))
    history = []
    for number in range(count):
        older = [str(other) for other in range(number + 1, count)]
        parents = (
            draw_from(st.lists(st.sampled_from(older), max_size=4, unique=True)) if older else []
        )
        history.append((str(number), parents))
    return history


def lower_ends(rows: list[str], row: int, column: int) -> set[tuple[int, int]]:
    """Return where the character at a place may go on in the next row."""
    mark = rows[row][column]
    below = rows[row + 1] if row + 1 < len(rows) else ""
    steps = {
        "|": ((0, "|*"), (-1, "/"), (1, "\\")),
        "/": ((-2, "/"), (-1, "|*"), (0, "\\")),
        "\\": ((1, "|*"), (2, "\\"), (0, "/")),
    }
    places = [(column + step, marks) for step, marks in steps.get(mark, steps["|"])]
    if mark == "*":
        reach = len(rows[row]) - len(rows[row][column:].lstrip("*-.")) - column
        places += [(column + step, "\\") for step in range(1, reach + 1, 2)]
    return {(row + 1, at) for at, marks in places if 0 <= at < len(below) and below[at] in marks}


@given(histories())
def test_every_edge_of_a_drawing_leads_to_a_parent(history):
    """Each turn is drawn once, every mark goes on below, and each parent is reached."""
    drawer = GraphDrawer()
    rows: list[str] = []
    stars: dict[str, tuple[int, int]] = {}
    for oid, parents in history:
        drawing = drawer.draw(oid, parents)
        rows += drawing.before
        assert drawing.row.count("*") == 1
        stars[oid] = (len(rows), drawing.row.index("*"))
        rows += [drawing.row.rstrip(), *drawing.after]
    assert sum(row.count("*") for row in rows) == len(history)
    for row, text in enumerate(rows):
        for column, mark in enumerate(text):
            if mark in "|/\\":
                assert lower_ends(rows, row, column), (row, column, rows)
    for oid, parents in history:
        seen, ways = set(), [stars[oid]]
        while ways:
            for place in lower_ends(rows, *ways.pop()):
                if place not in seen:
                    seen.add(place)
                    if rows[place[0]][place[1]] != "*":
                        ways.append(place)
        assert {stars[parent] for parent in parents} <= seen, (oid, rows)
