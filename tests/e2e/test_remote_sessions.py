"""Sessions of a remote: they are listed and found as those of the store are, but marked."""

from __future__ import annotations

import pytest

from tapegit.objects.turn import Session
from tests.builders import make_tape, set_ref, write_turn
from tests.remotes import GitServer

NAME = "refs/sessions/codex/0199ddaa-1234/file/main"


@pytest.fixture
def fetched(tapes, chain, repository, other):
    """Give the tape of a session that another store has fetched."""
    tape = make_tape(repository, 3, name=NAME, label="said")
    make_tape(repository, 2, name="refs/sessions/codex/0199ddaa-1234/agents/1", label="agent")
    tapes("push", "origin", "0199ddaa")
    other("fetch")
    return tape


def test_a_fetched_session_is_listed_with_its_remote(other, fetched):
    """For people and as JSON, with or without an index; `usage` has no part of it."""
    (line,) = other("sessions").lines
    assert line.startswith("0199ddaa  codex (origin)  ")
    (row,) = other("sessions", "--json").records
    assert (row["session"], row["remote"], row["tapes"]) == ("0199ddaa-1234", "origin", 2)
    assert row["turn"] == str(fetched[-1])
    for path in sorted((other.cwd / ".tapes" / "index").rglob("*.sqlite")):
        path.unlink()
    assert other("sessions").lines == [line]


def test_a_session_that_the_store_has_itself_is_not_listed_twice(tapes, fetched):
    """What it pushed is its own."""
    tapes("fetch")
    (row,) = tapes("sessions", "--json").records
    assert "remote" not in row
    assert row["ref"] == NAME


def test_a_fetched_session_is_found_by_its_id_and_as_the_latest(other, fetched):
    """Wherever a revision is taken."""
    assert other("rev-parse", "0199ddaa").oid == str(fetched[-1])
    assert other("rev-parse", "0199ddaa-1234~1").oid == str(fetched[1])
    assert other("rev-parse", "@{latest}").oid == str(fetched[-1])
    assert "Last recorded: codex 0199ddaa-1234 (origin)" in other("status").out
    assert other("log", "--format=%s").lines == ["said 3", "said 2", "said 1"]


@pytest.mark.parametrize("name", ["0199ddaa", "0199ddaa-1234", "@{latest}"])
def test_a_fetched_session_is_pushed_on_by_its_id(other, fetched, server, tmp_path, name):
    """With all of its tapes, and as the same commit; to where it came from nothing goes."""
    assert other("push", "origin", name).err == "Everything up-to-date\n"
    second = GitServer(tmp_path / "second.git")
    other("remote", "add", "second", second.path)
    assert (
        " * [new session]     codex/0199ddaa-1234 -> sessions" in other("push", "second", name).err
    )
    session = "refs/tapes/sessions/codex/0199ddaa-1234"
    assert second.refs[session] == server.refs[session]


def test_a_fetched_session_of_this_directory_is_what_a_bare_push_takes(
    tapes, chain, repository, other, tmp_path
):
    """While HEAD is unborn, as with a session of the store's own."""
    session = Session(harness="codex", cwd=str(other.cwd))
    set_ref(repository, NAME, write_turn(repository, "begun", role="session", session=session))
    tapes("push", "origin", "0199ddaa")
    other("fetch")
    second = GitServer(tmp_path / "second.git")
    other("push", second.path)
    assert list(second.refs) == ["refs/tapes/meta", "refs/tapes/sessions/codex/0199ddaa-1234"]


def test_a_fetched_session_is_forgotten_like_any_other(other, fetched):
    """All of its tapes and turns go, the remote keeps it, and it is not let in again."""
    turns = {str(oid) for oid in fetched}
    result = other("forget", "0199ddaa")
    assert result.lines[0] == "forgot codex/0199ddaa-1234"
    assert "tapes push --delete REMOTE sessions/HARNESS/ID" in result.err
    assert not turns & set(other("cat-file", "--batch-check", "--batch-all-objects").out.split())
    assert "0199ddaa" not in other("for-each-ref").out
    assert other("sessions").lines == []
    assert other("fsck", "--full").err == ""
    assert "removed here on purpose" in other("fetch", code=19).err
    other("push", "--delete", "origin", "sessions/codex/0199ddaa-1234")
    other("fetch")


def test_what_a_fetched_session_goes_on_from_is_not_forgotten(tapes, repository, chain, other):
    """Of a session that goes on from another's turn only its own part goes, agents with it."""
    before = make_tape(repository, 2, name=NAME, label="before")
    ids = ("0199ee00-1234", "0199ff00-1234")
    for number, session in enumerate(
        (Session(harness="pi", id=ids[0]), Session(harness="pi", parent=ids[0], agent="sub"))
    ):
        parents = () if number else before[-1:]
        leader = write_turn(
            repository, f"leads {number}", parents=parents, role="session", session=session
        )
        name = f"refs/sessions/pi/{ids[number]}/file/main"
        set_ref(repository, name, make_tape(repository, 2, name=None, start=leader)[-1])
    tapes("push", "origin", "0199ddaa", *ids)
    other("fetch")
    result = other("forget", ids[0])
    assert result.lines[:2] == [f"forgot pi/{each}" for each in ids]
    assert other("log", "--format=%s", "0199ddaa").lines == ["before 2", "before 1"]
    assert len(other("for-each-ref", "refs/remotes").lines) == 1
    assert other("fsck", "--full").err == ""
