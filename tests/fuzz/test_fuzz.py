"""Every fuzz target over mutated seeds, the same ones each time."""

from __future__ import annotations

import importlib
from pathlib import Path

import pytest

from tests.fuzz.driver import iter_mutants

NAMES = sorted(path.stem for path in Path(__file__).parent.glob("fuzz_*.py"))
MUTANT_COUNT = 1500


@pytest.mark.parametrize("name", NAMES)
def test_target_takes_any_bytes(name):
    """No mutated bytes make a parser raise what is no TapesError, or break what it promises."""
    module = importlib.import_module(f"tests.fuzz.{name}")
    for data in iter_mutants(module.SEEDS, MUTANT_COUNT, name):
        try:
            module.target(data)
        except BaseException as error:
            error.add_note(f"{name}.target({data[:4000]!r})")
            raise
