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


@pytest.mark.parametrize("mode", ["--hard", "--mixed", "--merge", "--keep"])
def test_what_is_for_files_is_refused(tapes, repository, mode):
    """Nothing moves, and the hint names both commands that may be meant."""
    chain = make_tape(repository, 3)
    refused = tapes("reset", mode, "HEAD~1", code=1)
    assert "tapes reset HEAD~1" in refused.err
    assert f"git reset {mode}" in refused.err
    assert tapes("rev-parse", "HEAD").oid == str(chain[2])


def test_paths_are_refused(tapes, repository):
    """As there is nothing they could name."""
    make_tape(repository, 2)
    assert "git reset -- <path>" in tapes("reset", "HEAD", "a.py", code=1).err
    (tapes.cwd / "own.py").touch()
    assert "git reset -- <path>" in tapes("reset", "own.py", code=1).err


def test_an_unborn_branch_cannot_be_reset(tapes, repository):
    """The error names the command that lets a branch begin."""
    chain = make_tape(repository, 2, name=None)
    refused = tapes("reset", str(chain[1]), code=12)
    assert f"tapes switch -c <name> {chain[1]}" in refused.err
