"""The compact table of ids: a dictionary's answers from a few bytes an id."""

from __future__ import annotations

import random
import sys

from hypothesis import given
from hypothesis import strategies as st

from tapegit.store.id_table import IdTable

alike = st.integers(0, 50).map(lambda number: b"\0" * 31 + bytes([number]))


@given(st.lists(alike | st.binary(min_size=32, max_size=32), max_size=200))
def test_it_answers_like_a_dictionary(ids):
    """Also where all ids begin alike, and where many come twice."""
    table, model = IdTable(), {}
    for oid in ids:
        assert table.find(oid) == model.get(oid, -1)
        assert table.add(oid) == (oid not in model)
        model.setdefault(oid, len(model))
    assert len(table) == len(model)
    assert [table.id_at(number) for number in range(len(table))] == list(model)
    assert all(table.find(oid) == number for oid, number in model.items())


def test_it_grows_and_stays_small():
    """A hundred thousand ids cost less than 64 bytes each."""
    chance = random.Random(3)
    ids = [chance.randbytes(32) for _ in range(100_000)]
    table = IdTable()
    assert all(table.add(oid) for oid in ids)
    assert [table.find(oid) for oid in ids[::997]] == list(range(0, 100_000, 997))
    assert table.find(b"\0" * 32) == -1
    size = sys.getsizeof(table.ids) + sys.getsizeof(table._slots)
    assert size < 64 * len(ids)
