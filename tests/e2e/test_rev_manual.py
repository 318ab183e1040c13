"""The examples of tapesrevisions(7), read out of the page and run."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tapegit.objects.kind import Kind
from tapegit.refs.names import RefName
from tests.builders import make_repo, set_ref, turn_data, write_tag
from tests.command import Runner, run_here

PAGE = Path(__file__).resolve().parents[2] / "man" / "tapesrevisions.7.md"
SESSION = "refs/sessions/claude-code/0f4c2d7e-9b1a-4c1e-8f60-2f1d6c1b7a55/file/main"
PARENTS = {
    "A": "",
    "B": "A",
    "C": "B",
    "G": "B",
    "D": "C",
    "H": "G",
    "M": "DH",
    "I": "H",
    "E": "M",
}
FIRST_MS = 1_772_359_260_000  # 2026-03-01 10:01 UTC


def _rows(width):
    """Return the rows of the example tables that have so many columns."""
    text = PAGE.read_text().split("# EXAMPLE\n")[1].split("\n# ")[0]
    rows = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if line.startswith("| `")
    ]
    return [row for row in rows if len(row) == width]


REVISIONS = [
    pair for one, turn, other, end in _rows(4) for pair in ((one, turn), (other, end)) if one
]
RANGES = _rows(2)


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """Give the store of the page, a runner in it, and the turns by letter."""
    path = tmp_path_factory.mktemp("example")
    repository = make_repo(path / ".tapes")
    turns = {}
    with repository.transaction(message="test") as transaction:
        for number, (letter, parents) in enumerate(PARENTS.items()):
            data = turn_data(
                f"turn {letter}",
                parents=[turns[parent] for parent in parents],
                role="session" if not parents else "user",
                time=FIRST_MS + number * 60_000,
            )
            turns[letter] = transaction.write(Kind.TURN, data)
    refs = repository.refs
    set_ref(repository, "refs/heads/idea", turns["I"])
    for letter in "DME":
        set_ref(repository, "refs/heads/main", turns[letter])
    set_ref(repository, SESSION, turns["E"])
    set_ref(repository, "refs/tags/v1", write_tag(repository, turns["C"]))
    with refs.transaction("checkout") as transaction:
        transaction.set_symbolic(RefName.parse("HEAD"), RefName.parse("refs/heads/idea"))
    with refs.transaction("checkout: moving from idea to main") as transaction:
        transaction.set_symbolic(RefName.parse("HEAD"), RefName.parse("refs/heads/main"))
    refs.set_latest(RefName.parse(SESSION))
    return Runner(run_here, path), {str(oid): letter for letter, oid in turns.items()}


def test_page_has_examples():
    """There is something to run: no table was lost or renamed."""
    assert len(REVISIONS) >= 30
    assert len(RANGES) >= 15


@pytest.mark.parametrize(("revision", "letter"), REVISIONS)
def test_revision_of_the_page_names_the_turn_it_says(example, revision, letter):
    """Each revision of the page names the turn beside it."""
    tapes, letters = example
    assert letters[tapes("rev-parse", revision.strip("`")).oid] == letter


@pytest.mark.parametrize(("words", "letters"), RANGES)
def test_range_of_the_page_has_the_turns_it_says(example, words, letters):
    """Each range of the page has the turns beside it, in that order."""
    tapes, names = example
    # A text in quotes is one word to a shell; no example of the page has a space inside one.
    found = tapes("rev-list", *words.strip("`").split()).lines
    assert [names[oid] for oid in found] == letters.split()


def test_page_draws_the_graph_of_the_test():
    """The picture has every turn, and each parent left of its child."""
    picture = re.search(r"    A---.*? idea", PAGE.read_text(), re.DOTALL)[0]
    columns = {
        letter: line.index(letter)
        for line in picture.splitlines()
        for letter in PARENTS
        if letter in line
    }
    assert columns.keys() == PARENTS.keys()
    for letter, parents in PARENTS.items():
        assert all(columns[parent] < columns[letter] for parent in parents)
