"""`tapes clone`: a new store with what a remote has."""

from __future__ import annotations

import pytest

from tests.builders import (
    make_tape,
    set_ref,
    write_tag,
)


def test_an_empty_git_repository_has_no_tapes(tapes, server, work):
    """A clone of it makes nothing."""
    result = tapes("clone", server.path, "new", code=1)
    assert "no tapes at" in result.err
    assert not (work / "new").exists()


def test_a_clone_checks_out_the_branch(tapes, chain, server, repository):
    """The new store has everything, HEAD names the branch, and it follows the remote's."""
    set_ref(repository, "refs/heads/side", chain[1])
    set_ref(repository, "refs/tags/light", chain[2])
    write = write_tag(repository, chain[1])
    set_ref(repository, "refs/tags/v1", write)
    tapes("push", "--all", "--tags", "origin")
    server.verify()
    tapes("clone", server.path, "copy")
    assert tapes("-C", "copy", "rev-parse", "HEAD").oid == str(chain[-1])
    assert tapes("-C", "copy", "rev-parse", "v1").oid == str(write)
    assert tapes("-C", "copy", "rev-parse", "light").oid == str(chain[2])
    assert tapes("-C", "copy", "rev-parse", "origin/side").oid == str(chain[1])
    assert tapes("-C", "copy", "fsck", "--full").code == 0
    assert tapes("-C", "copy", "pull").out == "Already up to date.\n"
    assert "Everything up-to-date" in tapes("-C", "copy", "push").err


def test_a_clone_of_one_branch(tapes, chain, server, repository):
    """Only what that branch needs is taken."""
    set_ref(repository, "refs/heads/side", chain[1])
    tapes("push", "--all", "origin")
    tapes("clone", "--branch", "side", server.path, "copy")
    refs = tapes("-C", "copy", "for-each-ref", "--format=%(refname)").lines
    assert refs == ["refs/heads/side", "refs/remotes/origin/side"]
    assert tapes("-C", "copy", "cat-file", "-e", str(chain[2]), code=None).code != 0


def test_a_session_is_cloned_and_fetched_by_the_beginning_of_its_id(
    tapes, chain, repository, server, other
):
    """At least eight characters, as everywhere; what several begin with is not guessed."""
    for name in ("0199ddaa-11", "0199ddaa-22", "0199eeee-33"):
        make_tape(repository, 2, name=f"refs/sessions/codex/{name}/file/main", label=name)
        tapes("push", "origin", name)
    tapes("clone", "--session", "0199eeee", server.path, "copy")
    (row,) = tapes("-C", "copy", "sessions", "--json").records
    assert row["session"] == "0199eeee-33"
    assert "[new session]" in other("fetch", "origin", "0199ddaa-1").err
    assert len(other("sessions").lines) == 1
    several = tapes("clone", "--session", "0199ddaa", server.path, "again", code=13)
    assert "codex/0199ddaa-11, codex/0199ddaa-22" in several.err
    assert "tapes ls-remote" in other("fetch", "origin", "0199eee", code=12).err
    tapes("bundle", "create", "all.bundle", "--all")
    tapes("clone", "--session", "0199eeee", "all.bundle", "third")
    assert len(tapes("-C", "third", "sessions").lines) == 1
    refused = tapes("-C", "third", "fetch", "origin", "none", code=12)
    assert "no branch, tag or session 'none'" in refused.err


@pytest.mark.parametrize("words", [("push",), ("ls-remote",), ("remote", "show", "origin")])
def test_what_cannot_be_asked_of_a_bundle_is_refused(tapes, chain, words):
    """The words are ours, and name what can be done."""
    tapes("bundle", "create", "all.bundle", "--all")
    tapes("clone", "all.bundle", "copy")
    refused = tapes("-C", "copy", *words, code=1)
    assert "is a bundle: a file that can be cloned and fetched from" in refused.err
    assert "tapes bundle list-heads" in refused.err


def test_a_bundle_is_a_remote(tapes, chain, repository, work):
    """It is cloned and fetched from like any other."""
    set_ref(repository, "refs/tags/light", chain[2])
    tip = make_tape(repository, 2, name="refs/sessions/codex/0199dd/file/main", label="s")[-1]
    tapes("bundle", "create", "all.bundle", "--all")
    tapes("clone", "all.bundle", "copy")
    assert tapes("-C", "copy", "rev-parse", "HEAD").oid == str(chain[-1])
    assert tapes("-C", "copy", "rev-parse", "light").oid == str(chain[2])
    assert str(tip) in tapes("-C", "copy", "show-ref").out
    more = make_tape(repository, 1, start=chain[-1], label="more")
    tapes("bundle", "create", "all.bundle", "--all")
    assert "Fast-forward 'main'" in tapes("-C", "copy", "pull").out
    assert tapes("-C", "copy", "rev-parse", "HEAD").oid == str(more[0])
    (work / "all.bundle").write_bytes((work / "all.bundle").read_bytes()[:-9])
    assert tapes("-C", "copy", "fetch", code=None).code >= 30
