"""Fixtures of the fault matrix, and its summary."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import pytest

from tests.faults import evidence
from tests.hostile.zygote import Zygote


def pytest_configure(config: pytest.Config) -> None:
    """Name the file the workers share before they start."""
    os.environ.setdefault(
        evidence.VARIABLE, str(Path(tempfile.gettempdir()) / f"tapes-faults-{os.getpid()}.tsv")
    )


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what was found."""
    path = Path(os.environ[evidence.VARIABLE])
    if path.exists():
        terminalreporter.section("fault matrix")
        terminalreporter.write_line(evidence.format_table(path.read_text()))


@pytest.fixture(scope="session")
def tapes():
    """Give the process that runs `tapes` for checks."""
    zygote = Zygote()
    yield zygote
    zygote.close()


@pytest.fixture
def arena():
    """Give an empty folder in memory, where an fsync costs nothing."""
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    path = Path(tempfile.mkdtemp(prefix="tapes-faults-", dir=base))
    yield path
    shutil.rmtree(path, ignore_errors=True)
