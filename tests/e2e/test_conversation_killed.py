"""Commands of a conversation, killed: the store is as before or as after, files of clients whole.

A command dies before its n-th call that changes the disk. Then what is there is looked at, the
command is run again, and the store is checked.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.builders import make_store
from tests.command import Runner, run_here
from tests.e2e.test_resume import CLAUDE, SESSION, chain
from tests.recordings import jsonl
from tests.unit.rewrite.killing import run_until

SLOW = """
import pathlib, time
home = pathlib.Path(os.environ["HOME"])
(home / "runs").touch()
while not (home / "ends").exists():
    time.sleep(0.01)
"""
COMMANDS = {
    "amend": ("amend", "HEAD~1", "--text", "another prompt"),
    "merge": ("merge", "-m", "and this", "old"),
    "reset": ("reset", "fix~1"),
    "resume": ("resume", "-m", "go on"),
}
EVERY = 8
"""Every n-th call is tried in a run of all tests, every one by `make faults`."""


class Desk:
    """A folder with a store, a home, and a client that stands in for Claude Code."""

    def __init__(self, folder):
        self.folder = folder
        self.home = folder / "home"

    def tapes(self, *words):
        """Run `tapes` beside the store."""
        return Runner(run_here, self.folder / "work")(*words, env=self.environ)

    @property
    def environ(self):
        """What commands see."""
        path = f"{self.folder / 'programs'}{os.pathsep}{os.environ['PATH']}"
        date = {"TAPES_DATE": "1760000000000"}
        return {"HOME": str(self.home), "PATH": path, "CLAUDE_CONFIG_DIR": "", **date}

    def fill(self, client):
        """Put all of it there: a session, a branch at its prompt, files that are not ours."""
        for name in ("work", "programs", "home/.claude/projects/-work"):
            (self.folder / name).mkdir(parents=True)
        make_store(self.folder / "work/.tapes")
        program = self.folder / "programs/claude"
        program.write_text(f"#!{sys.executable}\n{client}")
        program.chmod(0o755)
        own = self.home / ".claude/projects/-work/old.jsonl"
        own.write_bytes(jsonl(chain(*map(dict, SESSION))))
        self.tapes("import", own)
        self.tapes("switch", "-q", "-c", "fix", "old#2")

    def refs(self):
        """Return the refs, but for what names a session at random, and HEAD."""
        lines = self.tapes("for-each-ref").lines
        words = [(line.split()[2], line.split()[0]) for line in lines]
        return {name: oid for name, oid in words if "/claude-code/" not in name or "/old/" in name}

    def files(self):
        """Return the files of the client that were there."""
        paths = self.home.glob(".claude/projects/*/*.jsonl")
        return {path.relative_to(self.folder): path.read_bytes() for path in paths}

    def commanded(self, verb):
        """Run one of the commands; a client that does not run is none of its failures."""
        self.tapes(*COMMANDS[verb])


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """Give the folder from which all begin."""
    desk = Desk(tmp_path_factory.mktemp("original") / "desk")
    desk.fill(CLAUDE)
    return desk


def copy_of(original, folder):
    """Return a copy of a desk."""
    shutil.copytree(original.folder, folder, symlinks=True)
    return Desk(folder)


def check_refs(desk, verb, before, after):
    """Check that all is as before the command or as after it; a session may be at its beginning."""
    now = desk.refs()
    if verb != "resume":
        assert now in (before, after)
        return
    others = {name: oid for name, oid in now.items() if name != "refs/heads/fix"}
    assert others == {name: oid for name, oid in before.items() if name != "refs/heads/fix"}
    leaders = [line.split()[0] for line in desk.tapes("for-each-ref", "refs/lineage").lines]
    tips = [line.split()[0] for line in desk.tapes("for-each-ref", "refs/sessions").lines]
    assert now["refs/heads/fix"] in {before["refs/heads/fix"], *leaders, *tips}


def check_files(desk, files):
    """Check that what was there is as it was, and what is new is a whole session file."""
    now = desk.files()
    assert {path: now[path] for path in files} == files
    for path in now.keys() - files.keys():
        (leader,) = desk.tapes("for-each-ref", f"refs/lineage/claude-code/{path.stem}").lines
        assert now[path].startswith(desk.tapes("cat-file", "-p", f"{leader.split()[0]}:raw/0").data)


@pytest.mark.parametrize("step", [EVERY, pytest.param(1, marks=pytest.mark.faults)])
@pytest.mark.parametrize("verb", COMMANDS)
def test_killed_before_any_call(original, tmp_path, verb, step):
    """Nothing is lost, no file of the client is half written, and the command can be run again."""
    before, files = original.refs(), original.files()
    done = copy_of(original, tmp_path / "done")
    done.commanded(verb)
    after = done.refs()
    assert after != before
    number, is_killed = 1, True
    while is_killed:
        desk = copy_of(original, tmp_path / str(number))
        is_killed = run_until(number, lambda desk=desk: desk.commanded(verb))
        check_refs(desk, verb, before, after)
        check_files(desk, files)
        if is_killed:
            desk.tapes("reset", "-q", before["refs/heads/fix"])
            desk.commanded(verb)
            assert verb == "resume" or desk.refs() == after
            check_files(desk, files)
            desk.tapes("fsck")
        shutil.rmtree(desk.folder)
        number += step
    assert number > 10, "the calls were counted"


def test_killed_while_the_client_runs(original, tmp_path):
    """What the client adds after that is recorded by the next import, and the branch goes on."""
    desk = copy_of(original, tmp_path / "desk")
    program = desk.folder / "programs/claude"
    ending = CLAUDE.replace("sys.exit(", "(home / 'ended').touch(); sys.exit(")
    program.write_text(f"#!{sys.executable}\nimport os\n{SLOW}{ending}")
    files = desk.files()
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "tapegit", "resume", "-m", "go on"],
        cwd=desk.folder / "work",
        env={**os.environ, **desk.environ},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    wait_for(desk.home / "runs", process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    check_files(desk, files)
    started = desk.refs()
    assert [turn["role"] for turn in desk.tapes("log", "-n1", "--json", "fix").records] == [
        "session"
    ]
    (desk.home / "ends").touch()
    wait_for(desk.home / "ended")
    check_files(desk, files)
    desk.tapes("import")
    said = desk.tapes("log", "-n2", "--json", "fix").records
    assert [turn["summary"] for turn in said] == ["Done.", "go on"]
    unmoved = {name: oid for name, oid in desk.refs().items() if name != "refs/heads/fix"}
    assert unmoved == {name: oid for name, oid in started.items() if name != "refs/heads/fix"}


def wait_for(path, process=None):
    """Wait until a file is there."""
    until = time.monotonic() + 60
    while not path.exists():
        assert time.monotonic() < until
        assert process is None or process.poll() is None
        time.sleep(0.01)
