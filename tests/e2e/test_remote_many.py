"""Two thousand refs, and sessions among them: pushed, cloned, fetched."""

from __future__ import annotations

import pytest

from tapegit.objects.turn import Session
from tapegit.refs.names import RefName
from tests.builders import make_repo, make_tape, write_turn
from tests.command import Runner, run_here


def test_two_thousand_refs(servers, tmp_path, monkeypatch):
    """Over a path."""
    share("path", 2000, servers, tmp_path, monkeypatch)


def test_two_hundred_refs_over_https(servers, tmp_path, monkeypatch):
    """In one request, by git's own helper."""
    share("https", 200, servers, tmp_path, monkeypatch)


@pytest.mark.remotes
@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("transport", "count"),
    [("ssh", 2000), ("https", 2000), ("path", 20_000), ("ssh", 20_000), ("https", 20_000)],
)
def test_many_refs(transport, count, servers, tmp_path, monkeypatch):
    """Over the others, and ten times as many."""
    share(transport, count, servers, tmp_path, monkeypatch)


def share(transport, count, servers, tmp_path, monkeypatch) -> None:
    """Push refs, a fifth of them sessions; then there is nothing to do, and a clone has each."""
    server = servers.make()
    place = servers.place(transport, server)
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    folder = tmp_path / "one"
    folder.mkdir()
    repository = make_repo(folder / ".tapes")
    leader = write_turn(
        repository,
        "lead",
        role="session",
        session=Session(cwd=str(folder), harness="codex", id="x"),
    )
    chain = [leader, *make_tape(repository, 19, start=leader, name=None)]
    with repository.refs.transaction("test") as transaction:
        for number in range(count - count // 5):
            transaction.update(RefName(f"refs/heads/b{number}"), chain[number % 20])
        for number in range(count // 5):
            name = RefName(f"refs/sessions/codex/0199-{number:05}/file/main")
            transaction.update(name, chain[number % 20])
    tapes = Runner(run_here, folder)
    tapes("remote", "add", "origin", place.url)
    tapes("push", "--all", "--sessions", "origin")
    assert len(server.refs) == count + 1
    assert "Everything up-to-date" in tapes("push", "--all", "--sessions", "origin").err
    tapes("clone", "-q", place.url, "copy")
    copied = tapes("-C", "copy", "for-each-ref", "--format=%(objectname)", "refs/remotes").lines
    assert len(copied) == count
    assert set(copied) == set(map(str, chain))
    assert tapes("-C", "copy", "fetch").err == ""
