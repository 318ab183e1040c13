"""Rules about the code itself that no other tool checks."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "tapegit"
MODULES = sorted(PACKAGE.rglob("*.py"))
TEXTS = [
    path
    for pattern in (
        "tapegit/**/*.py",
        "tests/**/*.py",
        "bench/**/*.py",
        "man/*.md",
        ".ci/*",
        "*.md",
    )
    for path in sorted(ROOT.glob(pattern))
]

LOADED_BY_NAME = {
    "cli/main.py": "a command when it runs, and what only an error or a terminal needs",
    "graph/resolve.py": "dates, which few revisions have",
    "graph/selection.py": "ropes, for the parts of a request",
    "repository/discover.py": "the user's folders, where no store is near",
    "repository/repository.py": "settings and writing, which readers do without",
    "repository/transaction.py": "the writer of packs, which loose writes do without",
}
"""Modules that import by name at run time; start-up is a feature, see design.md 6."""

WORDS = re.compile(
    r"\b(?:TODO|FIXME|XXX|HACK|WIP|as an AI|language model wrote|ChatGPT|Copilot|co-authored)\b"
    r"|/work/(?:main|shared|notes)\b",
)
ENDS = re.compile(r"\bos\.(?:environ|getenv)\b|\bsys\.exit\b|(?<![\w.])print\(")
SUBJECTLESS = {"utils", "util", "helpers", "helper", "common", "misc", "base", "shared", "tools"}
BANNED_NAMES = re.compile(r"(?:^|_)(?:sha|sha1|obj|idx|buf|cnt|tmpfile)(?:_|$)")


def parse(path: Path) -> ast.Module:
    """Return a module's tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_import_stands_inside_a_function(path):
    """The graph of imports is what stands at the top of modules, for readers and for linters."""
    lazy = [
        node.lineno
        for function in ast.walk(parse(path))
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]

    assert lazy == []


def test_only_these_modules_import_by_name():
    """Importing by name is for what a run may do without, and each place says what."""
    found = {
        str(path.relative_to(PACKAGE))
        for path in MODULES
        if re.search(r"\b(?:import_module|__import__)\(", path.read_text())
    }

    assert found == set(LOADED_BY_NAME)


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_unfinished_work_and_no_foreign_paths(path):
    """Nothing is left to do, and nothing speaks of one machine or of how it was written."""
    if path == Path(__file__).resolve():
        return
    found = [match[0] for match in WORDS.finditer(path.read_text(encoding="utf-8"))]

    assert found == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_modules_have_a_subject(path):
    """No module is a drawer for what has no other place, and each says in a line what it is."""
    assert path.stem not in SUBJECTLESS
    docstring = ast.get_docstring(parse(path))
    assert docstring, f"{path} has no docstring"
    assert docstring.splitlines()[0].endswith((".", ":"))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_names_are_words_of_the_glossary(path):
    """An id is an oid, never a sha; names are not abbreviated."""
    names = {
        name
        for node in ast.walk(parse(path))
        for name in (
            [node.id] if isinstance(node, ast.Name) else [],
            [node.arg] if isinstance(node, ast.arg) else [],
            [node.name] if isinstance(node, ast.FunctionDef | ast.ClassDef) else [],
        )
        for name in name
    }

    assert {name for name in names if BANNED_NAMES.search(name.lower())} == set()


def test_sizes_are_within_the_limits():
    """Modules, functions and parameter lists are as long as CONTRIBUTING allows, at most."""
    done = subprocess.run(
        [sys.executable, str(ROOT / ".ci" / "sizes.py")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout


def test_only_the_command_line_reads_the_environment_or_ends_the_program():
    """`os.environ`, `sys.exit` and `print` belong to the cli."""
    faults = []
    for path in MODULES:
        where = path.relative_to(PACKAGE)
        if where.parts[0] == "cli" or where.name == "__main__.py":
            continue
        found = ENDS.findall(path.read_text(encoding="utf-8"))
        faults += [f"{where}: {text}" for text in found]

    assert faults == []
