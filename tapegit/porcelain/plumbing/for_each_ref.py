"""`for-each-ref`: which refs, and in which order."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import DataError, ObjectNotFoundError
from tapegit.graph.ancestry import is_ancestor
from tapegit.objects.kind import Kind
from tapegit.porcelain.plumbing.ref_format import Field, RefView, Target, parse_field
from tapegit.porcelain.plumbing.whole_refs import iter_whole_refs
from tapegit.refs.names import HEAD

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId
    from tapegit.refs.loose import OnBroken
    from tapegit.repository.repository import Repository

FORMAT_DEFAULT: Final = "%(objectname) %(objecttype)%09%(refname)"

_DATES: Final = ("time", "creatordate", "taggerdate")
_NUMBER = re.compile(r"([0-9]+)")


class RefFilter(NamedTuple):
    """Which refs to take; an empty member takes all."""

    patterns: tuple[str, ...] = ()
    points_at: tuple[ObjectId, ...] = ()
    contains: tuple[ObjectId, ...] = ()
    no_contains: tuple[ObjectId, ...] = ()
    merged: tuple[ObjectId, ...] = ()
    no_merged: tuple[ObjectId, ...] = ()

    @property
    def asks_graph(self) -> bool:
        """Whether the ancestors of a ref decide."""
        return bool(self.contains or self.no_contains or self.merged or self.no_merged)


class SortKey(NamedTuple):
    """One `--sort`: a field, and how its values compare."""

    field: Field
    is_descending: bool
    is_version: bool

    def key(self, view: RefView) -> tuple[int, object]:
        """Return what to compare; refs of which nothing is known come first."""
        value = self.field.value(view)
        if value == "":
            return 0, 0
        if self.is_version:
            parts = _NUMBER.split(str(value))
            return 1, tuple((int(part), "") if part.isdigit() else (0, part) for part in parts)
        return (1, value) if isinstance(value, int) else (2, value)


def parse_sort_key(text: str) -> SortKey:
    """Return a sort key from its text: `-` for descending, `version:` or `v:`, a field.

    Raises:
        UserError: The field is not known.
    """
    name = text.removeprefix("-")
    plain = re.sub("^v(?:ersion)?:", "", name)
    field = parse_field(plain)
    if field.name in _DATES:
        field = field._replace(modifier="ms")
    return SortKey(field, text.startswith("-"), plain != name)


def list_refs(
    repository: Repository,
    graph: TurnGraph,
    chosen: RefFilter,
    *,
    sort: Sequence[SortKey] = (),
    count_max: int | None = None,
    now_ms: int = 0,
    on_broken: OnBroken | None = None,
) -> list[RefView]:
    """Return the refs that pass a filter, by the last sort key first, at last by name.

    A ref that cannot be read, or whose object a choice needs and is damaged, is given to
    `on_broken` and left out.

    Raises:
        TapesError: There is such a ref, and no `on_broken`.
    """
    prefix = common_prefix(chosen.patterns)
    found: list[tuple[list[tuple[int, object]], RefView]] = []
    for view in _iter_views(repository, prefix, now_ms, on_broken):
        try:
            if _passes(view, graph, chosen):
                found.append(([sort_key.key(view) for sort_key in sort], view))
        except (DataError, ObjectNotFoundError) as error:
            if on_broken is None:
                raise
            on_broken(view.name, error)
    for place, sort_key in enumerate(sort):
        found.sort(key=lambda row: row[0][place], reverse=sort_key.is_descending)
    return [view for _, view in found[:count_max]]


def matches_patterns(name: str, patterns: Sequence[str]) -> bool:
    """Return whether a ref is below a pattern's path, or matches it as a shell would."""
    if not patterns:
        return True
    return any(
        name == pattern or name.startswith(pattern.rstrip("/") + "/") or fnmatch_path(name, pattern)
        for pattern in patterns
    )


def common_prefix(patterns: Sequence[str]) -> str:
    """Return what every name that matches one of the patterns begins with."""
    plain = [re.split(r"[*?\[]", pattern, maxsplit=1)[0].rstrip("/") for pattern in patterns]
    # every string between the first and the last in order begins as both of them do
    first, last = min(plain, default=""), max(plain, default="")
    common = next((first[:n] for n, c in enumerate(first) if last[n : n + 1] != c), first)
    return common if common.startswith("refs/") else "refs/"


def fnmatch_path(name: str, pattern: str) -> bool:
    """Return whether a name matches a pattern in which `*` does not cross a slash."""
    parts, patterns = name.split("/"), pattern.split("/")
    return len(parts) == len(patterns) and all(map(fnmatchcase, parts, patterns))


def _iter_views(
    repository: Repository, prefix: str, now_ms: int, on_broken: OnBroken | None
) -> Iterator[RefView]:
    head = repository.refs.find_symbolic(HEAD)
    for ref in iter_whole_refs(repository, prefix, on_broken=on_broken):
        target = Target(repository, ref.oid, ref.name)
        yield RefView(repository, ref.name, target, ref.target, ref.name == head, now_ms)


def _passes(view: RefView, graph: TurnGraph, chosen: RefFilter) -> bool:
    if not matches_patterns(view.name, chosen.patterns):
        return False
    if chosen.points_at and not _points_at(view.target, chosen.points_at):
        return False
    return not chosen.asks_graph or _passes_graph(view.target, graph, chosen)


def _points_at(target: Target, oids: Sequence[ObjectId]) -> bool:
    if target.oid in oids:
        return True
    peeled = target.peel()
    return peeled is not None and peeled.oid in oids


def _passes_graph(target: Target, graph: TurnGraph, chosen: RefFilter) -> bool:
    """Return whether a tip passes what the filter says of ancestors; no turn never does."""
    peeled = target.peel() or target
    if peeled.found.kind is not Kind.TURN:
        return False
    tip = peeled.oid
    if chosen.contains and not any(is_ancestor(graph, oid, tip) for oid in chosen.contains):
        return False
    if any(is_ancestor(graph, oid, tip) for oid in chosen.no_contains):
        return False
    if chosen.merged and not any(is_ancestor(graph, tip, oid) for oid in chosen.merged):
        return False
    return not any(is_ancestor(graph, tip, oid) for oid in chosen.no_merged)
