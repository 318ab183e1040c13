"""`tapes reflog`."""

from __future__ import annotations

import pytest

MOVES = [
    ("update-ref", "-m", "one", "refs/heads/main", "main~1"),
    ("update-ref", "-m", "two", "HEAD", "main~1"),
    ("update-ref", "-m", "three", "refs/heads/main", "light"),
    ("symbolic-ref", "-m", "away", "HEAD", "refs/heads/try/2"),
    ("update-ref", "-m", "side", "HEAD", "main"),
]


@pytest.fixture
def moved(twin):
    """Give both programs after the same moves of refs."""
    for move in MOVES:
        twin.same(*move)
    return twin


SCENARIOS = {
    "HEAD": [("reflog",)],
    "HEAD shown": [("reflog", "show")],
    "branch": [("reflog", "main")],
    "branch shown": [("reflog", "show", "main")],
    "first two": [("reflog", "-n", "2", "main")],
    "full name": [("reflog", "refs/heads/main")],
    "exists": [("reflog", "exists", "refs/heads/main")],
    "does not exist": [("reflog", "exists", "refs/tags/v1")],
    "delete one": [("reflog", "delete", "main@{1}"), ("reflog", "main")],
    "delete two": [("reflog", "delete", "main@{2}", "main@{0}"), ("reflog", "main")],
    "delete and rewrite": [("reflog", "delete", "--rewrite", "main@{1}"), ("reflog", "main")],
    "delete nonsense": [("reflog", "delete", "main")],
    "no such ref": [("reflog", "nope")],
    "expire all": [
        ("reflog", "expire", "--expire=now", "--all"),
        ("reflog", "main"),
        ("reflog", "HEAD"),
    ],
    "expire one": [("reflog", "expire", "--expire=now", "refs/heads/main"), ("reflog", "HEAD")],
    "expire nothing": [("reflog", "expire", "--all"), ("reflog", "main")],
}


@pytest.mark.parametrize("steps", SCENARIOS.values(), ids=SCENARIOS)
def test_reflog_does_what_git_does(moved, steps):
    """Lines, numbers, messages and refusals are those of git."""
    for step in steps:
        moved.same(*step)


def test_deleting_an_entry_that_is_not_there_is_an_error(moved):
    """A number beyond the log is refused; git passes over it."""
    assert "has only 3 entries" in moved.tapes("reflog", "delete", "main@{9}", code=14).err


def test_list_names_every_ref_that_has_a_reflog(moved):
    """`reflog list` prints full names."""
    assert moved.tapes("reflog", "list").lines == ["HEAD", "refs/heads/main", "refs/heads/try/2"]


def test_dates_can_take_the_place_of_numbers(moved):
    """--date shows when a move was made, in any of the forms of dates."""
    line = moved.tapes("reflog", "--date=iso", "-n", "1", "main").lines[0]

    assert line.endswith("main@{2025-06-15 15:06:40 +0000}: three")


def test_json_gives_whole_values(moved):
    """--json names both ids, the time in milliseconds and who."""
    first = moved.tapes("reflog", "--json", "main").records[0]

    assert first["message"] == "three"
    assert first["number"] == 0
    assert first["time"] == 1_750_000_000_000
    assert first["who"] == "tester@example"
    assert len(first["old"]) == len(first["new"]) == 64


def test_expire_dry_run_forgets_nothing(moved):
    """-n only counts."""
    result = moved.tapes("reflog", "expire", "-n", "--expire=now", "refs/heads/main")

    assert result.lines == ["refs/heads/main: 3 would go"]
    assert len(moved.tapes("reflog", "main").lines) == 3


def test_expire_unreachable_keeps_what_the_ref_still_reaches(tapes, repository):
    """Moves to turns that the ref still leads to outlast moves to those it left."""
    from tests.builders import make_tape, set_ref, write_turn

    chain = make_tape(repository, 3)
    away = write_turn(repository, "away")
    set_ref(repository, "refs/heads/main", away)
    set_ref(repository, "refs/heads/main", chain[2])

    tapes("reflog", "expire", "--expire=never", "--expire-unreachable=now", "refs/heads/main")

    ids = [record["new"] for record in tapes("reflog", "main", "--json").records]
    assert str(away) not in ids
    assert ids == [str(chain[2])] * len(ids)


def test_damaged_line_is_an_error_that_names_it(moved, store):
    """A line that does not match its checksum is never shown as if it were sound."""
    path = store / "logs/refs/heads/main"
    path.write_bytes(path.read_bytes().replace(b"two", b"tw0"))

    result = moved.tapes("reflog", "main", code=32)

    assert "refs/heads/main" in result.err


def test_bad_time_is_refused(tapes, store):
    """A time that cannot be read expires nothing."""
    assert tapes("reflog", "expire", "--expire=sometime", "--all", code=None).code != 0
