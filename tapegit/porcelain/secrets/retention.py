"""Retention: sessions that are older than is wanted, but for those that something else keeps.

Rules: a session is as old as its newest turn; one whose age is not known stays. What a branch, a
tag, HEAD or a session that stays leads to keeps the session that it is of.

Source: tapes-gc(1), "RETENTION".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.formats.tombstones import EXPIRED
from tapegit.graph.dates import parse_date
from tapegit.graph.lookup import SESSIONS
from tapegit.graph.walk import walk
from tapegit.index.sessions import list_sessions
from tapegit.objects.kind import Kind
from tapegit.porcelain.secrets.forget import Forgotten, run_forget

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tapegit.errors import TapesError
    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId
    from tapegit.repository.repository import Repository

    OnProgress = Callable[[str, int], None]

_AGE: Final = re.compile(r"([1-9][0-9]{0,4})([dwmy])")
_UNITS: Final = {"d": "days", "w": "weeks", "m": "months", "y": "years"}
_PASSED_OVER: Final = ("refs/lineage/", "refs/notes/", "refs/remotes/")


class Old(NamedTuple):
    """Sessions that are too old.

    Attributes:
        folders: Of the refs of those that are to go.
        kept: `<harness>/<id>` of those that something else keeps.
    """

    folders: tuple[str, ...]
    kept: tuple[str, ...]


def find_old(repository: Repository, graph: TurnGraph, age: str) -> Old:
    """Return the sessions whose newest turn is older than an age such as `90d`.

    Raises:
        InvalidNameError: That is no age.
        TapesError: A ref or a turn cannot be read.
    """
    match = _AGE.fullmatch(age.strip().lower())
    text = f"{match[1]}.{_UNITS[match[2]]}.ago" if match else age
    before_ms = parse_date(text, repository.clock())
    old: dict[str, None] = {}
    for row in list_sessions(repository, graph, on_broken=_raise):
        if row.last_ms is not None and row.last_ms < before_ms:
            folder = "/".join(str(row.ref).split("/")[:4])
            old.update(dict.fromkeys((folder, *row.joined)))
    if not old:
        return Old((), ())
    prefixes = tuple(f"{folder}/" for folder in old)
    pinned = _find_roots(graph, _find_pins(repository, prefixes))
    kept = [folder for folder in old if _is_pinned(repository, graph, folder, pinned)]
    going = tuple(folder for folder in old if folder not in kept)
    return Old(going, tuple(folder.removeprefix(SESSIONS) for folder in kept))


def retain(
    repository: Repository,
    folders: Sequence[str],
    *,
    is_dry_run: bool,
    on_progress: OnProgress | None = None,
) -> Forgotten:
    """Forget sessions because they are old, if any; arguments and errors as of `run_forget`."""
    if not folders:
        return Forgotten((), (), 0, 0, is_dry_run=is_dry_run)
    return run_forget(
        repository, folders, reason=EXPIRED, is_dry_run=is_dry_run, on_progress=on_progress
    )


def _find_pins(repository: Repository, prefixes: tuple[str, ...]) -> list[ObjectId]:
    """Return the turns that refs other than those below these lead to."""
    refs, objects = repository.refs, repository.objects
    head = refs.read_head().oid
    oids = [] if head is None else [head]
    oids += [
        ref.oid
        for ref in refs.iter_refs()
        if not ref.name.startswith(prefixes) and not ref.name.startswith(_PASSED_OVER)
    ]
    peeled = [repository.peel_tag(oid) or oid for oid in oids]
    return [oid for oid in peeled if objects.read_header(oid).kind is Kind.TURN]


def _find_roots(graph: TurnGraph, tips: Iterable[ObjectId]) -> set[ObjectId]:
    return {oid for oid in walk(graph, list(tips)) if not graph.parents(oid)}


def _is_pinned(
    repository: Repository, graph: TurnGraph, folder: str, pinned: set[ObjectId]
) -> bool:
    tips = [ref.oid for ref in repository.refs.iter_refs(f"{folder}/")]
    return not pinned.isdisjoint(_find_roots(graph, tips)) if pinned else False


def _raise(_name: str, error: TapesError) -> None:
    raise error
