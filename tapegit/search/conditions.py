"""From a query to conditions of SQL: every value is bound, never written into a statement.

Source: tapes-search(1), "QUERIES".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import QueryError
from tapegit.search.query import And, Field, Not, Term, list_terms

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tapegit.search.query import Node


class Condition(NamedTuple):
    """A condition on `turn`, `session` and `words`.

    Attributes:
        where: What must be true.
        values: What it binds.
        match: What the rank goes by, as FTS5 writes it; None for no rank.
        is_needed: The match must be true as well, and `where` does not say so.
    """

    where: str
    values: tuple[object, ...]
    match: str | None
    is_needed: bool = False


class Limits(NamedTuple):
    """What a turn must be besides; None stands for any. Times are ms since the epoch."""

    since_ms: int | None = None
    until_ms: int | None = None


RANKED_COUNT_MAX: Final = 50

_COLUMNS: Final = {
    "role": "turn.role",
    "model": "turn.model",
    "tool": "turn.tools",
    "harness": "session.harness",
    "session": "session.id",
    "cwd": "session.cwd",
}


def make_condition(node: Node | None, limits: Limits) -> Condition:
    """Return the condition that is true of the turns that a query asks for.

    Raises:
        QueryError: A field has a value that it cannot have.
    """
    parts: list[tuple[str, Sequence[object]]] = [("1", ())]
    needed, rest = _split(node)
    parts += map(_translate, rest)
    if limits.since_ms is not None:
        parts.append(("turn.time >= ?", (limits.since_ms,)))
    if limits.until_ms is not None:
        parts.append(("turn.time <= ?", (limits.until_ms,)))
    where = " AND ".join(f"({text})" for text, _ in parts)
    terms = list_terms(node) if node is not None else []
    match = _match_all(needed) if needed else _match_any(terms)
    bound = tuple(value for _, values in parts for value in values)
    return Condition(where, bound, match, is_needed=bool(needed))


def _split(node: Node | None) -> tuple[list[Term], list[Node]]:
    """Return the terms that must all be there, and what else must be true.

    Where other terms count for the rank as well, all is left together: the rank is of any.
    """
    if node is None:
        return [], []
    nodes: list[Node] = list(node.nodes) if isinstance(node, And) else [node]
    terms = [each for each in nodes if isinstance(each, Term)]
    rest: list[Node] = [each for each in nodes if not isinstance(each, Term)]
    if any(list_terms(each) for each in rest):
        return [], [node]
    return terms, rest


def _translate(node: Node) -> tuple[str, Sequence[object]]:
    if isinstance(node, Term):
        return "turn.number IN (SELECT rowid FROM words WHERE words MATCH ?)", (_match(node),)
    if isinstance(node, Field):
        return _translate_field(node)
    if isinstance(node, Not):
        text, values = _translate(node.node)
        return f"NOT coalesce(({text}), 0)", values
    word = " AND " if isinstance(node, And) else " OR "
    texts: list[str] = []
    bound: list[object] = []
    for each in node.nodes:
        text, values = _translate(each)
        texts.append(f"({text})")
        bound += values
    return word.join(texts), bound


def _match_all(terms: list[Term]) -> str:
    return " AND ".join(dict.fromkeys(map(_match, terms)))


def _match_any(terms: list[Term]) -> str | None:
    """Return what a rank goes by: it takes a look at each turn for each of the words."""
    return " OR ".join(list(dict.fromkeys(map(_match, terms)))[:RANKED_COUNT_MAX]) or None


def _match(term: Term) -> str:
    return "{text} : " + _phrase(term.words, is_prefix=term.is_prefix)


def _phrase(words: str, *, is_prefix: bool) -> str:
    quoted = words.replace('"', '""')
    return f'"{quoted}" *' if is_prefix else f'"{quoted}"'


def _translate_field(field: Field) -> tuple[str, Sequence[object]]:
    name, value = field.name, field.value.lower()
    if name == "error":
        return _translate_error(field)
    if name == "file":
        if not value:
            return "turn.files > 0", ()
        match = "{files} : " + _phrase(field.value, is_prefix=field.is_prefix)
        return "turn.number IN (SELECT rowid FROM words WHERE words MATCH ?)", (match,)
    column = _COLUMNS[name]
    if not value:
        return f"{column} IS NOT NULL", ()
    if name == "cwd" and not field.is_prefix:
        path = field.value.rstrip("/") or "/"
        below = _escape(path.rstrip("/")) + "/%"
        return f"({column} = ? OR {column} LIKE ? ESCAPE '\\')", (path, below)
    return f"{column} LIKE ? ESCAPE '\\'", (_pattern(name, _escape(value), field.is_prefix),)


def _pattern(name: str, value: str, is_prefix: object) -> str:
    """Return what a field must be like: `%` stands for anything."""
    if name == "tool":
        return f"%\n{value}" + ("%" if is_prefix else "\n%")
    if name == "model":
        return f"%{value}%"
    return f"{value}%" if is_prefix or name == "session" else value


def _translate_error(field: Field) -> tuple[str, Sequence[object]]:
    value = field.value.lower()
    if not value:
        return "turn.errors IS NOT NULL", ()
    if value not in ("tool", "api", "refusal", "cut"):
        raise QueryError(
            f"'error:{field.value}' is no kind of failure, at character {field.where} of the query",
            hint="the kinds are error:tool, error:api, error:refusal and error:cut; error: is any",
            where=field.where,
        )
    return "(' ' || turn.errors || ' ') LIKE ?", (f"% {value} %",)


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
