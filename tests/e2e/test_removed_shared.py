"""What was removed on purpose and is on a remote that others push to: it does not come back."""

from __future__ import annotations

import pytest

from tests.builders import MAIN, make_repo, make_tape, set_ref, write_blob, write_turn
from tests.e2e.test_forget import transcript
from tests.e2e.test_secrets import KEY

BULK = 420
"""So many git objects make a fetch write a pack."""


@pytest.fixture
def repository(work, tapes, server):
    """Give a store with a token on main and a tape without, both pushed to the server."""
    repository = make_repo(work / ".tapes")
    raw = write_blob(repository, f'{{"a":"{KEY}"}}\n'.encode())
    first = write_turn(repository, "key", raw=[raw])
    set_ref(repository, MAIN, write_turn(repository, "after", parents=[first]))
    make_tape(repository, 2, name="refs/heads/clean")
    tapes("remote", "add", "origin", server.path)
    tapes("push", "--allow-finding", "all", "--all", "origin")
    return repository


@pytest.fixture
def colleague(repository, other):
    """Give what runs tapes in a clone from before."""
    other("fetch")
    other("branch", "main", "origin/main")
    return other


def is_clean(tapes):
    """Return whether nothing of the token is in an object, and all else is well."""
    assert tapes("fsck", "--full").err == ""
    return KEY not in tapes("cat-file", "--batch", "--batch-all-objects").out


def test_force_with_lease_puts_the_new_history_in_place(tapes, repository, server):
    """Nobody moved it since: the remote's branch has no token then, and all can be fetched."""
    tapes("redact", "--all")
    assert "fetch first" in tapes("push", "origin", "main", code=21).err
    assert "forced update" in tapes("push", "--force-with-lease", "origin", "main").err
    tapes("fetch")
    server.verify()
    assert KEY not in server.git("log", "-p", "refs/tapes/heads/main")
    assert is_clean(tapes)


def test_what_is_known_of_a_remote_has_no_name_that_went(tapes, repository, work):
    """What its refs were at is kept for leases; a name with the secret in it is not written."""
    tapes("branch", "correct-horse-9911", "clean")
    tapes("push", "origin", "correct-horse-9911")
    for _ in range(2):
        tapes("redact", "--value", input=b"correct-horse-9911")
        files = {path.name: path.read_bytes() for path in (work / ".tapes/remote").iterdir()}
        assert list(files) == ["left-origin"]
        assert b"refs/tapes/heads/main\n" in files["left-origin"]
        assert b"correct-horse" not in files["left-origin"]
    assert "refs/heads/redacted-known-value-1" in tapes("show-ref").out


def test_a_lease_is_not_given_where_somebody_moved_it(tapes, repository, colleague):
    """What a colleague pushed since is not lost by it."""
    tapes("redact", "--all")
    oid = colleague("rev-parse", "main").oid
    turn = f'{{"parents":["{oid}"],"role":"user","summary":"more"}}'
    new = colleague("hash-object", "-w", "-t", "turn", "--stdin", input=turn).oid
    colleague("update-ref", MAIN, new)
    colleague("push", "origin", "main")
    assert "stale info" in tapes("push", "--force-with-lease", "origin", "main", code=21).err


@pytest.mark.parametrize("turns", [1, BULK])
def test_a_push_of_the_old_history_is_not_fetched(tapes, repository, colleague, turns):
    """The ref is named, with a way out; the other refs are taken; nothing of it is stored."""
    tapes("redact", "--all")
    tapes("push", "--force-with-lease", "origin", "main")
    make_tape(make_repo(colleague.cwd / ".tapes"), turns, name="refs/heads/news", label="news")
    colleague("push", "--force", "--allow-finding", "all", "origin", "main", "news")
    before = tapes("rev-parse", "origin/main").oid
    for command in (("fetch",), ("pull",)):
        result = tapes(*command, code=19)
        assert "! [rejected]        main" in result.err
        assert "(removed here on purpose (redacted))" in result.err
        assert "1 ref was refused: main of 'origin' would bring back" in result.err
        assert "hint: 'tapes push --force-with-lease origin NAME'" in result.err
    assert tapes("rev-parse", "origin/main").oid == before
    assert tapes("rev-parse", "origin/news").oid == colleague("rev-parse", "news").oid
    assert is_clean(tapes)
    tapes("push", "--force", "origin", "main")
    tapes("fetch")


def test_what_goes_on_from_it_is_refused_too(tapes, repository, colleague):
    """A new turn on the old history, on a branch of its own, and a merge of old and new."""
    tapes("redact", "--all")
    tapes("push", "--force-with-lease", "origin", "main")
    colleague("fetch")
    colleague("merge", "-m", "both", "origin/main", code=None)
    make_tape(make_repo(colleague.cwd / ".tapes"), 1, name=MAIN, start=_tip(colleague, "main"))
    colleague("push", "--force", "--allow-finding", "all", "origin", "main", "main:more")
    result = tapes("fetch", code=19)
    assert "2 refs were refused" in result.err
    assert is_clean(tapes)


def _tip(tapes, name):
    return type(make_repo(tapes.cwd / ".tapes").refs.read(MAIN)).fromhex(
        tapes("rev-parse", name).oid
    )


def test_a_colleague_gets_the_new_history(tapes, repository, colleague):
    """Their branch stays where it was, and is said to have diverged: it is theirs to reset."""
    tapes("redact", "--all")
    tapes("push", "--force-with-lease", "origin", "main")
    assert "forced update" in colleague("fetch").err
    assert colleague("rev-parse", "origin/main").oid == tapes("rev-parse", "main").oid
    colleague("push", "origin", "main", code=21)


def test_a_clone_of_before_has_nothing_to_refuse_it(tapes, repository, tmp_path):
    """What is known to be removed is known here alone: whoever clones gets what the remote has."""
    tapes("redact", "--all")
    tapes("clone", tapes("config", "remote.origin.url").out.strip(), tmp_path / "clone")
    run = type(tapes)(tapes._run, tmp_path / "clone")
    assert not is_clean(run)
    run("redact", "--all")
    assert is_clean(run)


def test_a_forgotten_session_is_not_fetched(tapes, repository, other, work):
    """Neither the one that was pushed, nor another recording of the same session."""
    (work / "a.jsonl").write_text(transcript("gone-session", "let this go"))
    tapes("import", "a.jsonl")
    tapes("push", "origin", "gone-session")
    tapes("forget", "gone-session")
    assert "sessions/claude-code/gone-session" in tapes("fetch", code=19).err
    (other.cwd / "a.jsonl").write_text(transcript("gone-session", "other words"))
    other("import", "a.jsonl")
    other("push", "--force", "origin", "gone-session")
    assert "(removed here on purpose (forgotten))" in tapes("fetch", code=19).err
    assert "other words" not in tapes("cat-file", "--batch", "--batch-all-objects").out
    other("bundle", "create", work / "other.bundle", "gone-session", code=None)


def test_a_note_about_a_forgotten_session_is_not_fetched(tapes, repository, server, work):
    """Neither the chain that had nothing else, nor one that had other notes, too."""
    (work / "a.jsonl").write_text(transcript("gone-session", "let this go"))
    tapes("import", "a.jsonl")
    tapes("notes", "add", "--session", "-m", "words about it", "gone-session")
    tapes("push", "origin", "gone-session")
    tapes("push", "--notes", "origin")
    tapes("forget", "gone-session")
    assert "notes/main" in tapes("fetch", code=19).err
    assert "words about it" not in tapes("cat-file", "--batch", "--batch-all-objects").out
    tapes("push", "--delete", "origin", "sessions/claude-code/gone-session", "notes/main")
    assert not any("sessions" in name or "notes" in name for name in server.refs)
    tapes("fetch")


def test_a_bundle_as_a_remote_is_refused(tapes, repository, work):
    """A file of before: nothing of it is stored."""
    tapes("bundle", "create", "old.bundle", "main", "clean")
    tapes("redact", "--all")
    tapes("remote", "add", "file", work / "old.bundle")
    assert "removed on purpose" in tapes("fetch", "file", code=19).err
    assert is_clean(tapes)


def test_the_same_file_is_imported_without_the_secret(tapes, repository, work, home):
    """A value that no rule finds keeps its transcript out, until a rule of the user finds it."""
    path = work / "told.jsonl"
    path.write_text(transcript("told-session", "the word is correct-horse-9911"))
    tapes("import", path)
    tapes("redact", "--value", input=b"correct-horse-9911")
    result = tapes("import", path, code=None)
    assert "removed on purpose" in result.err
    assert "correct-horse" not in tapes("cat-file", "--batch", "--batch-all-objects").out
    more = transcript("told-session", "and more").replace("told-session-", "more-")
    path.write_text(path.read_text() + more.replace("msg_told", "msg_more"))
    assert "removed on purpose" in tapes("import", path, code=34).err
    tapes("config", "--user", "redact.horse.pattern", "correct-horse-[0-9]+")
    assert tapes("import", path).lines[0].startswith("grown")
    assert "so: and more" in tapes("log", "--oneline", "told-session").out
    assert "correct-horse" not in tapes("cat-file", "--batch", "--batch-all-objects").out
    assert tapes("fsck", "--full").err == ""
