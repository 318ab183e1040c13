"""Several at once: nothing that was acknowledged is lost, and who loses is told and kept."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders import make_repo, make_tape
from tests.command import Runner, run_here
from tests.git_servers import CLIENT_COUNT_MAX, TRANSPORTS, UNSHARED

ROOT = Path(__file__).parents[2]


def race(servers, transport, tmp_path, monkeypatch, round_count, options="") -> int:
    """Let eight clients push to one tape and to their own; return how many forks there are."""
    server = servers.make()
    place = servers.place(transport, server)
    for name, value in place.env.items():
        monkeypatch.setenv(name, value + options)
    first = tmp_path / "0"
    first.mkdir()
    make_tape(make_repo(first / ".tapes"), 2)
    tapes = Runner(run_here, first)
    tapes("remote", "add", "origin", place.url)
    tapes("push", "origin", "main")
    folders = [str(tmp_path / f"client{number}") for number in range(CLIENT_COUNT_MAX)]
    for folder in folders:
        shutil.copytree(first, folder)
    done = subprocess.run(
        [sys.executable, "-m", "tests.racing", json.dumps([round_count, folders])],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    acknowledged = set(done.stdout.split())
    assert len(acknowledged) == 2 * CLIENT_COUNT_MAX * round_count
    server.verify()
    tapes("clone", "-q", server.path, "all")
    assert acknowledged <= set(tapes("-C", "all", "rev-list", "--all").lines)
    return sum(name.startswith("refs/tapes/heads/main.") for name in server.refs)


@pytest.mark.parametrize("transport", ["path", "ssh"])
def test_eight_push_at_once(transport, servers, tmp_path, monkeypatch):
    """One wins `main`; the others are told that they diverged, and keep theirs beside it.

    Over all transports it is held by `make remotes`.
    """
    assert race(servers, transport, tmp_path, monkeypatch, 1) == CLIENT_COUNT_MAX - 1


@pytest.mark.remotes
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("transport", [*TRANSPORTS, "ssh alone"])
def test_eight_push_forty_times(transport, servers, tmp_path, monkeypatch):
    """The same for long, over ssh also with a connection for each."""
    name = transport.split()[0]
    options = UNSHARED if name != transport else ""
    assert race(servers, name, tmp_path, monkeypatch, 40, options)
