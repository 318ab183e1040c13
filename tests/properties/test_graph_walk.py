"""Walks against the specification, on random graphs with clocks that run backwards."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.errors import ObjectNotFoundError
from tapegit.graph.turns import TurnGraph
from tapegit.graph.walk import walk
from tests.graphs import (
    HoleSource,
    IndexedSource,
    build,
    dags,
    naive_dates,
    naive_facts,
    naive_order,
    naive_reach,
    naive_topo,
)


@st.composite
def cases(draw, roles=("user", "session")):
    """A graph, its ids and graph (some turns indexed), starts and exclusions."""
    nodes = draw(dags(roles=roles))
    numbers = st.integers(0, len(nodes) - 1)
    source = IndexedSource()
    oids = build(nodes, source)
    source.index(nodes, oids, draw(st.sets(numbers)))
    starts = draw(st.lists(numbers, min_size=1, max_size=4))
    exclude = draw(st.lists(numbers, max_size=3))
    return nodes, oids, TurnGraph(source), starts, exclude


def _ids(oids, numbers):
    return [oids[number] for number in numbers]


@given(cases())
def test_walk_by_date_matches_specification(case):
    """A walk yields what is reachable and not excluded, sorted, however much is indexed."""
    nodes, oids, graph, starts, exclude = case
    wanted = naive_reach(nodes, starts) - naive_reach(nodes, exclude)
    found = list(walk(graph, _ids(oids, starts), exclude=_ids(oids, exclude)))
    assert found == _ids(oids, naive_order(nodes, oids, wanted))


@given(cases())
def test_walk_in_topological_order_matches_gits_algorithm(case):
    """The order `topo` is git's: a stack of turns whose children have all been shown."""
    nodes, oids, graph, starts, exclude = case
    wanted = naive_reach(nodes, starts) - naive_reach(nodes, exclude)
    expected = naive_topo(nodes, naive_order(nodes, oids, wanted))
    found = list(walk(graph, _ids(oids, starts), exclude=_ids(oids, exclude), order="topo"))
    assert found == _ids(oids, expected)


@given(cases(), st.sampled_from(["date", "topo"]))
def test_walk_of_first_parents_matches_specification(case, order):
    """First parents alone are followed, but what is excluded is excluded by all parents."""
    nodes, oids, graph, starts, exclude = case
    wanted = naive_reach(nodes, starts, first_parent=True) - naive_reach(nodes, exclude)
    found = list(
        walk(graph, _ids(oids, starts), exclude=_ids(oids, exclude), first_parent=True, order=order)
    )
    assert sorted(found) == sorted(_ids(oids, wanted))
    if order == "date":
        assert found == _ids(oids, naive_order(nodes, oids, wanted))


LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "since_ms": st.integers(-4, 10) | st.none(),
        "until_ms": st.integers(-4, 10) | st.none(),
        "min_parents": st.integers(-1, 3),
        "max_parents": st.integers(0, 3) | st.none(),
        "skip": st.integers(0, 4),
        "max_count": st.integers(-1, 6) | st.none(),
        "reverse": st.booleans(),
        "order": st.sampled_from(["date", "date-order", "topo", "topo-order"]),
    },
)


@given(cases(), LIMITS)
def test_walk_with_limits_matches_specification(case, limits):
    """Dates cut, then the order is made, parents choose, count cuts, and the result turns round."""
    nodes, oids, graph, starts, exclude = case
    dates = naive_dates(nodes)
    wanted = naive_reach(nodes, starts) - naive_reach(nodes, exclude)
    low, high = limits.get("since_ms"), limits.get("until_ms")
    dated = [
        number
        for number in naive_order(nodes, oids, wanted)
        if (low is None or dates[number] >= low) and (high is None or dates[number] <= high)
    ]
    chosen = naive_topo(nodes, dated) if limits.get("order", "").startswith("topo") else dated
    fewest, most = limits.get("min_parents", 0), limits.get("max_parents")
    chosen = [
        number
        for number in chosen
        if len(nodes[number].parents) >= fewest
        and (most is None or len(nodes[number].parents) <= most)
    ]
    skip, count = limits.get("skip", 0), limits.get("max_count")
    chosen = chosen[skip:] if count is None or count < 0 else chosen[skip : skip + count]
    found = list(walk(graph, _ids(oids, starts), exclude=_ids(oids, exclude), **limits))
    assert found == _ids(oids, chosen[::-1] if limits.get("reverse") else chosen)


@given(cases())
def test_facts_match_specification(case):
    """Generation, date, parents and leader of each turn are the same, indexed or worked out."""
    nodes, oids, graph, _, _ = case
    for number, oid in enumerate(oids):
        assert graph.facts(oid) == naive_facts(nodes, oids, number)


@given(
    dags(), st.data(), st.booleans(), st.sampled_from([{}, {"order": "topo"}, {"reverse": True}])
)
def test_walk_over_holes_is_right_or_names_the_hole(nodes, data, with_exclude, options):
    """A missing turn is an error that names it, unless nothing asked for depends on it."""
    numbers = st.integers(0, len(nodes) - 1)
    source = HoleSource()
    oids = build(nodes, source)
    holes = data.draw(st.sets(numbers, min_size=1, max_size=3))
    starts = data.draw(st.lists(numbers, min_size=1, max_size=3))
    exclude = data.draw(st.lists(numbers, max_size=2)) if with_exclude else []
    source.missing = {oids[hole] for hole in holes}
    hidden = naive_reach(nodes, exclude)
    wanted = naive_reach(nodes, starts) - hidden
    graph = TurnGraph(source)
    found = []
    try:
        for oid in walk(graph, _ids(oids, starts), exclude=_ids(oids, exclude), **options):
            found.append(oid)  # noqa: PERF402 - what came before the error counts
    except ObjectNotFoundError as error:
        hole, message = error.fields["oid"], str(error)
    else:
        hole, message = None, ""
    if hole is None:
        assert sorted(found) == sorted(_ids(oids, wanted))
    else:
        assert hole in source.missing
        assert str(hole) in message
        assert set(found) <= set(_ids(oids, wanted))
    if not holes & naive_reach(nodes, [*starts, *exclude]):
        assert len(found) == len(wanted)


def test_walk_of_unknown_order_is_a_mistake():
    """An order that does not exist is the caller's mistake, told at once."""
    with pytest.raises(ValueError, match="sideways"):
        walk(TurnGraph(HoleSource()), [], order="sideways")
