"""Rules about the code itself that no other tool checks."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

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
    if path.is_file()
]

LOADED_BY_NAME = {
    "__init__.py": "what programs of one's own use, which commands do without",
    "cli/app.py": "what a branch follows, which few revisions ask for",
    "cli/show.py": "formats and statistics, which most of what is shown does without",
    "cli/log.py": "filters, formats, statistics and agents, which most logs do without",
    "cli/main.py": "a command when it runs, and what only an error or a terminal needs",
    "dialects/table.py": "decoders of dialects, of which a store has one or two",
    "porcelain/history/show.py": "what reads requests, where no piece of one is what is asked for",
    "repository/discover.py": "the user's folders, where no store is near",
    "repository/repository.py": "settings and writing, which readers do without",
    "repository/transaction.py": "the writer of packs, which loose writes do without",
    "store/index_file.py": "what makes an index anew, which a store that was not hurt does without",
}
"""Modules that import by name at run time; start-up is a feature."""

WORDS = re.compile(
    r"\b(?:TODO|FIXME|XXX|HACK|WIP)\b|(?<![\w.~\-])/(?:root/\w|work/(?!it\b)\w)|[\w.]+\.md [1-9]\b",
)
ENDS = re.compile(r"\bos\.(?:environ|getenv)\b|\bsys\.exit\b|(?<![\w.])print\(")
SUBJECTLESS = {"utils", "util", "helpers", "helper", "common", "misc", "base", "shared", "tools"}
BANNED_NAMES = re.compile(r"(?:^|_)(?:sha|sha1|obj|idx|buf|cnt|tmpfile)(?:_|$)")


@cache
def parse(path: Path) -> ast.Module:
    """Return a module's tree."""
    return ast.parse(path.read_text(encoding="utf-8"))


def test_no_import_stands_inside_a_function():
    """The graph of imports is what stands at the top of modules, for readers and for linters."""
    lazy = [
        f"{path.relative_to(PACKAGE)}:{node.lineno}"
        for path in MODULES
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


def test_no_unfinished_work_and_no_foreign_paths():
    """Nothing is left to do, and nothing speaks of one machine or of how it was written."""
    found = [
        f"{path.relative_to(ROOT)}: {match[0]}"
        for path in TEXTS
        if path != Path(__file__).resolve()
        for match in WORDS.finditer(path.read_text(encoding="utf-8"))
    ]

    assert found == []


def test_modules_have_a_subject():
    """No module is a drawer for what has no other place, and each says in a line what it is."""
    assert [path for path in MODULES if path.stem in SUBJECTLESS] == []
    firsts = {path: (ast.get_docstring(parse(path)) or "").partition("\n")[0] for path in MODULES}
    assert [path for path, first in firsts.items() if not first.endswith((".", ":"))] == []


def iter_names(tree: ast.Module):
    """Yield every name that a module gives to something."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name


def test_names_are_words_of_the_glossary():
    """An id is an oid, never a sha; names are not abbreviated."""
    found = {
        f"{path.relative_to(PACKAGE)}: {name}"
        for path in MODULES
        for name in iter_names(parse(path))
        if BANNED_NAMES.search(name.lower())
    }

    assert found == set()


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
    """`os.environ`, `sys.exit` and `print` belong to the cli, and to what programs call."""
    faults = []
    for path in MODULES:
        where = path.relative_to(PACKAGE)
        if where.parts[0] == "cli" or str(where) in {"__main__.py", "api.py"}:
            continue
        found = ENDS.findall(path.read_text(encoding="utf-8"))
        faults += [f"{where}: {text}" for text in found]

    assert faults == []


def test_contributing_names_every_folder():
    """Who is new finds each package and each folder of tests in the page that explains them."""
    page = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    block = page.partition("## Layers")[2].partition("- `objects`")[0]
    layers = re.findall(r"^    ((?:\w+(?:, | \| )?)+)", block, re.MULTILINE)
    named = {word for line in layers for word in re.split(r", | \| ", line)}
    packages = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}

    assert packages <= named, packages - named
    for folder in (ROOT / "tests").iterdir():
        if list(folder.glob("*.py")):
            assert f"tests/{folder.name}/" in page, folder
