"""`tapes checkout`: HEAD moves as git moves it, and nothing else does."""

from __future__ import annotations

import pytest

from tapegit.objects.turn import CodeRepository, Session
from tests.builders import make_tape, set_ref, write_turn

HEAD = ("rev-parse", "HEAD")
WHERE = ("symbolic-ref", "-q", "HEAD")

SCENARIOS = {
    "a branch": [("checkout", "try/2"), HEAD, WHERE],
    "the branch one is on": [("checkout", "main"), HEAD, WHERE],
    "a turn": [("checkout", "main~2"), HEAD, WHERE],
    "a tag": [("checkout", "v1"), HEAD, WHERE],
    "detached at a branch": [("checkout", "--detach", "try/2"), HEAD, WHERE],
    "nothing named": [("checkout",), HEAD, WHERE],
    "back": [("checkout", "try/2"), ("checkout", "-"), WHERE, ("checkout", "-"), WHERE],
    "back from a turn": [("checkout", "main~1"), ("checkout", "-"), WHERE],
    "back to a turn": [("checkout", "main~1"), ("checkout", "main"), ("checkout", "-"), HEAD],
    "back where one never was": [("checkout", "-")],
    "two back": [("checkout", "try/2"), ("checkout", "v1"), ("checkout", "@{-2}"), WHERE],
    "a new branch": [("checkout", "-b", "new"), HEAD, WHERE, ("show-ref",)],
    "a new branch at a turn": [("checkout", "-b", "new", "main~2"), HEAD, WHERE],
    "a new branch that exists": [("checkout", "-b", "try/2")],
    "a new branch by force": [("checkout", "-B", "try/2", "main~1"), HEAD, WHERE, ("show-ref",)],
    "the branch one is on by force": [("checkout", "-B", "main", "main~1"), HEAD, WHERE],
    "what is nothing": [("checkout", "nope"), WHERE],
    "a bad name": [("checkout", "-b", "a..b"), WHERE],
}


@pytest.mark.parametrize("steps", SCENARIOS.values(), ids=SCENARIOS)
def test_head_goes_where_git_goes(twin, steps):
    """After each step HEAD and the refs are as git's; what git refuses is refused."""
    for step in steps:
        twin.same(*step)


@pytest.mark.parametrize(
    "steps",
    [
        [("checkout", "try/2")],
        [("checkout", "main")],
        [("checkout", "-b", "new")],
        [("checkout", "-B", "try/2")],
        [("checkout", "-B", "main")],
        [("checkout", "-q", "v1"), ("checkout", "main")],
        [("checkout", "-q", "try/2")],
        [("switch", "-C", "try/2")],
        [("switch", "--detach", "main")],
    ],
)
def test_what_is_said_is_what_git_says(twin, steps):
    """The words on standard error are git's, role and all aside."""
    for step in steps:
        theirs = twin.translate(twin.git(*step).stderr)
        ours = twin.tapes(*step).err
    shown = [line.replace("user: ", "") for line in ours.splitlines()]
    assert shown == theirs.splitlines()


def test_the_reflog_of_head_reads_as_git_s(twin):
    """`@{-1}` is found by these lines, so they are git's, word for word."""
    for step in (("checkout", "try/2"), ("checkout", "main~1"), ("switch", "-c", "new")):
        twin.git(*step)
        twin.tapes(*step)
    theirs = twin.git("reflog", "--format=%gs").stdout.splitlines()
    ours = [record["message"] for record in twin.tapes("reflog", "--json").records]
    assert ours == [twin.translate(line) for line in theirs][: len(ours)]
    assert len(ours) == 3


def test_a_session_is_checked_out_by_its_id(tapes, repository):
    """HEAD is detached at its tip: only recorders move the refs of sessions."""
    chain = make_tape(repository, 3, name=None)
    set_ref(repository, "refs/sessions/claude-code/0123456789ab/file/main", chain[2])
    told = tapes("checkout", "01234567")
    assert "HEAD is now at" in told.err
    assert tapes("rev-parse", "HEAD").oid == str(chain[2])
    assert tapes("symbolic-ref", "-q", "HEAD", code=1).out == ""


def test_a_new_branch_begins_at_the_newest_session(tapes, repository):
    """`checkout -b` while HEAD is unborn takes the session that `log` would show."""
    chain = make_tape(repository, 3, name=None)
    set_ref(repository, "refs/sessions/claude-code/0123456789ab/file/main", chain[2])
    told = tapes("switch", "-c", "fix")
    assert "beginning at sessions/claude-code/0123456789ab/file/main" in told.err
    assert tapes("rev-parse", "fix").oid == str(chain[2])
    assert tapes("status").lines[0] == "On branch fix"


def test_the_way_back_to_a_branch_without_turns(tapes, repository):
    """`-` leads there, as the words say that it does; a branch that was deleted is named."""
    tip = make_tape(repository, 3, name="refs/heads/topic")[2]
    assert "tapes switch -" in tapes("checkout", str(tip)).err
    assert "Switched to branch 'main', which has no turns yet" in tapes("switch", "-").err
    assert tapes("symbolic-ref", "HEAD").out == "refs/heads/main\n"
    tapes("switch", "-q", "topic")
    tapes("switch", "-q", "-c", "gone")
    tapes("switch", "-q", "topic")
    tapes("branch", "-D", "gone")
    refused = tapes("switch", "-", code=12).err
    assert "what was checked out before is 'gone', which is no branch any more" in refused
    assert "hint: 'tapes switch -c gone' lets it begin here" in refused


def test_the_way_back_to_a_branch_that_a_tag_has_the_name_of(tapes, repository):
    """`-` is the branch that was left, whatever else is called so."""
    tip = make_tape(repository, 3)[0]
    set_ref(repository, "refs/tags/main", tip)
    tapes("switch", "-q", "-c", "fix")
    tapes("checkout", "-q", "-")
    assert tapes("symbolic-ref", "HEAD").out == "refs/heads/main\n"


def test_an_empty_store_has_unborn_branches(tapes, repository):
    """As in git, HEAD then names a branch that begins with the first turn."""
    assert repository
    told = tapes("switch", "-c", "fix")
    assert "Switched to a new branch 'fix'" in told.err
    assert tapes("symbolic-ref", "HEAD").out == "refs/heads/fix\n"
    assert tapes("branch").out == ""


def test_where_the_code_was_is_said(tapes, repository):
    """The commit that the leader names is printed with the command that brings it back."""
    leader = write_turn(
        repository,
        "began",
        role="session",
        session=Session(
            cwd="/home/user/project",
            repository=CodeRepository(branch="trunk", commit="0123456789ab" * 3 + "0123"),
        ),
    )
    turn = write_turn(repository, "hello", parents=(leader,))
    set_ref(repository, "refs/heads/main", leader)
    set_ref(repository, "refs/heads/fix", turn)
    told = tapes("checkout", "fix").err
    assert "commit 0123456789ab (trunk) in /home/user/project; none of your files" in told
    assert "'git checkout 0123456789ab'" in told
    assert "hint" not in tapes("checkout", "-q", "main").err


def test_files_are_refused_with_the_command_that_is_meant(tapes, repository):
    """`tapes checkout HEAD file` cannot be done, and nothing moves."""
    make_tape(repository, 2)
    (tapes.cwd / "own.txt").touch()
    refused = tapes("checkout", "HEAD~1", "--", "src/a.py", code=1)
    assert "git checkout HEAD~1 src/a.py" in refused.err
    assert "git checkout gone" in tapes("checkout", "--", "gone", code=1).err
    assert "git checkout own.txt" in tapes("checkout", "own.txt", code=1).err
    assert "no ref, session or object 'gone'" in tapes("checkout", "gone", code=12).err
    assert tapes("symbolic-ref", "HEAD").out == "refs/heads/main\n"


def test_no_file_outside_the_store_changes(tapes, repository, tmp_path):
    """Checking out writes nothing beside the store."""
    chain = make_tape(repository, 3)
    tapes("branch", "fix", str(chain[0]))
    folder = repository.root.parent
    before = sorted(path for path in folder.rglob("*") if ".tapes" not in path.parts)
    tapes("checkout", "fix")
    tapes("checkout", str(chain[1]))
    assert sorted(path for path in folder.rglob("*") if ".tapes" not in path.parts) == before
    assert tmp_path.exists()


def test_what_excludes_one_another_is_refused(tapes, repository):
    """With exit code 2, and HEAD stays."""
    make_tape(repository, 1)
    tapes("checkout", "-b", "a", "-B", "b", code=2)
    assert tapes("symbolic-ref", "HEAD").out == "refs/heads/main\n"
