"""`tapes fetch`: what comes is what was sent, and git can read it."""

from __future__ import annotations

import pytest

from tests.builders import make_tape
from tests.remotes import GitServer


def test_a_tape_goes_there_and_comes_back(tapes, chain, server, other):
    """What is fetched is what was pushed, and git finds nothing wrong with it."""
    pushed = tapes("push", "-u", "origin", "main")
    assert " * [new branch]      main -> main" in pushed.err
    server.verify()
    fetched = other("fetch")
    assert " * [new branch]      main -> origin/main" in fetched.err
    assert other("rev-parse", "origin/main").oid == str(chain[-1])
    assert other("fsck", "--full").code == 0
    assert other("log", "--oneline", "origin/main").out == tapes("log", "--oneline").out


def test_git_log_of_a_tape_is_the_conversation(tapes, chain, server, tmp_path):
    """After a fetch with git alone each commit's subject is a message, in order."""
    tapes("push", "origin", "main")
    clone = GitServer(tmp_path / "plain.git")
    clone.git("fetch", "-q", str(server.path), "refs/tapes/*:refs/tapes/*")
    subjects = clone.git("log", "--format=%s", "refs/tapes/heads/main").splitlines()
    assert subjects == ["user: turn 4", "assistant: turn 3", "user: turn 2", "session: turn 1"]
    assert clone.git("show", "refs/tapes/heads/main:turn") == turn_text(tapes, chain[-1])


def turn_text(tapes, oid) -> str:
    """Return the data of a turn."""
    return tapes("cat-file", "turn", str(oid)).out


def test_what_is_as_it_was_is_named_where_it_is_asked_for(tapes, chain, other):
    """With -v, as git does; a dry run says what it would prune."""
    tapes("push", "origin", "main")
    verbose = tapes("push", "-v", "origin", "main").err
    assert " = [up to date]      main -> main\nEverything up-to-date\n" in verbose
    other("fetch")
    assert other("fetch").err == ""
    assert " = [up to date]      main -> origin/main\n" in other("fetch", "-v").err
    assert other("fetch", "-v", "-q").err == ""
    assert " = [up to date]      main -> origin/main\n" in other("pull", "-v").err
    tapes("push", "--delete", "origin", "main")
    pruned = " - [deleted]         (none) -> origin/main\n"
    for options in ("-n", "-q", "-v"):
        assert (pruned in other("fetch", "--prune", options).err) == (options == "-n")


@pytest.mark.parametrize("is_named", [True, False])
def test_refs_that_come_go_where_it_is_said(tapes, chain, repository, server, other, is_named):
    """From a remote or from an address alone: forward or forced, one by one or by a pattern."""
    make_tape(repository, 1, name="refs/heads/try/1", start=chain[0], label="try")
    tapes("push", "origin", "main", "try/1", "main:moved", "main:other")
    where = "origin" if is_named else server.path
    done = other("fetch", where, "main:theirs", "refs/heads/try/*:refs/heads/got/*").err
    assert " * [new branch]      main  -> theirs\n" in done
    assert " * [new branch]      try/1 -> got/1\n" in done
    assert other("rev-parse", "theirs").oid == str(chain[-1])
    followed = ["  origin/main", "  origin/try/1"] if is_named else []
    assert other("branch", "-r").lines == followed
    assert ("seen-origin" in [p.name for p in (other.cwd / ".tapes/remote").iterdir()]) == is_named
    refused = other("fetch", where, "try/1:theirs", "moved:moved", code=41).err
    assert " ! [rejected]        try/1 -> theirs (non-fast-forward)" in refused
    assert other("rev-parse", "moved").oid == str(chain[-1])
    assert "(forced update)" in other("fetch", where, "+try/1:theirs").err
    assert other("fetch", where, "+try/1:theirs").err == ""
    assert other("fsck", "--full").code == 0


@pytest.mark.parametrize("wrong", ["main:", ":main", "refs/heads/*:x", "main:a..b", "nope:x"])
def test_what_is_no_pair_of_refs_is_refused(tapes, chain, server, other, wrong):
    """Nothing is fetched then, and nothing follows the address."""
    tapes("push", "origin", "main")
    assert other("fetch", server.path, wrong, code=None).code in {1, 12, 14}
    assert other("for-each-ref").out == ""


def test_an_address_alone_says_what_is_missing(tapes, chain, server, other):
    """A fetch has to say where what comes goes; a pull takes one branch alone."""
    tapes("push", "origin", "main", "main:side")
    refused = other("fetch", server.path, "main", code=1).err
    assert f"'tapes fetch {server.path} NAME:BRANCH' makes a branch of it" in refused
    assert "begins at 'main' of" in other("pull", server.path).out
    assert other("pull", server.path, "side").out == "Already up to date.\n"
    assert "no branch, tag or session" in other("pull", server.path, "nope", code=12).err
    assert [line.split()[-1] for line in other("for-each-ref").lines] == ["refs/heads/main"]


def test_what_a_killed_fetch_from_an_address_left_goes_with_the_next(tapes, chain, server, other):
    """Refs that held what came, for a process that runs no more."""
    tapes("push", "origin", "main")
    other("fetch")
    for number in (4194305, 1):
        name = f"refs/remotes/@url-{number}-0/main"
        other("update-ref", name, str(chain[-1]))
    other("fetch", server.path, "main:got")
    left = [line.split()[-1] for line in other("for-each-ref", "refs/remotes").lines]
    assert left == ["refs/remotes/@url-1-0/main", "refs/remotes/origin/main"]


def test_what_is_gone_is_not_in_the_way_of_what_is_new(tapes, chain, server, other):
    """A branch that became a folder of branches: pruning goes first, here and in a push."""
    tapes("push", "origin", "main", "main:a", "main:b")
    other("fetch")
    tapes("push", "origin", ":a")
    tapes("push", "origin", "main:a/b")
    assert tapes("branch", "-r").lines == ["  origin/a/b", "  origin/b", "  origin/main"]
    refused = other("fetch", code=41).err
    assert "it collides with 'refs/remotes/origin/a'" in refused
    assert "'tapes remote prune origin' removes what is gone there" in refused
    assert " * [new branch]      a/b    -> origin/a/b" in other("fetch", "--prune").err
    assert other("branch", "-r").lines == ["  origin/a/b", "  origin/b", "  origin/main"]
    tapes("push", "origin", "main:B/c", "main~1:new")
    followed = ["  origin/a/b", "  origin/b", "  origin/main", "  origin/new"]
    assert tapes("branch", "-r").lines == followed
    assert server.refs.keys() >= {"refs/tapes/heads/B/c", "refs/tapes/heads/new"}
