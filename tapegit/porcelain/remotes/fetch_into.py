"""Fetching into refs that are named: `src:dst`, as in git, from a remote or from any address.

Rules: what comes is verified like that of any fetch. From an address alone, what comes is followed
below `refs/remotes/` for as long as the fetch takes, under a name that no remote can have; what a
killed run left there goes with the next. A ref that is named goes forward, or is left as it is,
unless the user forces it.

Source: tapes-fetch(1).
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import UserError
from tapegit.files.durable import is_in_use
from tapegit.graph.ancestry import is_ancestor
from tapegit.graph.lookup import REMOTES
from tapegit.graph.turns import TurnGraph
from tapegit.objects.kind import Kind
from tapegit.porcelain.remotes.fetch import (
    FAST_FORWARD,
    FORCED,
    NEW,
    REJECTED,
    UP_TO_DATE,
    FetchedRef,
    FetchOptions,
    FetchReport,
)
from tapegit.porcelain.remotes.fetch_any import fetch_any
from tapegit.porcelain.remotes.fetch_choice import choose_refs
from tapegit.refs.names import RefName
from tapegit.remote.ref_names import ASIDE, HEADS, NOTES, SESSIONS, TAGS, Shared, tracking_name
from tapegit.remote.seen import forget_remote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.remotes.remotes import Remote
    from tapegit.remote.connection import Surroundings
    from tapegit.repository.repository import Repository

_PREFIX: Final = f"{ASIDE}url"
_KEPT: Final = f"refs/remotes/{_PREFIX}-"


class Pair(NamedTuple):
    """What is taken, by the name or the pattern of a remote's ref, and where it goes."""

    source: str
    target: str
    is_forced: bool


def parse_pairs(refs: Sequence[str]) -> tuple[tuple[str, ...], list[Pair]]:
    """Return the names of what is to be fetched, and the pairs among them.

    Raises:
        UserError: A pair lacks a side, or has a star on one side alone.
    """
    names, pairs = [], []
    for text in refs:
        source, colon, target = text.removeprefix("+").partition(":")
        names.append(source)
        if colon:
            if not (source and target) or source.count("*") != target.count("*"):
                raise UserError(
                    f"'{text}' does not say what to fetch, and where it goes",
                    hint="'main:theirs' does, and so does 'refs/heads/*:refs/heads/theirs/*'",
                )
            pairs.append(Pair(source, target, text.startswith("+")))
    return tuple(names), pairs


def fetch_into(
    repository: Repository, remote: Remote, options: FetchOptions, surroundings: Surroundings
) -> FetchReport:
    """Fetch, and set the refs that `options.wanted` names after a colon.

    Raises:
        UserError: The remote is only an address and nothing says where what comes is to go, or a
            pair is none.
        InvalidNameError: The name of a ref is none.
        RemoteError: It cannot be reached, or does not answer as git does.
    """
    names, pairs = parse_pairs(options.wanted)
    options = options._replace(wanted=names)
    if remote.name is not None:
        report = fetch_any(repository, remote.name, remote.url, options, surroundings)
        if pairs and not options.is_dry_run:
            return _set_refs(repository, remote.name, pairs, report, remote.name)
        return report
    if not pairs or len(pairs) < len(names):
        raise UserError(
            f"'{remote.shown}' is no remote of this store: nothing would follow what comes",
            hint=f"'tapes fetch {remote.shown} NAME:BRANCH' makes a branch of it,"
            " 'tapes remote add NAME URL' a remote of the address",
        )
    with followed_for_now(repository) as name:
        report = fetch_any(repository, name, remote.url, options, surroundings)
        refs = [each for each in report.refs if each.mark == REJECTED or not each.local]
        tags = [each for each in report.refs if each.kind == TAGS and each not in refs]
        report = report._replace(refs=[*refs, *tags], same=())
        if options.is_dry_run:
            return report
        return _set_refs(repository, name, pairs, report, remote.shown)


@contextmanager
def followed_for_now(repository: Repository) -> Iterator[str]:
    """Give what stands for a remote that has no name, until what came is held by other refs."""
    name = f"{_PREFIX}-{os.getpid()}-0"
    _drop_left(repository)
    try:
        yield name
    finally:
        _drop(repository, name)


def _drop_left(repository: Repository) -> None:
    """Remove what runs left that were killed."""
    left = {ref.name.split("/")[2] for ref in repository.refs.iter_refs(_KEPT)}
    for name in left:
        if not is_in_use(name.removeprefix(ASIDE)):
            _drop(repository, name)


def _drop(repository: Repository, name: str) -> None:
    with repository.ref_transaction("fetch: from an address") as transaction:
        for ref in repository.refs.iter_refs(f"{REMOTES}{name}/"):
            transaction.delete(ref.name)
    forget_remote(repository.root, name)


def _set_refs(
    repository: Repository,
    remote: str,
    pairs: Sequence[Pair],
    report: FetchReport,
    where: str,
) -> FetchReport:
    there = list(_iter_followed(repository, remote))
    graph = TurnGraph(repository.objects)
    moves: list[FetchedRef] = []
    refused = {each.remote_name for each in report.refs if each.mark == REJECTED}
    with repository.ref_transaction(f"fetch: from {where}") as transaction:
        for pair in pairs:
            for shared in sorted(choose_refs([pair.source], there) or ()):
                if shared.remote_name in refused:
                    continue
                move = _plan_move(repository, graph, remote, shared, pair)
                moves.append(move)
                if move.mark not in (REJECTED, UP_TO_DATE):
                    assert move.oid is not None
                    transaction.update(RefName(move.local), move.oid, move.old)
    told = [each for each in moves if each.mark != UP_TO_DATE]
    same = tuple(each for each in moves if each.mark == UP_TO_DATE)
    return report._replace(refs=[*report.refs, *told], same=report.same + same)


def _iter_followed(repository: Repository, remote: str) -> Iterator[Shared]:
    """Yield what is here of a remote, but no sessions: these are not one ref."""
    prefix = f"{REMOTES}{remote}/"
    notes = f"{ASIDE}{NOTES}/"
    for ref in repository.refs.iter_refs(prefix):
        name = ref.name.removeprefix(prefix)
        if name.startswith(notes):
            yield Shared(NOTES, name.removeprefix(notes))
        elif not name.startswith(ASIDE) and ref.target is None:
            yield Shared(HEADS, name)
    for ref in repository.refs.iter_refs("refs/tags/"):
        yield Shared(TAGS, ref.name.removeprefix("refs/tags/"))


def _plan_move(
    repository: Repository, graph: TurnGraph, remote: str, shared: Shared, pair: Pair
) -> FetchedRef:
    local = _name_target(shared, pair)
    new = repository.refs.read(tracking_name(remote, shared))
    old = repository.refs.find(local)
    mark, reason = FAST_FORWARD, None
    if old is None:
        mark = NEW
    elif old == new:
        mark = UP_TO_DATE
    elif not _is_forward(repository, graph, old, new):
        mark, reason = (FORCED, "forced update") if pair.is_forced else (REJECTED, _NO_STEP)
    return FetchedRef(mark, shared.kind, shared.name, local, old, new, reason)


_NO_STEP: Final = "non-fast-forward"


def _is_forward(repository: Repository, graph: TurnGraph, old: ObjectId, new: ObjectId) -> bool:
    kinds = {repository.objects.read_header(oid).kind for oid in (old, new)}
    return kinds == {Kind.TURN} and is_ancestor(graph, old, new)


def _name_target(shared: Shared, pair: Pair) -> RefName:
    """Return the ref of this store that something goes to.

    Raises:
        InvalidNameError: It is none.
        UserError: It is one that only recordings or other fetches set.
    """
    text = pair.target
    if "*" in text:
        start, _, end = pair.source.partition("*")
        name = next(each for each in (shared.remote_name, shared.full) if each.startswith(start))
        text = text.replace("*", name[len(start) : len(name) - len(end)])
    if not text.startswith("refs/"):
        text = f"refs/{HEADS}/{text}" if shared.kind in (HEADS, NOTES) else f"refs/tags/{text}"
    name = RefName.parse(text)
    if name.startswith((f"refs/{SESSIONS}/", _KEPT)):
        raise UserError(
            f"'{name}' is set by recordings alone", hint=f"'{pair.source}:NAME' makes a branch"
        )
    return name
