"""`diff`: two tapes compared, turn by turn.

What both have from one leader on is passed over by id alone. From there on both are read once,
put side by side, and only what differs is decoded again.

Source: tapes-diff(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import RefNotFoundError
from tapegit.graph.ancestry import merge_bases
from tapegit.graph.revision import INCLUDE, SYMMETRIC, parse_range
from tapegit.index.lines import list_line
from tapegit.porcelain.diff.align import Entry, align
from tapegit.porcelain.diff.changes import (
    compare_parts,
    compare_requests,
    compare_settings,
    list_parts,
)
from tapegit.porcelain.diff.requests import RequestReader
from tapegit.porcelain.diff.steps import iter_turn_parts, read_steps
from tapegit.porcelain.turns.selection import select

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from tapegit.graph.resolve import Resolver
    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId
    from tapegit.porcelain.diff.changes import Change
    from tapegit.porcelain.diff.requests import Asked
    from tapegit.porcelain.diff.steps import Step
    from tapegit.porcelain.turns.selection import Selection
    from tapegit.repository.repository import Repository

SAME: Final = "same"
CHANGED: Final = "changed"
ONLY_OLD: Final = "only-a"
ONLY_NEW: Final = "only-b"


class Sides(NamedTuple):
    """The two turns whose tapes are compared, and the session taken if HEAD is unborn."""

    old: ObjectId
    new: ObjectId
    selection: Selection | None = None


class Place(NamedTuple):
    """One place of a comparison.

    Attributes:
        status: `same`, `changed`, `only-a` or `only-b`.
        old: The turn of the old side; None where there is none.
        new: That of the new side.
        settings: The settings that begin to differ here.
        is_moved: The same was said after something else.
    """

    status: str
    old: Step | None
    new: Step | None
    settings: tuple[Change, ...] = ()
    is_moved: bool = False


class Comparison(NamedTuple):
    """Two tapes side by side.

    Attributes:
        base: The last turn that both have by its id; None where they share none.
        places: All places after the base, in order.
        is_exact: Nothing had to be aligned more coarsely.
    """

    base: ObjectId | None
    places: list[Place]
    is_exact: bool

    @property
    def is_same(self) -> bool:
        """Whether nothing differs."""
        return all(place.status == SAME for place in self.places)


def choose_sides(
    repository: Repository,
    resolver: Resolver,
    graph: TurnGraph,
    revisions: Sequence[str],
    *,
    from_base: bool,
    directory: str | None,
    warn: Callable[[str], None],
) -> Sides | None:
    """Return what to compare: two revisions, a range, or one revision and HEAD.

    Args:
        repository: The store.
        resolver: Its resolver.
        graph: Its turns.
        revisions: As they were typed.
        from_base: Compare the second with what it has in common with the first.
        directory: The working directory.
        warn: Takes a line for standard error.

    Returns:
        None where the revisions are neither one nor two ends.

    Raises:
        UserError: A revision names nothing, or two have nothing in common and should.
        DataError: Something on the way is damaged.
    """
    if len(revisions) == 1:
        item = parse_range(revisions[0])
        if item.form == SYMMETRIC and item.other is not None:
            new = resolver.resolve(item.other.text)
            old = resolver.resolve(item.one.text)
            return Sides(_find_base(graph, old, new, revisions[0], warn), new)
    points = [point for text in revisions for point in resolver.resolve_points(text)]
    olds = [point.oid for point in points if point.is_excluded]
    news = [point.oid for point in points if not point.is_excluded]
    selection = None
    if len(news) == 1 and not olds and parse_range(revisions[0]).form == INCLUDE:
        selection = select(repository, resolver, (), directory=directory)
        news.append(selection.starts[0])
    if len(olds) > 1 or len(olds) + len(news) != 2:
        return None
    old, new = *olds, *news
    if from_base:
        old = _find_base(graph, old, new, "--merge-base", warn)
    return Sides(old, new, selection)


def compare(repository: Repository, graph: TurnGraph, old: ObjectId, new: ObjectId) -> Comparison:
    """Compare the tapes that end in two turns.

    Raises:
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    lines = list_line(graph, old), list_line(graph, new)
    shared = 0
    while shared < min(map(len, lines)) and lines[0][shared] == lines[1][shared]:
        shared += 1
    steps = [
        list(read_steps(repository.objects, line[shared:], shared - _leader_place(graph, line)))
        for line in lines
    ]
    alignment = align(*steps)
    places = list(_Settings(RequestReader(repository.objects)).iter_places(alignment.entries))
    base = lines[0][shared - 1] if shared else None
    return Comparison(base, places, alignment.is_exact)


def list_changes(repository: Repository, graph: TurnGraph, place: Place) -> list[Change]:
    """Return what differs at a place: its settings, then part by part.

    Raises:
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    objects = repository.objects
    sides = []
    for step in (place.old, place.new):
        turn = graph.read_turn(step.oid) if step is not None else None
        sides.append((turn, iter_turn_parts(objects, turn) if turn is not None else iter(())))
    (old, old_parts), (new, new_parts) = sides
    if old is None or new is None:
        turn, parts = (old, old_parts) if old is not None else (new, new_parts)
        assert turn is not None
        return list_parts(turn, parts, is_old=new is None)
    return [*place.settings, *compare_parts(old, old_parts, new, new_parts)]


def _find_base(
    graph: TurnGraph, old: ObjectId, new: ObjectId, text: str, warn: Callable[[str], None]
) -> ObjectId:
    bases = merge_bases(graph, old, new)
    if not bases:
        raise RefNotFoundError(
            f"'{text}' has no merge base: the two share no turn",
            hint="'tapes diff A B' compares tapes that share none",
            name=text,
        )
    if len(bases) > 1:
        warn(f"'{text}' has several merge bases; using {bases[0]}")
    return bases[0]


def _leader_place(graph: TurnGraph, line: Sequence[ObjectId]) -> int:
    leader = graph.find_leader(line[-1])
    return line.index(leader) if leader is not None else 0


class _Settings:
    """Finds out which pairs differ, and where a setting begins to differ in another way."""

    def __init__(self, requests: RequestReader) -> None:
        self._requests = requests
        self._last: tuple[Asked, Asked, list[Change]] | None = None
        self._running: dict[tuple[str, str | None], tuple[Change, list[int]]] = {}

    def iter_places(self, entries: Sequence[Entry]) -> Iterator[Place]:
        """Yield a place for each entry; the turns of a setting are counted to the end."""
        counted = [(entry, self._take(entry)) for entry in entries]
        for entry, begun in counted:
            changes = tuple(
                change._replace(turn_count=count[0]) if count else change for change, count in begun
            )
            yield _make_place(entry, changes)

    def _take(self, entry: Entry) -> list[tuple[Change, list[int]]]:
        if entry.old is None or entry.new is None:
            return []
        if entry.old.role != entry.new.role:
            return []
        if entry.new.role not in {"assistant", "session"}:
            return []
        changes = compare_settings(entry.old.settings, entry.new.settings)
        if entry.old.call is not None and entry.new.call is not None:
            old, new = self._requests.read(entry.old.call), self._requests.read(entry.new.call)
            if old is not None and new is not None:
                changes += self._compare_requests(old, new)
        if entry.new.role == "session":
            return [(change, [0]) for change in changes]
        begun = []
        going_on = {}
        for change in changes:
            name = (change.what, change.path)
            running = self._running.get(name)
            if running is None or running[0] != change:
                running = (change, [0])
                begun.append(running)
            running[1][0] += 1
            going_on[name] = running
        self._running = going_on
        return begun

    def _compare_requests(self, old: Asked, new: Asked) -> list[Change]:
        """Compare two requests; those of the turn before mostly asked the same."""
        if self._last is None or self._last[0] is not old or self._last[1] is not new:
            self._last = old, new, compare_requests(old, new)
        return self._last[2]


def _make_place(entry: Entry, settings: tuple[Change, ...]) -> Place:
    old, new = entry.old, entry.new
    if not entry.is_same:
        status = ONLY_OLD if new is None else ONLY_NEW if old is None else CHANGED
        return Place(status, old, new, settings)
    is_changed = bool(settings)
    if old is not None and new is not None:
        is_changed |= _differs(old.thinking, new.thinking)
        is_changed |= old.dialect == new.dialect and old.injected != new.injected
    return Place(CHANGED if is_changed else SAME, old, new, settings, entry.is_moved)


def _differs(old: bytes | None, new: bytes | None) -> bool:
    return old is not None and new is not None and old != new
