"""`tapes pull`: forward, or both are kept."""

from __future__ import annotations

from tests.builders import (
    make_tape,
    set_ref,
    turn_data,
    write_turn,
)


def test_both_went_on(tapes, chain, server, other, repository, tmp_path):
    """Who comes second is told, keeps both after a pull, and can push to a name of its own."""
    tapes("push", "-u", "origin", "main")
    other("pull")
    base = str(chain[-1])
    ours = make_tape(repository, 1, start=chain[-1], label="ours")
    theirs = other(
        "hash-object", "-w", "-t", "turn", "--stdin", input=turn_data("theirs", parents=[chain[-1]])
    ).oid
    other("update-ref", "refs/heads/main", theirs)
    other("push")
    refused = tapes("push", code=21)
    assert " ! [rejected]" in refused.err
    assert "(diverged, fetch first)" in refused.err
    assert "'main' cannot go forward to origin/main" in tapes("pull", "--ff-only", code=21).err
    pulled = tapes("pull")
    assert "'tapes merge origin/main' joins both" in pulled.err
    assert "have diverged: 1 turn only here, 1 only there" in pulled.out
    assert tapes("rev-parse", "main").oid == str(ours[0])
    assert tapes("rev-parse", "origin/main").oid == theirs
    assert "(diverged, non-fast-forward)" in tapes("push", code=21).err
    tapes("push", "--auto-fork")
    assert f"refs/tapes/heads/main.{ours[0].hex()[:10]}" in server.refs
    tapes("push", "--force-with-lease")
    assert "forced update" in other("fetch").err
    assert other("rev-parse", "origin/main@{1}", code=None).code == 0
    assert tapes("merge-base", "main", base).oid == base


def test_notes_are_joined(tapes, chain, server, other):
    """Notes of both sides are there after a pull and a push of each."""
    tapes("push", "-u", "origin", "main")
    other("pull")
    tapes("notes", "add", "-m", "from one", "main")
    other("notes", "add", "-m", "from two", "main~1")
    tapes("push", "--notes", "origin")
    assert "(diverged, fetch first)" in other("push", "--notes", "origin", code=21).err
    other("pull")
    other("push", "--notes", "origin")
    tapes("pull")
    assert "from one" in other("notes", "show", "main").out
    assert "from two" in tapes("notes", "show", "main~1").out
    assert server.refs.keys() >= {"refs/tapes/notes/tapes"} or "refs/tapes/notes" in str(
        server.refs
    )


def test_how_far_a_branch_is_from_what_it_follows(tapes, chain, server, other, repository):
    """`status`, `branch -v` and `branch -vv` say it as git does."""
    tapes("push", "-u", "origin", "main")
    assert "Your branch is up to date with 'origin/main'." in tapes("status").lines
    make_tape(repository, 2, start=chain[-1])
    assert "Your branch is ahead of 'origin/main' by 2 turns." in tapes("status").lines
    assert " [ahead 2] assistant: turn 2" not in tapes("branch").out
    assert " [ahead 2] " in tapes("branch", "-v").out
    assert " [origin/main: ahead 2] " in tapes("branch", "-vv").out
    (record,) = tapes("branch", "--json").records
    assert (record["upstream"], record["ahead"], record["behind"]) == ("origin/main", 2, 0)
    set_ref(repository, "refs/heads/main", chain[1])
    behind = "Your branch is behind 'origin/main' by 2 turns, and can be fast-forwarded."
    assert behind in tapes("status").lines
    set_ref(repository, "refs/heads/main", write_turn(repository, "other", parents=[chain[2]]))
    assert "have diverged, and have 1 and 1 different turns each" in tapes("status").out
    assert tapes("status", "--json").records[0]["behind"] == 1
    tapes("branch", "-r", "-d", "origin/main")
    assert "Your branch is based on 'origin/main', but the upstream is gone." in tapes("status").out


def test_upstream_is_a_revision(tapes, chain, server, repository):
    """`@{u}` is what was last seen of the branch on its remote; without one, it says what helps."""
    refused = tapes("rev-parse", "main@{u}", code=12)
    assert "'main' has no upstream" in refused.err
    assert "tapes push -u" in refused.err
    tapes("push", "-u", "origin", "main")
    tips = make_tape(repository, 2, start=chain[-1])
    for text in ("@{u}", "@{upstream}", "main@{push}", "HEAD@{U}"):
        assert tapes("rev-parse", text).oid == str(chain[-1])
    assert tapes("rev-list", "@{u}..").lines == [str(oid) for oid in reversed(tips)]
    assert tapes("rev-parse", "@{u}~1").oid == str(chain[-2])
    tapes("branch", "-r", "-d", "origin/main")
    assert "'origin/main' is not here" in tapes("rev-parse", "@{u}", code=12).err


def test_what_was_fetched_is_found_by_its_session(tapes, chain, server, other, repository):
    """By the id, a beginning of it, and as the newest; one's own goes first."""
    tip = make_tape(repository, 2, name="refs/sessions/codex/0199cccc-1/file/main", label="s")[-1]
    tapes("push", "origin", "0199cccc-1")
    other("fetch")
    assert other("rev-parse", "0199cccc-1").oid == str(tip)
    assert other("rev-parse", "0199cccc").oid == str(tip)
    assert other("rev-parse", "@{latest}").oid == str(tip)
    assert other("log", "--oneline").lines == tapes("log", "--oneline", "0199cccc-1").lines
    assert other("branch", "-r").out == ""


def test_a_branch_that_is_gone_from_the_remote_is_not_up_to_date(tapes, chain, other):
    """What was seen of it last says nothing of what is there."""
    tapes("push", "-u", "origin", "main", "main:side")
    other("pull")
    tapes("push", "--delete", "origin", "main")
    refused = other("pull", code=12).err
    assert "remote 'origin' has no branch 'main' any more" in refused
    assert "'tapes push origin main:main' puts it there again" in refused
    assert other("pull", "origin", "side").out == "Already up to date.\n"
