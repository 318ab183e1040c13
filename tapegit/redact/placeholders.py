"""Placeholders: what stands where a secret was, and which texts are one but for them.

`[REDACTED:<rule>:<n>]`: the rule that found it, and the number of the secret among those that
the rule found in one turn, from 1; the same secret has the same number.

Source: tapesredaction(7), "Placeholders".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

PLACEHOLDER: Final = re.compile(rb"\[REDACTED:([a-z0-9-]{1,64}):([1-9][0-9]{0,8})\]")

_SEPARATOR: Final = b"\x00"
"""No text of JSON holds it; a text that does is not looked into."""

_INSIDE: Final = re.compile(rb'(?:[^"\\\n]|\\.)++', re.DOTALL)


class Secret(NamedTuple):
    """A secret in some bytes: where, the rule that found it, and its value without escapes."""

    start: int
    end: int
    rule: str
    value: bytes


class Numbering:
    """The numbers of the secrets of one turn, and how often each rule found one.

    Attributes:
        counts: How many secrets were replaced, by rule.
    """

    __slots__ = ("_numbers", "counts")

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self._numbers: dict[str, dict[bytes, int]] = {}

    def replace(self, data: bytes, secrets: Sequence[Secret]) -> bytes:
        """Return bytes with placeholders for secrets, which are in order and do not overlap."""
        parts = []
        position = 0
        for secret in secrets:
            parts.append(data[position : secret.start])
            parts.append(self.name(secret.rule, secret.value))
            position = secret.end
        parts.append(data[position:])
        return b"".join(parts)

    def translate(self, text: str, target: Numbering, *, is_counted: bool) -> str:
        """Return a text that has placeholders of these numbers with those of another numbering.

        Args:
            text: The text.
            target: The other; it gets the secrets that it has not yet.
            is_counted: Whether each placeholder counts there as a secret that was replaced.
        """
        if "[REDACTED:" not in text:
            return text
        values = {
            (rule.encode(), b"%d" % number): value
            for rule, numbers in self._numbers.items()
            for value, number in numbers.items()
        }

        def replace(match: re.Match[bytes]) -> bytes:
            value = values.get((match[1], match[2]))
            if value is None:
                return match[0]
            return target.name(match[1].decode(), value, is_counted=is_counted)

        data = text.encode("utf-8", "surrogatepass")
        return PLACEHOLDER.sub(replace, data).decode("utf-8", "surrogatepass")

    def name(self, rule: str, value: bytes, *, is_counted: bool = True) -> bytes:
        """Return the placeholder of a secret, which may be a new one."""
        numbers = self._numbers.setdefault(rule, {})
        number = numbers.setdefault(value, len(numbers) + 1)
        if is_counted:
            self.counts[rule] = self.counts.get(rule, 0) + 1
        return f"[REDACTED:{rule}:{number}]".encode()


def are_one(one: bytes, other: bytes) -> bool:
    """Return whether two texts can have been one before secrets were replaced in either.

    Where it cannot be told they are not one: where each has a placeholder of which the other
    has the text, for instance.
    """
    return one == other or _covers(one, other) or _covers(other, one)


def is_beginning(one: bytes, other: bytes) -> bool:
    """Return whether the one text can have been a beginning of the other, in the same sense.

    The one may end inside of a secret, which was not found in it for that reason.
    """
    return other.startswith(one) or _covers_beginning(one, other) or _begins(one, other)


def _covers(pattern: bytes, text: bytes) -> bool:
    """Return whether a text is another with something in the place of each placeholder."""
    first, *literals = _literals(pattern)
    if not literals or not text.startswith(first):
        return False
    end = _find_in_order(literals[:-1], text, len(first))
    last = len(text) - len(literals[-1])
    return end is not None and text.endswith(literals[-1]) and _can_be_secret(text, end, last)


def _covers_beginning(pattern: bytes, text: bytes) -> bool:
    """Return the same for any beginning of the text."""
    first, *literals = _literals(pattern)
    if not literals or not text.startswith(first):
        return False
    return _find_in_order(literals, text, len(first)) is not None


def _begins(text: bytes, pattern: bytes) -> bool:
    """Return whether a text is a beginning of one that has something for each placeholder."""
    position = 0
    for number, literal in enumerate(_literals(pattern)):
        found = text.find(literal, position + 1) if number else 0
        if found < 0 or not text.startswith(literal, found):
            rest = text[position:]
            return _can_be_secret(text, position, len(text)) if number else literal.startswith(rest)
        if number and not _can_be_secret(text, position, found):
            return False
        position = found + len(literal)
    return position == len(text)


def _literals(text: bytes) -> list[bytes]:
    return PLACEHOLDER.sub(_SEPARATOR, text).split(_SEPARATOR) if _SEPARATOR not in text else [text]


def _find_in_order(literals: list[bytes], text: bytes, position: int) -> int | None:
    """Return where the last of these ends that follow one another with secrets before each."""
    for literal in literals:
        found = text.find(literal, position + 1)
        if found < 0 or not _can_be_secret(text, position, found):
            return None
        position = found + len(literal)
    return position


def _can_be_secret(text: bytes, start: int, end: int) -> bool:
    """Return whether a part of a text is not empty and leaves no string of JSON."""
    return start < end and _INSIDE.fullmatch(text, start, end) is not None
