"""What `step` goes to: the next turn of a tape that something is true of.

A tape of thousands of turns holds tens of megabytes, and decoding all of them takes longer than
a person waits. So the fields that a turn stores are asked first, then its raw bytes for words
that must be in them; only what is left is decoded. Either only ever leaves out turns that
decoding would leave out too.

Source: tapes-step(1), "WORDS".
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.meaning.decisions import SIGNS, find_decision
from tapegit.dialects.meaning.injected import dialect_name
from tapegit.dialects.meaning.named_files import iter_files
from tapegit.dialects.parts import ToolCall
from tapegit.errors import ConfigError, UserError
from tapegit.porcelain.turns.parts import decode_parts, iter_pieces, iter_texts
from tapegit.redact.patterns import Gate, Pattern
from tapegit.search.documents import REFUSED_STOPS, read_document

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tapegit.dialects.parts import AnyPart
    from tapegit.objects.rope_reader import Find
    from tapegit.objects.turn import Turn

_CLAUDE: Final = "claude-code"
_FAILED: Final = Pattern(rb'"(?:is_error|isApiErrorMessage)"\s*:\s*true')
_DECIDED: Final = Gate([re.escape(sign).encode() for sign in SIGNS])
_SAYING: Final = frozenset({"user", "assistant", "tool"})
_TOKEN: Final = re.compile(r"\\.?|\[\^?\]?[^\]]*\]?|\{[^}]*\}?|.", re.DOTALL)
_KNOWN_ESCAPES: Final = frozenset("dDwWsSbB.,:;/-_+*?|()[]{}^$")
"""Escapes that stand for themselves or for any of some characters, and never for a letter."""


class Seeker(NamedTuple):
    """What is sought.

    Attributes:
        may_be: Whether the fields of a turn allow it.
        may_hold: Whether its raw bytes do; where it has none it is not asked.
        is_sought: Whether it is true of a turn and its parts.
    """

    may_be: Callable[[Turn], bool]
    may_hold: Callable[[Turn, bytes], bool]
    is_sought: Callable[[Turn, Iterable[AnyPart]], bool]

    def takes(self, find: Find, turn: Turn) -> bool:
        """Return whether a turn is one that is sought.

        Raises:
            ObjectNotFoundError: An object of it is missing.
            DataError: One is damaged.
        """
        if not self.may_be(turn):
            return False
        pieces = list(iter_pieces(find, turn))
        if pieces and not self.may_hold(turn, b"".join(pieces)):
            return False
        return self.is_sought(turn, decode_parts(turn, pieces))


def make_seeker(find: Find, what: str, value: str) -> Seeker:
    """Return what is sought by a word: `error`, `tool`, `file`, `role`, `decision` or `text`.

    Raises:
        UserError: There is nothing of that name to seek, or the pattern is none.
    """
    if what == "error":
        return Seeker(_any_turn, _may_have_failed, lambda turn, _: has_failed(find, turn))
    if what == "tool":
        wanted = value.lower()
        return Seeker(
            lambda turn: any(not wanted or name.lower() == wanted for name in turn.tools),
            _any_bytes,
            _anything,
        )
    if what == "file":
        return Seeker(
            lambda turn: bool(turn.tools),
            partial(_may_say, find_needed(re.escape(value))),
            lambda _, parts: _touches(parts, value),
        )
    if what == "role":
        return Seeker(lambda turn: turn.role == value, _any_bytes, _anything)
    if what == "decision":
        return Seeker(
            lambda turn: turn.role != "assistant" or turn.stop in REFUSED_STOPS,
            _may_be_decided,
            _tells_of_decision,
        )
    if what == "text":
        pattern, needed = _compile(value), find_needed(value)
        return Seeker(
            _any_turn,
            partial(_may_say, needed),
            lambda turn, parts: _says(turn, parts, pattern),
        )
    raise UserError(
        f"'{what}' is nothing to go to",
        hint="error, tool [NAME], file PATH, role NAME, decision, /PATTERN/, or a number",
    )


def find_needed(pattern: str) -> tuple[bytes, ...]:
    """Return words of which every text that a pattern finds has one; nothing where none are known.

    They are letters and digits alone, which stand in JSON as they stand in a text.
    """
    found: list[bytes] = []
    runs, run = [""], ""
    for sign in _TOKEN.findall(pattern + "|"):
        if sign == "|":
            longest = max([*runs, run], key=len)
            if not longest:
                return ()
            found.append(longest.encode())
            runs, run = [""], ""
        elif sign in "()" or (sign[0] == "\\" and sign[1:] not in _KNOWN_ESCAPES):
            return ()
        elif sign.isalnum() and sign.isascii():
            run += sign
        else:
            runs.append(run[:-1] if sign[0] in "*?{" else run)
            run = ""
    return tuple(found)


def has_failed(find: Find, turn: Turn) -> bool:
    """Return whether a turn failed, or has a result that says so."""
    return bool(read_document(find, turn).errors)


def _any_turn(_turn: Turn) -> bool:
    return True


def _any_bytes(_turn: Turn, _data: bytes) -> bool:
    return True


def _anything(_turn: Turn, _parts: Iterable[AnyPart]) -> bool:
    return True


def _may_have_failed(turn: Turn, data: bytes) -> bool:
    """Return whether records may hold a failure; a turn's own fields say what its call came to."""
    if dialect_name(turn.dialect) != _CLAUDE or turn.stop is not None:
        return True
    return _FAILED.matches(data)


def _may_be_decided(turn: Turn, data: bytes) -> bool:
    if dialect_name(turn.dialect) not in {_CLAUDE, "codex"} or turn.stop is not None:
        return True
    return _DECIDED.matches(data)


def _tells_of_decision(turn: Turn, parts: Iterable[AnyPart]) -> bool:
    return turn.stop in REFUSED_STOPS or any(find_decision(part) is not None for part in parts)


def _may_say(needed: tuple[bytes, ...], turn: Turn, data: bytes) -> bool:
    """Return whether records may say it: where all that is said stands in them word for word."""
    if not needed or dialect_name(turn.dialect) != _CLAUDE or turn.role not in _SAYING:
        return True
    summary = (turn.summary or "").encode()
    return any(word in data or word in summary for word in needed)


def _touches(parts: Iterable[AnyPart], path: str) -> bool:
    return any(
        isinstance(part, ToolCall) and any(path in file for file in iter_files(part))
        for part in parts
    )


def _says(turn: Turn, parts: Iterable[AnyPart], pattern: Pattern) -> bool:
    """Return whether a turn says it: texts, thoughts, results, arguments as `name: value`."""
    texts = [text for part in parts for text in iter_texts(part)]
    if not any(texts) and turn.summary is not None:
        texts = [turn.summary]
    return any(pattern.matches(text.encode("utf-8", "surrogatepass")) for text in texts)


def _compile(text: str) -> Pattern:
    try:
        return Pattern(text.encode("utf-8", "surrogatepass"), is_utf8=True)
    except ConfigError as error:
        raise UserError(str(error), hint="the syntax is that of RE2") from error
