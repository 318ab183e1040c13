"""What a user asks for: words, phrases, prefixes, fields, AND, OR, NOT and parentheses.

    query  = and { "OR" and }
    and    = not { [ "AND" ] not }
    not    = ( "NOT" | "-" ) not | atom
    atom   = "(" query ")" | [ field ":" ] value
    value  = word [ "*" ] | '"' phrase '"' [ "*" ]

Source: tapes-search(1), "QUERIES".
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from tapegit.errors import QueryError

FIELDS: Final = ("cwd", "error", "file", "harness", "model", "role", "session", "tool")
QUERY_LENGTH_MAX: Final = 10_000
TERM_COUNT_MAX: Final = 200
DEPTH_MAX: Final = 50

_TOKEN: Final = re.compile(
    r"""\s*(?:
        (?P<open>\()
      | (?P<close>\))
      | (?P<minus>-(?=[^\s)]))
      | (?P<bare>[A-Za-z_]+):(?=[\s)]|$)
      | (?:(?P<field>[A-Za-z_]+):)?
        (?:"(?P<phrase>[^"]*)(?P<end>"?)(?P<phrase_star>\*?) | (?P<word>[^\s()"]+))
    )""",
    re.VERBOSE,
)
_WORDLIKE: Final = re.compile(r"\w")
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
NO_TEXT: Final = "a byte that is no UTF-8"


class Term(NamedTuple):
    """Words that follow one another in the text of a turn; `where` counts characters from 1."""

    words: str
    is_prefix: bool
    where: int


class Field(NamedTuple):
    """What is known of a turn besides its text; an empty value asks whether there is any."""

    name: str
    value: str
    is_prefix: bool
    where: int


class Not(NamedTuple):
    """Turns that something is not true of."""

    node: Node


class And(NamedTuple):
    """Turns that all of it is true of."""

    nodes: tuple[Node, ...]


class Or(NamedTuple):
    """Turns that any of it is true of."""

    nodes: tuple[Node, ...]


Node = Term | Field | Not | And | Or


class _Token(NamedTuple):
    kind: str
    where: int
    node: Node | None = None


def parse_query(text: str) -> Node:
    """Return what a query asks for.

    Raises:
        QueryError: It is none; the message says what is wrong, and at which character.
    """
    if len(text) > QUERY_LENGTH_MAX:
        raise QueryError(f"the query is longer than {QUERY_LENGTH_MAX} characters", text=text[:80])
    broken = find_broken(text)
    if broken is not None:
        raise _error(text, broken, NO_TEXT)
    tokens = _tokenize(text)
    values = [token for token in tokens if token.kind == "value"]
    if len(values) > TERM_COUNT_MAX:
        place = values[TERM_COUNT_MAX].where - 1
        raise _error(text, place, f"the query has more than {TERM_COUNT_MAX} terms")
    parser = _Parser(tokens, text)
    node = parser.parse_or(0)
    parser.expect_end()
    return node


def find_broken(text: str) -> int | None:
    """Return the place of the first byte of an argument that is no text; None where all is."""
    match = _SURROGATE.search(text)
    return None if match is None else match.start()


def list_terms(node: Node, *, is_wanted: bool = True) -> list[Term]:
    """Return the words that a turn is found by, those that must not be there left out."""
    if isinstance(node, Term):
        return [node] if is_wanted else []
    if isinstance(node, Not):
        return list_terms(node.node, is_wanted=not is_wanted)
    if isinstance(node, (And, Or)):
        return [term for each in node.nodes for term in list_terms(each, is_wanted=is_wanted)]
    return []


def list_field_names(node: Node) -> list[str]:
    """Return the names of the fields that a query asks for."""
    if isinstance(node, Field):
        return [node.name]
    if isinstance(node, Not):
        return list_field_names(node.node)
    if isinstance(node, (And, Or)):
        return [name for each in node.nodes for name in list_field_names(each)]
    return []


def _tokenize(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    position = 0
    text = text.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        start = position + len(text[position:]) - len(text[position:].lstrip())
        if match is None or match.end() == position:
            raise _error(text, start, f"'{text[start]}' is not understood")
        position = match.end()
        tokens.append(_make_token(text, match, start))
    return tokens


def _make_token(text: str, match: re.Match[str], start: int) -> _Token:
    where = start + 1
    for kind in ("open", "close", "minus"):
        if match[kind]:
            return _Token(kind, where)
    if match["bare"] is not None:
        return _Token("value", where, _make_field(text, match["bare"], "", where, is_prefix=False))
    word = match["word"]
    if word is not None and match["field"] is None and word in ("AND", "OR", "NOT"):
        return _Token(word, where)
    if word is None and not match["end"]:
        raise _error(text, start, 'a phrase has no closing "')
    value = match["phrase"] if word is None else word
    is_prefix = bool(match["phrase_star"]) if word is None else word.endswith("*")
    if word is not None:
        value = value.rstrip("*")
    if match["field"] is not None:
        node: Node = _make_field(text, match["field"], value, where, is_prefix=is_prefix)
    else:
        if not _WORDLIKE.search(value):
            raise _error(text, start, f"'{match[0].strip()}' has no letter or digit to search for")
        node = Term(value, is_prefix, where)
    return _Token("value", where, node)


def _make_field(text: str, name: str, value: str, where: int, *, is_prefix: bool) -> Node:
    lowered = name.lower()
    if lowered not in FIELDS:
        if name in ("http", "https"):
            return Term(f"{name}:{value}", is_prefix, where)
        known = ", ".join(f"{field}:" for field in FIELDS)
        raise _error(
            text, where - 1, f"there is no field '{name}:'", hint=f"the fields are {known}"
        )
    if lowered == "file" and value and not _WORDLIKE.search(value):
        raise _error(text, where - 1, f"'{value}' has no letter or digit to search for")
    return Field(lowered, value, is_prefix, where)


class _Parser:
    def __init__(self, tokens: list[_Token], text: str) -> None:
        self._tokens = tokens
        self._text = text
        self._place = 0

    def parse_or(self, depth: int) -> Node:
        nodes = [self._parse_and(depth)]
        while self._peek() == "OR":
            self._place += 1
            nodes.append(self._parse_and(depth))
        return nodes[0] if len(nodes) == 1 else Or(tuple(nodes))

    def _parse_and(self, depth: int) -> Node:
        nodes = [self._parse_not(depth)]
        while self._peek() not in (None, "OR", "close"):
            if self._peek() == "AND":
                self._place += 1
            nodes.append(self._parse_not(depth))
        return nodes[0] if len(nodes) == 1 else And(tuple(nodes))

    def _parse_not(self, depth: int) -> Node:
        is_negated = False
        while self._peek() in ("NOT", "minus"):
            self._place += 1
            is_negated = not is_negated
        node = self._parse_atom(depth)
        return Not(node) if is_negated else node

    def _parse_atom(self, depth: int) -> Node:
        if self._place == len(self._tokens):
            raise self._at_end()
        token = self._tokens[self._place]
        self._place += 1
        if token.kind == "open":
            if depth == DEPTH_MAX:
                raise _error(self._text, token.where - 1, "parentheses are nested too deep")
            node = self.parse_or(depth + 1)
            if self._peek() != "close":
                raise _error(self._text, token.where - 1, "'(' is not closed")
            self._place += 1
            return node
        if token.node is None:
            shown = {"close": ")", "minus": "-"}.get(token.kind, token.kind)
            raise _error(self._text, token.where - 1, f"'{shown}' stands where a word is expected")
        return token.node

    def _peek(self) -> str | None:
        return self._tokens[self._place].kind if self._place < len(self._tokens) else None

    def _at_end(self) -> QueryError:
        if not self._tokens:
            return QueryError(
                "the query is empty", hint="'tapes search <word>' finds turns", text=self._text
            )
        return _error(self._text, len(self._text), "a word is expected after this")

    def expect_end(self) -> None:
        if self._place < len(self._tokens):
            token = self._tokens[self._place]
            raise _error(self._text, token.where - 1, "')' was never opened")


def _error(text: str, place: int, what: str, *, hint: str | None = None) -> QueryError:
    return QueryError(
        f"{what}, at character {place + 1} of the query",
        hint=hint,
        text=text,
        where=place + 1,
    )
