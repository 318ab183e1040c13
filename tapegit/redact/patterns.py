r"""Regular expressions in linear time: the door to google-re2.

Patterns and texts are bytes, read as Latin-1, so that any bytes are a text; `\b`, `\w` and
case mean those of ASCII; but for those that a user looks for in UTF-8. There is no backtracking,
no look-around and no reference back: no text makes a search take longer than its length times
that of the pattern.

Source: tapesredaction(7), "Patterns".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import re2

from tapegit.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

MEMORY_MAX_BYTES: Final = 64 << 20
"""Of the automaton of one pattern; with less it only becomes slower."""


class Span(NamedTuple):
    """Where something was found: offsets in bytes."""

    start: int
    end: int


class Pattern:
    """One compiled regular expression.

    Args:
        source: The expression.
        is_plain: Whether it is to be taken as a text, not as an expression.
        is_utf8: Whether expression and texts are UTF-8: a character is one, whatever its bytes.
            Groups only group then, and `find` gives the whole: a user may write thousands.

    Raises:
        ConfigError: It is none.
    """

    def __init__(self, source: bytes, *, is_plain: bool = False, is_utf8: bool = False) -> None:
        try:
            self._regexp = re2.compile(source, _options(is_plain=is_plain, is_utf8=is_utf8))
        except re2.error as error:
            encoding = "utf-8" if is_utf8 else "latin-1"
            shown = source.decode(encoding, "replace")[:80]
            raise ConfigError(f"'{shown}' is no pattern: {_reason(error, encoding)}") from error

    def matches(self, text: bytes) -> bool:
        """Return whether it is found anywhere in a text."""
        return self._regexp.search(text) is not None

    def matches_whole(self, text: bytes) -> bool:
        """Return whether a text is an instance of it."""
        return self._regexp.fullmatch(text) is not None

    def find(self, text: bytes, start: int) -> tuple[Span, Span] | None:
        """Return where it is next found: the whole, and the first group that took part.

        Where it has no groups both are the whole.
        """
        match = self._regexp.search(text, start)
        if match is None:
            return None
        whole = Span(*match.span())
        for group in range(1, self._regexp.groups + 1):
            span = Span(*match.span(group))
            if 0 <= span.start < span.end:
                return whole, span
        return whole, whole


class Gate:
    """Several expressions as one, asked millions of times: less is in the way of each question.

    Raises:
        ConfigError: One of them is none.
    """

    def __init__(self, sources: Sequence[bytes]) -> None:
        for source in sources:
            Pattern(source)
        self._set = re2.Set.SearchSet(_options())
        self._set.Add(b"|".join(b"(?:" + source + b")" for source in sources))
        self._set.Compile()
        self._match = self._set.Match

    def matches(self, text: bytes) -> bool:
        """Return whether one of them is found anywhere in a text."""
        return self._match(text) is not None


class PatternSet:
    """Several expressions, all of which are looked for at once.

    Raises:
        ConfigError: One of them is none.
    """

    def __init__(self, sources: Sequence[bytes]) -> None:
        self._count = len(sources)
        self._any = Pattern(b"|".join(b"(?:" + source + b")" for source in sources))
        self._set = re2.Set.SearchSet(_options())
        for source in sources:
            self._set.Add(source)
        self._set.Compile()

    def match(self, text: bytes) -> list[int]:
        """Return the numbers of those that are found, in order.

        A set that runs out of memory finds nothing and says nothing: then it is all of them.
        """
        found = self._set.Match(text)
        if found is None:
            return list(range(self._count)) if self._any.matches(text) else []
        return sorted(found)


def _options(*, is_plain: bool = False, is_utf8: bool = False) -> re2.Options:
    options = re2.Options()
    options.encoding = re2.Options.Encoding.UTF8 if is_utf8 else re2.Options.Encoding.LATIN1
    options.never_capture = is_utf8
    options.max_mem = MEMORY_MAX_BYTES
    options.log_errors = False
    options.literal = is_plain
    return options


def _reason(error: Exception, encoding: str) -> str:
    reason = error.args[0] if error.args else ""
    return reason.decode(encoding, "replace") if isinstance(reason, bytes) else str(reason)
