"""A store without a repository around it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tapegit.store.database import ObjectDatabase
from tests.packs import make_root

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Give the folder of a store with nothing in it but its own folders."""
    return make_root(tmp_path / ".tapes")


@pytest.fixture
def database(root: Path) -> ObjectDatabase:
    """Give the objects of that store."""
    return ObjectDatabase(root)
