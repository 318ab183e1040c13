"""The plugin of pytest: tests with tapes, run by a pytest within this one."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import subprocess
import sys
from typing import NamedTuple

import pytest

from tests.clients.script import HELLO, Call, Step, conversation
from tests.clients.server import ModelServer
from tests.clients.world import ROOT

SUITE = """
import os, subprocess, sys
import pytest
from tests.clients import agent

PROMPT = os.environ.get("PROMPT", "create hello.txt and count")
ANSWER = "hello.txt has 16 bytes."

@pytest.mark.tape("refund")
def test_in_process():
    assert agent.chat(PROMPT) == ANSWER

def test_subprocess(tape):
    words = [sys.executable, "-m", "tests.clients.agent", "anthropic", PROMPT]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.stdout == ANSWER + "\\n"
    assert tape.environ["ANTHROPIC_BASE_URL"] == os.environ["ANTHROPIC_BASE_URL"]

def test_without_a_tape():
    assert "127.0.0.1:9" in os.environ["OPENAI_BASE_URL"]
"""
WORDS = ("-q", "-p", "tapegit.pytest_plugin", "-p", "no:cacheprovider")
NOWHERE = "http://127.0.0.1:9"
LONGER = conversation(
    {
        "create hello.txt": (
            Step(text="I write it.", calls=(Call("shell", "echo hello > hello.txt"),)),
            Step(text="I look.", calls=(Call("shell", "cat hello.txt"),)),
            Step(text="I count.", calls=(Call("shell", "wc -c hello.txt"),)),
            Step(text="hello.txt has 6 bytes."),
        ),
        "delete": (Step(text="hello.txt has 16 bytes."),),
    }
)


class Outcome(NamedTuple):
    """What became of a run: its status, what failed and passed, and what was told of it."""

    code: int
    passed: list[str]
    failed: list[str]
    text: str


class Suite:
    """A folder of tests, and what runs them with a model at an address."""

    def __init__(self, path, monkeypatch):
        self.folder = path / "suite"
        self.folder.mkdir()
        (self.folder / "pytest.ini").write_text("[pytest]\n")
        self.write(SUITE)
        self._patch = monkeypatch

    def write(self, text):
        """Write the tests."""
        (self.folder / "test_agent.py").write_text(text)

    def tapes(self):
        """Return the tapes there are, with their bytes."""
        folder = self.folder / "tapes"
        paths = sorted(folder.rglob("*.tape"))
        return {str(path.relative_to(folder)): path.read_bytes() for path in paths}

    def environ(self, url, **more):
        """Return the variables that lead to a model."""
        keys = {"OPENAI_API_KEY": "k", "ANTHROPIC_API_KEY": "k"}
        urls = {"OPENAI_BASE_URL": f"{url}/v1", "ANTHROPIC_BASE_URL": url}
        others = {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
        return {**urls, **keys, **others, **more}

    def __call__(self, *words, url=NOWHERE, **environ):
        """Run the tests with these words of pytest, in this process."""
        watch = Watch()
        told = io.StringIO()
        with self._patch.context() as patch, contextlib.chdir(self.folder):
            for name, value in self.environ(url, **environ).items():
                patch.setenv(name, value)
            with contextlib.redirect_stdout(told):
                code = pytest.main([*WORDS, "--import-mode=importlib", *words], plugins=[watch])
        sys.modules.pop("test_agent", None)
        return Outcome(int(code), watch.passed, watch.failed, told.getvalue())


class Watch:
    """Notes what becomes of tests."""

    def __init__(self):
        self.passed = []
        self.failed = []

    def pytest_runtest_logreport(self, report):
        """Note a step of a test."""
        name = report.nodeid.partition("::")[2]
        if report.failed:
            self.failed.append(f"{name} {report.when}")
        elif report.when == "call":
            self.passed.append(name)


@pytest.fixture
def suite(tmp_path, monkeypatch):
    """Give a suite without tapes."""
    return Suite(tmp_path, monkeypatch)


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Give the tapes of the suite, recorded once."""
    with pytest.MonkeyPatch.context() as patch:
        suite = Suite(tmp_path_factory.mktemp("kept"), patch)
        with ModelServer(HELLO) as server:
            done = suite("--tapes-mode=once", "-k", "not without", url=server.url)
    assert done.passed == ["test_in_process", "test_subprocess"], done.text
    return suite.folder / "tapes"


@pytest.fixture
def recorded(suite, kept):
    """Give the same with its tapes recorded, and the model gone."""
    shutil.copytree(kept, suite.folder / "tapes")
    return suite


def test_missing_tape_is_an_error_that_says_how_to_record_it(suite):
    """By default nothing is ever recorded, nor asked for."""
    done = suite()
    assert done.code == 1
    assert done.failed == ["test_in_process setup", "test_subprocess setup"]
    assert done.passed == ["test_without_a_tape"]
    assert "tapes: there is no tape" in done.text
    assert "hint: record it with '--tapes-mode=once'" in done.text
    assert "Traceback" not in done.text
    assert "tapegit/" not in done.text
    assert suite.tapes() == {}


def test_recorded_tapes_are_replayed_by_a_pytest_of_its_own(recorded):
    """A bundle for each test stands beside it; with the model gone the tests pass."""
    before = recorded.tapes()
    assert list(before) == ["refund.tape", "test_agent/test_subprocess.tape"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *WORDS],
        cwd=recorded.folder,
        env={**os.environ, **recorded.environ(NOWHERE)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
    assert recorded.tapes() == before


@pytest.mark.parametrize("size", [0, 60, 700])
def test_damaged_tape_is_an_error_that_names_it(recorded, size):
    """Whatever is left of it."""
    path = recorded.folder / "tapes" / "refund.tape"
    path.write_bytes(path.read_bytes()[:size])
    done = recorded("-k", "in_process")
    assert done.failed == ["test_in_process setup"]
    assert "tapes/refund.tape' cannot be read" in done.text
    assert "hint: record it anew with '--tapes-mode=all'" in done.text


@pytest.mark.parametrize("mode", ["once", "new_episodes"])
def test_what_is_on_the_tape_is_not_asked_for_again(recorded, mode):
    """Where something could be recorded too: the tape stays as it is."""
    before = recorded.tapes()
    done = recorded(f"--tapes-mode={mode}", "-k", "in_process")
    assert done.passed == ["test_in_process"], done.text
    assert recorded.tapes() == before


def test_all_records_anew(recorded):
    """The tape is replaced when the test has passed, and kept when it has not."""
    before = recorded.tapes()
    done = recorded("--tapes-mode=all", "-k", "in_process")
    assert done.failed == ["test_in_process call"]  # there is no model
    assert recorded.tapes() == before
    with ModelServer(HELLO) as server:
        done = recorded("--tapes-mode=all", "-k", "in_process", url=server.url)
    assert done.passed == ["test_in_process"], done.text
    assert recorded.tapes()["refund.tape"] != before["refund.tape"]


def test_new_episodes_are_added_where_the_tape_ends(recorded):
    """What is there is replayed, what is new recorded; then the whole is followed."""
    recorded.write(SUITE.replace("== ANSWER\n", "== ANSWER\n    agent.chat('delete it')\n", 1))
    assert recorded("-k", "in_process").failed == ["test_in_process call"]
    with ModelServer(LONGER) as server:
        done = recorded("--tapes-mode=new_episodes", "-k", "in_process", url=server.url)
        assert done.passed == ["test_in_process"], done.text
        assert len(server.calls()) == 1
    assert recorded("-k", "in_process").passed == ["test_in_process"]


def test_new_episodes_take_the_place_of_what_is_no_longer_asked_for(recorded):
    """In process and by a program: another prompt, and the tape has the new one alone."""
    with ModelServer(LONGER) as server:
        done = recorded("--tapes-mode=new_episodes", url=server.url, PROMPT="delete it all")
        assert done.passed[:2] == ["test_in_process", "test_subprocess"], done.text
    assert recorded("-k", "not without", PROMPT="delete it all").failed == []
    assert len(recorded("-k", "not without").failed) == 2


def test_new_episodes_that_failed_are_not_kept(recorded):
    """A tape is written when its test has passed."""
    before = recorded.tapes()
    words = ("--tapes-mode=new_episodes", "-k", "in_process")
    with ModelServer(LONGER) as server:
        done = recorded(*words, url=server.url, PROMPT="create hello.txt slowly")
    assert done.failed == ["test_in_process call"]
    assert recorded.tapes() == before


def test_failing_test_prints_the_report(recorded):
    """Another prompt: the test fails by its own, and the report says what differs."""
    done = recorded("-k", "in_process", PROMPT="delete everything")
    assert done.code == 1
    assert "1 NOT ON THE TAPE (call POST /v1/chat/completions)" in done.text
    assert "-user: create hello.txt and count" in done.text
    assert "+user: delete everything" in done.text


@pytest.mark.parametrize("mode", ["none", "new_episodes"])
def test_test_that_asks_less_than_recorded_fails(recorded, mode):
    """A test that passes by itself fails if it has not followed its tape."""
    recorded.write(SUITE.replace("assert agent.chat(PROMPT) ==", "assert True or"))
    done = recorded(f"--tapes-mode={mode}", "-k", "in_process")
    assert done.failed == ["test_in_process call"]
    assert "DivergedError" in done.text
    assert "never asked for: main#2" in done.text


def test_settings_name_the_mode_and_the_folder(recorded):
    """`tapes_mode` and `tapes_folder`; a mode that is none is refused."""
    os.rename(recorded.folder / "tapes", recorded.folder / "kept")
    words = ("-k", "in_process", "-o", "tapes_folder=kept")
    done = recorded(*words, "-o", "tapes_mode=once")
    assert done.passed == ["test_in_process"], done.text
    done = recorded(*words, "-o", "tapes_mode=some")
    assert "tapes_mode is 'some', not one of none, once, new_episodes, all" in done.text


def test_tape_of_a_branch_is_replayed(recorded, tapes, store):
    """A bundle of a branch, as `tapes bundle create` writes it, is a tape as well."""
    path = recorded.folder / "tapes" / "refund.tape"
    tapes("bundle", "unbundle", path)
    (ref,) = (line.split()[1] for line in tapes("bundle", "list-heads", path).lines)
    oid = tapes("bundle", "list-heads", path).lines[0].split()[0]
    assert ref.endswith("/wire/main")
    tapes("branch", "fix", oid)
    os.unlink(path)
    tapes("bundle", "create", path, "fix")
    assert recorded("-k", "in_process").passed == ["test_in_process"]


NAMES = """
import pytest

class TestIt:
    @pytest.mark.parametrize("word", ["a", "a/b", "a-b", "a b", "é", "ü", "x" * 300])
    def test_word(self, tape, word): ...

@pytest.mark.tape("../up/there")
def test_named(): ...
"""


def test_every_test_has_a_tape_of_its_own(suite):
    """Beside the test, by its module, class and name, whatever is in them."""
    suite.write(NAMES)
    text = suite("-rE").text
    found = {line.split("'")[1] for line in text.splitlines() if line.startswith("tapes: ")}
    folder = suite.folder / "tapes"
    places = {os.path.relpath(path, folder) for path in found}
    assert len(places) == 8
    assert not any(".." in place for place in places)
    assert "test_agent/TestIt.test_word[a].tape" in places
    assert {place.split("/")[0] for place in places if "/" in place} == {"test_agent"}
    assert max(len(place) for place in places) < 200
