"""`rev-list`: the ids of turns, and of what they need, for scripts."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tapegit.graph.reachable import iter_with_content, sort_tips
from tapegit.graph.walk import walk
from tapegit.objects.kind import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tapegit.graph.resolve import Point
    from tapegit.graph.turns import TurnGraph
    from tapegit.graph.walk import WalkOptions
    from tapegit.objects.oid import ObjectId
    from tapegit.store.source import ObjectSource

LEFT: Final = "<"
RIGHT: Final = ">"


class Form(NamedTuple):
    """What to find out of each turn, and how a line shows it.

    `sides` are the marks to list; `marks`, `parents`, `dates` and `kinds` say what a line has
    beside the id; `abbreviate` shortens the id.
    """

    sides: str = LEFT + RIGHT
    marks: bool = False
    parents: bool = False
    dates: bool = False
    kinds: bool = True
    abbreviate: Callable[[ObjectId], str] = str


class Line(NamedTuple):
    """An object of the list; the mark says which side of `a...b` reaches a turn."""

    oid: ObjectId
    kind: Kind = Kind.TURN
    parents: tuple[ObjectId, ...] = ()
    date_ms: int | None = None
    mark: str = ""


class TipIds(NamedTuple):
    """Ids to start from, ids to leave out, and those of the first that are left of `...`."""

    include: list[ObjectId]
    exclude: list[ObjectId]
    left: list[ObjectId]


def sort_points(points: Iterable[Point]) -> TipIds:
    """Return the ids of tips, each once, by what they are for."""
    include: dict[ObjectId, None] = {}
    exclude: dict[ObjectId, None] = {}
    left: dict[ObjectId, None] = {}
    for point in points:
        (exclude if point.is_excluded else include)[point.oid] = None
        if point.is_left and not point.is_excluded:
            left[point.oid] = None
    return TipIds(list(include), list(exclude), list(left))


def list_turns(
    graph: TurnGraph, tips: TipIds, options: WalkOptions, form: Form, *, no_walk: bool = False
) -> Iterator[Line]:
    """Yield the turns that a walk from the tips gives; with `no_walk` the tips alone, by date.

    Raises:
        ObjectNotFoundError: A turn is missing.
        DataError: A turn is damaged.
    """
    include, exclude, left = tips
    if form.sides == LEFT:
        include = left
    elif form.sides == RIGHT:
        include = [oid for oid in include if oid not in left]
        exclude = exclude + left
    on_left = set(walk(graph, left, exclude=exclude)) if form.marks else frozenset()
    chosen = (
        _choose_tips(graph, include, options)
        if no_walk
        else walk(graph, include, exclude=exclude, **options)
    )
    for oid in chosen:
        yield Line(
            oid,
            parents=graph.parents(oid) if form.parents else (),
            date_ms=graph.facts(oid).date_ms if form.dates else None,
            mark=(LEFT if oid in on_left else RIGHT) if form.marks else "",
        )


def list_objects(
    objects: ObjectSource,
    graph: TurnGraph,
    tips: TipIds,
    options: WalkOptions,
    form: Form,
) -> Iterator[Line]:
    """Yield the turns of a walk, then the tags that led there, then content.

    Args:
        objects: Where everything is.
        graph: Its turns.
        tips: Ids of objects of any kind, tags not followed.
        options: Of the walk.
        form: What to find out of each turn.

    Raises:
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    tags, turns, content = sort_tips(objects, tips.include)
    hidden_tags, hidden_turns, hidden_content = sort_tips(objects, tips.exclude)
    border = dict.fromkeys(hidden_turns)
    if border:
        whole = set(walk(graph, turns, exclude=hidden_turns))
        border |= {up: None for oid in whole for up in graph.parents(oid) if up not in whole}
    turn_tips = TipIds(list(turns), list(hidden_turns), list(sort_tips(objects, tips.left)[1]))
    ahead: deque[Line] = deque()  # what was read ahead of what is yielded
    later = [Line(oid, Kind.TAG) for oid in tags if oid not in hidden_tags]
    reached = iter_with_content(
        objects,
        _iter_oids(list_turns(graph, turn_tips, options, form), ahead),
        content=content,
        hidden_turns=border,
        hidden_content=hidden_content,
    )
    for oid, kind in reached:
        if kind is Kind.TURN:
            yield ahead.popleft()
            continue
        yield from later
        later = []
        yield Line(oid, kind)
    yield from later


def _iter_oids(lines: Iterable[Line], ahead: deque[Line]) -> Iterator[ObjectId]:
    for line in lines:
        ahead.append(line)
        yield line.oid


def format_line(line: Line, form: Form) -> str:
    """Return a line as git writes it: date, mark, id, then parents or what else the object is."""
    words = [] if line.date_ms is None else [str(line.date_ms)]
    words.append(line.mark + form.abbreviate(line.oid))
    if line.kind is not Kind.TURN and form.kinds:
        words.append(line.kind)
    words.extend(map(str, line.parents))
    return " ".join(words)


def line_members(line: Line, form: Form) -> dict[str, Any]:
    """Return a line as the members of a JSON object."""
    members: dict[str, Any] = {"oid": str(line.oid), "kind": str(line.kind)}
    if form.parents and line.kind is Kind.TURN:
        members["parents"] = [str(parent) for parent in line.parents]
    if line.date_ms is not None:
        members["date_ms"] = line.date_ms
    if line.mark:
        members["side"] = "left" if line.mark == LEFT else "right"
    return members


def count_lines(lines: Iterable[Line], form: Form) -> str:
    """Return how many there are: on the left, a tab and on the right, where that is asked for."""
    counts = {"": 0, LEFT: 0, RIGHT: 0}
    for line in lines:
        counts[line.mark] += 1
    return f"{counts[LEFT]}\t{counts[RIGHT]}" if form.marks else str(sum(counts.values()))


def _choose_tips(
    graph: TurnGraph, oids: Iterable[ObjectId], options: WalkOptions
) -> Iterator[ObjectId]:
    dated = sorted(oids, key=lambda oid: -graph.tip_date_ms(oid))
    count = options.get("max_count")
    chosen = dated[options.get("skip", 0) :][: count if count is not None and count >= 0 else None]
    return reversed(chosen) if options.get("reverse") else iter(chosen)
