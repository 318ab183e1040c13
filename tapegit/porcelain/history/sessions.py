"""`sessions`: what was recorded, the newest first, chosen by what a user knows of it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import DataError, ObjectNotFoundError
from tapegit.graph.lookup import SESSION_PREFIX_LENGTH_MIN
from tapegit.graph.notes import read_notes
from tapegit.index.sessions import list_fetched, list_sessions
from tapegit.porcelain.branches.notes import NAMESPACE, TITLE, notes_ref

if TYPE_CHECKING:
    from tapegit.graph.turns import TurnGraph
    from tapegit.index.session import SessionRow
    from tapegit.index.sessions import OnBroken
    from tapegit.repository.repository import Repository


class Wanted(NamedTuple):
    """Which sessions to list; None stands for all.

    Attributes:
        since_ms: Whose last turn is not older.
        harness: Of this harness.
        model: One of whose models has this text in its name.
        cwd: Recorded in this directory, or below it.
        count_max: At most so many.
    """

    since_ms: int | None = None
    harness: str | None = None
    model: str | None = None
    cwd: str | None = None
    count_max: int | None = None


class Listed(NamedTuple):
    """A session, and the beginning of its id that means no other session."""

    short: str
    row: SessionRow


def find_sessions(
    repository: Repository, graph: TurnGraph, wanted: Wanted, *, on_broken: OnBroken
) -> list[Listed]:
    """Return the sessions asked for, the newest first.

    Args:
        repository: The store.
        graph: Its turns.
        wanted: Which sessions.
        on_broken: Takes (name, error) of what cannot be read.

    Raises:
        TapesError: packed-refs cannot be read, if `on_broken` says so.
    """
    rows = list_sessions(repository, graph, on_broken=on_broken)
    rows += list_fetched(repository, graph, on_broken=on_broken)
    rows.sort(key=lambda row: (-(row.last_ms or 0), row.ref))
    titles = _read_titles(repository, graph, on_broken)
    if titles:
        rows = [
            row._replace(title=titles.get((row.harness, row.session), row.title)) for row in rows
        ]
    hidden = [folder.split("/")[3] for row in rows for folder in row.joined]
    listed = map(Listed, _shorten([row.session for row in rows] + hidden), rows)
    return [each for each in listed if _is_wanted(each.row, wanted)][: wanted.count_max]


def _read_titles(
    repository: Repository, graph: TurnGraph, on_broken: OnBroken
) -> dict[tuple[str, str], str]:
    """Return the titles that notes give, by harness and session."""
    titles: dict[tuple[str, str], str] = {}
    ref = notes_ref(NAMESPACE)
    try:
        notes = read_notes(graph, repository.refs.find(ref))
        for note in notes.values():
            session = graph.read_turn(note.about).session if note.key == TITLE else None
            if session is not None and session.harness and session.id:
                titles[session.harness, session.id] = (note.value or "").partition("\n")[0]
    except (DataError, ObjectNotFoundError) as error:
        on_broken(ref, error)
    return titles


def _is_wanted(row: SessionRow, wanted: Wanted) -> bool:
    if wanted.since_ms is not None and (row.last_ms is None or row.last_ms < wanted.since_ms):
        return False
    if wanted.harness is not None and row.harness != wanted.harness:
        return False
    if wanted.model is not None and not any(wanted.model in model for model in row.models):
        return False
    return wanted.cwd is None or _is_below(row.cwd, wanted.cwd)


def _is_below(cwd: str | None, directory: str) -> bool:
    above = directory.rstrip("/")
    return cwd is not None and (cwd.rstrip("/") == above or cwd.startswith(above + "/"))


def _shorten(ids: list[str]) -> list[str]:
    """Return the ids cut so that each still names one of them alone."""
    places = sorted(range(len(ids)), key=ids.__getitem__)
    shared = [0] * (len(ids) + 1)
    for number, (one, other) in enumerate(pairwise(places), start=1):
        shared[number] = _common_length(ids[one], ids[other])
    short = list(ids)
    for number, place in enumerate(places):
        length = max(SESSION_PREFIX_LENGTH_MIN, shared[number] + 1, shared[number + 1] + 1)
        short[place] = ids[place][:length]
    return short


def _common_length(one: str, other: str) -> int:
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))
