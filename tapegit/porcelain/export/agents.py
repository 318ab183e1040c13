"""`export`: which tool call spawned each agent whose tape is exported.

Source: tapes-export(1), "MARKDOWN" and "HTML".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.graph.lookup import MAIN_TAPES, SESSIONS
from tapegit.porcelain.export.export import Spawn
from tapegit.porcelain.turns.agents import AgentFinder

if TYPE_CHECKING:
    from tapegit.graph.turns import TurnGraph
    from tapegit.porcelain.export.export import Choice
    from tapegit.refs.names import RefName
    from tapegit.repository.repository import Repository


def link_agents(repository: Repository, graph: TurnGraph, choice: Choice) -> Choice:
    """Return a choice whose sections say which call spawned them, and what they spawned elsewhere.

    Raises:
        ObjectNotFoundError: Something that must be read is missing.
        DataError: It is damaged.
    """
    if choice.ref is None:
        return choice
    side = "/".join(choice.ref.split("/")[:5])
    finder = AgentFinder(repository, graph)
    own = {f"{side}/{section.name}" for section in choice.sections}
    spawns: dict[str, Spawn] = {}
    elsewhere: list[list[tuple[str, str]]] = []
    for section in choice.sections:
        elsewhere.append([])
        for number, oid in enumerate(section.oids, section.first):
            for tape in finder.find(oid, graph.read_turn(oid)):
                if tape.ref in own:
                    spawns.setdefault(tape.ref, Spawn(tape.call_id, oid, number))
                else:
                    elsewhere[-1].append((tape.call_id, abbreviate_session(tape.ref)))
    sections = [
        section._replace(spawn=spawns.get(f"{side}/{section.name}"), elsewhere=tuple(others))
        for section, others in zip(choice.sections, elsewhere, strict=True)
    ]
    return choice._replace(sections=sections)


def abbreviate_session(name: RefName) -> str:
    """Return the name of a session's ref without what every one has, and its main tape's end."""
    short = name.removeprefix(SESSIONS)
    for tape in MAIN_TAPES:
        short = short.removesuffix(f"/{tape}")
    return short
