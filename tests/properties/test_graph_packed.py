"""Graphs whose turns lie in several packs and in loose files: the answers are the same."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegit.graph.ancestry import merge_bases
from tapegit.graph.turns import TurnGraph
from tapegit.graph.walk import walk
from tapegit.objects.kind import Kind
from tapegit.objects.oid import ObjectId
from tapegit.store.pack_writer import PackWriter
from tests.builders import make_repo
from tests.graphs import (
    MemorySource,
    Node,
    build,
    chain,
    dags,
    naive_bases,
    naive_facts,
    naive_order,
    naive_reach,
    naive_topo,
)

PLACES = 4  # the first is loose, each other one a pack


def scatter(repository, nodes, places, order):
    """Store each turn in its place, the places one after another; return the ids."""
    memory = MemorySource()
    oids = build(nodes, memory)
    for place in order:
        chosen = [oid for oid, where in zip(oids, places, strict=True) if where == place]
        if place == 0:
            for oid in chosen:
                repository.objects.write(Kind.TURN, memory.find(oid).data)
        elif chosen:
            write_pack(repository, [memory.find(oid).data for oid in chosen])
    return oids


def write_pack(repository, turns):
    """Store turns in a pack of their own, even if they are stored elsewhere."""
    root = repository.root
    with PackWriter(
        repository.objects,
        root / "objects" / "pack",
        root / "tmp",
        cold=False,
        threads=1,
        skip_existing=False,
    ) as writer:
        for data in turns:
            writer.add(Kind.TURN, data)
        writer.finish()
    repository.objects.refresh()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Give a folder for many small stores."""
    return tmp_path_factory.mktemp("scattered")


@settings(max_examples=25)
@given(st.data())
def test_scattered_graph_answers_as_in_memory(folder, data):
    """Facts, walks, bases and leaders do not depend on where turns lie, nor on who came first.

    A pack that was written before the pack with its parents knows no generations; they are
    worked out, and nothing changes but the time it takes.
    """
    nodes = data.draw(dags(roles=("user", "session")))
    count = len(nodes)
    places = data.draw(st.lists(st.integers(0, PLACES - 1), min_size=count, max_size=count))
    order = data.draw(st.permutations(range(PLACES)))
    repository = make_repo(Path(tempfile.mkdtemp(dir=folder)) / ".tapes")
    oids = scatter(repository, nodes, places, order)
    graph = TurnGraph(repository.objects)
    numbers = st.integers(0, count - 1)
    one, other = data.draw(numbers), data.draw(numbers)
    hidden = naive_reach(nodes, [other])
    dated = naive_order(nodes, oids, naive_reach(nodes, [one]) - hidden)
    assert list(walk(graph, [oids[one]], exclude=[oids[other]])) == [oids[n] for n in dated]
    topo = [oids[n] for n in naive_topo(nodes, dated)]
    assert list(walk(graph, [oids[one]], exclude=[oids[other]], order="topo")) == topo
    bases = naive_order(nodes, oids, naive_bases(nodes, one, other))
    assert merge_bases(graph, oids[one], oids[other]) == [oids[n] for n in bases]
    for number, oid in enumerate(oids):
        assert graph.facts(oid) == naive_facts(nodes, oids, number)
        assert graph.find_leader(oid) == naive_leader(nodes, oids, number)


def naive_leader(nodes, oids, number):
    """Return the nearest leader along first parents."""
    while nodes[number].role != "session":
        if not nodes[number].parents:
            return None
        number = nodes[number].parents[0]
    return oids[number]


def test_leader_is_found_by_the_indexes_alone(tmp_path):
    """No turn between a tip and its leader is read where packs know the way."""
    repository = make_repo(tmp_path / ".tapes")
    nodes = chain(40)
    nodes[3] = Node((2,), 3, "session")
    oids = scatter(repository, nodes, [1 + number // 20 for number in range(40)], range(PLACES))
    database = repository.objects
    assert database.trace_leader(oids[19]) == oids[3]
    assert database.trace_leader(oids[39]) == oids[20]  # the last one of its own pack
    assert database.trace_leader(oids[2]) == oids[0]
    assert TurnGraph(database).find_leader(oids[39]) == oids[3]
    assert TurnGraph(database).find_leader(oids[2]) is None
    unknown = ObjectId(bytes(32))
    assert database.trace_leader(unknown) == unknown
