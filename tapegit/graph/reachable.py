"""Reachability: everything that some objects need, each once: tags, then turns, then content.

Rules:

- What is yielded is there: a turn and a rope were read, a blob was looked for. What is missing
  is an error that names it and the object that needs it, or is handed to the caller.
- Memory is bounded by what must be remembered to yield content once: the ids of blobs and
  ropes. Of turns nothing is kept, unless the caller collects what is missing.
- What is excluded is excluded with its content as far as the turns next to it go, as in git:
  content that only older excluded turns share may be yielded all the same.

Source: tapesformat-object(5), "Links".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, runtime_checkable

from tapegit.errors import FormatError, ObjectNotFoundError
from tapegit.graph.turns import TurnGraph
from tapegit.graph.walk import walk
from tapegit.objects.kind import Kind
from tapegit.objects.links import iter_links
from tapegit.objects.tag import decode_tag
from tapegit.objects.turn import decode_links

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Iterable, Iterator

    from tapegit.objects.kind import Object
    from tapegit.objects.oid import ObjectId
    from tapegit.objects.turn import TurnLinks
    from tapegit.store.source import ObjectSource

    OnMissing = Callable[[ObjectId, ObjectId | None], None]
    _Needs = dict[ObjectId, ObjectId | None]  # content, in order, and the first that needs it

_CONTENT: Final = (Kind.BLOB, Kind.ROPE)


@runtime_checkable
class BatchSource(Protocol):
    """A source that reads many objects faster than one by one."""

    def read_many(self, oids: Iterable[ObjectId]) -> Iterator[tuple[ObjectId, Object | None]]:
        """Yield each id asked for with its object or None, in the order asked."""
        ...


class Reached(NamedTuple):
    """An object that is needed, and its kind."""

    oid: ObjectId
    kind: Kind


def iter_reachable_objects(
    objects: ObjectSource,
    tips: Iterable[ObjectId],
    *,
    exclude: Iterable[ObjectId] = (),
    on_missing: OnMissing | None = None,
) -> Iterator[ObjectId]:
    """Yield the ids of what `iter_reachable` yields."""
    for reached in iter_reachable(objects, tips, exclude=exclude, on_missing=on_missing):
        yield reached.oid


def iter_reachable(
    objects: ObjectSource,
    tips: Iterable[ObjectId],
    *,
    exclude: Iterable[ObjectId] = (),
    on_missing: OnMissing | None = None,
) -> Iterator[Reached]:
    """Yield the tips and what they need, each once: tags, turns by falling order, content.

    Args:
        objects: Where everything is.
        tips: Ids of objects of any kind.
        exclude: Ids of objects of any kind that are left out with what they need; one that is
            missing leaves nothing out.
        on_missing: Takes each missing object, and the object that needs it (None for a tip).
            Without it the first missing object is an error.

    Raises:
        ObjectNotFoundError: An object is missing; the fields are oid and referrer.
        DataError: A tag, turn or rope is damaged, or of another kind than it must be.
    """
    report = on_missing or _refuse
    tags, turns, content = sort_tips(objects, tips, on_missing=report)
    left_tags, left_turns, left_content = sort_tips(objects, exclude, on_missing=_ignore)
    for oid in tags:
        if oid not in left_tags:
            yield Reached(oid, Kind.TAG)
    needed: _Needs = dict.fromkeys(content)
    border = dict.fromkeys(left_turns)
    walked = set()
    for oid, links in _iter_linked(objects, turns, left_turns, on_missing):
        yield Reached(oid, Kind.TURN)
        for needs in links.contents:
            needed.setdefault(needs, oid)
        if left_turns:
            walked.add(oid)
            border.update(dict.fromkeys(links.parents))
    beyond = [oid for oid in border if oid not in walked]
    hidden = set(_iter_hidden(objects, beyond, left_content))
    yield from _iter_content(objects, needed, hidden, report)


def iter_with_content(
    objects: ObjectSource,
    turns: Iterable[ObjectId],
    *,
    content: Iterable[ObjectId] = (),
    hidden_turns: Iterable[ObjectId] = (),
    hidden_content: Iterable[ObjectId] = (),
) -> Iterator[Reached]:
    """Yield turns as they come, then some content, what the turns need, and what that needs.

    Args:
        objects: Where everything is.
        turns: What a walk yields.
        content: Ids of blobs and ropes.
        hidden_turns: Turns whose content is left out; missing ones leave nothing out.
        hidden_content: Blobs and ropes that are left out with what they need.

    Raises:
        ObjectNotFoundError: An object is missing; the fields are oid and referrer.
        DataError: A turn or rope is damaged, or of another kind than it must be.
    """
    needed: _Needs = dict.fromkeys(content)
    for oid, links in _iter_links_of(objects, turns, _refuse):
        yield Reached(oid, Kind.TURN)
        for needs in links.contents:
            needed.setdefault(needs, oid)
    hidden = set(_iter_hidden(objects, hidden_turns, hidden_content))
    yield from _iter_content(objects, needed, hidden, _refuse)


def _refuse(oid: ObjectId, referrer: ObjectId | None) -> None:
    needed_by = f", needed by '{referrer}'" if referrer is not None else ""
    raise ObjectNotFoundError(
        f"object '{oid}' is missing{needed_by}",
        hint="run 'tapes fsck' to see what else is",
        oid=oid,
        referrer=referrer,
    )


def _ignore(oid: ObjectId, referrer: ObjectId | None) -> None:
    pass


def sort_tips(
    objects: ObjectSource, tips: Iterable[ObjectId], *, on_missing: OnMissing | None = None
) -> tuple[dict[ObjectId, None], dict[ObjectId, None], dict[ObjectId, None]]:
    """Return the tags, the turns and the content that tips name; tags are followed.

    Raises:
        ObjectNotFoundError: An object is missing, and there is no `on_missing` to take it.
        DataError: An object is damaged.
    """
    report = on_missing or _refuse
    tags: dict[ObjectId, None] = {}
    turns: dict[ObjectId, None] = {}
    content: dict[ObjectId, None] = {}
    for tip in tips:
        oid, referrer = tip, None
        while oid not in tags:
            if objects.find_facts(oid) is not None:
                turns[oid] = None  # an index knows it as a turn
                break
            found = objects.find(oid)
            if found is None:
                report(oid, referrer)
                break
            if found.kind is not Kind.TAG:
                (turns if found.kind is Kind.TURN else content)[oid] = None
                break
            tags[oid] = None
            oid, referrer = decode_tag(found.data).oid, oid
    return tags, turns, content


def _iter_linked(
    objects: ObjectSource,
    turns: Iterable[ObjectId],
    exclude: Iterable[ObjectId],
    on_missing: OnMissing | None,
) -> Iterator[tuple[ObjectId, TurnLinks]]:
    """Yield each turn with what it needs."""
    graph = TurnGraph(objects)
    if on_missing is None:
        oids = walk(graph, turns, exclude=exclude)
    else:
        hidden = set(_iter_present(graph, exclude, (), _ignore))
        oids = _iter_present(graph, turns, hidden, on_missing)
    yield from _iter_links_of(objects, oids, on_missing or _refuse)


def _iter_links_of(
    objects: ObjectSource, oids: Iterable[ObjectId], report: OnMissing
) -> Iterator[tuple[ObjectId, TurnLinks]]:
    for oid, found in _read_many(objects, oids):
        if found is None:
            report(oid, None)
        elif found.kind is not Kind.TURN:
            raise _wrong_kind(oid, found.kind, "turn")
        else:
            yield oid, decode_links(found.data)


def _iter_present(
    graph: TurnGraph,
    starts: Iterable[ObjectId],
    hidden: Container[ObjectId],
    report: OnMissing,
) -> Iterator[ObjectId]:
    """Yield the turns reachable from some, in no stated order, past what is missing."""
    stack: list[tuple[ObjectId, ObjectId | None]] = [(oid, None) for oid in starts]
    seen = set()
    while stack:
        oid, referrer = stack.pop()
        if oid in seen or oid in hidden:
            continue
        seen.add(oid)
        try:
            parents = graph.parents(oid)
        except ObjectNotFoundError:
            report(oid, referrer)
            continue
        yield oid
        stack.extend((parent, oid) for parent in reversed(parents))


def _iter_hidden(
    objects: ObjectSource, turns: Iterable[ObjectId], content: Iterable[ObjectId]
) -> Iterator[ObjectId]:
    """Yield the content that some turns need and some content, as far as it is here."""
    needed: _Needs = dict.fromkeys(content)
    for oid, found in _read_many(objects, turns):
        if found is not None and found.kind is Kind.TURN:
            needed.update(dict.fromkeys(decode_links(found.data).contents, oid))
    for reached in _iter_content(objects, needed, (), _ignore):
        yield reached.oid


def _iter_content(
    objects: ObjectSource, needed: _Needs, hidden: Container[ObjectId], report: OnMissing
) -> Iterator[Reached]:
    """Yield content and the content that its ropes need, level by level, each once."""
    seen = set(needed)
    level: list[tuple[ObjectId, ObjectId | None, tuple[Kind, ...]]] = [
        (oid, referrer, _CONTENT) for oid, referrer in needed.items()
    ]
    while level:
        ropes: _Needs = {}
        for oid, referrer, kinds in level:
            if oid in hidden:
                continue
            kind = _find_kind(objects, oid, kinds)
            if kind is None:
                report(oid, referrer)
            elif kind not in kinds:
                raise _wrong_kind(oid, kind, " or ".join(kinds))
            elif kind is Kind.ROPE:
                ropes[oid] = referrer
            else:
                yield Reached(oid, kind)
        level = []
        for oid, found in _read_many(objects, ropes):
            if found is None:
                report(oid, ropes[oid])
                continue
            yield Reached(oid, Kind.ROPE)
            for link in iter_links(Kind.ROPE, found.data):
                if link.oid not in seen:
                    seen.add(link.oid)
                    level.append((link.oid, oid, link.kinds))


def _find_kind(objects: ObjectSource, oid: ObjectId, kinds: tuple[Kind, ...]) -> Kind | None:
    """Return the kind of an object, or None where it is missing.

    Where the link leaves no choice only its presence is looked at: fsck is there to read all.
    """
    if len(kinds) == 1:
        return kinds[0] if objects.contains(oid) else None
    header = objects.find_header(oid)
    return None if header is None else header.kind


def _read_many(
    objects: ObjectSource, oids: Iterable[ObjectId]
) -> Iterator[tuple[ObjectId, Object | None]]:
    if isinstance(objects, BatchSource):
        return objects.read_many(oids)
    return ((oid, objects.find(oid)) for oid in oids)


def _wrong_kind(oid: ObjectId, actual: Kind, expected: str) -> FormatError:
    return FormatError(
        f"object '{oid}' is a {actual}, not a {expected}",
        where=str(oid),
        expected=expected,
        actual=actual,
    )
