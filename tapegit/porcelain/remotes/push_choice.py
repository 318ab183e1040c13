"""What a push is about: the current tape, or what is named, as wishes for refs of the remote.

Rules: a session is pushed whole, all of its tapes. Sessions that are chosen by `--sessions`
are those whose working directory lies within the repository; any other only if it is named.

Source: tapes-push(1), "WHAT IS PUSHED".
"""

from __future__ import annotations

import os
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import InvalidNameError, RefNotFoundError, UserError
from tapegit.graph.lookup import FETCHED, REMOTES, pick_main_tape
from tapegit.graph.newest import find_default, find_directory
from tapegit.porcelain.remotes.push_plan import Wish
from tapegit.refs.names import RefName, percent_encode_component
from tapegit.remote.ref_names import (
    ASIDE,
    HEADS,
    NOTES,
    SESSIONS,
    TAGS,
    Shared,
    local_name,
    parse_remote_name,
    share,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tapegit.graph.resolve import Resolver
    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId
    from tapegit.refs.reader import Ref
    from tapegit.repository.repository import Repository

_ALL: Final = (HEADS, TAGS, SESSIONS, NOTES)
_TAG_WORD: Final = "tag"
_PATTERNS: Final = tuple(f"refs/{kind}/" for kind in (HEADS, TAGS, NOTES))


class PushChoice(NamedTuple):
    """What the command line asks for, and the sessions that the remote is known to have.

    `there` has names of tapes and their tips, by `harness/session`.
    """

    tokens: tuple[str, ...] = ()
    takes_branches: bool = False
    takes_sessions: bool = False
    takes_tags: bool = False
    takes_notes: bool = False
    is_delete: bool = False
    is_forced: bool = False
    there: Mapping[str, Sequence[tuple[str, ObjectId]]] = MappingProxyType({})


class Chosen(NamedTuple):
    """Wishes; how many sessions of other directories were left out; and what stands for HEAD."""

    wishes: list[Wish]
    outside_count: int = 0
    session: RefName | None = None


def choose(
    repository: Repository, graph: TurnGraph, resolver: Resolver, choice: PushChoice, directory: str
) -> Chosen:
    """Return what is to be pushed.

    Args:
        repository: The store.
        graph: Its turns.
        resolver: Turns names into ids.
        choice: What was asked for.
        directory: The working directory: the repository around it counts for `--sessions`.

    Raises:
        UserError: Something that is named cannot be pushed, or there is nothing to push.
    """
    tokens = _join_tags(choice.tokens)
    wishes = [
        wish
        for token in tokens
        for wish in (
            _read_pattern(repository, token, choice)
            if "*" in token and not choice.is_delete
            else [_read_token(repository, resolver, token, choice)]
        )
    ]
    outside_count = 0
    if choice.takes_branches:
        wishes += _wish_refs(repository, "refs/heads/", choice)
    if choice.takes_tags:
        wishes += _wish_refs(repository, "refs/tags/", choice)
    if choice.takes_notes:
        wishes += _wish_refs(repository, "refs/notes/", choice)
    if choice.takes_sessions:
        sessions, outside_count = _wish_sessions(repository, graph, choice, directory)
        wishes += sessions
    session = None
    is_bare = not (
        choice.tokens
        or choice.takes_branches
        or choice.takes_tags
        or choice.takes_notes
        or choice.takes_sessions
    )
    if is_bare:
        wish, session = _wish_current(repository, graph, choice, directory)
        wishes = [wish]
    unique = {wish.shared: wish for wish in wishes}
    return Chosen(list(unique.values()), outside_count, session)


def _wish_refs(repository: Repository, prefix: str, choice: PushChoice) -> Iterator[Wish]:
    for ref in repository.refs.iter_refs(prefix):
        shared = share(ref.name)
        if shared is not None and ref.target is None and not shared.name.startswith(ASIDE):
            yield Wish(shared, ref.name.short, (("", ref.oid),), choice.is_forced)


def _wish_current(
    repository: Repository, graph: TurnGraph, choice: PushChoice, directory: str
) -> tuple[Wish, RefName | None]:
    """Return the branch that is checked out; while HEAD is unborn the newest session here."""
    head = repository.refs.read_head()
    if head.target is not None and head.oid is not None:
        return _wish_branch(head.target, head.oid, is_forced=choice.is_forced), None
    if head.oid is not None:
        raise UserError(
            "HEAD is detached: no branch is checked out",
            hint="name what to push: 'tapes push origin HEAD:<branch>'",
        )
    newest = find_default(graph, repository.refs, directory)
    if newest is None or not newest.is_of_directory:
        raise UserError(
            "HEAD is unborn, and no session was recorded in this directory",
            hint="name what to push: a branch, a tag or a session",
        )
    return _wish_session(repository, newest.ref, is_forced=choice.is_forced), newest.ref


def _wish_branch(name: RefName, oid: ObjectId, *, is_forced: bool) -> Wish:
    shared = share(name)
    if shared is None or shared.name.startswith(ASIDE):
        raise UserError(f"'{name}' cannot be shared")
    return Wish(shared, name.short, (("", oid),), is_forced)


def _join_tags(tokens: Iterable[str]) -> list[str]:
    """Return the names of refs, with one for each `tag` and the name after it, as in git."""
    joined: list[str] = []
    for token in tokens:
        if joined and joined[-1] == _TAG_WORD:
            joined[-1] = f"refs/tags/{token}"
        else:
            joined.append(token)
    return joined


def _read_pattern(repository: Repository, token: str, choice: PushChoice) -> Iterator[Wish]:
    """Yield what `src*` or `src*:dst*` asks for: branches, tags and notes, by their full names.

    Raises:
        UserError: Both sides have to have one star, and the first has to be a folder of refs.
        InvalidNameError: A name on the other side is none.
    """
    is_forced = choice.is_forced or token.startswith("+")
    source, _, target = token.removeprefix("+").partition(":")
    start, _, end = source.partition("*")
    target = target or source
    if "*" in end or target.count("*") != 1 or not start.startswith(_PATTERNS):
        raise UserError(
            f"'{token}' is no pattern of refs",
            hint="'refs/heads/*:refs/heads/*' is one; '--sessions' takes sessions",
        )
    for ref in repository.refs.iter_refs(start):
        shared = share(ref.name)
        if shared is None or ref.target is not None or not ref.name.endswith(end):
            continue
        middle = ref.name[len(start) : len(ref.name) - len(end)]
        there = _read_target(repository, target.replace("*", middle), shared.kind)
        yield Wish(there, ref.name.short, (("", ref.oid),), is_forced)


def _read_gone(repository: Repository, text: str) -> Shared:
    """Return the ref of a remote that is to be deleted: of a session its whole id will do."""
    meant: dict[Shared, None] = {}
    for ref in repository.refs.iter_refs():
        if ref.name.startswith(REMOTES) and ref.name.split("/", 3)[-1] == text:
            return Shared(HEADS, text)
        found = _find_session(ref.name)
        if found is not None and found[0].name.partition("/")[2] == percent_encode_component(text):
            meant[found[0]] = None
    return next(iter(meant)) if len(meant) == 1 else _read_target(repository, text, HEADS)


def _read_token(repository: Repository, resolver: Resolver, token: str, choice: PushChoice) -> Wish:
    """Return what `src`, `src:dst`, `:dst` or `+…` asks for."""
    is_forced = choice.is_forced or token.startswith("+")
    source, colon, target = token.removeprefix("+").partition(":")
    if choice.is_delete or (colon and not source):
        return Wish(_read_gone(repository, target or source), "", (), is_forced=True)
    source = "HEAD" if source == "@" else source
    name = resolver.find_ref(source)
    oid: ObjectId | None = None
    if source == "HEAD" and not colon:
        name = repository.refs.read_head().target
    if name is None or name == "HEAD" or not name.startswith("refs/"):
        oid = resolver.resolve_object(source)
        name = _find_session_ref(repository, source)
    if name is not None and not colon and _find_session(name) is not None:
        return _wish_session(repository, name, is_forced=is_forced)
    shared = share(name) if name is not None else None
    if name is not None and oid is None:
        oid = repository.refs.read(name)
    if oid is None:
        raise RefNotFoundError(f"no ref '{source}'", name=source)
    if colon:
        kind = shared.kind if shared is not None and shared.kind != SESSIONS else HEADS
        return Wish(_read_target(repository, target, kind), source, (("", oid),), is_forced)
    if shared is None:
        raise UserError(
            f"'{source}' is no branch, tag or session",
            hint=f"'{source}:<branch>' pushes it to a branch of that name",
        )
    return Wish(shared, source, (("", oid),), is_forced)


def _find_session_ref(repository: Repository, text: str) -> RefName | None:
    """Return the ref that stands for a session with this id, or beginning of an id."""
    found: dict[str, list[Ref]] = {}
    for ref in repository.refs.iter_refs("refs/sessions/"):
        shared = share(ref.name)
        if shared is not None and shared.name.partition("/")[2].startswith(text):
            found.setdefault(f"refs/sessions/{shared.name}", []).append(ref)
    if len(found) != 1:
        return None
    ((folder, tapes),) = found.items()
    main = pick_main_tape(tapes, folder)
    return main.name if main is not None else None


def _read_target(repository: Repository, text: str, kind: str) -> Shared:
    """Return the ref of a remote that is meant by a name: in full, or below its kind."""
    whole = text.removeprefix("refs/tapes/").removeprefix("refs/")
    first, _, rest = whole.partition("/")
    if first in _ALL and rest:
        found = parse_remote_name(f"refs/tapes/{whole}")
        if found is not None:
            return found
    shared = Shared(kind, text)
    local_name(shared)
    if parse_remote_name(shared.remote_name) is None or text.startswith(ASIDE):
        raise InvalidNameError(f"'{text}' cannot be shared", text=text, rule="no name of a branch")
    if kind == HEADS and repository.refs.find(RefName.parse(f"refs/tags/{text}")) is not None:
        shared = Shared(TAGS, text)
    return shared


def _wish_session(repository: Repository, name: RefName, *, is_forced: bool) -> Wish:
    found = _find_session(name)
    assert found is not None, name
    shared, folder = found
    return _make_session(shared, folder, repository.refs.iter_refs(folder), is_forced=is_forced)


def _find_session(name: RefName) -> tuple[Shared, str] | None:
    """Return the session that a ref is of, and the folder of its refs: its own, or a remote's."""
    home, fetched, rest = name.partition(FETCHED)
    if fetched and name.startswith(REMOTES):
        name, root = RefName(f"refs/{SESSIONS}/{rest}"), f"{home}{FETCHED}"
    else:
        root = f"refs/{SESSIONS}/"
    shared = share(name)
    if shared is None or shared.kind != SESSIONS:
        return None
    return shared, f"{root}{shared.name}/"


def _make_session(shared: Shared, folder: str, refs: Iterable[Ref], *, is_forced: bool) -> Wish:
    tapes = sorted((str(ref.name).removeprefix(folder), ref.oid) for ref in refs)
    return Wish(shared, shared.name, tuple(tapes), is_forced)


def _wish_sessions(
    repository: Repository, graph: TurnGraph, choice: PushChoice, directory: str
) -> tuple[list[Wish], int]:
    """Return the sessions of the repository around a directory, and how many others there are.

    One that the remote had as it is here was looked at when it was pushed, or is somebody's who
    shares it: it needs no further look.
    """
    top = find_top(directory)
    grouped: dict[Shared, list[Ref]] = {}
    for ref in repository.refs.iter_refs("refs/sessions/"):
        shared = share(ref.name)
        if shared is not None:
            grouped.setdefault(shared, []).append(ref)
    wishes, outside_count = [], 0
    for shared, refs in grouped.items():
        main = pick_main_tape(refs, f"refs/sessions/{shared.name}")
        there = choice.there.get(shared.name, ())
        is_wanted = main is not None and any(main.oid == oid for _, oid in there)
        if main is not None and not is_wanted:
            where = find_directory(graph, main.oid)
            is_wanted = where is not None and is_within(where, top)
        if is_wanted:
            folder = f"refs/sessions/{shared.name}/"
            wishes.append(_make_session(shared, folder, refs, is_forced=choice.is_forced))
        else:
            outside_count += 1
    return wishes, outside_count


def find_top(directory: str) -> str:
    """Return the folder of the repository of code around a directory, else the directory."""
    folder = directory
    while True:
        if os.path.exists(os.path.join(folder, ".git")):
            return folder
        parent = os.path.dirname(folder)
        if parent == folder:
            return directory
        folder = parent


def is_within(path: str, folder: str) -> bool:
    """Return whether a path as a harness wrote it lies in a folder of this machine."""
    whole = folder.rstrip("/")
    return path == whole or path.startswith(f"{whole}/")
