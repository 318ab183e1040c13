"""`tapes symbolic-ref`."""

from __future__ import annotations

import pytest

SCENARIOS = {
    "read": [("symbolic-ref", "HEAD")],
    "read short": [("symbolic-ref", "--short", "HEAD")],
    "set": [("symbolic-ref", "HEAD", "refs/heads/try/2"), ("symbolic-ref", "--short", "HEAD")],
    "set unborn": [("symbolic-ref", "HEAD", "refs/heads/none"), ("symbolic-ref", "HEAD")],
    "set another": [("symbolic-ref", "refs/heads/alias", "refs/heads/main")],
    "delete": [
        ("symbolic-ref", "refs/heads/alias", "refs/heads/main"),
        ("symbolic-ref", "-d", "refs/heads/alias"),
    ],
    "delete HEAD": [("symbolic-ref", "-d", "HEAD")],
    "delete a plain ref": [("symbolic-ref", "-d", "refs/heads/main")],
    "read a plain ref": [("symbolic-ref", "refs/heads/main")],
    "read a plain ref quietly": [("symbolic-ref", "-q", "refs/heads/main")],
    "HEAD outside refs": [("symbolic-ref", "HEAD", "main")],
    "empty reason": [("symbolic-ref", "-m", "", "HEAD", "refs/heads/try/2")],
    "delete and target": [("symbolic-ref", "-d", "HEAD", "refs/heads/main")],
}


@pytest.mark.parametrize("steps", SCENARIOS.values(), ids=SCENARIOS)
def test_symbolic_ref_does_what_git_does(twin, steps):
    """What is printed, what is refused and where the refs are afterwards is as in git."""
    for step in steps:
        twin.same(*step)
        twin.same("show-ref", "--head")


def test_a_chain_is_followed_to_its_end_or_one_step(tapes, repository):
    """--no-recurse names the next ref, without it the last one is named."""
    tapes("symbolic-ref", "refs/heads/a", "refs/heads/b")
    tapes("symbolic-ref", "refs/heads/b", "refs/heads/c")

    assert tapes("symbolic-ref", "refs/heads/a").lines == ["refs/heads/c"]
    assert tapes("symbolic-ref", "--no-recurse", "refs/heads/a").lines == ["refs/heads/b"]


def test_a_loop_is_an_error_and_no_hang(tapes, repository):
    """Refs that name each other end in an error that says so."""
    tapes("symbolic-ref", "refs/heads/a", "refs/heads/b")
    tapes("symbolic-ref", "refs/heads/b", "refs/heads/a")

    result = tapes("symbolic-ref", "refs/heads/a", code=32)

    assert "refs/heads/a -> refs/heads/b -> refs/heads/a" in result.err


def test_bad_names_have_their_own_code(tapes, store):
    """A name that breaks a rule is code 14, whichever of the two it is."""
    assert "a..b" in tapes("symbolic-ref", "refs/heads/a..b", "refs/heads/main", code=14).err
    assert "a..b" in tapes("symbolic-ref", "HEAD", "refs/heads/a..b", code=14).err


def test_quiet_still_reports_damage(tapes, store):
    """-q is for refs that are not symbolic; a damaged HEAD is never quiet."""
    (store / "HEAD").write_bytes(b"rubbish\n")

    assert tapes("symbolic-ref", "-q", "HEAD", code=30).err.startswith("tapes: error: ")


def test_json_names_the_ref_and_where_it_leads(tapes, repository):
    """One object with a schema, and whole names."""
    assert tapes("symbolic-ref", "--json", "HEAD").lines == [
        '{"schema":1,"ref":"HEAD","target":"refs/heads/main"}'
    ]
