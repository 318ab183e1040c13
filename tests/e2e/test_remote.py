"""`tapes remote`: adding, renaming and removing."""

from __future__ import annotations

from tests.builders import make_tape
from tests.remotes import GitServer

FIRST = "first push to '"


def test_remotes_are_added_renamed_and_removed(tapes, chain, server):
    """What follows a remote goes with it."""
    tapes("push", "-u", "origin", "main")
    tapes("remote", "rename", "origin", "up")
    assert tapes("branch", "-r").lines == ["  up/main"]
    assert "Everything up-to-date" in tapes("push").err
    assert tapes("remote", "-v").lines == [
        f"up\t{server.path} (fetch)",
        f"up\t{server.path} (push)",
    ]
    assert "main  tracked" in tapes("remote", "show", "up").out
    tapes("remote", "set-url", "up", "ssh://host.example/x")
    assert "ssh://host.example/x" in tapes("remote", "-v").out
    tapes("remote", "remove", "up")
    assert tapes("remote").out == ""
    assert tapes("branch", "-r").out == ""


def test_who_can_read_it_is_said_once_for_each_place(tapes, other, chain, server, tmp_path):
    """Also to who has fetched from there; a remote that is somewhere else is another place."""
    tapes("push", "origin", "main")
    other("fetch")
    other("branch", "own", "origin/main~1")
    assert f"{FIRST}{server.path}'" in other("push", "origin", "own").err
    other("remote", "rename", "origin", "up")
    assert FIRST not in other("push", "up", "own:second").err
    elsewhere = GitServer(tmp_path / "elsewhere.git")
    other("remote", "set-url", "--push", "up", elsewhere.path)
    assert f"{FIRST}{elsewhere.path}'" in other("push", "up", "own:third").err
    other("remote", "remove", "up")
    other("remote", "add", "up", server.path)
    assert FIRST not in other("push", "--dry-run", "up", "own").err
    assert FIRST in other("push", "up", "own:fourth").err


def test_what_was_known_of_a_remote_goes_with_it(tapes, other, chain, server, repository):
    """Tapes of a session that only the remote has stay there when it is added anew."""
    folder = "refs/sessions/codex/0199ddaa-1234"
    tape = make_tape(repository, 2, name=f"{folder}/file/main", label="said")
    make_tape(repository, 2, name=f"{folder}/agents/1", start=tape[0], label="agent")
    tapes("push", "origin", "0199ddaa")
    other("fetch")
    other("update-ref", f"{folder}/file/main", str(tape[0]))
    other("remote", "remove", "origin")
    assert [path.name for path in (other.cwd / ".tapes/remote").iterdir()] == ["commits-0-0"]
    other("remote", "add", "origin", server.path)
    assert "fetch first" in other("push", "origin", "0199ddaa", code=21).err
    other("fetch")
    assert "up-to-date" in other("push", "origin", "0199ddaa").err
    other("update-ref", "-d", "refs/remotes/origin/@sessions/codex/0199ddaa-1234/agents/1")
    before = server.refs
    assert "fetch first" in other("push", "origin", "0199ddaa", code=21).err
    assert server.refs == before
