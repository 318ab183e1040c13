"""`branch`: which branches to list, and what to say of each."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import DataError, ObjectNotFoundError
from tapegit.graph.ancestry import is_ancestor
from tapegit.objects.kind import Kind
from tapegit.porcelain.branches.branch import HEADS
from tapegit.porcelain.branches.upstream import Upstream, find_upstream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId
    from tapegit.refs.loose import OnBroken
    from tapegit.refs.names import RefName
    from tapegit.repository.repository import Repository

REMOTES: Final = "refs/remotes/"
ASIDE: Final = "/@"


class BranchFilter(NamedTuple):
    """Which branches to list; an empty member takes all."""

    patterns: tuple[str, ...] = ()
    has_local: bool = True
    has_remote: bool = False
    points_at: tuple[ObjectId, ...] = ()
    contains: tuple[ObjectId, ...] = ()
    no_contains: tuple[ObjectId, ...] = ()
    merged: tuple[ObjectId, ...] = ()
    no_merged: tuple[ObjectId, ...] = ()


class ListedBranch(NamedTuple):
    """A branch to list; HEAD itself, where it is detached, has no name.

    `subject` is `role: summary`; `date_ms` is 0 and `upstream` None where it was not asked for.
    """

    name: RefName | None
    label: str
    oid: ObjectId
    is_head: bool
    is_remote: bool
    abbreviated: str | None
    subject: str
    target: str | None
    date_ms: int
    upstream: Upstream | None = None


def list_branches(
    repository: Repository,
    graph: TurnGraph,
    chosen: BranchFilter,
    *,
    is_verbose: bool,
    sort: str = "refname",
    on_broken: OnBroken | None = None,
) -> list[ListedBranch]:
    """Return the branches that pass a filter: a detached HEAD first, then by name or date.

    Args:
        repository: The store.
        graph: Its turns.
        chosen: Which.
        is_verbose: Read what a listing with `-v` shows.
        sort: `refname` or `time`, with `-` before it for the reverse.
        on_broken: Takes (name, error) of a branch that cannot be read.

    Raises:
        DataError: A turn on the way is damaged.
        ObjectNotFoundError: A turn on the way is missing.
    """
    key = sort.removeprefix("-")
    listed = [
        _describe(repository, graph, found, is_verbose=is_verbose, is_dated=key == "time")
        for found in _iter_branches(repository, chosen, on_broken)
        if _passes(graph, found.oid, chosen)
    ]
    detached = [branch for branch in listed if branch.name is None]
    named = [branch for branch in listed if branch.name is not None]
    if key == "time":
        named.sort(key=_date_ms, reverse=sort.startswith("-"))
    elif sort.startswith("-"):
        named.reverse()
    return detached + named


def _date_ms(branch: ListedBranch) -> int:
    return branch.date_ms


class _Found(NamedTuple):
    name: RefName | None
    label: str
    oid: ObjectId
    is_head: bool
    target: str | None = None


def _iter_branches(
    repository: Repository, chosen: BranchFilter, on_broken: OnBroken | None
) -> Iterator[_Found]:
    head = repository.refs.read_head()
    if head.target is None and head.oid is not None and chosen.has_local and not chosen.patterns:
        at = repository.objects.abbreviate(head.oid)
        yield _Found(None, f"(HEAD detached at {at})", head.oid, is_head=True)
    if chosen.has_local:
        for ref in repository.refs.iter_refs(HEADS, on_broken=on_broken):
            if _matches(ref.name.removeprefix(HEADS), chosen.patterns):
                target = ref.target.short if ref.target is not None else None
                is_head = ref.name == head.target
                yield _Found(ref.name, ref.name.removeprefix(HEADS), ref.oid, is_head, target)
    if chosen.has_remote:
        prefix = "remotes/" if chosen.has_local else ""
        for ref in repository.refs.iter_refs(REMOTES, on_broken=on_broken):
            short = ref.name.removeprefix(REMOTES)
            if ASIDE in short:
                continue  # what follows a session or a chain of notes is no branch
            if _matches(short, chosen.patterns):
                target = ref.target.short if ref.target is not None else None
                yield _Found(ref.name, prefix + short, ref.oid, is_head=False, target=target)


def _matches(name: str, patterns: Sequence[str]) -> bool:
    return not patterns or any(fnmatchcase(name, pattern) for pattern in patterns)


def _passes(graph: TurnGraph, oid: ObjectId, chosen: BranchFilter) -> bool:
    if chosen.points_at and oid not in chosen.points_at:
        return False
    if chosen.contains and not any(is_ancestor(graph, each, oid) for each in chosen.contains):
        return False
    if any(is_ancestor(graph, each, oid) for each in chosen.no_contains):
        return False
    if chosen.merged and not any(is_ancestor(graph, oid, each) for each in chosen.merged):
        return False
    return not any(is_ancestor(graph, oid, each) for each in chosen.no_merged)


def _describe(
    repository: Repository, graph: TurnGraph, found: _Found, *, is_verbose: bool, is_dated: bool
) -> ListedBranch:
    abbreviated, subject, date_ms, upstream = None, "", 0, None
    if is_verbose:
        abbreviated = repository.objects.abbreviate(found.oid)
        subject = _read_subject(repository, graph, found.oid)
        if found.name is not None:
            upstream = find_upstream(repository, graph, found.name, found.oid)
    if is_dated:
        date_ms = _read_date(graph, found.oid)
    is_remote = found.name is not None and found.name.startswith(REMOTES)
    return ListedBranch(
        found.name,
        found.label,
        found.oid,
        found.is_head,
        is_remote,
        abbreviated,
        subject,
        found.target,
        date_ms,
        upstream,
    )


def _read_subject(repository: Repository, graph: TurnGraph, oid: ObjectId) -> str:
    """Return `role: summary`, or what is wrong: a listing shows the branches all the same."""
    header = repository.objects.find_header(oid)
    if header is None:
        return "(missing)"
    if header.kind is not Kind.TURN:
        return f"({header.kind})"
    subject = graph.read_subject(oid)
    return f"{subject.role}: {subject.summary}" if subject.summary else subject.role


def _read_date(graph: TurnGraph, oid: ObjectId) -> int:
    try:
        return graph.tip_date_ms(oid)
    except (DataError, ObjectNotFoundError):
        return 0
