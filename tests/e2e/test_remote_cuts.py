"""Cut connections and killed clients: both sides stay whole, and the same again succeeds."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time

import pytest

from tests.builders import make_repo, make_tape
from tests.command import Runner, run_here
from tests.git_servers import UNSHARED
from tests.relay import Relay

WIRES = ("daemon", "ssh", "https")
TURN_COUNT = 12
SAMPLE = (0.7, 0.99)
"""Where to cut, as parts of all bytes that pass."""

MATRIX = (*(number / 60 for number in range(60)), *(0.97 + number / 1000 for number in range(31)))
FAILURES = (40, 41, 42)
SETTLING_COUNT = 25


class Wire:
    """A store, a repository on a server, and the way there, through a relay or not."""

    def __init__(self, servers, transport, tmp_path, monkeypatch) -> None:
        self.server = servers.make()
        self.place = servers.place(transport, self.server)
        for name, value in self.place.env.items():
            own = UNSHARED if name == "GIT_SSH_COMMAND" else ""
            monkeypatch.setenv(name, value + own)
        self._folder = tmp_path
        self._numbers = itertools.count()
        self.repository, self.tapes = self.make_store()
        self.tip = None

    def make_store(self):
        """Give an empty store, and what runs tapes in it."""
        folder = self._folder / f"store{next(self._numbers)}"
        folder.mkdir()
        return make_repo(folder / ".tapes"), Runner(run_here, folder)

    def grow(self) -> None:
        """Put more turns on the tape."""
        label = f"more {next(self._numbers)}"
        self.tip = make_tape(self.repository, TURN_COUNT, start=self.tip, label=label)[-1]

    def check(self, tries: int = 1) -> None:
        """Fail unless both sides are whole; more tries where the server may still be busy."""
        self.server.verify(tries)
        self.tapes("fsck", "--full")

    def measure(self, tapes, *args) -> int:
        """Return how many bytes pass while a command runs that nobody cuts."""
        with Relay(self.place.port) as relay:
            self.run(relay, tapes, *args)
            return relay.passed

    def run(self, relay, tapes, *args, code=0):
        """Run a command that goes to a remote, through a relay."""
        return tapes(args[0], self.place.through(relay.port), *args[1:], code=code)

    def push(self, part: float, total: int) -> None:
        """Push while somebody cuts; then push."""
        self.grow()
        with Relay(self.place.port, int(total * part)) as relay:
            cut = self.run(relay, self.tapes, "push", "main", code=None)
        assert cut.code in (0, *FAILURES), cut.err
        assert cut.err.count("tapes: error: ") == (cut.code != 0), cut.err
        self.check()
        self.tapes("push", self.place.url, "main")
        self.server.verify()
        message = self.server.git("log", "-1", "--format=%B", "refs/tapes/heads/main")
        assert f"Tape-Turn: {self.tip}" in message

    def fetch(self, part: float, total: int) -> None:
        """Fetch while somebody cuts; then fetch."""
        _, tapes = self.make_store()
        with Relay(self.place.port, int(total * part)) as relay:
            tapes("remote", "add", "origin", self.place.through(relay.port))
            cut = tapes("fetch", code=None)
        assert cut.code in (0, *FAILURES), cut.err
        assert cut.err.count("tapes: error: ") == (cut.code != 0), cut.err
        tapes("fsck")
        tapes("remote", "set-url", "origin", self.place.url)
        tapes("fetch")
        assert tapes("rev-parse", "origin/main").oid == str(self.tip)
        tapes("fsck", "--full")
        assert list((tapes.cwd / ".tapes" / "tmp").iterdir()) == []


@pytest.fixture
def wire(request, servers, tmp_path, monkeypatch):
    """Give a way to a server over one of the transports that have a wire."""
    return Wire(servers, request.param, tmp_path, monkeypatch)


def cut_pushes(wire, parts) -> None:
    """Cut a push after each of some parts of it."""
    wire.grow()
    wire.tapes("push", wire.place.url, "main")
    wire.grow()
    total = wire.measure(wire.tapes, "push", "main")
    for part in parts:
        wire.push(part, total)


def cut_fetches(wire, parts) -> None:
    """Cut a fetch after each of some parts of it."""
    wire.grow()
    wire.tapes("push", wire.place.url, "main")
    _, tapes = wire.make_store()
    with Relay(wire.place.port) as relay:
        tapes("remote", "add", "origin", wire.place.through(relay.port))
        tapes("fetch")
        total = relay.passed
    for part in parts:
        wire.fetch(part, total)


@pytest.mark.parametrize("wire", WIRES, indirect=True)
def test_a_push_that_is_cut_harms_nothing(wire):
    """In the midst of the pack, and before the last word."""
    cut_pushes(wire, SAMPLE)


@pytest.mark.parametrize("wire", WIRES, indirect=True)
def test_a_fetch_that_is_cut_harms_nothing(wire):
    """Nothing of it is left behind."""
    cut_fetches(wire, SAMPLE)


@pytest.mark.remotes
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("wire", WIRES, indirect=True)
@pytest.mark.parametrize("cut", [cut_pushes, cut_fetches])
def test_cuts_anywhere(cut, wire):
    """At a hundred places of each."""
    cut(wire, MATRIX)


def kill(wire, tapes, part: float, total: int, *args: str) -> None:
    """Run a command in a process of its own, and kill it after a part of what passes."""
    process: list[subprocess.Popen[bytes]] = []

    def strike() -> None:
        process[0].kill()

    with Relay(wire.place.port, int(total * part), strike) as relay:
        command = [sys.executable, "-m", "tapegit", args[0], wire.place.through(relay.port)]
        if args[0] == "fetch":
            tapes("remote", "set-url", "origin", wire.place.through(relay.port))
            command[-1] = "origin"
        process.append(
            subprocess.Popen(
                [*command, *args[1:]],
                cwd=tapes.cwd,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.getcwd()},
            )
        )
        process[0].wait()
    if args[0] == "fetch":
        tapes("remote", "set-url", "origin", wire.place.url)


def kill_clients(wire, parts) -> None:
    """Kill pushes and fetches after each of some parts of them."""
    wire.grow()
    wire.tapes("push", wire.place.url, "main")
    wire.grow()
    total = wire.measure(wire.tapes, "push", "main")
    _, other = wire.make_store()
    other("remote", "add", "origin", wire.place.url)
    for part in parts:
        wire.grow()
        kill(wire, wire.tapes, part, total, "push", "main")
        wire.check(SETTLING_COUNT)
        wire.tapes("push", wire.place.url, "main")
        wire.check()
        kill(wire, other, part, total, "fetch")
        other("fsck", "--full")
        other("fetch")
        assert other("rev-parse", "origin/main").oid == str(wire.tip)
        other("fsck", "--full")


@pytest.mark.parametrize("wire", WIRES[1:], indirect=True)
def test_a_client_that_is_killed_harms_nothing(wire):
    """In a push and in a fetch: a second try succeeds."""
    kill_clients(wire, SAMPLE[1:2])


@pytest.mark.remotes
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("wire", WIRES, indirect=True)
def test_kills_anywhere(wire):
    """After any part of a push and of a fetch."""
    kill_clients(wire, MATRIX[::2])


def kill_by_time(delays_s, servers, tmp_path, monkeypatch) -> None:
    """Kill clients of a path some time after they began."""
    wire = Wire(servers, "path", tmp_path, monkeypatch)
    wire.tip = make_tape(wire.repository, 600)[-1]
    for delay_s in delays_s:
        wire.grow()
        _, other = wire.make_store()
        other("remote", "add", "origin", wire.place.url)
        for tapes, args in ((wire.tapes, ("push", wire.place.url, "main")), (other, ("fetch",))):
            process = subprocess.Popen(
                [sys.executable, "-m", "tapegit", *args],
                cwd=tapes.cwd,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                env={**os.environ, "PYTHONPATH": os.getcwd()},
            )
            time.sleep(delay_s)
            process.kill()
            process.wait()
            wire.check(SETTLING_COUNT)
            tapes(*args)
            wire.check()
        other("fsck", "--full")
        assert other("rev-parse", "origin/main").oid == str(wire.tip)


def test_a_client_of_a_path_that_is_killed_harms_nothing(servers, tmp_path, monkeypatch):
    """While it sends, as a rule."""
    kill_by_time((0.25,), servers, tmp_path, monkeypatch)


@pytest.mark.remotes
@pytest.mark.timeout(1200)
def test_kills_of_clients_of_a_path_at_any_time(servers, tmp_path, monkeypatch):
    """Every ten milliseconds."""
    kill_by_time([number / 100 for number in range(5, 60)], servers, tmp_path, monkeypatch)
