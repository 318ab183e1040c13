"""Branches that agents go on with: what advances, what stays, and two agents at once."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from tapegit.errors import StaleRefError
from tapegit.graph.turns import TurnGraph
from tapegit.porcelain.recording.launching import Surroundings
from tapegit.porcelain.resume.plan import Wanted, make_plan
from tapegit.porcelain.resume.resume import start
from tapegit.refs.names import RefName
from tests.e2e.test_resume import CLAUDE, home, session  # noqa: F401 - fixtures

WAITS = """
import pathlib, time
words = sys.argv[1:]
home = pathlib.Path(os.environ["HOME"])
(home / f"runs-{words[2]}").touch()
while not (home / f"ends-{words[2]}").exists():
    time.sleep(0.01)
"""


@pytest.fixture
def patient(tmp_path, session):  # noqa: F811 - the fixture
    """Let the client wait until it is told to speak."""
    path = tmp_path / "programs" / "claude"
    path.write_text(f"#!{sys.executable}\nimport os, sys\n{WAITS}{CLAUDE}")


def begin(work, home, name, *words):  # noqa: F811 - the fixture
    """Start an agent in a process of its own, and wait until its client runs."""
    command = [sys.executable, "-P", "-m", "tapegit", "resume", "-m", name, *words]
    process = subprocess.Popen(command, cwd=work, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    until = time.monotonic() + 60
    while not (home / f"runs-{name}").exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.01)
    return process


def end(home, name, process):  # noqa: F811 - the fixture
    """Let an agent speak, and return what `tapes` says in the end."""
    (home / f"ends-{name}").touch()
    _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    return said.decode()


def test_branch_checkout_resume(tapes, session, home):  # noqa: F811 - fixtures
    """The branch has advanced, the session has not, and they differ from the fork on."""
    before = tapes("rev-parse", "old").oid
    tapes("branch", "fix")
    tapes("checkout", "fix")
    tapes("resume", "-m", "go on")
    assert tapes("rev-parse", "old").oid == before
    assert tapes("merge-base", "old", "fix").oid == before
    assert tapes("rev-list", "--count", "old..fix").out == "4\n"
    assert tapes("rev-list", "--count", "fix..old").out == "0\n"
    shown = tapes("diff", "old", "fix").out
    assert [line[1:] for line in shown.splitlines() if line.startswith("+") and line[1] != "+"] == [
        "go on",
        "Done.",
    ]
    assert "That was it." not in shown
    assert "first" not in shown


def test_two_agents_of_one_branch_at_once(tapes, work, home, patient):  # noqa: F811 - fixtures
    """The later one goes on with the branch; the tape of the other is whole, and HEAD stays."""
    tapes("switch", "-q", "-c", "fix", "old")
    one = begin(work, home, "one")
    two = begin(work, home, "two")
    first = end(home, "one", one)
    assert "branch 'fix' has not gone on: it was moved meanwhile" in first
    assert "'tapes switch -c <name>" in first
    second = end(home, "two", two)
    assert "branch 'fix' has gone on with it" in second
    assert tapes("symbolic-ref", "HEAD").out == "refs/heads/fix\n"
    assert [said.split(": ", 1)[1] for said in tapes("log", "--oneline", "-n2").lines] == [
        "Done.",
        "two",
    ]
    for line, name in ((first, "one"), (second, "two")):
        ref = line.split("recorded as ")[1].split()[0]
        assert tapes("log", "--oneline", "-n2", ref).lines[1].endswith(f"user: {name}")
        assert tapes("merge-base", "--is-ancestor", "old", ref, code=0).out == ""
    tapes("fsck", "--full")


def test_two_agents_of_two_branches_at_once(tapes, work, home, patient):  # noqa: F811 - fixtures
    """Each begins on the branch that is checked out; then only that one advances which still is."""
    tapes("switch", "-q", "-c", "left", "old")
    one = begin(work, home, "one")
    begun = tapes("rev-parse", "left").oid
    tapes("switch", "-q", "-c", "right", "old")
    two = begin(work, home, "two")
    first, second = end(home, "one", one), end(home, "two", two)
    assert tapes("symbolic-ref", "HEAD").out == "refs/heads/right\n"
    assert tapes("rev-parse", "left").oid == begun
    assert "branch 'right' has gone on with it" in second
    assert tapes("log", "--oneline", "-n2", "right").lines[1].endswith("user: two")
    assert "branch 'left' has not gone on" in first
    ref = first.split("recorded as ")[1].split()[0]
    assert tapes("log", "--oneline", "-n2", ref).lines[1].endswith("user: one")


def test_who_comes_too_late_begins_nothing(repository, tapes, session, home, work):  # noqa: F811
    """Of two that planned to go on with a branch, the second is told how to try again."""
    tapes("switch", "-q", "-c", "fix", "old")
    oid = repository.refs.read(RefName("refs/heads/fix"))
    where = Surroundings(dict(os.environ), home, work, sys.executable)
    graph = TurnGraph(repository.objects)
    planned = [make_plan(repository, graph, oid, Wanted(), where) for _ in range(2)]
    start(repository, planned[0])
    files = sorted(home.rglob("*.jsonl"))
    refs = tapes("for-each-ref").out
    with pytest.raises(StaleRefError):
        start(repository, planned[1])
    assert tapes("for-each-ref").out == refs
    assert sorted(home.rglob("*.jsonl")) == files
