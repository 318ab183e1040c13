"""`tapes merge`: the conclusion of a fork flows back."""

from __future__ import annotations

import pytest

from tests.builders import make_tape, set_ref, write_turn
from tests.claude_records import assistant, call, user
from tests.recordings import jsonl

TIME = "2026-01-01T00:00:00Z"


@pytest.fixture
def fork(tapes, store, work):
    """Give two branches: `main` with #1 and #2, and `fix`, whose session ends in an answer."""
    records = [user("why?", "u1", timestamp=TIME, cwd="/w", version="2.1.0")]
    records += [assistant("Because.", "m1", timestamp=TIME)]
    more = [
        user("are you sure?", "u2", timestamp=TIME),
        assistant("The flag is inverted.\nIn line 40.", "m2", timestamp=TIME),
        call("Bash", "m3", command="true"),
    ]
    (work / "session.jsonl").write_bytes(jsonl([*records, *more]))
    tapes("import", work / "session.jsonl")
    tapes("switch", "-q", "-c", "main", "s#2")
    tapes("amend", "-q", "--text", "I do not know.")
    tapes("branch", "fix", "s")


def test_the_last_answer_is_brought_over(tapes, fork):
    """As a turn of the user's with two parents; the one with words, not the call after it."""
    ours, theirs = tapes("rev-parse", "main", "fix").lines
    done = tapes("merge", "fix")
    new = tapes("rev-parse", "main").oid
    assert done.lines == [f"[main {new[:7]}] user: The flag is inverted."]
    assert tapes("rev-parse", "main^1", "main^2").lines == [ours, theirs]
    (record,) = tapes("show", "--json", "main").records
    assert record["role"] == "user"
    (part,) = record["parts"]
    assert part["text"] == "The flag is inverted.\nIn line 40."
    tapes("fsck", "--full")
    assert tapes("log", "--first-parent", "--oneline", "main").out.count("\n") == 4


def test_words_of_the_user(tapes, fork):
    """With -m, -F and the editor."""
    tapes("merge", "-m", "look at line 40", "-m", "please", "fix")
    (record,) = tapes("show", "--json", "main").records
    assert record["parts"][0]["text"] == "look at line 40\n\nplease"
    tapes("reset", "-q", "main@{1}")
    tapes("merge", "-F", "-", "fix", input="from a pipe\n")
    assert tapes("log", "-n1", "--oneline").out.endswith("user: from a pipe\n")
    tapes("reset", "-q", "main@{1}")
    tapes("merge", "-e", "fix", env={"TAPES_EDITOR": "sed -i s/inverted/wrong/"})
    assert tapes("log", "-n1", "--oneline").out.endswith("user: The flag is wrong.\n")


def test_what_is_there_already_is_not_merged(tapes, fork):
    """As git says it."""
    assert tapes("merge", "main").out == "Already up to date.\n"
    tapes("merge", "-q", "fix")
    assert tapes("merge", "fix").out == "Already up to date.\n"


def test_a_branch_that_can_go_on_goes_on(tapes, repository):
    """As git's fast-forward, and --no-ff makes a turn all the same."""
    chain = make_tape(repository, 4)
    set_ref(repository, "refs/heads/old", chain[1])
    tapes("switch", "-q", "old")
    short = [str(oid)[:7] for oid in chain]
    assert tapes("merge", "main").lines == [f"Updating {short[1]}..{short[3]}", "Fast-forward"]
    assert tapes("rev-parse", "old").oid == str(chain[3])
    tapes("reset", "-q", "old@{1}")
    told = tapes("merge", "-m", "so be it", "main").err
    assert "what the merge was to say is not recorded" in told
    assert f"hint: 'tapes reset {short[1]}' and 'tapes merge --no-ff main' record it" in told
    tapes("reset", "-q", "old@{1}")
    tapes("merge", "--no-ff", "-m", "so be it", "main")
    assert tapes("rev-parse", "old^2").oid == str(chain[3])


def test_an_unborn_branch_begins_with_it(tapes, repository):
    """As in git."""
    chain = make_tape(repository, 2, name=None)
    assert tapes("merge", str(chain[1])).lines == ["Fast-forward"]
    assert tapes("rev-parse", "main").oid == str(chain[1])


def test_only_fast_forwards_where_that_is_asked_for(tapes, fork):
    """The refusal names the command that merges."""
    tip = tapes("rev-parse", "main").oid
    refused = tapes("merge", "--ff-only", "fix", code=21)
    assert "tapes merge fix" in refused.err
    assert tapes("rev-parse", "main").oid == tip


def test_a_tape_without_words_needs_some(tapes, repository):
    """-m is named."""
    make_tape(repository, 2)
    side = write_turn(repository, "alone")
    refused = tapes("merge", str(side), code=12)
    assert "-m says" in refused.err
    tapes("merge", "-m", "joined", str(side))


def test_a_secret_in_the_words_is_not_stored(tapes, fork):
    """As in whatever else is recorded."""
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    tapes("merge", "-m", f"use {secret}", "fix")
    assert secret not in tapes("show", "main").out
    assert secret not in tapes("cat-file", "turn", "main").out


def test_merged_as_json(tapes, fork):
    """One object says what a script needs."""
    before = tapes("rev-parse", "main").oid
    (record,) = tapes("merge", "--json", "fix").records
    assert record == {
        "schema": 1,
        "result": "merged",
        "oid": tapes("rev-parse", "main").oid,
        "ref": "refs/heads/main",
        "before": before,
    }


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("merge",), 2),
        (("merge", "--no-ff", "--ff-only", "fix"), 2),
        (("merge", "-m", "x", "-F", "-", "fix"), 2),
        (("merge", "-m", "  ", "fix"), 1),
        (("merge", "nope"), 12),
    ],
)
def test_what_cannot_be_merged_is_refused(tapes, fork, words, code):
    """With the code of the mistake, and the branch stays."""
    tip = tapes("rev-parse", "main").oid
    tapes(*words, code=code)
    assert tapes("rev-parse", "main").oid == tip
