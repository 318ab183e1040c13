"""What a run of a reading command imports: start-up is a feature."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.builders import make_tape

HEAVY = ("pygit2", "aiohttp", "textual", "tabulate", "sqlite3")
WRITERS = (
    "tempfile",
    "subprocess",
    "logging",
    "tomlkit",
    "asyncio",
    "concurrent.futures",
    "shutil",
)

SCRIPT = """
import gc, sys
import tapegit.cli
searches = []
gc.callbacks.append(lambda phase, info: searches.append(info))
from tapegit.cli.main import cli
try:
    cli.main(sys.argv[1:])
except SystemExit as error:
    assert not error.code, error.code
assert not searches, searches
print(*sys.modules, sep="\\n", file=sys.stderr)
"""


@pytest.mark.parametrize(
    "args",
    [
        ("log",),
        ("log", "--oneline", "-n", "20"),
        ("log", "--graph", "--all"),
        ("show",),
        ("status",),
        ("cat-file", "-p", "HEAD"),
    ],
    ids=" ".join,
)
def test_reading_imports_nothing_heavy(repository, work, args):
    """Commands that only look need neither the libraries of the wings nor those of writers.

    That a store has settings makes no difference, where they are none of these commands'; and
    none makes so many objects that it searches them for cycles.
    """
    make_tape(repository, 3)
    (repository.root / "config").write_text("[gc]\nauto = 0\n")
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, *args], cwd=work, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert done.stdout
    loaded = set(done.stderr.split())
    assert loaded.isdisjoint(HEAVY)
    assert loaded.isdisjoint(WRITERS)


@pytest.mark.parametrize("name", ["recorder", "shim"])
def test_what_a_recording_starts_imports_no_proxy(name):
    """A client waits for its shim, and a command for the recorder: neither serves anything."""
    script = f"import sys, tapegit.cli.{name}; print(*sys.modules, sep='\\n')"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )

    assert set(done.stdout.split()).isdisjoint({*HEAVY, "asyncio"})
