"""`forget`: a session with all that belongs to it, out of the store for good.

Source: tapes-forget(1).
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import ConflictError, RefNotFoundError
from tapegit.formats.rewriting import Rewriting
from tapegit.formats.tombstones import FORGOTTEN
from tapegit.graph.lookup import SESSIONS, look_up
from tapegit.graph.named import find_named
from tapegit.index.sessions import list_sessions
from tapegit.porcelain.secrets.rewriting import GATE_TIMEOUT_S, begin, finish_pending
from tapegit.refs.names import HEAD
from tapegit.repository.gate import RemoverGate
from tapegit.repository.layout import PACK_NAME, TMP_NAME
from tapegit.repository.tombstones import session_mark
from tapegit.rewrite.carry_out import open_refs
from tapegit.rewrite.forgetting import NotesWithout, find_content, find_folder, find_going
from tapegit.rewrite.survey import Survey
from tapegit.store.pack_writer import PackWriter
from tapegit.upkeep.gc.collect import hold_upkeep, index_packs

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tapegit.errors import TapesError
    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.kind import Kind
    from tapegit.objects.oid import ObjectId
    from tapegit.refs.reader import Ref
    from tapegit.refs.store import RefStore
    from tapegit.repository.repository import Repository
    from tapegit.rewrite.forgetting import Going

    OnProgress = Callable[[str, int], None]

_SHOWN_MAX = 10


class Forgotten(NamedTuple):
    """What went, or with `is_dry_run` would go.

    Attributes:
        sessions: `<harness>/<id>` of each.
        refs: Refs that went.
        turn_count: Turns, tags and notes.
        content_count: Blobs and ropes.
        is_dry_run: Whether nothing was changed.
    """

    sessions: tuple[str, ...]
    refs: tuple[str, ...]
    turn_count: int
    content_count: int
    is_dry_run: bool = False


def find_folders(repository: Repository, graph: TurnGraph, text: str) -> list[str]:
    """Return the folders of refs of a session: its own, those joined to it, those of its agents.

    Raises:
        RefNotFoundError: The text means no session.
        AmbiguousRevisionError: It means several.
    """
    named = look_up(
        repository.objects,
        repository.refs,
        text,
        warn=_ignore,
        find_named=partial(find_named, repository.refs, graph),
    )
    folder = None if named.ref is None else find_folder(named.ref)
    if folder is None:
        raise RefNotFoundError(
            f"'{text}' is no session", hint="'tapes sessions' lists them", name=text
        )
    folders = {folder}
    sessions: dict[str, list[Ref]] = {}
    for ref in repository.refs.iter_refs():
        folder = find_folder(ref.name)
        if folder is not None:
            sessions.setdefault(folder, []).append(ref)
    for row in list_sessions(repository, graph, on_broken=_raise):
        group = {"/".join(str(row.ref).split("/")[:4]), *row.joined}
        if group & folders:
            folders |= group
    return sorted(_with_agents(graph, sessions, folders))


def _with_agents(graph: TurnGraph, sessions: dict[str, list[Ref]], folders: set[str]) -> set[str]:
    """Return folders and those of sessions that say that one of them spawned them."""
    spawned: dict[tuple[str, str], set[str]] = {}
    ids: dict[str, set[tuple[str, str]]] = {}
    for folder, tapes in sessions.items():
        for ref in tapes:
            leader = graph.find_leader(ref.oid)
            session = None if leader is None else graph.read_turn(leader).session
            if session is None or not session.harness:
                continue
            if session.id:
                ids.setdefault(folder, set()).add((session.harness, session.id))
            if session.parent and session.agent and session.parent != session.id:
                spawned.setdefault((session.harness, session.parent), set()).add(folder)
    waiting, found = list(folders), set(folders)
    while waiting:
        for key in ids.get(waiting.pop(), ()):
            for folder in spawned.get(key, set()) - found:
                found.add(folder)
                waiting.append(folder)
    return found


def run_forget(
    repository: Repository,
    folders: Sequence[str],
    *,
    reason: str = FORGOTTEN,
    is_forced: bool = False,
    is_dry_run: bool = False,
    on_progress: OnProgress | None = None,
) -> Forgotten:
    """Remove sessions for good.

    Args:
        repository: The store.
        folders: Of their refs.
        reason: As tombstones have it.
        is_forced: Also delete other refs that lead to their turns: branches, tags, sessions
            that went on from them.
        is_dry_run: Only say what would go.
        on_progress: Is told how many objects were read, and the size of each.

    Raises:
        ConflictError: Another ref leads to one of their turns; nothing was changed.
        LockedError: Upkeep is at work, or writers did not leave in time; nothing was changed.
        DataError: Something is damaged; nothing was changed.
        StorageError: The system refused; `tapes redact --continue` finishes it.
    """
    with hold_upkeep(repository.root):
        if not is_dry_run:
            finish_pending(repository)
            index_packs(repository)
        survey = Survey(repository.objects, _look_for_nothing)
        survey.extend(on_progress)
        if is_dry_run:
            refs = open_refs(repository)
            going = find_going(survey, refs, folders)
            return _describe(survey, refs, folders, going)._replace(is_dry_run=True)
        with RemoverGate(repository.root, GATE_TIMEOUT_S):
            survey.extend(on_progress)
            refs = open_refs(repository)
            going = find_going(survey, refs, folders)
            if going.others and not is_forced:
                raise _held(going.others)
            return _forget(repository, survey, refs, folders, going, reason)


def _forget(
    repository: Repository,
    survey: Survey,
    refs: RefStore,
    folders: Sequence[str],
    going: Going,
    reason: str,
) -> Forgotten:
    root = repository.root
    described = _describe(survey, refs, folders, going)
    with PackWriter(
        repository.objects,
        root / PACK_NAME,
        root / TMP_NAME,
        cold=True,
        threads=1,
        skip_existing=False,
    ) as writer:
        notes = NotesWithout(survey, going.numbers, writer.add)
        writer.finish()
    repository.objects.refresh()
    content = find_content(survey, going.numbers, _named_by_refs(refs, going))
    turns = {survey.oids[number] for number in going.numbers}
    rewriting = Rewriting(
        reason,
        repository.clock(),
        frozenset(turns | notes.removed | {survey.oids[number] for number in content}),
        notes.successors,
        deleted=_going_refs(going),
        marks=(*map(session_mark, folders), *sorted(turns | notes.removed)),
    )
    begin(repository, rewriting)
    note_count = len(notes.removed) + len(notes.successors)
    return described._replace(turn_count=described.turn_count + note_count)


def _describe(survey: Survey, refs: RefStore, folders: Sequence[str], going: Going) -> Forgotten:
    content = find_content(survey, going.numbers, _named_by_refs(refs, going))
    return Forgotten(
        tuple(folder.removeprefix(SESSIONS) for folder in folders),
        (*_going_refs(going), *(name for name in going.others if name == HEAD)),
        len(going.numbers),
        len(content),
    )


def _going_refs(going: Going) -> tuple[str, ...]:
    others = tuple(name for name in going.others if name != HEAD)
    return going.refs + going.followers + others


def _named_by_refs(refs: RefStore, going: Going) -> frozenset[ObjectId]:
    gone = {*going.refs, *going.followers, *going.others}
    return frozenset(ref.oid for ref in refs.iter_refs() if ref.name not in gone)


def _held(names: Sequence[str]) -> ConflictError:
    shown = ", ".join(names[:_SHOWN_MAX]) + (" …" if len(names) > _SHOWN_MAX else "")
    return ConflictError(
        f"other refs lead to turns of it: {shown}",
        hint="delete them first, or let them go too with --force",
    )


def _look_for_nothing(_kind: Kind, _data: bytes) -> bool:
    return False


def _ignore(_text: str) -> None:
    """Take a warning that says nothing here."""


def _raise(_name: str, error: TapesError) -> None:
    raise error
