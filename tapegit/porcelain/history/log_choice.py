"""A log in full: only some of the turns of a walk, and the tapes of agents where they began.

What limits a log counts what is left after all other choices, as in git: so the walk has no
limits here, and its turns are counted at last.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from tapegit.objects.turn import decode_turn
from tapegit.porcelain.history.log import iter_log

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tapegit.graph.turns import TurnGraph
    from tapegit.graph.walk import WalkOptions
    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.history.log import LogEntry
    from tapegit.porcelain.turns.agents import AgentFinder
    from tapegit.porcelain.turns.selection import Selection
    from tapegit.repository.repository import Repository

    Keep = Callable[[bytes], bool]


class ChosenLog:
    """The turns of a log.

    Args:
        repository: The store.
        graph: Its turns.
        selection: Where to start and what to leave out.
        options: Of the walk.
        keep: Says of a turn's data whether it is shown; None shows all.
        agents: Finds the agents of each turn; None looks for none.
        with_graph: Line by line, each entry with its parents, and the turns of agents between
            those of the tape that they began on.
    """

    def __init__(
        self,
        repository: Repository,
        graph: TurnGraph,
        selection: Selection,
        options: WalkOptions,
        *,
        keep: Keep | None = None,
        agents: AgentFinder | None = None,
        with_graph: bool = False,
    ) -> None:
        self._repository = repository
        self._graph = graph
        self._selection = selection
        self._options = options
        self._keep = keep
        self._agents = agents
        self._with_graph = with_graph
        self._drawn: set[ObjectId] = set()

    def __iter__(self) -> Iterator[LogEntry]:
        """Yield the entries.

        Raises:
            ObjectNotFoundError: A turn, or bytes that it was read from, are missing.
            DataError: They are damaged.
        """
        entries = self._iter_drawn() if self._with_graph and self._agents else self._iter_plain()
        keep = self._keep
        if keep is not None and self._with_graph:
            entries = _iter_joined(entries, keep)
        elif keep is not None:
            entries = (entry for entry in entries if keep(entry.data))
        skip = max(self._options.get("skip", 0), 0)
        count = self._options.get("max_count")
        entries = islice(entries, skip, None if count is None or count < 0 else skip + count)
        if self._options.get("reverse"):
            entries = reversed(list(entries))
        return entries

    def _iter_plain(self) -> Iterator[LogEntry]:
        for entry in self._walk(self._selection.starts):
            yield self._with_agents(entry)

    def _walk(self, starts: Iterable[ObjectId]) -> Iterator[LogEntry]:
        options: WalkOptions = {**self._options, "skip": 0, "max_count": None, "reverse": False}
        selection = self._selection._replace(starts=list(starts))
        return iter_log(
            self._repository, self._graph, selection, options, with_graph=self._with_graph
        )

    def _with_agents(self, entry: LogEntry) -> LogEntry:
        if self._agents is None:
            return entry
        return entry._replace(agents=self._agents.find(entry.oid, decode_turn(entry.data)))

    def _iter_drawn(self) -> Iterator[LogEntry]:
        """Yield the turns of the walk, those of each agent above the turn that spawned it.

        Tapes of agents that the walk starts from come last, if no turn in it spawned them.
        """
        starts = self._selection.starts
        waiting = [oid for oid in starts if len(starts) > 1 and self._is_agent(oid)]
        main = [oid for oid in starts if oid not in waiting]
        self._drawn.update(main)
        yield from self._iter_spliced(self._walk(main))
        for oid in waiting:
            if oid not in self._drawn:
                self._drawn.add(oid)
                yield from self._iter_spliced(self._walk([oid]))

    def _is_agent(self, oid: ObjectId) -> bool:
        leader = self._graph.find_leader(oid)
        session = self._graph.read_turn(leader).session if leader is not None else None
        return session is not None and (session.agent is not None or session.id is None)

    def _iter_spliced(self, entries: Iterator[LogEntry]) -> Iterator[LogEntry]:
        """Yield entries, before each that spawned agents the turns of these, however deep."""
        stack = [entries]
        while stack:
            entry = next(stack[-1], None)
            if entry is None:
                stack.pop()
                continue
            if not entry.agents:
                entry = self._with_agents(entry)
                tapes = [tape for tape in entry.agents if tape.tip not in self._drawn]
                if tapes:
                    self._drawn.update(tape.tip for tape in tapes)
                    stack[-1] = _prepend(entry, stack[-1])
                    stack += [self._hang(tape.tip, tape.leader, entry.oid) for tape in tapes]
                    continue
            yield entry

    def _hang(self, tip: ObjectId, leader: ObjectId, caller: ObjectId) -> Iterator[LogEntry]:
        """Yield the turns of an agent, whose leader hangs on the turn that spawned it."""
        for entry in self._walk([tip]):
            if entry.oid == leader:
                yield entry._replace(parents=(caller,))
                return
            yield entry


def _prepend(entry: LogEntry, entries: Iterator[LogEntry]) -> Iterator[LogEntry]:
    yield entry
    yield from entries


def _iter_joined(entries: Iterable[LogEntry], keep: Keep) -> Iterator[LogEntry]:
    """Yield the entries to keep, each with its nearest kept ancestors as its parents."""
    kept: list[LogEntry] = []
    shown: dict[ObjectId, tuple[ObjectId, ...]] = {}
    for entry in reversed(list(entries)):
        found = (oid for parent in entry.parents for oid in shown.get(parent, ()))
        parents = tuple(dict.fromkeys(found))
        if keep(entry.data):
            kept.append(entry._replace(parents=parents))
            shown[entry.oid] = (entry.oid,)
        else:
            shown[entry.oid] = parents
    return reversed(kept)
