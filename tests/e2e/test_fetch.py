"""`tapes fetch`: what comes is what was sent, and git can read it."""

from __future__ import annotations

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
