"""`status`: where HEAD is and what was recorded last."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import ObjectNotFoundError
from tapegit.graph.lookup import FETCHED, SESSIONS
from tapegit.graph.newest import find_latest
from tapegit.objects.kind import Kind
from tapegit.porcelain.branches.upstream import Upstream, find_upstream
from tapegit.refs.names import percent_decode_component
from tapegit.repository.watch_state import read_watch_state

if TYPE_CHECKING:
    from pathlib import Path

    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId
    from tapegit.refs.names import RefName
    from tapegit.repository.repository import Repository
    from tapegit.repository.watch_state import WatchState


class Tip(NamedTuple):
    """The turn at the end of a tape; `summary` is absent of what is no turn or says nothing.

    The date is in ms since the epoch, 0 where no time is known.
    """

    oid: ObjectId
    abbreviated: str
    role: str | None
    summary: str | None
    date_ms: int


class Recording(NamedTuple):
    """The newest recording: its ref, the harness and id of its session, and where it is."""

    name: RefName
    harness: str | None
    session: str | None
    tip: Tip


class Status(NamedTuple):
    """What there is to say of a store.

    `branch` is None where HEAD is detached, `head` where it is unborn, `latest` where nothing
    was recorded, `watch` where nobody has ever watched, `upstream` where none is followed.
    """

    root: Path
    branch: RefName | None
    head: Tip | None
    latest: Recording | None
    watch: WatchState | None = None
    upstream: Upstream | None = None


def read_status(repository: Repository, graph: TurnGraph) -> Status:
    """Return where HEAD is and what was recorded last.

    Raises:
        IntegrityError: HEAD, or what it names, is lost.
        ObjectNotFoundError: An object that HEAD or the newest recording needs is missing.
        DataError: A ref or one of those objects is damaged.
    """
    head = repository.refs.read_head()
    name = find_latest(graph, repository.refs)
    return Status(
        repository.root,
        head.target,
        None if head.oid is None else _read_tip(repository, graph, head.oid),
        None if name is None else _read_recording(repository, graph, name),
        read_watch_state(repository.root),
        None if head.target is None else find_upstream(repository, graph, head.target, head.oid),
    )


def _read_recording(repository: Repository, graph: TurnGraph, name: RefName) -> Recording:
    own = name.removeprefix(SESSIONS)
    parts = (name.partition(FETCHED)[2] if own == name else own).split("/", 2)
    is_session = len(parts) == 3
    harness, session = (
        (parts[0], percent_decode_component(parts[1])) if is_session else (None, None)
    )
    return Recording(
        name, harness, session, _read_tip(repository, graph, repository.refs.read(name))
    )


def _read_tip(repository: Repository, graph: TurnGraph, oid: ObjectId) -> Tip:
    header = repository.objects.read_header(oid)
    abbreviated = repository.objects.abbreviate(oid)
    if header.kind is not Kind.TURN:
        return Tip(oid, abbreviated, None, None, 0)
    subject = graph.read_subject(oid)
    try:
        date_ms = graph.tip_date_ms(oid)
    except ObjectNotFoundError:
        date_ms = 0  # an ancestor is missing: the turn itself can still be named
    return Tip(oid, abbreviated, subject.role, subject.summary, date_ms)
