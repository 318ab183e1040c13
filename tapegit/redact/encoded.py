"""Secrets in base64: a token or a private key that was encoded together with what is beside it.

What a token begins with looks, in base64, like one of three texts, by where it stands. From
there on the text is decoded and searched with the rules of the providers. What is replaced is
the base64 of the secret, in whole groups of four characters.

Source: tapesredaction(7), "Where secrets are looked for".
"""

from __future__ import annotations

import re
from base64 import b64decode
from typing import TYPE_CHECKING, Final

from tapegit.redact.known_values import base64_forms
from tapegit.redact.patterns import Pattern, Span
from tapegit.redact.search import Found, RuleSearch

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tapegit.redact.rule import Rule

PREFIXES: Final = (
    b"sk-ant-",
    b"sk-proj-",
    b"sk-or-v1-",
    b"AKIA",
    b"ASIA",
    b"AIza",
    b"GOCSPX-",
    b"ghp_",
    b"gho_",
    b"ghs_",
    b"github_pat_",
    b"glpat-",
    b"xoxb-",
    b"xoxp-",
    b"sk_live_",
    b"npm_",
    b"pypi-AgE",
    b"gsk_",
    b"-----BEGIN ",
)
RUN_LENGTH_MAX: Final = 1 << 16

_RUN: Final = re.compile(rb"[A-Za-z0-9+/_-]++(?:\r?\n[A-Za-z0-9+/_-]++)*+=*+")
_NOT_DIGITS: Final = re.compile(rb"[\r\n=]+")
_AS_STANDARD: Final = bytes.maketrans(b"-_", b"+/")


def _starts() -> dict[bytes, list[int]]:
    """Return what the prefixes begin with in base64, each with where its group may begin."""
    starts: dict[bytes, list[int]] = {}
    for prefix in PREFIXES:
        for number, form in enumerate(base64_forms(prefix)):
            offset = number % 3
            before = (offset * 8 + 5) // 6
            places = starts.setdefault(form, [])
            if before not in places:
                places.append(before)
    return starts


_STARTS: Final = _starts()
_SOURCE: Final = b"|".join(map(re.escape, _STARTS))


def encoded_hint() -> bytes:
    """Return a pattern that is found in every text that holds such a secret."""
    return _SOURCE


class EncodedSearch:
    """Searches texts for secrets in base64.

    Args:
        rules: What to look for in what was decoded.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._rules = RuleSearch(rules)
        self._start = Pattern(_SOURCE)

    def iter_found(self, text: bytes) -> Iterator[tuple[Found, bytes]]:
        """Yield what is found: where in the text, and the secret itself."""
        position = 0
        covered = [0, 0, 0, 0]
        while (match := self._start.find(text, position)) is not None:
            start, end = match[0]
            position = start + 1
            for before in _STARTS[text[start:end]]:
                first = start - before
                if first < 0 or first < covered[first % 4]:
                    continue
                run = _RUN.match(text, first, first + RUN_LENGTH_MAX)
                if run is None or run.end() < end:
                    continue
                covered[first % 4] = run.end()
                yield from self._search_run(run.group(), first)

    def _search_run(self, run: bytes, first: int) -> Iterator[tuple[Found, bytes]]:
        digits = _NOT_DIGITS.sub(b"", run)
        usable = digits[: len(digits) // 4 * 4]
        rest = digits[len(usable) :]
        if len(rest) > 1:
            usable += rest.ljust(4, b"A")
        decoded = b64decode(usable.translate(_AS_STANDARD))
        for found in self._rules.iter_found(decoded):
            start, end = found.span
            group_start, group_end = start // 3 * 4, -(-end // 3) * 4
            span = Span(
                first + _place(run, group_start), first + _place(run, min(group_end, len(digits)))
            )
            yield found._replace(span=span), decoded[start:end]


def _place(run: bytes, count: int) -> int:
    """Return where the digit with this number is in a run that may have ends of lines in it."""
    if b"\n" not in run:
        return count
    place = 0
    for byte in run:
        if count == 0 and byte not in b"\r\n":
            break
        count -= byte not in b"\r\n"
        place += 1
    return place
