"""What a graph reads, and how much of it."""

from __future__ import annotations

import pytest

from tapegit.errors import FormatError, IntegrityError, ObjectNotFoundError
from tapegit.graph.ancestry import is_ancestor, merge_bases
from tapegit.graph.frontier import Frontier
from tapegit.graph.turns import LOWEST_ORDER, TurnGraph, is_complete
from tapegit.graph.walk import iter_first_parents, walk
from tapegit.objects.kind import Kind
from tapegit.objects.oid import ObjectId
from tapegit.store.memory import MemorySource
from tapegit.store.source import TurnFacts
from tests.graphs import HoleSource, IndexedSource, Node, build, chain

LONG = 20_000  # twenty times what Python recurses


class CountingSource(HoleSource):
    """Memory that counts what is read."""

    reads = 0

    def find(self, oid):
        """Count, and return the object."""
        self.reads += 1
        return super().find(oid)


def test_walk_of_a_chain_reads_what_it_yields():
    """The newest of many unpacked turns cost one read each, whatever lies below them."""
    source = CountingSource()
    oids = build(chain(1000), source)
    newest = list(walk(TurnGraph(source), [oids[-1]], max_count=20))
    assert newest == oids[:-21:-1]
    assert source.reads <= 21


def test_parents_work_out_nothing():
    """Asking for parents reads one turn."""
    source = CountingSource()
    oids = build(chain(100), source)
    graph = TurnGraph(source)
    assert graph.parents(oids[-1]) == (oids[-2],)
    assert source.reads == 1
    assert graph.facts(oids[-1]).generation == 100
    assert source.reads == 101
    # What was worked out is kept.
    assert graph.facts(oids[50]).generation == 51
    assert source.reads == 101


def test_facts_stop_at_what_an_index_knows():
    """Unpacked turns on top of packed ones cost their own reads alone."""

    class Source(IndexedSource, CountingSource):
        pass

    source = Source()
    nodes = chain(1000)
    oids = build(nodes, source)
    source.index(nodes, oids, [989])
    assert TurnGraph(source).facts(oids[-1]).generation == 1000
    assert source.reads == 10


def test_fast_forward_is_seen_by_a_few_reads():
    """Whether a tip moved forward by a turn is not a question to a whole history."""
    source = CountingSource()
    oids = build(chain(1000), source)
    assert is_ancestor(TurnGraph(source), oids[-3], oids[-1])
    assert source.reads <= 4


def test_long_chain_needs_no_stack():
    """Nothing recurses: orders, walks, ancestry and bases of a long chain."""
    source = MemorySource()
    oids = build([*chain(LONG), Node((0,), 5)], source)
    graph = TurnGraph(source)
    assert graph.facts(oids[-2]).generation == LONG
    assert sum(1 for _ in walk(graph, oids[-2:], order="topo")) == LONG + 1
    assert is_ancestor(graph, oids[0], oids[-2])
    assert merge_bases(graph, oids[-1], oids[-2]) == [oids[0]]
    assert sum(1 for _ in walk(graph, [oids[-2]], exclude=[oids[-1]])) == LONG - 1


def test_many_parents_are_worked_out_once():
    """A ladder, in which paths double at each rung, is walked in time."""
    nodes = [Node(), Node()]
    for rung in range(2, 800, 2):
        nodes += [Node((rung - 2, rung - 1), rung), Node((rung - 1, rung - 2), rung)]
    source = CountingSource()
    oids = build(nodes, source)
    graph = TurnGraph(source)
    assert len(list(walk(graph, oids[-2:]))) == len(nodes)
    assert graph.facts(oids[-1]).generation == len(nodes) // 2
    assert source.reads <= 3 * len(nodes)


def test_missing_parent_is_named_with_its_child():
    """The error of a walk names the turn that is missing and the turn that needs it."""
    source = HoleSource()
    oids = build(chain(5), source)
    source.missing = {oids[1]}
    found = []
    with pytest.raises(ObjectNotFoundError) as caught:
        found.extend(walk(TurnGraph(source), [oids[4]]))
    assert caught.value.fields == {"oid": oids[1], "referrer": oids[2]}
    assert str(oids[1]) in str(caught.value)
    assert str(oids[2]) in str(caught.value)


def test_range_above_a_hole_is_answered():
    """A tape whose beginning is lost still has its last turns; it has no others."""
    source = HoleSource()
    nodes = [*chain(10), Node((), 4)]
    oids = build(nodes, source)
    source.missing = {oids[2]}
    graph = TurnGraph(source)
    assert list(walk(graph, [oids[9]], exclude=[oids[6]])) == oids[9:6:-1]
    assert is_ancestor(graph, oids[6], oids[9])
    assert not is_complete(graph.locate(oids[9])[0])
    # Nobody knows whether a turn of another history lies behind the one that is missing.
    with pytest.raises(ObjectNotFoundError) as caught:
        list(walk(graph, [oids[10]], exclude=[oids[6]]))
    assert caught.value.fields["oid"] == oids[2]


def test_object_of_another_kind_is_no_turn():
    """A blob where a turn must be is damage, with what was expected."""
    source = MemorySource()
    blob = source.write(Kind.BLOB, b"x")
    for ask in (TurnGraph(source).parents, TurnGraph(source).facts, TurnGraph(source).read_turn):
        with pytest.raises(FormatError) as caught:
            ask(blob)
        assert caught.value.fields["actual"] is Kind.BLOB


def test_unreadable_turn_has_the_lowest_order():
    """What is missing comes last in every walk."""
    graph = TurnGraph(MemorySource())
    assert graph.locate(ObjectId(bytes(32))) == (LOWEST_ORDER, None)


def test_index_that_lies_is_found_out():
    """An index that makes a turn its own ancestor ends in an error, not in a circle."""
    source = IndexedSource()
    one, two = ObjectId(b"1" * 32), ObjectId(b"2" * 32)
    source.known = {
        one: TurnFacts(5, 0, (two,), is_leader=False),
        two: TurnFacts(5, 0, (one,), is_leader=False),
    }
    for start in (one, two):
        with pytest.raises(IntegrityError):
            list(walk(TurnGraph(source), [start]))
    unknown = {oid: facts._replace(generation=0) for oid, facts in source.known.items()}
    source.known = unknown
    with pytest.raises(IntegrityError):
        TurnGraph(source).facts(one)


def test_first_parents_are_followed_to_the_root():
    """The other parents of a merge are passed over."""
    source = MemorySource()
    oids = build([Node(), Node((), 9), Node((0, 1), 10), Node((2,), 11)], source)
    found = list(iter_first_parents(TurnGraph(source), oids[3]))
    assert found == [oids[3], oids[2], oids[0]]


def test_frontier_merges_flags_of_a_turn_found_twice():
    """Flags of a turn that is waiting are added up, and settled turns are not counted."""
    source = MemorySource()
    oids = build(chain(2), source)
    frontier = Frontier(TurnGraph(source), settled=2)
    frontier.push(oids[0], 1)
    frontier.push(oids[1], 0)
    assert frontier.live == 2
    frontier.push(oids[0], 2)
    assert (frontier.live, frontier.flags_of(oids[0])) == (1, 3)
    assert frontier.pop().oid == oids[1]
    assert frontier.pop().flags == 3
    assert frontier.flags_of(oids[0]) is None
