"""What README shows is what the program prints."""

from __future__ import annotations

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tapegit.cli.table import ALIASES, COMMANDS
from tests.walls import walls

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.timeout(600)


def load_script():
    """Return `.ci/readme.py` as a module."""
    spec = importlib.util.spec_from_file_location("ci_readme", ROOT / ".ci" / "readme.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["ci_readme"] = module
    spec.loader.exec_module(module)
    return module


def test_commands_of_the_readme_print_what_it_shows():
    """Every command of the page runs, and its output is that of the page."""
    text = (ROOT / "README.md").read_text()

    assert load_script().render(text) == text


def test_the_demo_prints_what_the_readme_shows_of_it():
    """It runs to its end, and has the lines of the page in their order."""
    (shown,) = re.findall(r"(?ms)^```\n(== .*?)^```$", (ROOT / "README.md").read_text())
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", str(ROOT / ".ci" / "demo")],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    printed = iter(re.sub(r"\x1b\[[0-9;]*m", "", done.stdout).splitlines())
    script = load_script()
    for line in filter(None, map(script.without_ids, shown.splitlines())):
        assert any(script.without_ids(each) == line for each in printed), line


@walls
def test_commands_of_the_tutorial_print_what_it_shows():
    """The agent that refunded: recorded, found, amended, gone on with, and kept as a test."""
    script = load_script()
    text = script.TUTORIAL.read_text()

    assert script.render(text, lines_max=script.TUTORIAL_LINES_MAX) == text


def test_a_page_that_shows_something_else_is_told_of():
    """Ids and times may be others, words may not."""
    script = load_script()
    shown = "$ tapes log --oneline\n7d2ea0a user: in 0.52s\n"

    assert script.without_ids(shown) == script.without_ids(shown.replace("7d2ea0a", "5505fc8"))
    assert script.without_ids(shown) != script.without_ids(shown.replace("user", "tool"))


def test_readme_links_lead_somewhere():
    """No link leads to a file that is not there."""
    links = re.findall(r"\]\(([^)]+)\)", (ROOT / "README.md").read_text())
    local = [link for link in links if not link.startswith("http")]

    assert local
    assert [link for link in local if not (ROOT / link).exists()] == []


def test_pages_mention_only_commands_there_are():
    """`tapes <word>` in a page is a command."""
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "man").glob("*.md")]

    assert find_unknown(pages, r"(?:^    \$ |`)tapes ([a-z][a-z-]+)") == set()


def test_hints_mention_only_commands_there_are():
    """What an error proposes can be run."""
    assert find_unknown((ROOT / "tapegit").rglob("*.py"), r"'tapes ([a-z][a-z-]+)") == set()


def find_unknown(paths, pattern):
    """Return the words after `tapes`, where the pattern finds one, that are no commands."""
    return {
        f"{path.name}: tapes {word}"
        for path in paths
        for word in re.findall(pattern, path.read_text(), re.MULTILINE)
        if word not in COMMANDS and word not in ALIASES
    }
