"""Searching one text with the rules of the table.

Source: tapesredaction(7), "Rules".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.redact.patterns import Pattern, PatternSet, Span
from tapegit.redact.values import Candidate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tapegit.redact.rule import Rule

LOOKED_INTO_LENGTH_MAX: Final = 512
"""A longer value that is none is not searched for another that begins in it."""

_BEFORE_LENGTH_MAX: Final = 200


class Found(NamedTuple):
    """A secret in a text: where, which rule, and the rule's rank, the first being the surest."""

    span: Span
    rank: int
    rule: str


class Compiled(NamedTuple):
    """A rule and its pattern."""

    rule: Rule
    pattern: Pattern


class RuleSearch:
    """Rules ready for a search.

    Raises:
        ConfigError: One has no valid pattern.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._compiled = [Compiled(rule, Pattern(rule.pattern)) for rule in rules]
        self._hints = PatternSet([rule.hint for rule in rules])

    def iter_found(self, text: bytes) -> Iterator[Found]:
        """Yield what the rules find in a text, rule by rule."""
        for rank in self._hints.match(text):
            rule, pattern = self._compiled[rank]
            for span in _iter_spans(rule, pattern, text):
                yield Found(span, rank, rule.name)


def _iter_spans(rule: Rule, pattern: Pattern, text: bytes) -> Iterator[Span]:
    position = 0
    while (found := pattern.find(text, position)) is not None:
        whole, span = found
        before = text[max(whole.start, span.start - _BEFORE_LENGTH_MAX) : span.start]
        candidate = Candidate(text[span.start : span.end], before)
        if rule.check is None or rule.check(candidate):
            yield span
            position = whole.end
        elif whole.start < span.start and span.end - span.start <= LOOKED_INTO_LENGTH_MAX:
            position = span.start  # a name may stand where a value was taken to be
        else:
            position = max(whole.end, position + 1)
