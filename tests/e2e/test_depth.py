"""`fetch --depth` and `clone --depth`: a history in part, and what a cut means to the rest."""

from __future__ import annotations

import pytest

from tapegit.repository.repository import Repository
from tests.builders import make_tape, set_ref, write_blob, write_tag, write_turn
from tests.e2e.test_secrets import KEY
from tests.remotes import GitServer


@pytest.fixture
def shared(tapes, chain, repository):
    """Give a remote with a branch of four turns, one of six, a session, a tag and a note."""
    make_tape(repository, 2, name="refs/heads/side", start=chain[-1], label="side")
    make_tape(repository, 5, name="refs/sessions/codex/0199dd/file/main", label="s")
    tagged = make_tape(repository, 3, name=None, label="t")[-1]
    set_ref(repository, "refs/tags/v1", write_tag(repository, tagged))
    tapes("notes", "add", "-m", "seen", "main")
    tapes("notes", "add", "-m", "again", "side")
    tapes("push", "--all", "--tags", "--notes", "origin", "0199dd")
    return chain


def subjects(run, *what: str) -> list[str]:
    """Return the subjects of a log."""
    return run("log", "--format=%s", *what).lines


def verify(run) -> None:
    """Fail unless fsck finds nothing but, perhaps, a branch that is not born yet."""
    assert [line for line in run("fsck", "--full").lines if "unborn" not in line] == []


def test_each_history_ends_after_so_many_turns(other, shared):
    """Branches, sessions and tags have as many turns; notes are whole; nothing is missing."""
    other("fetch", "--depth", "2")
    assert subjects(other, "origin/main") == ["turn 4", "turn 3"]
    assert subjects(other, "origin/side") == ["side 2", "side 1", "turn 4", "turn 3"]
    assert subjects(other, "0199dd") == ["s 5", "s 4"]
    assert subjects(other, "v1") == ["t 3", "t 2"]
    assert len(subjects(other, "refs/remotes/origin/@notes/main")) == 2
    verify(other)
    assert other("cat-file", "-e", str(shared[1]), code=None).code != 0


def test_a_cut_store_is_kept_and_packed_like_any_other(other, shared):
    """gc, with or without an index, loses nothing and finds nothing to complain of."""
    other("fetch", "--depth", "2")
    before = subjects(other, "--all")
    other("gc", "--prune=now")
    assert subjects(other, "--all") == before
    assert other("merge-base", "origin/main", "origin/side").oid == str(shared[-1])
    assert other("rev-list", "--count", "origin/side").out == "4\n"
    verify(other)


def test_where_history_was_cut_off_is_marked(other, shared):
    """In git's word, where refs are shown too, as long as something is left out."""
    other("fetch", "--depth", "2")
    marks = ("log", "--format=%D", "origin/side")
    assert other(*marks).lines == ["origin/side", "", "origin/main", "grafted"]
    lines = other("log", "--oneline", "--decorate", "origin/main").lines
    assert [" (grafted) " in line for line in lines] == [False, True]
    assert other("log", "--decorate", "-n1", "origin/main~1").lines[0].endswith(" (grafted)")
    assert "grafted" not in other("log", "--oneline", "origin/main").out
    other("fetch", "--depth", "1", "origin")
    other("fetch", "--unshallow")
    assert other(*marks).lines == ["origin/side", "", "origin/main", "", "", ""]


def test_deeper_and_whole(other, shared):
    """A larger depth brings older turns, --unshallow all; then nothing says that it was cut."""
    other("fetch", "--depth", "1")
    assert subjects(other, "origin/main") == ["turn 4"]
    other("gc")
    other("fetch", "--depth", "3")
    assert subjects(other, "origin/main") == ["turn 4", "turn 3", "turn 2"]
    other("fetch", "--unshallow")
    assert subjects(other, "origin/main") == ["turn 4", "turn 3", "turn 2", "turn 1"]
    assert subjects(other, "0199dd") == ["s 5", "s 4", "s 3", "s 2", "s 1"]
    verify(other)
    assert other("fetch", "--unshallow", code=1).err.startswith("tapes: error: nothing was cut off")


def test_a_smaller_depth_cuts_nothing_that_is_here(tapes, shared):
    """What a store has stays visible."""
    tapes("fetch")
    tapes("fetch", "--depth", "1")
    assert len(subjects(tapes, "origin/main")) == 4
    assert not (tapes.cwd / ".tapes" / "shallow").exists()


def test_a_cut_history_goes_on(tapes, other, shared, server, repository):
    """What is added on either side is pushed and fetched, and commits are the same everywhere."""
    other("fetch", "--depth", "2")
    other("branch", "main", "origin/main")
    (other.cwd / ".tapes" / "remote").joinpath("commits-0-0").unlink()
    there = Repository.open(other.cwd / ".tapes")
    make_tape(there, 1, start=shared[-1], label="theirs")
    other("push", "origin", "main")
    server.verify()
    assert " -> origin/main" in tapes("fetch").err
    assert subjects(tapes, "origin/main")[:2] == ["theirs 1", "turn 4"]
    set_ref(repository, "refs/heads/side", make_tape(repository, 2, start=shared[1], label="m")[-1])
    tapes("push", "--force", "origin", "side")
    other("fetch")
    assert subjects(other, "origin/side") == ["m 2", "m 1", "turn 2", "turn 1"]
    assert len(subjects(other, "main")) == 5
    verify(other)


def test_what_was_cut_off_cannot_be_given_to_others(other, shared, tmp_path):
    """A remote that lacks the rest refuses the ref, by name; a bundle is not made."""
    other("fetch", "--depth", "2")
    empty = GitServer(tmp_path / "empty.git")
    refused = other("push", empty.path, "origin/main:refs/heads/main", code=21)
    assert "! [rejected]        origin/main -> main (history is cut off here" in refused.err
    assert empty.refs == {}
    assert "history is cut off" in other("bundle", "create", "b", "origin/main", code=1).err


def test_a_clone_in_part(tapes, shared, server):
    """It has the newest turns, its branch can be pushed from, and a redaction keeps it whole."""
    tapes("clone", "--depth", "1", server.path, "copy")
    copy = type(tapes)(tapes._run, tapes.cwd / "copy")
    assert subjects(copy) == ["turn 4"]
    assert copy("pull").out == "Already up to date.\n"
    assert "Everything up-to-date" in copy("push").err
    verify(copy)


def test_a_missing_turn_that_was_not_cut_off_is_still_missed(tapes, shared):
    """A list of cuts excuses the parents of those turns alone."""
    tapes("fetch", "--depth", "2")
    name = str(shared[1])
    (tapes.cwd / ".tapes" / "objects" / name[:2] / name[2:]).unlink()
    assert f"missing turn {name}" in tapes("fsck", code=None).out


def test_a_damaged_list_is_named(other, shared):
    """Whatever follows parents says that it cannot know what was cut off."""
    other("fetch", "--depth", "2")
    path = other.cwd / ".tapes" / "shallow"
    path.write_bytes(path.read_bytes().replace(b" 1", b" 2", 1))
    assert "checksum does not match" in other("log", "origin/main", code=32).err
    assert "shallow" in other("fsck", code=None).out
    assert other("gc", code=None).code != 0


@pytest.fixture
def leaky(tapes, shared, repository):
    """Give where the token is: in the second of three turns of a branch, and of a session."""
    raw = write_blob(repository, f'{{"a":"{KEY}"}}\n'.encode())
    for name in ("refs/heads/leaky", "refs/sessions/codex/0199ff00/file/main"):
        first = write_turn(repository, f"before, of {name}")
        turn = write_turn(repository, "key", raw=[raw], parents=[first])
        set_ref(repository, name, write_turn(repository, "after", parents=[turn]))
    tapes("push", "--allow-finding", "all", "origin", "leaky", "0199ff00")


def test_a_secret_is_taken_out_where_history_was_cut_off(other, leaky):
    """What takes the place of the oldest turn lacks the same parents."""
    other("fetch", "--depth", "2")
    other("branch", "leaky", "origin/leaky")
    other("redact", "--all")
    assert other("log", "--format=%s%d", "leaky").lines[-1] == "key (grafted)"
    other("gc", "--prune=now")
    verify(other)
    assert KEY not in other("cat-file", "--batch", "--batch-all-objects").out


@pytest.fixture(params=["path", "https"])
def cut(request, servers, monkeypatch, tapes, other, leaky, repository):
    """Give a server of two branches with the token, one merged into the other, cut off here."""
    server = servers.make()
    url, env, _ = servers.place(request.param, server)
    for name, value in env.items():
        monkeypatch.setenv(name, value)
    raw = write_blob(repository, f'{{"b":"{KEY}"}}\n'.encode())
    tip = repository.refs.read("refs/heads/leaky")
    side = write_turn(repository, "side", raw=[raw], parents=[tip])
    merged = write_turn(repository, "merged", raw=[raw], parents=[tip, side])
    set_ref(repository, "refs/heads/side", side)
    set_ref(repository, "refs/heads/merged", merged)
    session = "refs/sessions/codex/0199ff00/file/main"
    tapes("push", "--allow-finding", "all", url, "leaky", "side", "merged", "0199ff00")
    other("remote", "set-url", "origin", url)
    other("fetch", "--depth", "1", "origin", "side", "merged", "0199ff00")
    for branch in ("side", "merged"):
        other("branch", branch, f"origin/{branch}")
    other("update-ref", session, "0199ff00")
    other("redact", "--all")
    return server, url


def test_what_took_its_place_is_pushed_to_the_remote_that_has_the_rest(tapes, other, cut):
    """There it goes on from the same turns; whoever clones it has all of them."""
    server, url = cut
    assert other("log", "-n1", "--format=%D", "merged").out.startswith("grafted, merged")
    other("push", "--force-with-lease", "origin", "merged", "side")
    other("push", "--force", "origin", "0199ff00")
    server.verify()
    for name in ("heads/side", "heads/merged", "sessions/codex/0199ff00"):
        assert KEY not in server.git("show", "-m", f"refs/tapes/{name}")
    assert "up-to-date" in other("push", "origin", "side").err
    tapes("clone", "--branch", "merged", url, "copy")
    copy = type(tapes)(tapes._run, tapes.cwd / "copy")
    assert subjects(copy) == ["merged", "side", "after", "key", "before, of refs/heads/leaky"]
    verify(copy)


def test_no_other_remote_is_sent_what_it_could_not_take(other, cut, tmp_path):
    """Nor the same one, once its branch is somewhere else."""
    refused = "(history is cut off here, fetch --unshallow)"
    empty = GitServer(tmp_path / "empty.git")
    assert refused in other("push", empty.path, "side", code=21).err
    server, _ = cut
    for name in ("side", "merged", "leaky"):
        server.git("update-ref", f"refs/tapes/heads/{name}", server.refs["refs/tapes/meta"])
    assert refused in other("push", "--force", "origin", "side", code=21).err


def test_a_secret_is_taken_out_of_a_history_that_is_whole_again(other, leaky, server):
    """The rest is taken first; then the new history is pushed in place of the old."""
    other("fetch", "--depth", "2")
    other("branch", "leaky", "origin/leaky")
    other("fetch", "--unshallow")
    other("redact", "--all")
    other("push", "--force-with-lease", "origin", "leaky")
    server.verify()
    assert KEY not in server.git("log", "-p", "refs/tapes/heads/leaky")
    assert subjects(other, "leaky") == ["after", "key", "before, of refs/heads/leaky"]
    verify(other)


def test_a_session_is_forgotten_where_history_was_cut_off(other, leaky):
    """What is left is left out nowhere else, and what comes later is whole."""
    other("fetch", "--depth", "2")
    other("update-ref", "refs/sessions/codex/0199ff00/file/main", "0199ff00")
    assert "grafted" in other("log", "--decorate", "0199ff00").out
    before = subjects(other, "origin/main")
    other("forget", "0199ff00")
    assert subjects(other, "origin/main") == before
    other("gc", "--prune=now")
    verify(other)
    refused = other("fetch", "--unshallow", code=19)
    assert "1 ref was refused: sessions/codex/0199ff00 of 'origin' would" in refused.err
    assert "tapes push --delete origin sessions/codex/0199ff00" in refused.err
    assert len(subjects(other, "origin/main")) == 4
    verify(other)
    other("push", "--delete", "origin", "sessions/codex/0199ff00")
    other("fetch")
