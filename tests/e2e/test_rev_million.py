"""A chain of a million turns: nothing recurses, and memory stays below 500 MB.

Each command is a process of its own, whose peak the system reports when it ends. `make million`
has all of them; else it is a tenth, with a tenth of the memory beside what a process has anyway.
"""

from __future__ import annotations

import os
import sys
from tempfile import TemporaryFile

import pytest

from tests.launcher import run_measured

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

COUNT = int(os.environ.get("TAPES_TURNS", "100000"))
PEAK_MAX_KB = (35 + 465 * COUNT // 1_000_000) * 1024

BUILD = """
import sys
from pathlib import Path
from tapegit.objects.kind import Kind
from tapegit.refs.names import RefName
from tapegit.repository.init import init_store
from tapegit.repository.repository import Repository
from tapegit.store.pack_writer import PackWriter

root, count = Path(sys.argv[1]), int(sys.argv[2])
init_store(root)
repository = Repository.open(root, clock=lambda: 0, actor="test")
parent = None
objects = repository.objects
with PackWriter(objects, root / "objects/pack", root / "tmp", cold=False) as writer:
    for number in range(count):
        line = b'"parents":["%s"],"role":"user"' % parent.hex().encode() if parent else b""
        data = b'{%s,"summary":"turn %d","time":%d}'
        data %= line or b'"role":"session"', number, 1_700_000_000_000 + number
        parent = writer.add(Kind.TURN, data)
        if number in (0, count // 2):
            print(parent)
    writer.finish()
with repository.refs.transaction("test") as transaction:
    transaction.update(RefName.parse("refs/heads/main"), parent)
"""


def run(*argv: str) -> tuple[str, int]:
    """Run a process; return its standard output and its peak memory in kB."""
    with TemporaryFile() as out:
        usage = run_measured([sys.executable, *argv], stdout=out)
        assert usage.code == 0
        out.seek(0)
        return out.read().decode(), usage.peak_kb


@pytest.fixture(scope="module")
def million(tmp_path_factory) -> dict[str, str]:
    """Give a store with one chain of all turns, its first turn and the one half-way."""
    root = tmp_path_factory.mktemp("million") / ".tapes"
    out, peak_kb = run("-c", BUILD, str(root), str(COUNT))
    assert peak_kb < PEAK_MAX_KB
    first, half = out.split()
    return {"root": str(root), "first": first, "half": half}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("rev-list --count --topo-order --all", str(COUNT)),
        ("rev-list --count {half}..HEAD", str(COUNT // 2 - 1)),
        ("rev-list --objects --count HEAD", str(COUNT)),
        (f"rev-list --reverse -n 1 --skip {COUNT - 1} HEAD", "{first}"),
        (f"rev-parse HEAD~{COUNT - 1}", "{first}"),
        ("merge-base HEAD {half}", "{half}"),
    ],
)
def test_command_over_a_million_turns_is_right_and_small(million, line, expected):
    """The right answer, and no more memory than so many turns may have."""
    words = line.format(**million).split()
    out, peak_kb = run("-m", "tapegit", "--tapes-dir", million["root"], *words)
    assert peak_kb < PEAK_MAX_KB
    assert out.strip() == expected.format(**million)
