"""Processes that hold traffic leave no core files: their memory has what nobody may store."""

from __future__ import annotations

import os
import re
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.world import World

LIMIT = re.compile(r"^Max core file size +(\S+) ", re.MULTILINE)
DUMPABLE = """
import ctypes
from tapegit.wire.core_files import forbid_core_files
before = ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)
forbid_core_files()
print(before, ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""

pytestmark = pytest.mark.skipif(
    not os.path.exists("/proc/self/limits"), reason="/proc has no limits here"
)


@pytest.fixture
def world(tmp_path):
    """Give a machine on which processes may leave core files."""
    before = resource.getrlimit(resource.RLIMIT_CORE)
    if not before[1]:
        pytest.skip("no process here may leave a core file")
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    yield World(tmp_path)
    resource.setrlimit(resource.RLIMIT_CORE, before)


def limit(pid: object) -> str:
    """Return how large a core file of a process may be, as the kernel writes it."""
    found = LIMIT.search(Path(f"/proc/{pid}/limits").read_text())
    assert found is not None
    return found[1]


def children(pid: int) -> list[str]:
    """Return what a process has started."""
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def test_proxy_and_its_recorder(world):
    """Neither writes one."""
    with world.start("proxy", "--port", "0") as process:
        assert process.stderr.readline().startswith("tapes: recording what comes to ")
        (recorder,) = children(process.pid)
        limits = [limit(pid) for pid in (process.pid, recorder)]
        process.terminate()
    assert limits == ["0", "0"]


def test_recorded_command_keeps_its_limit(world):
    """The process that records it writes none; of the command that is its own affair."""
    with world.start("record", "--", "sh", "-c", "echo; exec sleep 60") as process:
        process.stdout.readline()
        recorder, command = children(process.pid)
        limits = [limit(pid) for pid in (recorder, command)]
        while limit(process.pid) != "0":
            assert process.poll() is None
        process.terminate()
    assert limits == ["0", limit("self")]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="prctl is Linux's")
def test_whatever_the_limit_is():
    """A system that hands core files to a program does so at a limit of 0 too, but not of these."""
    done = subprocess.run(
        [sys.executable, "-c", DUMPABLE], capture_output=True, text=True, check=True
    )
    assert done.stdout == "1 0\n"
