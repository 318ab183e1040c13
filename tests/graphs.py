"""Random graphs of turns, and what a reader of the manual would compute of them by hand.

The functions named `naive_…` are the specification in its dullest form: sets of all ancestors,
sorted lists, no cleverness. They know a graph as numbers; `build` makes objects of it.
"""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import strategies as st

from tapegit.objects.kind import Kind
from tapegit.objects.turn import Turn, encode_turn
from tapegit.store.memory import MemorySource
from tapegit.store.source import TurnFacts


class Node(NamedTuple):
    """A turn: numbers of its parents, all smaller than its own, and its time or None."""

    parents: tuple[int, ...] = ()
    time: int | None = None
    role: str = "user"


@st.composite
def dags(draw, *, count_max=12, roles=("user",)):
    """Graphs in which clocks run backwards, stand still and are missing."""
    count = draw(st.integers(1, count_max))
    nodes = []
    for number in range(count):
        earlier = st.lists(st.integers(0, number - 1), max_size=3, unique=True)
        # Mostly the turn before: chains with merges, not a cloud of roots.
        parents = draw(earlier | st.just([number - 1])) if number else []
        time = draw(st.integers(-3, 9) | st.none())
        nodes.append(Node(tuple(parents), time, draw(st.sampled_from(roles))))
    return nodes


def build(nodes, source):
    """Store the turns and return their ids, by number."""
    oids = []
    for number, node in enumerate(nodes):
        parents = tuple(str(oids[parent]) for parent in node.parents)
        turn = Turn(role=node.role, parents=parents, time=node.time, summary=f"turn {number}")
        oids.append(source.write(Kind.TURN, encode_turn(turn)))
    return oids


def chain(count, *, time=0):
    """Return a chain of turns, one millisecond apart."""
    return [Node((n - 1,) if n else (), time + n) for n in range(count)]


class IndexedSource(MemorySource):
    """Memory that knows the facts of some turns, as the index of a pack would."""

    def __init__(self):
        super().__init__()
        self.known = {}

    def index(self, nodes, oids, numbers):
        """Know the facts of these turns from now on."""
        for number in numbers:
            self.known[oids[number]] = naive_facts(nodes, oids, number)

    def find_facts(self, oid):
        """Return what was indexed."""
        return self.known.get(oid)


class HoleSource(MemorySource):
    """Memory in which some objects are missing."""

    def __init__(self):
        super().__init__()
        self.missing = set()

    def find(self, oid):
        """Return the object unless it is missing."""
        return None if oid in self.missing else super().find(oid)

    def contains(self, oid):
        """Return whether it is here."""
        return oid not in self.missing and super().contains(oid)

    def find_header(self, oid):
        """Return kind and size unless it is missing."""
        return None if oid in self.missing else super().find_header(oid)


def naive_dates(nodes):
    """Return the date of each turn: its own time or that of its latest ancestor."""
    dates = []
    for node in nodes:
        dates.append(max([node.time or 0, *(dates[parent] for parent in node.parents)]))
    return dates


def naive_generations(nodes):
    """Return 1 for a root, else one more than the largest among the parents."""
    generations = []
    for node in nodes:
        generations.append(1 + max((generations[parent] for parent in node.parents), default=0))
    return generations


def naive_facts(nodes, oids, number):
    """Return what an index knows of one turn."""
    node = nodes[number]
    parents = tuple(oids[parent] for parent in node.parents)
    generation, date = naive_generations(nodes)[number], naive_dates(nodes)[number]
    return TurnFacts(generation, date, parents, node.role == "session")


def naive_reach(nodes, starts, *, first_parent=False):
    """Return the set of everything reachable from some turns, these included."""
    seen = set()
    waiting = list(starts)
    while waiting:
        number = waiting.pop()
        if number not in seen:
            seen.add(number)
            waiting.extend(nodes[number].parents[: 1 if first_parent else None])
    return seen


def naive_order(nodes, oids, numbers):
    """Return turns in the order of walks: date, generation, leaders first, smallest id."""
    dates, generations = naive_dates(nodes), naive_generations(nodes)

    def key(number):
        is_leader = nodes[number].role == "session"
        return (-dates[number], -generations[number], -is_leader, oids[number])

    return sorted(numbers, key=key)


def naive_topo(nodes, dated):
    """Return turns, given by date, so that lines do not interleave: git's algorithm."""
    chosen = set(dated)
    waiting = dict.fromkeys(dated, 0)
    for number in dated:
        for parent in nodes[number].parents:
            if parent in chosen:
                waiting[parent] += 1
    stack = [number for number in reversed(dated) if not waiting[number]]
    shown = []
    while stack:
        number = stack.pop()
        shown.append(number)
        for parent in nodes[number].parents:
            if parent in chosen:
                waiting[parent] -= 1
                if not waiting[parent]:
                    stack.append(parent)
    return shown


def naive_best(nodes, numbers):
    """Return those of some turns that no other of them reaches."""
    return {
        one
        for one in numbers
        if not any(other != one and one in naive_reach(nodes, [other]) for other in numbers)
    }


def naive_bases(nodes, one, *others):
    """Return the best common ancestors of a turn and of a merge of others."""
    common = naive_reach(nodes, [one]) & naive_reach(nodes, others)
    return naive_best(nodes, common)
