"""Walks over the links of a store as numbers, compared with the obvious way."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from tapegit.upkeep.fsck.linktable import LinkTable, find_losers
from tapegit.upkeep.fsck.objectcheck import LinkBlock

COUNT = 12


class Numbers:
    """As much of a `StoreMap` as a table of links needs."""

    def __init__(self, firsts=None):
        self.count = COUNT
        self.firsts = firsts or {}


links_of_all = st.dictionaries(
    st.integers(0, COUNT - 1), st.lists(st.integers(0, COUNT - 1), max_size=4), max_size=COUNT
)


def make(links, firsts=None):
    """Return the table of some links, each object in a block of its own, last first."""
    blocks = [
        LinkBlock(number, array("I", [len(targets)]), array("I", targets))
        for number, targets in links.items()
    ]
    return LinkTable(Numbers(firsts), blocks[::-1])


def reach(links, tips):
    """Return what can be reached."""
    seen, stack = set(), list(tips)
    while stack:
        number = stack.pop()
        if number not in seen:
            seen.add(number)
            stack += links.get(number, [])
    return seen


def members(marks):
    """Return a set of bytes as a set of numbers."""
    return {number for number, mark in enumerate(marks) if mark}


@given(links=links_of_all, tips=st.sets(st.integers(0, COUNT - 1), max_size=3))
def test_marks_are_what_can_be_reached(links, tips):
    """Whatever the order of blocks, with gaps between them and circles in the links."""
    table = make(links)

    assert members(table.mark(tips)) == reach(links, tips)
    for number in range(COUNT):
        assert list(table.links_of(number)) == links.get(number, [])


@given(links=links_of_all, lost=st.sets(st.integers(0, COUNT - 1), max_size=3))
def test_dependents_are_those_that_reach_what_is_lost(links, lost):
    """The walk against the links gives what the walk along them gives."""
    expected = {number for number in range(COUNT) if reach(links, [number]) & lost}

    assert members(make(links).mark_dependents(lost)) == expected


@given(
    links=links_of_all,
    roots=st.dictionaries(st.sampled_from("abc"), st.integers(0, COUNT - 1)),
    lost=st.sets(st.integers(0, COUNT - 1), max_size=3),
)
def test_losers_are_the_refs_that_reach_each_lost_object(links, roots, lost):
    """For each object the names of exactly the refs that need it, in the order given."""
    pairs = sorted(roots.items())
    expected = {
        number: tuple(name for name, root in pairs if number in reach(links, [root]))
        for number in lost
    }

    assert find_losers(make(links), pairs, lost, count_max=10) == expected


def test_losers_are_looked_for_in_so_many_refs_only():
    """However many refs there are, the work is bounded."""
    table = make({})

    assert find_losers(table, [("a", 1), ("b", 1)], [1], count_max=1) == {1: ("a",)}


@given(links=links_of_all, sources=st.sets(st.integers(0, COUNT - 1)))
def test_needed_are_the_targets_of_some_objects(links, sources):
    """An object that names itself is not needed by it."""
    expected = {t for number in sources for t in links.get(number, []) if t != number}

    assert members(make(links).mark_needed(sources)) == expected


def test_targets_are_first_numbers():
    """A link to a copy is a link to the object's first number."""
    table = make({0: [3, 4]}, firsts={4: 1})

    assert list(table.links_of(0)) == [3, 1]
