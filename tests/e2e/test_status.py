"""`tapes status`."""

from __future__ import annotations

from tapegit.refs.names import HEAD, RefName
from tests.builders import make_tape, write_blob
from tests.command import TIME_MS

SESSION = "refs/sessions/claude-code/0b7e1c52%20x/file/main"


def test_an_empty_store_says_what_to_do(tapes, store):
    """The branch is unborn, and nothing was recorded."""
    assert tapes("status").lines == [
        "On branch main",
        "No turns on it yet",
        "",
        "Nothing recorded yet: 'tapes import FILE' records a transcript",
    ]
    assert tapes("status", "--json").records == [
        {
            "schema": 1,
            "store": str(store),
            "detached": False,
            "unborn": True,
            "branch": "refs/heads/main",
        }
    ]


def test_branch_and_newest_recording_are_named(tapes, repository):
    """With the id, role and summary of each tip, and the session's own id."""
    (main,) = make_tape(repository, 1)
    tape = make_tape(repository, 3, name=SESSION, label="said")
    lines = tapes("status", env={"TAPES_DATE": str(TIME_MS + 10 * 60_000)}).lines

    assert lines == [
        "On branch main",
        f"  {str(main)[:7]} session: turn 1",
        "",
        "Last recorded: claude-code 0b7e1c52 x, 7 minutes ago",
        f"  {str(tape[-1])[:7]} assistant: said 3",
    ]
    (record,) = tapes("status", "--json").records
    assert record["head"] == str(main)
    assert record["latest"] == {
        "ref": SESSION,
        "harness": "claude-code",
        "session": "0b7e1c52 x",
        "turn": str(tape[-1]),
        "time": TIME_MS + 3 * 60_000,
    }


def test_a_detached_head_is_said(tapes, repository):
    """With the turn it is at."""
    tape = make_tape(repository, 2)
    with repository.refs.transaction("x") as transaction:
        transaction.detach_head(tape[0])

    assert tapes("status").lines[:2] == [
        f"HEAD detached at {str(tape[0])[:7]}",
        f"  {str(tape[0])[:7]} session: turn 1",
    ]
    assert tapes("status", "--json").records[0]["detached"] is True


def test_a_lost_branch_is_an_error_and_not_unborn(tapes, repository):
    """Exit code 32, with the command that brings it back, which does."""
    tape = make_tape(repository, 2)
    (repository.root / "refs/heads/main").unlink()
    result = tapes("status", code=32)

    assert result.out == ""
    assert f"hint: 'tapes update-ref refs/heads/main {tape[-1]}' brings it back" in result.err
    tapes("update-ref", "refs/heads/main", str(tape[-1]))
    assert tapes("status").lines[0] == "On branch main"


def test_what_is_no_turn_is_shown_by_its_id(tapes, repository):
    """A branch that another program moved to a blob is no reason to say nothing."""
    oid = write_blob(repository, b"x")
    (repository.root / "refs/heads/main").write_text(f"{oid}\n")

    assert tapes("status").lines[1] == f"  {str(oid)[:7]}"


def test_the_note_of_the_newest_recording_goes_before_the_dates(tapes, repository):
    """LATEST says what was recorded last; without it the dates do."""
    older = RefName("refs/sessions/x/older/file/main")
    make_tape(repository, 1, name=older, label="older")
    make_tape(repository, 5, name="refs/sessions/x/newer/file/main", label="newer")
    assert "newer" in tapes("status").out
    repository.refs.set_latest(older)
    assert "older" in tapes("status").out
    (repository.root / "LATEST").write_bytes(b"")
    assert "newer" in tapes("status").out


def test_control_characters_do_not_reach_the_terminal(tapes, repository):
    """Neither from a summary nor from the name of a session."""
    make_tape(repository, 1, name="refs/sessions/x/%1b%5b31m/file/main")
    assert "\x1b" not in tapes("status").out
    assert "\\x1b[31m" in tapes("status").out


def test_status_changes_nothing(tapes, repository):
    """Not a file, and it takes no lock."""
    make_tape(repository, 2)
    before = {path: path.stat().st_mtime_ns for path in repository.root.rglob("*")}
    tapes("status")

    assert {path: path.stat().st_mtime_ns for path in repository.root.rglob("*")} == before
    assert repository.refs.find(HEAD) is not None
