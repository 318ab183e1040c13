r"""Patterns as git's `--grep` takes them: basic by default, extended, fixed, or Perl's.

A basic or extended pattern is POSIX's with the usual additions; here it is rewritten for the
engine of Python, whose own syntax is what `perl` stands for. In a basic one `\(`, `\)`, `\{`,
`\}`, `\|`, `\+` and `\?` are operators, and the characters alone are themselves.

Source: tapes-log(1), "PATTERNS".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, Literal
from warnings import catch_warnings, simplefilter

from tapegit.errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterator

Syntax = Literal["basic", "extended", "fixed", "perl"]

PATTERN_LENGTH_MAX: Final = 4096

_OPERATORS: Final = "(){}|+?"
_CLASSES: Final = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": r" \t",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"!-/:-@\[-`{-~",
    "space": r" \t\n\r\f\v",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}


def compile_pattern(text: str, syntax: Syntax, *, ignore_case: bool = False) -> re.Pattern[str]:
    """Return a pattern that is searched for within lines.

    Raises:
        UserError: It is longer than any pattern should be, or means nothing.
    """
    if len(text) > PATTERN_LENGTH_MAX:
        raise UserError(f"a pattern has at most {PATTERN_LENGTH_MAX:,} characters")
    try:
        if syntax == "fixed":
            source = re.escape(text)
        elif syntax == "perl":
            source = text
        else:
            source = "".join(_iter_pieces(text, is_basic=syntax == "basic"))
        with catch_warnings():
            simplefilter("ignore")  # of sets that a later Python may read in another way
            return re.compile(source, re.IGNORECASE if ignore_case else re.NOFLAG)
    except (re.error, OverflowError, RecursionError) as error:
        raise UserError(f"'{text}' is no pattern: {error}") from error


def _iter_pieces(text: str, *, is_basic: bool) -> Iterator[str]:
    """Yield a POSIX pattern in Python's syntax, piece by piece."""
    position = 0
    while position < len(text):
        character = text[position]
        if character == "[":
            end = _find_end(text, position)
            yield _translate_bracket(text[position + 1 : end])
            position = end + 1
        elif character == "\\" and position + 1 < len(text):
            yield _translate_escape(text[position + 1], is_basic=is_basic)
            position += 2
        elif character == "\\":
            raise re.error("trailing backslash")
        elif character in _OPERATORS:
            yield re.escape(character) if is_basic else character
            position += 1
        elif is_basic and not _is_operator(text, position):
            yield re.escape(character)
            position += 1
        else:
            yield character if character in ".*^$" else re.escape(character)
            position += 1


def _is_operator(text: str, position: int) -> bool:
    """Return whether a character of a basic pattern is more than itself where it stands."""
    before, after = text[:position], text[position + 1 :]
    is_first = not before or before.endswith(("\\(", "\\|"))
    if text[position] == "*":
        return not is_first and before != "^"
    if text[position] == "^":
        return is_first
    if text[position] == "$":
        return not after or after.startswith(("\\)", "\\|"))
    return text[position] == "."


def _translate_escape(character: str, *, is_basic: bool) -> str:
    if character in _OPERATORS:
        return character if is_basic else "\\" + character
    if character in "<>":
        return r"\b"
    if character in "bBsSwW" or character.isdigit():
        return "\\" + character
    return re.escape(character)


def _find_end(text: str, start: int) -> int:
    """Return where the bracket that is opened at `start` closes.

    Raises:
        re.error: It does not.
    """
    position = start + 1
    if text[position : position + 1] == "^":
        position += 1
    if text[position : position + 1] == "]":
        position += 1
    while position < len(text) and text[position] != "]":
        if text[position : position + 2] in ("[:", "[.", "[="):
            end = text.find(text[position + 1] + "]", position + 2)
            if end < 0:
                break
            position = end + 1
        position += 1
    if position >= len(text):
        raise re.error("brackets are not balanced")
    return position


def _translate_bracket(inner: str) -> str:
    """Return a bracket expression: in POSIX a backslash in it is itself, and classes have names."""
    negation = "^" if inner.startswith("^") else ""

    def replace(match: re.Match[str]) -> str:
        if match[1] is None:
            return "\\" + match[0]
        if match[1] not in _CLASSES:
            raise re.error(f"no class of characters is called '{match[1]}'")
        return _CLASSES[match[1]]

    body = re.sub(r"\[:([^:\]]*):\]|[\\\[\]&~|^]", replace, inner[len(negation) :])
    return f"[{negation}{body}]"
