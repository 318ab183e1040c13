"""`search`: turns by what was said in them.

Source: tapes-search(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import ConfigError, DataError, ObjectNotFoundError, QueryError
from tapegit.graph.walk import iter_first_parents, walk
from tapegit.objects.oid import ObjectId
from tapegit.redact.patterns import Pattern
from tapegit.search.conditions import Limits, make_condition
from tapegit.search.database import DamagedSearchError, Shown
from tapegit.search.documents import read_document
from tapegit.search.indexer import discard_words, open_words
from tapegit.search.query import (
    NO_TEXT,
    find_broken,
    list_field_names,
    list_terms,
    parse_query,
)
from tapegit.search.snippets import Piece, cut, make_snippet

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tapegit.graph.turns import TurnGraph
    from tapegit.repository.repository import Repository
    from tapegit.search.conditions import Condition
    from tapegit.search.database import FoundTurn
    from tapegit.search.indexer import OnBroken, OnProgress, Words
    from tapegit.search.query import Term


class Wanted(NamedTuple):
    """What to look for.

    Attributes:
        query: Words and fields; may be empty where there is a pattern.
        pattern: A regular expression that the text must match.
        ignores_case: Whether the pattern does.
        since_ms: Only turns that are not older.
        until_ms: Only turns that are not newer.
        tip: Only turns that this one reaches.
        count_max: At most so many.
        context_count: How many turns before and after each to give as well.
    """

    query: str = ""
    pattern: str | None = None
    ignores_case: bool = False
    since_ms: int | None = None
    until_ms: int | None = None
    tip: ObjectId | None = None
    count_max: int | None = None
    context_count: int = 0


class Neighbour(NamedTuple):
    """A turn before or after a hit, for its context."""

    oid: ObjectId
    step: int
    role: str
    summary: str | None


class Hit(NamedTuple):
    """A turn that was found; `snippet` is empty where its text cannot be read."""

    oid: ObjectId
    harness: str | None
    session: str | None
    leader: ObjectId
    step: int
    role: str
    time_ms: int | None
    snippet: tuple[Piece, ...]
    before: tuple[Neighbour, ...] = ()
    after: tuple[Neighbour, ...] = ()


class FoundSession(NamedTuple):
    """A session with turns that were found, how many, and the best of them."""

    harness: str | None
    session: str | None
    leader: ObjectId
    turn_count: int
    best: Hit


def search(
    repository: Repository,
    graph: TurnGraph,
    wanted: Wanted,
    *,
    on_broken: OnBroken,
    on_progress: OnProgress,
) -> Iterator[Hit]:
    """Yield the turns that were looked for, the best first.

    Turns that a rank cannot part come newest first. An index that turns out to be damaged is made
    anew, and what was not yielded yet follows.

    Raises:
        QueryError: The query or the pattern is none.
        TapesError: What cannot be read, if `on_broken` says so.
    """
    node = parse_query(wanted.query) if wanted.query.strip() or wanted.pattern is None else None
    pattern = _compile(wanted) if wanted.pattern is not None else None
    limits = Limits(wanted.since_ms, wanted.until_ms)
    terms = list_terms(node) if node is not None else []
    shown: set[ObjectId] = set()
    for is_last in (False, True):
        try:
            with open_words(
                repository, graph, on_broken=on_broken, on_progress=on_progress
            ) as words:
                asks_failures = node is not None and "error" in list_field_names(node)
                reader = _Reader(
                    repository, graph, words, terms, pattern, asks_failures=asks_failures
                )
                for hit in _search(graph, words, wanted, make_condition(node, limits), reader):
                    if hit.oid not in shown:
                        shown.add(hit.oid)
                        yield hit
        except DamagedSearchError as error:
            discard_words(repository, error, is_last=is_last)
        else:
            return


def _search(
    graph: TurnGraph, words: Words, wanted: Wanted, condition: Condition, reader: _Reader
) -> Iterator[Hit]:
    count = 0
    count_max = wanted.count_max if wanted.pattern is None else None
    for turn in _find(graph, words, condition, wanted.tip, count_max):
        if wanted.count_max is not None and count >= wanted.count_max:
            return
        hit = reader.read(turn)
        if hit is not None:
            count += 1
            yield _with_context(graph, words, hit, wanted.context_count)


def _find(
    graph: TurnGraph,
    words: Words,
    condition: Condition,
    tip: ObjectId | None,
    count_max: int | None,
) -> list[FoundTurn]:
    """Return what is found, in order; what is left out afterwards is not counted before."""
    reached = set(walk(graph, [tip])) if tip is not None else None
    limit = count_max if reached is None else None
    found: dict[bytes, FoundTurn] = {}
    for file in words.files:
        for turn in file.find(condition, limit):
            if reached is None or turn.oid in reached:
                found[turn.oid] = turn
    return sorted(found.values(), key=_order)


def _order(turn: FoundTurn) -> tuple[float, int, int, bytes]:
    return (turn.rank, -(turn.time_ms or 0), -turn.step, turn.oid)


def _compile(wanted: Wanted) -> Pattern:
    text = wanted.pattern or ""
    broken = find_broken(text)
    if broken is not None:
        raise QueryError(
            f"{NO_TEXT}, at character {broken + 1} of the pattern", text=text, where=broken + 1
        )
    source = f"(?i){text}" if wanted.ignores_case else text
    try:
        return Pattern(source.encode("utf-8", "surrogatepass"), is_utf8=True)
    except ConfigError as error:
        reason = str(error).partition(" is no pattern: ")[2] or str(error)
        # RE2 ends what it says with the piece that it does not take.
        place = text.find(reason.rpartition(": ")[2])
        where = f", at character {place + 1} of the pattern" if place >= 0 else ""
        raise QueryError(
            f"the pattern is none: {reason}{where}",
            hint="the syntax is that of RE2: no look-around and no reference back",
            text=text,
            where=max(place, 0) + 1,
        ) from error


class _Reader:
    """Reads what was found, for the line that is shown of it."""

    def __init__(
        self,
        repository: Repository,
        graph: TurnGraph,
        words: Words,
        terms: Sequence[Term],
        pattern: Pattern | None,
        *,
        asks_failures: bool,
    ) -> None:
        self._find = repository.objects.find
        self._graph = graph
        self._words = words
        self._terms = terms
        self._pattern = pattern
        self._asks_failures = asks_failures

    def read(self, turn: FoundTurn) -> Hit | None:
        """Return a hit; None for a turn whose text the pattern does not match."""
        oid = ObjectId(turn.oid)
        snippet = self._snip(oid)
        if snippet is None:
            return None
        leader = ObjectId(turn.leader)
        return Hit(
            oid, turn.harness, turn.session, leader, turn.step, turn.role, turn.time_ms, snippet
        )

    def _snip(self, oid: ObjectId) -> tuple[Piece, ...] | None:
        """Return the line of a turn; None where a pattern does not match.

        Of a long turn only the beginning is kept. It will do where the line ends within it.
        """
        shown = next((found for file in self._words.files if (found := file.find_shown(oid))), None)
        is_asking = self._pattern is not None or (not self._terms and self._asks_failures)
        if shown is not None and shown.is_cut and not is_asking:
            snippet = make_snippet(shown.texts, self._terms)
            if self._terms and any(piece.is_match for piece in snippet) and _ends(snippet):
                return snippet
        if shown is None or shown.is_cut:
            shown = self._read_shown(oid)
        if self._pattern is not None:
            return _match(self._pattern, shown.texts)
        is_failed = is_asking and bool(shown.failures)
        return make_snippet(shown.failures if is_failed else shown.texts, self._terms)

    def _read_shown(self, oid: ObjectId) -> Shown:
        """Return the texts of a turn from the store; none where it cannot be read."""
        try:
            document = read_document(self._find, self._graph.read_turn(oid))
        except (DataError, ObjectNotFoundError):
            return Shown((), ())
        return Shown(document.texts, document.failures)


def _ends(snippet: tuple[Piece, ...]) -> bool:
    """Return whether a line goes on in the text that it was cut from, so that no end is missing."""
    return bool(snippet) and snippet[-1].text.endswith("…")


def _match(pattern: Pattern, texts: Sequence[str]) -> tuple[Piece, ...] | None:
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        found = pattern.find(data, 0)
        if found is not None:
            whole = found[0]
            start = len(data[: whole.start].decode("utf-8", "ignore"))
            end = start + len(data[whole.start : whole.end].decode("utf-8", "ignore"))
            return cut(text, [(start, end)] if end > start else [])
    return None


def group_by_session(hits: Iterator[Hit]) -> list[FoundSession]:
    """Return the sessions of hits, that of the best hit first."""
    groups: dict[ObjectId, list[Hit]] = {}
    for hit in hits:
        groups.setdefault(hit.leader, []).append(hit)
    return [
        FoundSession(found[0].harness, found[0].session, leader, len(found), found[0])
        for leader, found in groups.items()
    ]


def _with_context(graph: TurnGraph, words: Words, hit: Hit, count: int) -> Hit:
    """Return a hit with the turns around it on its tape."""
    if not count:
        return hit
    try:
        before = _list_before(graph, hit, count)
        after = _list_after(graph, words, hit, count)
    except (DataError, ObjectNotFoundError):
        return hit
    return hit._replace(before=tuple(before), after=tuple(after))


def _list_before(graph: TurnGraph, hit: Hit, count: int) -> list[Neighbour]:
    found: list[Neighbour] = []
    line = iter_first_parents(graph, hit.oid)
    next(line)
    for step, oid in zip(range(hit.step - 1, -1, -1), line, strict=False):
        if len(found) == count:
            break
        found.insert(0, _describe(graph, oid, step))
    return found


def _list_after(graph: TurnGraph, words: Words, hit: Hit, count: int) -> list[Neighbour]:
    found: list[Neighbour] = []
    oid = hit.oid
    for step in range(hit.step + 1, hit.step + 1 + count):
        candidates = {ObjectId(at) for file in words.files for at in file.find_at(hit.leader, step)}
        children = sorted(each for each in candidates if graph.parents(each)[:1] == (oid,))
        if not children:
            break
        oid = children[0]
        found.append(_describe(graph, oid, step))
    return found


def _describe(graph: TurnGraph, oid: ObjectId, step: int) -> Neighbour:
    subject = graph.read_subject(oid)
    return Neighbour(oid, step, subject.role, subject.summary)
