"""`remote.<name>.namespace`: where a host takes branches alone, tapes can be branches."""

from __future__ import annotations

import subprocess

from tests.builders import make_tape


def test_tapes_can_be_branches_where_a_host_takes_no_other_refs(tapes, chain, server, other):
    """Its words say that it does not; with the setting all goes there and back, and no further."""
    server.hook("update", 'case "$1" in refs/heads/*) exit 0;; esac; echo "only branches"; exit 1')
    refused = tapes("push", "origin", "main", code=42).err
    assert "remote: only branches" in refused
    make_branch(server)
    for each in (tapes, other):
        each("config", "remote.origin.namespace", "refs/heads/tapes")
    tapes("push", "-u", "origin", "main", "main:side")
    assert server.refs.keys() == {
        "refs/heads/main",
        "refs/heads/tapes/heads/main",
        "refs/heads/tapes/heads/side",
        "refs/heads/tapes/meta",
    }
    server.verify()
    other("fetch")
    assert other("rev-parse", "origin/main").oid == str(chain[-1])
    assert "refs/tapes/heads/main" in other("ls-remote").out
    tapes("push", "--delete", "origin", "side")
    tapes("remote", "rename", "origin", "up")
    assert "Everything up-to-date" in tapes("push").err
    assert " - [deleted]" in other("fetch", "--prune").err
    tapes("remote", "remove", "up")
    assert "namespace" not in tapes("config", "--list").out


def test_a_tape_is_never_the_first_branch(tapes, chain, server):
    """Clones of the repository would check it out."""
    tapes("config", "remote.origin.namespace", "refs/heads/tapes")
    assert "has no branch" in tapes("push", "origin", "main", code=1).err
    assert server.refs == {}


def test_a_namespace_is_of_tapes_alone(tapes, chain):
    """Not all branches, nothing outside of refs, no name of none."""
    for text in ("refs/heads", "heads/tapes", "refs/a..b", "refs/tapes/", "-x"):
        tapes("config", "--", "remote.origin.namespace", text)
        assert "is no namespace" in tapes("push", "origin", "main", code=15).err


def test_what_is_elsewhere_on_the_remote_is_left_alone(tapes, chain, server, repository):
    """Two namespaces in one repository do not see each other."""
    tapes("push", "origin", "main")
    tapes("config", "remote.origin.namespace", "refs/others/tapes")
    make_tape(repository, 2, name="refs/heads/two", label="two")
    tapes("push", "origin", "two")
    assert "refs/tapes/heads/two" not in server.refs
    assert tapes("ls-remote", "--heads").out.count("\n") == 1
    assert server.refs["refs/tapes/heads/main"]


def make_branch(server) -> None:
    """Give the server a branch of code."""
    tree = server.git("mktree").strip()
    author = ["-c", "user.name=ada", "-c", "user.email=ada@localhost"]
    done = subprocess.run(
        ["git", "-C", str(server.path), *author, "commit-tree", "-m", "first", tree],
        check=True,
        capture_output=True,
        text=True,
    )
    server.git("update-ref", "refs/heads/main", done.stdout.strip())
