"""What a terminal gets of a hostile session, from every command that prints what was recorded.

A session in which user, model, tool, branch and model name are controls is imported; what people
wrote of it (notes, tags) is hostile too. Commands for people escape wherever they print to, those
whose output is exact only where a terminal reads it.
"""

from __future__ import annotations

import os
import pty
import re
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tapegit.cli.table import COMMANDS, PORCELAIN
from tapegit.ui.escape import escape_text
from tests.hostile.conftest import Target
from tests.hostile.sessions import SESSIONS
from tests.hostile.test_transcripts import TERMINAL, take

if TYPE_CHECKING:
    from pathlib import Path

SHOWN = (
    "log",
    "log --oneline --graph",
    "log --stat",
    "log --json",
    "log --format=full",
    "log --format=%H%s%b%B%an%d%D%N",
    "log --grep safe",
    "show -s",
    "show --oneline",
    "show --stat",
    "show --json",
    "show --format=%B",
    "show TURNS",
    "show v1",
    "diff FIRST LAST",
    "diff --word-diff FIRST LAST",
    "diff --stat FIRST LAST",
    "diff --name-status FIRST LAST",
    "diff --json FIRST LAST",
    "sessions",
    "sessions --json",
    "search safe",
    "search --json safe",
    "usage",
    "usage --json",
    "usage model",
    "usage session",
    "usage project",
    "step LAST -c back",
    "branch -v",
    "branch --json",
    "status",
    "status --json",
    "tag -n9",
    "notes",
    "notes show b",
    "reflog",
    "export --format markdown REF",
    "export --format html REF",
    "export --format jsonl REF",
    "import --dry-run source",
    "import --json source",
    "checkout FIRST",
    "switch b",
    "reset FIRST",
    "merge FIRST",
)
"""Commands whose output is text for people, or JSON of ours."""

EXACT = (
    "export REF",
    "export --format openai REF",
    "export --format anthropic REF",
    "cat-file -p REF",
    "cat-file -p v1",
    "cat-file turn REF",
    "for-each-ref --format=%(contents)%(subject)%(refname)",
    "show --raw REF",
    "log --graph",
)
"""Commands whose output is exact in a file or a pipe: here a terminal reads it."""

ELSEWHERE = {
    "amend": "changes a turn and says its id",
    "clone": "prints names of refs, which tests of remotes make hostile",
    "config": "prints settings",
    "doctor": "prints what it found of the store",
    "env": "prints settings of clients",
    "fetch": "prints names of refs, which tests of remotes make hostile",
    "forget": "prints names of sessions",
    "guard": "prints rules",
    "help": "prints pages",
    "init": "prints a path",
    "ls-remote": "prints names of refs, which tests of remotes make hostile",
    "proxy": "prints of traffic only names of sessions",
    "pull": "prints names of refs, which tests of remotes make hostile",
    "push": "prints names of refs, which tests of remotes make hostile",
    "record": "prints what the command that it runs prints",
    "redact": "prints rules and ids",
    "remote": "prints names of remotes",
    "replay": "prints what the command that it runs prints",
    "resume": "prints the command that it would run",
    "secrets": "prints rules and ids",
    "version": "prints a version",
    "watch": "prints what import prints",
}
"""Commands that print nothing of a session, or what others here print."""


@pytest.fixture(scope="module")
def model(zygote, template, tmp_path_factory) -> tuple[Path, dict[str, list[str]]]:
    """Give a store with a hostile session, a branch, a tag and a note, and what names stand for."""
    folder = tmp_path_factory.mktemp("terminal") / "work"
    shutil.copytree(template[0], folder, symlinks=True)
    target = Target(zygote, folder, template[1])
    source: Path = folder / "source"
    ref = take(target, source, SESSIONS["claude-code"](TERMINAL))
    turns = target.ok("rev-list", ref).split()
    target.ok("branch", "b", ref)
    target.ok("switch", "b")
    target.ok("tag", "-f", "-m", TERMINAL, "v1", "b")
    target.ok("notes", "add", "-m", TERMINAL, "b")
    names = {"TURNS": turns, "REF": [ref], "FIRST": [turns[-1]], "LAST": [turns[0]]}
    return folder, names


@pytest.fixture
def hostile(zygote, template, model, tmp_path) -> tuple[Target, dict[str, list[str]]]:
    """Give a copy of that store."""
    folder, names = model
    shutil.copytree(folder, tmp_path / "work", symlinks=True)
    return Target(zygote, tmp_path / "work", template[1]), names


def words_of(line: str, names: dict[str, list[str]]) -> list[str]:
    """Return the arguments that a line stands for."""
    return [word for each in line.split() for word in names.get(each, [each])]


@pytest.mark.parametrize("line", SHOWN)
def test_command_escapes_what_it_shows(hostile, line):
    """Nothing that commands a terminal is in what a command for people prints."""
    target, names = hostile
    result = target.run(*words_of(line, names))
    assert result.code in {0, 1}, result.error
    text = result.out.decode() + result.error
    assert escape_text(text) == text
    assert text


@pytest.mark.parametrize("line", EXACT)
def test_what_is_exact_is_escaped_for_a_terminal(hostile, line):
    """Where a terminal reads exact output, it is escaped too; the colours are ours."""
    target, names = hostile
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-m", "tapegit", "--no-pager", *words_of(line, names)],
        cwd=target.folder,
        env={**os.environ, "TERM": "xterm", "PAGER": "cat"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs,
    ) as process:
        os.close(theirs)
        pieces = []
        while piece := read(ours):
            pieces.append(piece)
    os.close(ours)
    assert process.returncode == 0
    shown = b"".join(pieces).decode().replace("\r\n", "\n")
    assert shown.strip()
    plain = re.sub(r"\x1b\[[0-9;]*m", "", shown)
    assert escape_text(plain) == plain
    assert not re.search(r"\x1b\[21t|\x1bc|\x1b\]", shown)


def read(fd: int) -> bytes:
    """Return what a terminal gets next, or nothing where the other side is gone."""
    try:
        return os.read(fd, 65_536)
    except OSError:
        return b""


def test_every_command_for_people_is_tried():
    """A command that comes new is tried here, or it is said why not."""
    people = {name for name, row in COMMANDS.items() if row[0] == PORCELAIN}
    tried = {line.split()[0] for line in (*SHOWN, *EXACT)}
    assert people - tried - set(ELSEWHERE) == set()
