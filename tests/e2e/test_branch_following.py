"""Branches that follow one of a remote: set, shown, taken away, and kept with the branch."""

from __future__ import annotations

import pytest

from tests.builders import make_tape


@pytest.fixture
def cloned(tapes, chain, repository, other):
    """Give a store that has fetched `main` and `side`, and whose own `main` follows nothing."""
    make_tape(repository, 2, name="refs/heads/side", start=chain[-1], label="side")
    tapes("push", "--all", "origin")
    other("fetch")
    other("branch", "main", "origin/main~1")
    return other


def follows(run, *words: str) -> dict[str, str | None]:
    """Return what each branch follows."""
    return {row["ref"][11:]: row.get("upstream") for row in run("branch", "--json", *words).records}


def test_a_branch_is_told_what_to_follow(cloned):
    """The one that is checked out, or the one that is named; `status`, `pull`, `@{u}` go by it."""
    told = cloned("branch", "-u", "origin/main")
    assert told.err == "branch 'main' set up to track 'origin/main'.\n"
    assert "behind 'origin/main' by 1 turn" in cloned("status").out
    assert cloned("rev-parse", "@{u}").oid == cloned("rev-parse", "origin/main").oid
    cloned("branch", "old", "main~1")
    cloned("branch", "--set-upstream-to=origin/side", "old")
    assert follows(cloned) == {"main": "origin/main", "old": "origin/side"}
    cloned("pull")
    assert cloned("rev-parse", "main").oid == cloned("rev-parse", "origin/main").oid


def test_a_branch_stops_following(cloned):
    """Once; then there is nothing to take away, and that is said."""
    cloned("branch", "-u", "origin/main")
    cloned("branch", "--unset-upstream")
    assert follows(cloned) == {"main": None}
    refused = cloned("branch", "--unset-upstream", "main", code=1)
    assert "'main' follows nothing" in refused.err
    assert "tapes branch -vv" in refused.err


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("-u", "origin/none"), 12, "tapes fetch"),
        (("-u", "main"), 1, "tapes branch -r"),
        (("-u", "v1"), 1, "tapes branch -r"),
        (("-u", "origin/main~1"), 12, "tapes branch -r"),
        (("-u", "0199ddaa"), 12, "tapes branch -r"),
        (("-u", "gone/main"), 1, "tapes remote add gone"),
        (("-u", "origin/main", "none"), 12, "no branch named 'none'"),
        (("--unset-upstream", "none"), 12, "no branch named 'none'"),
        (("-u", "origin/main", "main", "side"), 2, "one branch at a time"),
        (("-u", "origin/main", "-d", "main"), 2, "-u stands alone"),
    ],
)
def test_what_cannot_be_followed_is_refused(tapes, chain, cloned, repository, words, code, told):
    """Whatever is no branch of a remote that is set up; the refusal says what helps."""
    make_tape(repository, 1, name="refs/sessions/codex/0199ddaa-1234/file/main", label="said")
    tapes("push", "origin", "0199ddaa")
    cloned("fetch")
    cloned("tag", "v1", "main")
    cloned("update-ref", "refs/remotes/gone/main", "main")
    assert told in cloned("branch", *words, code=code).err
    assert follows(cloned)["main"] is None


def test_nothing_is_followed_while_no_branch_is_checked_out(cloned):
    """A branch can be named."""
    cloned("switch", "--detach", "main")
    assert "HEAD is detached" in cloned("branch", "-u", "origin/main", code=12).err
    cloned("branch", "-u", "origin/main", "main")
    assert follows(cloned, "--list", "main") == {"main": "origin/main"}


@pytest.mark.parametrize(
    "words",
    [
        ("branch", "mine", "origin/side"),
        ("switch", "-c", "mine", "origin/side"),
        ("checkout", "-b", "mine", "origin/side"),
        ("checkout", "-B", "mine", "origin/side"),
    ],
)
def test_a_branch_follows_the_one_of_a_remote_that_it_begins_at(cloned, words):
    """As in git; one that begins at a turn before it follows nothing."""
    assert "branch 'mine' set up to track 'origin/side'.\n" in cloned(*words).err
    assert follows(cloned)["mine"] == "origin/side"
    cloned(*words[:-2], "other", "origin/side~1")
    assert follows(cloned)["other"] is None


@pytest.mark.parametrize("command", ["switch", "checkout"])
def test_a_branch_that_only_a_remote_has_is_begun_there(cloned, command):
    """It is made where the remote's is, follows that, and is checked out."""
    told = cloned(command, "side").err
    assert told.startswith(
        "branch 'side' set up to track 'origin/side'.\nSwitched to a new branch 'side'\n"
    )
    assert cloned("rev-parse", "HEAD").oid == cloned("rev-parse", "origin/side").oid
    assert cloned("symbolic-ref", "HEAD").out == "refs/heads/side\n"
    assert follows(cloned) == {"main": None, "side": "origin/side"}
    cloned(command, "-")
    assert "Switched to branch 'side'" in cloned(command, "side").err


def test_a_branch_of_several_remotes_is_not_guessed(cloned, server):
    """They are named, with the command that takes one of them."""
    cloned("remote", "add", "again", server.path)
    cloned("fetch", "again")
    refused = cloned("switch", "side", code=1)
    assert "again/side, origin/side" in refused.err
    assert "tapes switch -c side again/side" in refused.err
    assert "refs/heads/side" not in cloned("show-ref").out


def test_what_a_branch_follows_goes_with_it(cloned, repository):
    """A new name and a copy follow the same; a branch that is deleted and made anew does not."""
    cloned("branch", "-u", "origin/side")
    cloned("branch", "-c", "main", "copy")
    cloned("branch", "-m", "trunk")
    assert follows(cloned) == {"copy": "origin/side", "trunk": "origin/side"}
    cloned("branch", "-D", "copy")
    cloned("branch", "copy", "trunk")
    cloned("branch", "main", "trunk")
    assert follows(cloned) == {"copy": None, "main": None, "trunk": "origin/side"}
    cloned("branch", "-M", "main", "trunk", code=1)
    cloned("switch", "main")
    cloned("branch", "-M", "copy", "trunk")
    assert follows(cloned) == {"main": None, "trunk": None}
