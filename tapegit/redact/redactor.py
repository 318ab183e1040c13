"""The redactor: which parts of some bytes are secrets, by rules and by known values.

Rules of this module: what is found comes as parts of the source's own bytes, in order, never
overlapping; in JSON each lies inside of one string and takes whole escapes with it, so that
the JSON stays JSON and all else of it stays as it is, byte by byte. Nothing is ever asked of
a store, a clock or the environment: the same bytes have the same secrets.

Almost no record holds a secret. So one search for the hints of all rules decides, at many
hundred megabytes a second, whether a record is looked into at all.

Source: tapesredaction(7).
"""

from __future__ import annotations

import re
from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import RedactionError
from tapegit.redact.context_rules import CUT_OFF_NAME, CUT_OFF_PATTERN
from tapegit.redact.encoded import EncodedSearch, encoded_hint
from tapegit.redact.known_values import encode_forms
from tapegit.redact.patterns import Gate, Pattern, Span
from tapegit.redact.placeholders import Numbering, Secret
from tapegit.redact.provider_rules import PROVIDER_RULES
from tapegit.redact.rules import RULES
from tapegit.redact.search import RuleSearch
from tapegit.redact.views import iter_views

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.redact.user_rules import UserRules
    from tapegit.redact.views import View

KNOWN_VALUE: Final = "known-value"
"""The rule of what is known by its value."""

_ESCAPED_LETTER: Final = rb"\\u00[2-7][0-9A-Fa-f]"
_PERCENT: Final = rb"%(?:25)?(?:3[AaDd]|2[BbFf]|40)"
"""What addresses write for `:`, `=`, `+`, `/` and `@`, which no hint would meet."""

_STRING: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"', re.DOTALL)
_LAST_RANK: Final = 1_000
_REMEMBERED_LENGTH_MAX: Final = 256
_REMEMBERED_COUNT_MAX: Final = 4096


class _Part(NamedTuple):
    """A part of the source that is to be replaced."""

    start: int
    end: int
    rank: int
    rule: str
    value: bytes


class Redactor:
    """Finds secrets.

    Args:
        user: The user's own rules, and what is no secret.
        known: Values that are secrets, wherever they are.

    Raises:
        ConfigError: A rule of the user's is no pattern.
        RedactionError: A rule does not find its own example; nothing may be stored then.
    """

    def __init__(self, user: UserRules | None = None, known: Iterable[bytes] = ()) -> None:
        self._has_rules = True
        self._rules = RuleSearch(RULES)
        encoded = [*PROVIDER_RULES, *(rule for rule in RULES if rule.name == "private-key")]
        self._encoded = EncodedSearch(encoded)
        own = [] if user is None else [(name, Pattern(text)) for name, text in user.rules]
        self._own = own + _known_pattern(known)
        self._cut_off = Pattern(CUT_OFF_PATTERN)
        self._allowed = [] if user is None else [Pattern(text) for text in user.allowed]
        self._hint = Gate(
            [*(rule.hint for rule in RULES), encoded_hint(), _ESCAPED_LETTER, _PERCENT]
        )
        self._clean_texts: set[str] = set()
        self._verify()

    def with_known(self, known: Iterable[bytes]) -> Redactor:
        """Return one with the same rules that knows these values, and no others."""
        other = copy(self)
        own = [(name, pattern) for name, pattern in self._own if name != KNOWN_VALUE]
        vars(other).update(_own=own + _known_pattern(known), _clean_texts=set())
        return other

    def only_known(self, known: Iterable[bytes]) -> Redactor:
        """Return one that finds these values, in all their forms, and nothing else."""
        other = copy(self)
        vars(other).update(
            _has_rules=False, _own=_known_pattern(known), _allowed=[], _clean_texts=set()
        )
        return other

    def find(self, data: bytes, *, is_json: bool, is_cut_off: bool = False) -> list[Secret]:
        """Return the secrets in some bytes, in order.

        Args:
            data: The bytes; any.
            is_json: Whether they are one JSON value, blanks around it allowed.
            is_cut_off: Whether they end where they do by chance: then what may be the
                beginning of a secret there counts as one.
        """
        has_hint = self._hint.matches(data)
        if not (has_hint or self._own or is_cut_off):
            return []
        views = iter_views(data, is_json=is_json)
        parts = [
            part
            for view in views
            for part in self._search(view, is_cut_off=is_cut_off, has_hint=has_hint)
        ]
        if is_json and parts:
            parts = list(_clip_to_strings(data, _join(parts)))
        elif data.endswith(b"\n"):
            end = len(data) - 1
            parts = [part._replace(end=min(part.end, end)) for part in parts if part.start < end]
        return [Secret(part.start, part.end, part.rule, part.value) for part in _join(parts)]

    def redact(self, data: bytes, numbering: Numbering, *, is_json: bool) -> bytes:
        """Return bytes with placeholders in the place of secrets."""
        secrets = self.find(data, is_json=is_json)
        return numbering.replace(data, secrets) if secrets else data

    def redact_text(self, text: str, numbering: Numbering | None = None) -> str:
        """Return a text (a title, a note, a part of a name) with placeholders for secrets."""
        if text in self._clean_texts:
            return text
        data = text.encode("utf-8", "surrogatepass")
        redacted = self.redact(data, numbering or Numbering(), is_json=False)
        if redacted is not data:
            return redacted.decode("utf-8", "surrogatepass")
        if len(text) <= _REMEMBERED_LENGTH_MAX:
            if len(self._clean_texts) >= _REMEMBERED_COUNT_MAX:
                self._clean_texts.clear()
            self._clean_texts.add(text)
        return text

    def _search(self, view: View, *, is_cut_off: bool, has_hint: bool) -> Iterator[_Part]:
        text = view.data
        tail = self._cut_off.find(text, 0) if is_cut_off else None
        if tail is not None:
            span = tail[1]
            value = text[span.start : span.end]
            yield from self._part(view, span, _LAST_RANK, CUT_OFF_NAME, value)
        if self._has_rules and has_hint:
            for found in self._rules.iter_found(text):
                value = text[found.span.start : found.span.end]
                yield from self._part(view, found.span, found.rank, found.rule, value)
            for found, value in self._encoded.iter_found(text):
                yield from self._part(view, found.span, found.rank, found.rule, value)
        for name, pattern in self._own:
            position = 0
            while (match := pattern.find(text, position)) is not None:
                span = match[1]
                value = text[span.start : span.end]
                yield from self._part(view, span, _LAST_RANK, name, value)
                position = max(match[0].end, position + 1)

    def _part(self, view: View, span: Span, rank: int, rule: str, value: bytes) -> Iterator[_Part]:
        if is_placeholder_text(value) or any(p.matches_whole(value) for p in self._allowed):
            return
        start, end = view.to_source(view.whole_escapes(span))
        yield _Part(start, end, rank, rule, value)

    def _verify(self) -> None:
        """Look for every rule's example, in a string of JSON as import does."""
        for rule in RULES:
            names = [found.rule for found in self._rules.iter_found(rule.example)]
            if rule.name not in names or not self._hint.matches(rule.example):
                raise RedactionError(f"rule '{rule.name}' does not work", rule=rule.name)


def _known_pattern(known: Iterable[bytes]) -> list[tuple[str, Pattern]]:
    forms = encode_forms(known)
    return [(KNOWN_VALUE, Pattern(b"|".join(map(re.escape, forms))))] if forms else []


@cache
def default_redactor() -> Redactor:
    """Return the redactor of the table of rules alone.

    Raises:
        RedactionError: A rule does not find its own example.
    """
    return Redactor()


def is_placeholder_text(value: bytes) -> bool:
    """Return whether a value is what redaction put there."""
    return value.startswith(b"[REDACTED:") and value.endswith(b"]")


def _join(parts: list[_Part]) -> list[_Part]:
    """Return parts in order, those that overlap as one, under the surest rule of them."""
    joined: list[_Part] = []
    for part in sorted(parts):
        if joined and part.start < joined[-1].end:
            last = joined.pop()
            surest = last if last.rank <= part.rank else part
            joined.append(surest._replace(start=last.start, end=max(last.end, part.end)))
        else:
            joined.append(part)
    return joined


def _clip_to_strings(data: bytes, parts: list[_Part]) -> Iterator[_Part]:
    """Yield what of the parts lies inside strings of JSON."""
    strings = _STRING.finditer(data)
    string = next(strings, None)
    for part in parts:
        while string is not None and string.end() - 1 <= part.start:
            string = next(strings, None)
        while string is not None and string.start() + 1 < part.end:
            start = max(part.start, string.start() + 1)
            end = min(part.end, string.end() - 1)
            if start < end:
                yield part._replace(start=start, end=end)
            if part.end <= string.end():
                break
            string = next(strings, None)
