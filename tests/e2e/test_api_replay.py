"""`tapegit.replay`: a program of one's own asks a tape, in process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

import tapegit
from tapegit.errors import RepositoryNotFoundError, UserError
from tests.builders import make_repo
from tests.clients import agent
from tests.clients.script import HELLO, Step, conversation
from tests.clients.server import ModelServer
from tests.clients.world import ROOT

PROMPT = "create hello.txt and count"
ANSWER = "hello.txt has 16 bytes."


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Give a store with two conversations, recorded once."""
    root = tmp_path_factory.mktemp("kept") / ".tapes"
    make_repo(root)
    with ModelServer(HELLO) as server, pytest.MonkeyPatch.context() as patch:
        patch.chdir(root.parent)  # the agent writes a file
        patch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        patch.setenv("ANTHROPIC_BASE_URL", server.url)
        patch.setenv("OPENAI_API_KEY", "sk-dummy")
        patch.setenv("ANTHROPIC_API_KEY", "sk-ant-dummy")
        with tapegit.record("nightly", store=root):
            agent.chat(PROMPT)
            agent.anthropic(PROMPT)
    return root


@pytest.fixture
def recorded(kept, store, work, monkeypatch):
    """Stand in a directory whose store has the two, with the model gone."""
    shutil.rmtree(store)
    shutil.copytree(kept, store)
    monkeypatch.chdir(work)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-dummy")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "sk-ant-dummy")


def test_what_was_asked_is_answered_again(recorded):
    """Both conversations come from the store, and the variables are as they were afterwards."""
    before = dict(os.environ)
    with tapegit.replay() as replay:
        assert agent.anthropic(PROMPT) == ANSWER
        assert agent.chat(PROMPT) == ANSWER
        replay.verify()
    assert dict(os.environ) == before
    assert replay.report.verdict == "followed"
    assert [entry.level for entry in replay.report.entries] == ["exact"] * 6


def test_keys_are_not_needed(recorded, monkeypatch):
    """An SDK wants a key before it asks anything: it gets one for show."""
    monkeypatch.delenv("OPENAI_API_KEY")
    with tapegit.replay(check=False):
        assert agent.chat(PROMPT) == ANSWER
    assert "OPENAI_API_KEY" not in os.environ


def test_program_that_is_started_within(recorded):
    """It gets the variables."""
    with tapegit.replay(check=False) as replay:
        done = subprocess.run(
            [sys.executable, "-m", "tests.clients.agent", "chat", PROMPT],
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=True,
        )
    assert done.stdout == f"{ANSWER}\n"
    assert replay.report.verdict == "diverged"  # nobody asked for the other conversation


def test_divergence_is_raised_with_the_report(recorded):
    """A conversation that nobody asked for is told of, by name."""
    with pytest.raises(tapegit.DivergedError, match=r"never asked for: .*main#2"), tapegit.replay():
        agent.chat(PROMPT)


def test_what_is_raised_within_is_not_hidden(recorded):
    """The program's own error is what comes out."""
    with pytest.raises(ZeroDivisionError), tapegit.replay():
        raise ZeroDivisionError


def test_one_at_a_time(recorded):
    """The variables are those of the process, so a second one is refused."""
    with tapegit.replay(check=False), pytest.raises(UserError, match="already"):
        tapegit.replay().__enter__()
    with tapegit.replay(check=False), pytest.raises(UserError, match="already"):
        tapegit.record().__enter__()


def test_without_a_store_or_a_session_nothing_starts(tmp_path, monkeypatch, store, work):
    """Both are errors, and the next replay can begin."""
    with pytest.raises(RepositoryNotFoundError):
        tapegit.replay(store=tmp_path / "nowhere").__enter__()
    monkeypatch.chdir(work)
    with pytest.raises(UserError, match="no session to replay"):
        tapegit.replay().__enter__()


@pytest.mark.parametrize("on_miss", ["live", "record"])
def test_beyond_the_tape_the_model_is_asked(recorded, monkeypatch, on_miss):
    """What it does not answer goes to the upstream; recorded, it goes on from the last turn."""
    script = conversation({"create": (), "and": (Step(text="It has a line."),)})
    with ModelServer(script) as server, monkeypatch.context() as patch:
        patch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
        with tapegit.replay(on_miss=on_miss) as replay:
            assert agent.anthropic(PROMPT) == ANSWER
            assert agent.chat(PROMPT) == ANSWER
            assert agent.chat("and lines?") == "It has a line."
    assert replay.report.verdict == "continued"
    assert len(server.calls()) == 1
    assert replay.branches == ()  # another conversation goes on from none
    with tapegit.replay(check=False) as again:
        if on_miss == "record":
            assert agent.chat("and lines?") == "It has a line."
    assert [each.level for each in again.report.entries] == ["exact"] * (on_miss == "record")
