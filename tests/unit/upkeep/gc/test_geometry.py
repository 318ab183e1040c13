"""Which packs are folded, and what a long recording costs."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.upkeep.gc.geometry import FACTOR, count_to_fold


@pytest.mark.parametrize(
    ("sizes", "fresh", "count"),
    [
        ([], 0, 0),
        ([], 5, 0),
        ([7], 0, 0),
        ([7], 1, 0),
        ([7], 4, 1),
        ([1, 2, 4, 8], 0, 0),
        ([1, 1, 4, 8], 0, 2),
        ([10, 11], 0, 2),
        ([1, 100], 0, 0),
        ([1, 2, 100], 1, 2),
    ],
)
def test_count(sizes, fresh, count):
    """The smallest packs are folded until the rest is a progression, and no more."""
    assert count_to_fold(sizes, fresh_bytes=fresh) == count


@given(st.lists(st.integers(1, 10_000), max_size=30), st.integers(0, 10_000))
def test_after_folding_nothing_is_left_to_fold(sizes, fresh):
    """A second run right after the first finds nothing to do, so gc comes to rest."""
    sizes.sort()
    count = count_to_fold(sizes, fresh_bytes=fresh)
    new = fresh + sum(sizes[:count])
    after = sorted([*sizes[count:], *([new] if new else [])])
    assert count_to_fold(after) == 0


@given(st.lists(st.integers(1, 10_000), min_size=1, max_size=30))
def test_packs_that_stay_are_a_progression(sizes):
    """Each pack that stays is at least twice as large as the one before it."""
    sizes.sort()
    count = count_to_fold(sizes)
    after = sorted([*sizes[count:], *([sum(sizes[:count])] if count else [])])
    assert all(large >= FACTOR * small for small, large in itertools.pairwise(after))


def test_long_recording_rewrites_each_byte_a_logarithm_of_times():
    """A thousand runs of the same size rewrite a byte as often as the runs have doubled."""
    packs: list[int] = []
    written = 0
    runs = 1000
    for _ in range(runs):
        packs.sort()
        count = count_to_fold(packs, fresh_bytes=100)
        new = 100 + sum(packs[:count])
        written += new
        packs = [*packs[count:], new]
        assert len(packs) <= math.log2(runs) + 1
    assert written <= 100 * runs * math.log2(runs)
