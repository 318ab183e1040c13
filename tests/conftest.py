"""The world every test lives in: a home of its own, a fixed clock and name, no surprises.

Rules: no test reads the user's settings, store or time zone; what a test leaves behind is gone
with its folder. `tapes` runs a command in this process, which is fast; `run_tapes` runs it as a
user does, in a process of its own. Both take the same arguments and give the same `Result`.
"""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
import pytest

from tests.builders import litter, make_store
from tests.command import ACTOR, TIME_MS, Runner, run_here, run_process

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.repository.repository import Repository
    from tests.git_servers import GitServers

PASSED_ON = ("PATH", "TMPDIR", "VIRTUAL_ENV", "LD_LIBRARY_PATH")
"""What a test sees of the environment it was started in."""

MEMORY = Path("/dev/shm")
MEMORY_SIZE_MIN_BYTES = 4 << 30

hypothesis.settings.register_profile(
    "steady", derandomize=True, database=None, deadline=None, max_examples=60, print_blob=True
)
hypothesis.settings.register_profile(
    "long", parent=hypothesis.settings(deadline=None), max_examples=5000
)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))


def pytest_configure() -> None:
    """Put temporary folders into memory where there is room: a store has hundreds of folders."""
    if "TMPDIR" in os.environ or not os.access(MEMORY, os.W_OK):
        return
    if shutil.disk_usage(MEMORY).free >= MEMORY_SIZE_MIN_BYTES:
        os.environ["TMPDIR"] = str(MEMORY)
        tempfile.tempdir = None


def pytest_collection_finish() -> None:
    """Spare the collector of garbage the thousands of tests that are here to the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Give the whole run an environment with nothing of the user in it."""
    home = tmp_path_factory.mktemp("home")
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    tests_own = {
        name: value
        for name, value in os.environ.items()
        if name.startswith(("PYTEST", "HYPOTHESIS", "COVERAGE", "TAPES_FAULTS"))
    }
    with pytest.MonkeyPatch.context() as patch:
        for name in list(os.environ):
            if name not in kept and name not in tests_own:
                patch.delenv(name)
        for name, value in _environment(home).items():
            patch.setenv(name, value)
        yield home


def _environment(home: Path) -> dict[str, str]:
    return {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / "config"),
        "XDG_DATA_HOME": str(home / "data"),
        "XDG_CACHE_HOME": str(home / "cache"),
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "TAPES_ACTOR": ACTOR,
        "TAPES_DATE": str(TIME_MS),
        "COLUMNS": "100",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_AUTHOR_NAME": "Test",
        "GIT_AUTHOR_EMAIL": "test@example.com",
        "GIT_COMMITTER_NAME": "Test",
        "GIT_COMMITTER_EMAIL": "test@example.com",
    }


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give one test a home of its own, for what it keeps in the user's settings and store."""
    home = tmp_path / "home"
    home.mkdir()
    for name, value in _environment(home).items():
        monkeypatch.setenv(name, value)
    return home


@pytest.fixture
def work(tmp_path: Path) -> Path:
    """Give an empty working directory, in which there is no store."""
    path = tmp_path / "work"
    path.mkdir()
    return path


@pytest.fixture
def store(work: Path) -> Path:
    """Give the `.tapes` of a new store in the working directory, with strangers' files in it."""
    root = make_store(work / ".tapes")
    litter(root)
    return root


@pytest.fixture
def repository(store: Path) -> Repository:
    """Give the store, open."""
    from tapegit.repository.repository import Repository

    return Repository.open(store, clock=lambda: TIME_MS, actor=ACTOR)


@pytest.fixture
def tapes(work: Path) -> Runner:
    """Give what runs a command in this process, in the working directory unless told another."""
    return Runner(run_here, work)


@pytest.fixture
def run_tapes(work: Path) -> Runner:
    """Give what runs a command in a process of its own, as a user does."""
    return Runner(run_process, work)


@pytest.fixture(scope="session")
def servers(world: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServers]:
    """Give the real servers of the run, for repositories that they make."""
    from tests.git_servers import GitServers

    servers = GitServers(tmp_path_factory.mktemp("servers"))
    yield servers
    servers.close()
