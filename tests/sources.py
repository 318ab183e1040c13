"""Real transcripts of every harness: those in the fixtures, and those beside the checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FIXTURES = ROOT / "fixtures" / "transcripts"
SHARED = ROOT.parent / "shared" / "data"
HARNESSES = ("codex", "pi")


def iter_paths(harness: str) -> list[Path]:
    """Return the real transcripts of a harness."""
    found = [*sorted((FIXTURES / harness).glob("*.json*")), *sorted((SHARED / harness).rglob("*"))]
    return [path for path in found if path.is_file() and path.name != "SOURCES.tsv"]


def source_params(*harnesses: str) -> list[object]:
    """Return the real transcripts of harnesses as parameters of a test."""
    return [
        pytest.param(harness, path, id=f"{harness}-{path.stem[-12:]}-{number}")
        for harness in harnesses
        for number, path in enumerate(iter_paths(harness))
    ]
