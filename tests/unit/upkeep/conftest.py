"""A store whose clock a test can move, and what to ask of it before and after upkeep."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from tapegit.porcelain.maintenance.gc import GcOptions, GcReport, run_gc
from tapegit.repository.repository import Repository
from tests.builders import make_store

if TYPE_CHECKING:
    from pathlib import Path

    from tapegit.objects.kind import Object
    from tapegit.objects.oid import ObjectId

DAY_MS: Final = 86_400_000


class Shop:
    """A store under upkeep.

    Attributes:
        repository: The store, opened with the machine's clock plus `ahead_ms`.
        ahead_ms: How far the clock of the program is ahead of that of the files.
    """

    def __init__(self, root: Path) -> None:
        self.ahead_ms = 0
        self.repository = Repository.open(root, clock=self.clock, actor="tester")

    def clock(self) -> int:
        """Return the time that the program believes."""
        return time.time_ns() // 1_000_000 + self.ahead_ms

    @property
    def root(self) -> Path:
        """The store's folder."""
        return self.repository.root

    def pass_days(self, days: float) -> None:
        """Let time go by."""
        self.ahead_ms += int(days * DAY_MS)

    def reopen(self) -> Repository:
        """Return the store as a new process sees it."""
        return Repository.open(self.root, clock=self.clock, actor="tester")

    def gc(self, **options: object) -> GcReport:
        """Run gc as a new process does."""
        return run_gc(self.reopen(), GcOptions(**options))

    def contents(self) -> dict[ObjectId, Object]:
        """Return every object that a new process finds, each read and verified."""
        objects = self.reopen().objects
        return {oid: objects.read(oid) for oid in objects.iter_oids()}

    def files(self) -> dict[str, bytes]:
        """Return all files but locks, by path in the store."""
        return {
            str(path.relative_to(self.root)): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and path.parent.name != "locks"
        }

    def names(self, pattern: str) -> list[str]:
        """Return the names of the files that match, below the store."""
        return sorted(path.name for path in self.root.glob(pattern))


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Give an empty store under upkeep."""
    return Shop(make_store(tmp_path / ".tapes"))
