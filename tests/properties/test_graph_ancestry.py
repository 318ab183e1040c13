"""Ancestry against the specification, on random graphs with clocks that run backwards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.errors import ObjectNotFoundError
from tapegit.graph.ancestry import (
    count_ahead_behind,
    independent,
    is_ancestor,
    merge_bases,
    octopus_bases,
)
from tapegit.graph.turns import TurnGraph
from tests.graphs import (
    HoleSource,
    IndexedSource,
    build,
    dags,
    naive_bases,
    naive_best,
    naive_order,
    naive_reach,
)


@st.composite
def cases(draw, count=2):
    """A graph, its ids, its graph (some turns indexed), and so many of its turns."""
    nodes = draw(dags())
    numbers = st.integers(0, len(nodes) - 1)
    source = IndexedSource()
    oids = build(nodes, source)
    source.index(nodes, oids, draw(st.sets(numbers)))
    chosen = draw(st.lists(numbers, min_size=count, max_size=count))
    return nodes, oids, TurnGraph(source), chosen


def _ids(oids, numbers):
    return [oids[number] for number in numbers]


@given(cases())
def test_is_ancestor_matches_specification(case):
    """A turn is an ancestor of what reaches it, and of itself."""
    nodes, oids, graph, (one, other) = case
    assert is_ancestor(graph, oids[one], oids[other]) == (one in naive_reach(nodes, [other]))


@given(cases())
def test_is_ancestor_beyond_the_probe_matches_specification(case):
    """The walk that follows where the nearest turns say nothing gives the same answers."""
    nodes, oids, graph, (one, other) = case
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("tapegit.graph.ancestry._PROBE_COUNT", 0)
        found = is_ancestor(graph, oids[one], oids[other])
    assert found == (one in naive_reach(nodes, [other]))


@given(cases(count=3))
def test_merge_bases_match_specification(case):
    """All best common ancestors are found, none that another one reaches, newest first."""
    nodes, oids, graph, (one, *others) = case
    expected = naive_order(nodes, oids, naive_bases(nodes, one, others[0]))
    assert merge_bases(graph, oids[one], oids[others[0]]) == _ids(oids, expected)
    expected = naive_order(nodes, oids, naive_bases(nodes, one, *others))
    assert merge_bases(graph, oids[one], *_ids(oids, others)) == _ids(oids, expected)


@given(cases(count=3))
def test_octopus_bases_match_specification(case):
    """What all of several turns have in common, the best of it."""
    nodes, oids, graph, chosen = case
    common = set.intersection(*(naive_reach(nodes, [number]) for number in chosen))
    expected = naive_order(nodes, oids, naive_best(nodes, common))
    assert octopus_bases(graph, _ids(oids, chosen)) == _ids(oids, expected)


@given(cases(count=4))
def test_independent_matches_specification(case):
    """Of several turns those that no other reaches."""
    nodes, oids, graph, chosen = case
    expected = naive_order(nodes, oids, naive_best(nodes, set(chosen)))
    assert independent(graph, _ids(oids, chosen)) == _ids(oids, expected)


@given(cases())
def test_ahead_behind_matches_specification(case):
    """Ahead is what only ours reaches, behind what only theirs does."""
    nodes, oids, graph, (ours, theirs) = case
    one, other = naive_reach(nodes, [ours]), naive_reach(nodes, [theirs])
    found = count_ahead_behind(graph, oids[ours], oids[theirs])
    assert found == (len(one - other), len(other - one))


@given(dags(), st.data())
def test_ancestry_over_holes_is_right_or_names_the_hole(nodes, data):
    """No answer is ever wrong because a turn is missing."""
    numbers = st.integers(0, len(nodes) - 1)
    source = HoleSource()
    oids = build(nodes, source)
    source.missing = {oids[hole] for hole in data.draw(st.sets(numbers, min_size=1, max_size=3))}
    one, other = data.draw(numbers), data.draw(numbers)
    ours, theirs = naive_reach(nodes, [one]), naive_reach(nodes, [other])
    bases = _ids(oids, naive_order(nodes, oids, naive_bases(nodes, one, other)))
    questions = [
        (lambda graph: is_ancestor(graph, oids[one], oids[other]), one in theirs),
        (lambda graph: sorted(merge_bases(graph, oids[one], oids[other])), sorted(bases)),
        (
            lambda graph: count_ahead_behind(graph, oids[one], oids[other]),
            (len(ours - theirs), len(theirs - ours)),
        ),
    ]
    for ask, expected in questions:
        hole = None
        try:
            found = ask(TurnGraph(source))
        except ObjectNotFoundError as error:
            hole = error.fields["oid"]
        assert hole in source.missing if hole is not None else found == expected
