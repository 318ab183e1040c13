"""From the name of a recording to the sessions that began in it.

Rules: the name stands in the leader of what came over the wire, so no other turn is decoded, and
a store of transcripts alone is not read at all.

Source: tapesrevisions(7), "NAMES".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.errors import DataError, ObjectNotFoundError
from tapegit.graph.lookup import (
    MAIN_TAPES,
    SESSIONS,
    Named,
    group_fetched,
    group_sessions,
    pick_main_tape,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.turn import Session
    from tapegit.refs.reader import Ref, RefReader


def find_named(refs: RefReader, graph: TurnGraph, text: str) -> list[Named]:
    """Return the tapes of the sessions that a recording of this name has, by name.

    Left out are sessions that another of them spawned, and what cannot be read.

    Raises:
        DataError: The refs cannot be read.
    """
    if text.startswith("refs/"):
        return []  # a whole name of a ref: all sessions are not read because there is none
    own = group_sessions(refs.iter_refs(SESSIONS))
    return _find_among(own, graph, text) or _find_among(group_fetched(refs), graph, text)


def _find_among(sessions: Mapping[str, list[Ref]], graph: TurnGraph, text: str) -> list[Named]:
    found: dict[str, Session] = {}
    for folder, tapes in sessions.items():
        wire = next((each for each in tapes if each.name == f"{folder}/{MAIN_TAPES[1]}"), None)
        session = _read_session(graph, wire) if wire is not None else None
        if session is not None and session.name == text:
            found[folder] = session
    ids = {session.id for session in found.values()}
    chosen = [
        pick_main_tape(sessions[folder], folder)
        for folder, session in found.items()
        if session.parent is None or session.parent not in ids
    ]
    return [Named(tape.oid, tape.name) for tape in chosen if tape is not None]


def _read_session(graph: TurnGraph, tape: Ref) -> Session | None:
    """Return what the leader of a tape says, None where there is none."""
    try:
        leader = graph.find_leader(tape.oid)
        return graph.read_turn(leader).session if leader is not None else None
    except (DataError, ObjectNotFoundError):
        return None
