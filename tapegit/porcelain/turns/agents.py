"""Agents: the tapes that a turn's tool calls spawned.

A leader may name the call that spawned its session; else the result of the call names the
agent. Everything is read from the turns themselves, so an index makes no difference. Only a
turn that called a tool with `agent` or `task` in its name is looked into.

Source: tapes-log(1), "AGENTS".
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.meaning.arguments import read_strings
from tapegit.dialects.meaning.spawned import iter_spawned
from tapegit.dialects.parts import ToolCall
from tapegit.graph.walk import iter_first_parents
from tapegit.porcelain.turns.parts import is_spawning, iter_parts, iter_pieces, may_spawn
from tapegit.recorder.session_names import session_folder, tape_ref
from tapegit.refs.names import RefName, percent_encode_component

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId
    from tapegit.objects.rope_reader import Find
    from tapegit.objects.turn import Session, Turn
    from tapegit.refs.reader import Ref
    from tapegit.repository.repository import Repository

FOLLOWING_COUNT_MAX: Final = 256
"""How many turns after a call are looked through for its result."""
START_COUNT_MAX: Final = 16
"""Of how many turns that a log starts from the lines are looked through, beside the session's."""


class AgentTape(NamedTuple):
    """The tape of an agent.

    Attributes:
        name: What its harness calls the agent, or the id of its session.
        ref: Names its tip.
        tip: Its newest turn.
        leader: Its first turn.
        oids: Its turns, the leader first.
        summary: That of its first message.
        call_id: The tool call that spawned it.
    """

    name: str
    ref: RefName
    tip: ObjectId
    leader: ObjectId
    oids: tuple[ObjectId, ...]
    summary: str | None
    call_id: str

    @property
    def turn_count(self) -> int:
        """How many turns it has, the leader included."""
        return len(self.oids)


class _Line(NamedTuple):
    """A tape, newest first, and where in it each turn is."""

    oids: list[ObjectId]
    places: dict[ObjectId, int]


class AgentFinder:
    """Finds the agents that turns spawned; remembers the lines that it looked through.

    Args:
        repository: The store.
        graph: Its turns.
        starts: Turns that reach those to ask for, beside those of their session.
    """

    def __init__(
        self, repository: Repository, graph: TurnGraph, starts: Sequence[ObjectId] = ()
    ) -> None:
        self._refs = repository.refs
        self._find = repository.objects.find
        self._graph = graph
        self._starts = starts[:START_COUNT_MAX]
        self._lines: dict[ObjectId, _Line] = {}
        self._agents: dict[str, list[tuple[Ref, Session]]] = {}

    def find(self, oid: ObjectId, turn: Turn) -> tuple[AgentTape, ...]:
        """Return the tapes of the agents that a turn spawned, in the order of its calls.

        Raises:
            ObjectNotFoundError: Something that must be read is missing.
            DataError: It is damaged.
        """
        if not may_spawn(turn):
            return ()
        calls = list(dict.fromkeys(_iter_call_ids(self._find, turn)))
        session = self._read_session(oid) if calls else None
        if session is None or not session.harness or not (session.id or session.parent):
            return ()
        folder = session_folder(session.harness, _session_id(session))
        if RefName.try_parse(folder) is None:
            return ()  # a harness of no such name was ever recorded
        found: dict[ObjectId, AgentTape] = {}
        for ref, theirs in self._list_agents(folder):
            if theirs.tool_use in calls:
                name = theirs.agent or ref.name.short
                found[ref.oid] = self._make_tape(ref.name, ref.oid, name, theirs.tool_use or "")
        for agent, call_id in self._iter_spawned(oid, turn, session, calls):
            named = self._find_ref(folder, session, agent)
            if named is None or named[1] in found or self._is_own(named[1], oid):
                continue
            found[named[1]] = self._make_tape(*named, agent, call_id)
        return tuple(sorted(found.values(), key=lambda tape: calls.index(tape.call_id)))

    def _list_agents(self, folder: str) -> list[tuple[Ref, Session]]:
        """Return the tapes of a session's agents whose leaders say which call spawned them."""
        if folder not in self._agents:
            self._agents[folder] = found = []
            for kind in ("file", "wire"):
                prefix = f"{folder}/{kind}/agents/"
                for ref in self._refs.iter_refs(prefix, on_broken=_pass_over):
                    session = self._read_session(ref.oid)
                    if session is not None and session.tool_use is not None:
                        found.append((ref, session))
        return self._agents[folder]

    def _read_session(self, tip: ObjectId) -> Session | None:
        leader = self._graph.find_leader(tip)
        return self._graph.read_turn(leader).session if leader is not None else None

    def _iter_spawned(
        self, oid: ObjectId, turn: Turn, session: Session, calls: list[str]
    ) -> Iterator[tuple[str, str]]:
        """Yield agent and call for each of the calls whose agent the turn or a later one names.

        What comes after the result of a call says nothing of it any more.
        """
        left = set(calls)
        turns = islice(self._iter_following(oid, session), FOLLOWING_COUNT_MAX)
        current: Turn | None = turn
        while current is not None and left:
            pieces = list(iter_pieces(self._find, current))
            for agent, call_id in iter_spawned(current.dialect, pieces):
                if call_id in left:
                    left.discard(call_id)
                    yield agent, call_id
            if current.role == "tool":
                left -= {
                    call
                    for call in left
                    if any(call.encode("utf-8", "surrogatepass") in piece for piece in pieces)
                }
            following = next(turns, None)
            current = self._graph.read_turn(following) if following is not None else None

    def _iter_following(self, oid: ObjectId, session: Session) -> Iterator[ObjectId]:
        """Yield the turns after one, on the first line of its session that has it."""
        for tip in self._iter_tips(session):
            if tip not in self._lines:
                oids = list(iter_first_parents(self._graph, tip))
                self._lines[tip] = _Line(oids, {oid: place for place, oid in enumerate(oids)})
            line = self._lines[tip]
            place = line.places.get(oid)
            if place is not None:
                yield from reversed(line.oids[max(place - FOLLOWING_COUNT_MAX, 0) : place])
                return

    def _iter_tips(self, session: Session) -> Iterator[ObjectId]:
        folder = session_folder(session.harness or "", _session_id(session))
        names = [tape_ref(folder, session.agent if not session.id else None)]
        names += [name for name in _wire_names(folder, session.agent) if name is not None]
        for name in names:
            tip = self._refs.find(name)
            if tip is not None:
                yield tip
        yield from self._starts
        for ref in self._refs.iter_refs(f"{folder}/", on_broken=_pass_over):
            if "/forks/" in ref.name:
                yield ref.oid

    def _find_ref(
        self, folder: str, session: Session, agent: str
    ) -> tuple[RefName, ObjectId] | None:
        """Return the ref of an agent: one of the session, or a session that names it as parent."""
        for name in (tape_ref(folder, agent), *_wire_names(folder, agent)):
            tip = self._refs.find(name) if name is not None else None
            if name is not None and tip is not None:
                return name, tip
        other = session_folder(session.harness or "", agent)
        for name in (
            RefName.try_parse(f"{other}/file/main"),
            RefName.try_parse(f"{other}/wire/main"),
        ):
            tip = self._refs.find(name) if name is not None else None
            if name is None or tip is None:
                continue
            theirs = self._read_session(tip)
            if theirs is not None and theirs.parent == _session_id(session):
                return name, tip
        return None

    def _is_own(self, tip: ObjectId, oid: ObjectId) -> bool:
        """Return whether a turn is on the tape itself: an agent does not spawn itself."""
        return tip == oid or self._graph.find_leader(tip) == self._graph.find_leader(oid)

    def _make_tape(self, name: RefName, tip: ObjectId, agent: str, call_id: str) -> AgentTape:
        oids = []
        for oid in iter_first_parents(self._graph, tip):
            oids.append(oid)
            if self._graph.is_leader(oid):
                break
        first = self._graph.read_subject(oids[-2] if len(oids) > 1 else oids[-1])
        return AgentTape(agent, name, tip, oids[-1], tuple(oids[::-1]), first.summary, call_id)


def _iter_call_ids(find: Find, turn: Turn) -> Iterator[str]:
    """Yield the ids of the calls of a turn that may have spawned an agent."""
    for part in iter_parts(find, turn):
        if not (isinstance(part, ToolCall) and part.id and is_spawning(part.name)):
            continue
        if not read_strings(part.arguments).get("resume"):  # that goes on with an agent
            yield part.id


def _session_id(session: Session) -> str:
    """Return the id that names the folder of a session: an agent's tape is in its parent's."""
    return session.id or session.parent or ""


def _wire_names(folder: str, agent: str | None) -> list[RefName | None]:
    if agent is None:
        return [RefName.try_parse(f"{folder}/wire/main")]
    return [RefName.try_parse(f"{folder}/wire/agents/{percent_encode_component(agent)}")]


def _pass_over(name: str, error: Exception) -> None:
    """A ref that is damaged names no agent; what reads the refs says so."""
