"""`tapes reset`: the branch moves as git moves it, with the way back."""

from __future__ import annotations

import pytest

from tests.builders import make_tape

SCENARIOS = {
    "back": [("reset", "-q", "--soft", "HEAD~2"), ("show-ref", "--head"), ("symbolic-ref", "HEAD")],
    "to another branch": [("reset", "-q", "--soft", "try/2"), ("show-ref", "--head")],
    "to a tag": [("reset", "-q", "--soft", "v1"), ("show-ref", "--head")],
    "nowhere": [("reset", "-q", "--soft"), ("show-ref", "--head")],
    "and back": [
        ("reset", "-q", "--soft", "HEAD~2"),
        ("reset", "-q", "--soft", "main@{1}"),
        ("show-ref", "--head"),
    ],
    "a detached HEAD": [
        ("checkout", "-q", "main~1"),
        ("reset", "-q", "--soft", "main~2"),
        ("rev-parse", "HEAD", "main"),
    ],
    "to what is nothing": [("reset", "-q", "--soft", "nope"), ("show-ref", "--head")],
}


@pytest.mark.parametrize("steps", SCENARIOS.values(), ids=SCENARIOS)
def test_reset_does_what_git_does(twin, steps):
    """HEAD and all refs are as git's after each step."""
    twin.git("update-ref", "--create-reflog", "-m", "one", "refs/heads/main", "main")
    for step in steps:
        twin.same(*step)


def test_reset_says_where_it_is_and_how_to_get_back(tapes, repository):
    """And the way back works as it is written."""
    chain = make_tape(repository, 4)
    done = tapes("reset", "HEAD~2")
    assert done.lines == [f"HEAD is now at {str(chain[1])[:7]} user: turn 2"]
    assert "tapes reset main@{1}" in done.err
    tapes("reset", "main@{1}")
    assert tapes("rev-parse", "HEAD").oid == str(chain[3])


@pytest.mark.parametrize("mode", ["--soft", "--mixed", "--hard", "--merge", "--keep"])
def test_every_mode_of_git_moves_the_branch(tapes, repository, mode):
    """What would touch files says that none of the user's was touched."""
    chain = make_tape(repository, 3)
    done = tapes("reset", mode, "HEAD~1")
    assert tapes("rev-parse", "HEAD").oid == str(chain[1])
    assert ("none of your files was touched" in done.err) == (mode not in ("--soft", "--mixed"))
    assert "tapes reset main@{1}" in done.err


def test_paths_are_refused(tapes, repository):
    """As there is nothing they could name."""
    make_tape(repository, 2)
    assert "git reset -- <path>" in tapes("reset", "HEAD", "a.py", code=1).err
    (tapes.cwd / "own.py").touch()
    assert "git reset -- <path>" in tapes("reset", "own.py", code=1).err


def test_a_branch_that_is_unborn_begins_where_it_is_reset_to(twin):
    """As git lets it; there is no way back to name."""
    for run in (twin.git, twin.tapes):
        run("symbolic-ref", "HEAD", "refs/heads/fresh")
    twin.same("reset", "-q", "--soft", "try/2")
    twin.same("show-ref", "--head")
    assert "goes back" not in twin.tapes("reset", "try/2").err
