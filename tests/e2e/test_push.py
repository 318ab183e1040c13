"""`tapes push`: what is sent, what is refused, and what is said of it."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from tapegit.objects.kind import Kind
from tapegit.objects.turn import Session
from tapegit.repository.repository import Repository
from tests.builders import (
    make_tape,
    set_ref,
    write_bytes,
    write_tag,
    write_turn,
)
from tests.remotes import GitServer

CALLS = [
    b'{"messages":['
    + b",".join(
        b'{"role":"user","content":"%s"}' % (b"number %d " % number * 20) for number in range(count)
    )
    + b'],"model":"m"}'
    for count in (40, 41)
]


def test_two_machines_push_the_same_commits(tapes, chain, server, other, tmp_path):
    """A tape has the same commit ids whoever pushed it, and whatever was there before."""
    second = GitServer(tmp_path / "second.git")
    tapes("push", "origin", "main")
    other("fetch")
    other("branch", "main", "origin/main")
    other("push", second.path, "main")
    assert second.refs == server.refs


def test_only_new_turns_are_sent(tapes, chain, server, repository):
    """A second push sends what is new; a third one nothing."""
    tapes("push", "origin", "main")
    make_tape(repository, 1, start=chain[-1], label="more")
    before = int(server.git("count-objects").split()[0])
    tapes("push", "origin", "main")
    after = int(server.git("count-objects").split()[0])
    assert after - before <= 4
    assert "Everything up-to-date" in tapes("push", "origin", "main").err
    server.verify()


def make_session(repository, folder: str, count: int, cwd: str = "/elsewhere"):
    """Store a session with a main tape and an agent's; return their tips."""
    leader = write_turn(
        repository, "lead", role="session", session=Session(cwd=cwd, harness="codex", id="x")
    )
    main = make_tape(repository, count, start=leader, name=f"refs/sessions/{folder}/file/main")
    agent = make_tape(
        repository, 2, start=main[0], name=f"refs/sessions/{folder}/agents/a", label="agent"
    )
    return main[-1], agent[-1]


def test_a_session_is_one_ref_with_all_its_tapes(tapes, server, other, repository, chain):
    """It is found by its id on the other side, and the next push of it goes forward."""
    main, agent = make_session(repository, "codex/0199aaaa-1", 3)
    tapes("push", "origin", "0199aaaa-1")
    assert set(server.refs) == {"refs/tapes/meta", "refs/tapes/sessions/codex/0199aaaa-1"}
    server.verify()
    other("fetch")
    folder = "refs/remotes/origin/@sessions/codex/0199aaaa-1"
    shown = dict(line.split()[::-1] for line in other("show-ref").lines)
    assert shown == {f"{folder}/agents/a": str(agent), f"{folder}/file/main": str(main)}
    more = make_tape(repository, 1, start=main, name="refs/sessions/codex/0199aaaa-1/file/main")
    tapes("push", "origin", "0199aaaa-1")
    other("fetch")
    assert other("rev-parse", f"{folder}/file/main").oid == str(more[0])


def test_sessions_of_other_directories_are_pushed_only_if_named(
    tapes, server, repository, work, chain
):
    """`--sessions` takes those of this repository, and says how many it left out."""
    make_session(repository, "codex/inside-1", 2, cwd=str(work / "deep"))
    make_session(repository, "codex/outside-1", 2)
    result = tapes("push", "--sessions", "origin")
    assert "refs/tapes/sessions/codex/inside-1" in server.refs
    assert "refs/tapes/sessions/codex/outside-1" not in server.refs
    assert "1 session of another directory is not pushed\nhint: 'tapes push" in result.err


def test_ropes_are_trees_that_are_shared(tapes, server, repository, other, chain):
    """Two calls share the trees of what they share, and both come back byte for byte."""
    ropes = [write_bytes(repository, call) for call in CALLS]
    first = write_turn(repository, "one", raw=[ropes[0]], parents=[chain[-1]])
    second = write_turn(repository, "two", raw=[ropes[1]], parents=[first])
    set_ref(repository, "refs/heads/main", first)
    tapes("push", "origin", "main")
    before = int(server.git("count-objects").split()[0])
    set_ref(repository, "refs/heads/main", second)
    tapes("push", "origin", "main")
    server.verify()
    assert int(server.git("count-objects").split()[0]) - before < 16
    other("fetch")
    assert repository.objects.read(ropes[1]).kind is Kind.ROPE
    assert other("rev-parse", "origin/main:raw/0").oid == str(ropes[1])
    assert other("fsck", "--full").code == 0


def test_a_lease_holds_only_where_it_was_seen(tapes, chain, server, other, repository):
    """What somebody pushed since the last look is not overwritten."""
    tapes("push", "origin", "main")
    other("fetch")
    other("branch", "main", "origin/main~1")
    make_tape(repository, 1, start=chain[-1])
    tapes("push", "origin", "main")
    result = other("push", "--force-with-lease", "origin", "main", code=21)
    assert "(stale info)" in result.err
    assert "forced update" in other("push", "--force", "origin", "main").err


def test_a_branch_is_deleted(tapes, chain, server, other):
    """The ref goes there, what follows it goes here, and elsewhere with --prune."""
    tapes("push", "origin", "main", "main:extra")
    other("fetch")
    tapes("push", "--delete", "origin", "extra")
    assert "refs/tapes/heads/extra" not in server.refs
    assert tapes("branch", "-r").lines == ["  origin/main"]
    assert other("branch", "-r").lines == ["  origin/extra", "  origin/main"]
    assert "[deleted]" in other("fetch", "--prune").err
    assert other("branch", "-r").lines == ["  origin/main"]
    assert "remote ref does not exist" in tapes("push", "origin", ":extra", code=21).err


def test_a_tag_is_created_once(tapes, chain, server, other, repository):
    """Neither side overwrites a tag."""
    set_ref(repository, "refs/tags/t", chain[1])
    tapes("push", "origin", "t")
    set_ref(repository, "refs/tags/t", chain[2])
    assert "(already exists)" in tapes("push", "origin", "t", code=21).err
    other("fetch")
    tapes("push", "--force", "origin", "t")
    assert "(would clobber existing tag)" in other("fetch", code=41).err
    assert other("rev-parse", "t").oid == str(chain[1])


def test_hooks_and_hidden_refs_are_obeyed(tapes, chain, server, repository):
    """A refusal is told per ref, in the server's words without its control characters."""
    set_ref(repository, "refs/heads/side", chain[1])
    server.hook("update", 'case $1 in */side) printf "no \\033[31mside\\n"; exit 1;; esac')
    result = tapes("push", "--all", "origin", code=42)
    assert "remote: no ?[31mside" in result.err
    assert " ! [remote rejected] side -> side (hook declined)" in result.err
    assert " * [new branch]      main -> main" in result.err
    assert sorted(server.refs) == ["refs/tapes/heads/main", "refs/tapes/meta"]
    server.git("config", "transfer.hideRefs", "refs/tapes/tags")
    set_ref(repository, "refs/tags/t", chain[1])
    assert "deny updating a hidden ref" in tapes("push", "origin", "t", code=42).err


def test_a_dry_run_sends_nothing(tapes, chain, server):
    """It says what would be done."""
    result = tapes("push", "--dry-run", "--porcelain", "origin", "main")
    assert "*\trefs/heads/main:refs/tapes/heads/main\t[new branch]" in result.lines
    assert server.refs == {}


def test_the_id_map_can_be_lost(tapes, chain, server, other, repository, store):
    """Without it the same is sent and found, and it is there again."""
    tapes("push", "origin", "main")
    for path in (store / "remote").iterdir():
        path.unlink()
    assert "Everything up-to-date" in tapes("push", "origin", "main").err
    make_tape(repository, 2, start=chain[-1])
    for path in (store / "remote").iterdir():
        path.write_bytes(b"TGIT damaged")
    tapes("push", "origin", "main")
    server.verify()
    other("fetch")
    assert other("fsck", "--full").code == 0


def test_a_push_whose_answer_was_lost_is_there(tapes, chain, server, repository, tmp_path):
    """Who knows nothing of it, and pushes the same again, finds that there is nothing to do."""
    make_session(repository, "codex/0199aaaa-1", 3)
    set_ref(repository, "refs/tags/v1", write_tag(repository, chain[1]))
    tapes("notes", "add", "-m", "said", "main")
    shutil.copytree(tapes.cwd, tmp_path / "unknowing")
    everything = ("push", "--tags", "--notes", "origin", "main", "0199aaaa-1")
    tapes(*everything)
    again = tapes("-C", str(tmp_path / "unknowing"), *everything)
    assert "Everything up-to-date" in again.err
    tapes("-C", str(tmp_path / "unknowing"), *everything)
    server.verify()


def test_a_secret_does_not_leave(tapes, chain, server, repository):
    """The turn, the part and the rule are named, the value is not; a permission lets it go."""
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    raw = write_bytes(repository, f'{{"text":"token {secret}"}}\n'.encode())
    tip = write_turn(repository, "harmless", raw=[raw], parents=[chain[-1]])
    set_ref(repository, "refs/heads/main", tip)
    refused = tapes("push", "origin", "main", code=1)
    assert f"turn {tip.hex()[:12]} raw/0: github" in refused.err
    assert secret in tapes("show", f"{tip.hex()[:12]}:raw/0").out
    assert secret not in refused.err
    assert "refusing to push: 1 secret, as it seems" in refused.err
    assert "'tapes redact --all'" in refused.err
    assert server.refs == {}
    found = refused.err.rpartition(", id ")[2].split()[0]
    tapes("push", "--allow-finding", found, "origin", "main")
    assert "refs/tapes/heads/main" in server.refs


def test_summaries_titles_and_names_are_looked_at_too(tapes, chain, server, repository):
    """A secret in what is no raw bytes stops the push as well."""
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    set_ref(repository, "refs/heads/said", write_turn(repository, f"use {secret}"))
    set_ref(repository, f"refs/heads/{secret}", chain[0])
    set_ref(repository, "refs/tags/said", write_tag(repository, chain[0], "said", f"{secret}\n"))
    assert " turn: github" in tapes("push", "origin", "refs/heads/said:x", code=1).err
    assert " name: github" in tapes("push", "origin", secret, code=1).err
    assert " tag: github" in tapes("push", "origin", "refs/tags/said", code=1).err
    assert server.refs == {}


def test_the_first_push_says_who_can_read_it(tapes, chain, server, repository):
    """It says it once, with what is in it."""
    first = tapes("push", "origin", "main").err
    assert "everybody who can read it can read what is pushed" in first
    assert "it holds 1 tape, 4 turns" in first
    make_tape(repository, 1, start=chain[-1])
    assert "everybody" not in tapes("push", "origin", "main").err


def test_a_fork_is_named_by_the_first_turn_that_the_remote_may_lack(
    tapes, chain, other, repository
):
    """What was seen there is not what the fork is called after, though others moved the ref."""
    tapes("push", "origin", "main")
    other("fetch")
    other("branch", "main", "origin/main")
    theirs = Repository.open(other.cwd / ".tapes")
    make_tape(theirs, 1, start=chain[-1], label="theirs")
    other("push", "origin", "main")
    mine = make_tape(repository, 2, start=chain[-1], label="mine")
    pushed = tapes("push", "--auto-fork", "origin", "main").err
    assert f" * [new branch]      main -> main.{mine[0].hex()[:10]}" in pushed


def test_what_is_deleted_is_shown_as_git_shows_it(tapes, chain):
    """No arrow leads there; one that is not there is refused by name."""
    tapes("push", "origin", "main", "main:other")
    assert " - [deleted]         other\n" in tapes("push", "origin", ":other").err
    gone = tapes("push", "--delete", "origin", "other", code=21).err
    assert " ! [rejected]        other (remote ref does not exist)\n" in gone


def test_what_is_pushed_can_be_named_as_in_git(tapes, chain, server, repository):
    """`@` is HEAD, `tag` comes before a tag, and a star stands for what branches have in common."""
    for name in ("try/1", "try/2"):
        set_ref(repository, f"refs/heads/{name}", chain[1])
    set_ref(repository, "refs/tags/v1", chain[2])
    make_tape(repository, 1, name="refs/sessions/codex/0199ddaa-1234/file/main", label="said")
    tapes("push", "origin", "@")
    tapes("push", "origin", "tag", "v1", "0199ddaa")
    tapes("push", "origin", "refs/heads/try/*", "+refs/heads/*y/1:refs/heads/other/*")
    heads = {f"refs/tapes/heads/{name}" for name in ("main", "try/1", "try/2", "other/tr")}
    session = "refs/tapes/sessions/codex/0199ddaa-1234"
    assert server.refs.keys() == heads | {"refs/tapes/tags/v1", "refs/tapes/meta", session}
    for wrong in ("try/*", "refs/heads/*:refs/heads/x", "refs/heads/*/*", "refs/sessions/*"):
        assert "is no pattern of refs" in tapes("push", "origin", wrong, code=1).err
    tapes("push", "--delete", "origin", "0199ddaa-1234", "other/tr")
    assert session not in server.refs
    set_ref(repository, "refs/remotes/origin/0199ddaa-1234", chain[0])
    gone = tapes("push", "--delete", "origin", "0199ddaa-1234", code=21).err
    assert " ! [rejected]        0199ddaa-1234 (remote ref does not exist)" in gone


def test_a_remote_that_is_not_needed_is_hung_up_on(tapes, chain, tmp_path, monkeypatch):
    """It was asked before it was known that there is nothing to push; nobody waits for it."""
    pid = tmp_path / "pid"
    monkeypatch.setenv("GIT_SSH_COMMAND", f"sh -c 'echo $$ > {pid}; exec sleep 1000'")
    assert "'nothing'" in tapes("push", "ssh://somewhere/a.git", "nothing", code=12).err
    number = pid.read_text().strip() if pid.exists() else ""
    while number and Path(f"/proc/{number}").exists():
        time.sleep(0.01)  # what it started ends as well
