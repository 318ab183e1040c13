r"""Making text safe to show: what could move the cursor, hide or reorder is spelled out.

Everything shown comes from outside sooner or later (a prompt, a file name, a ref of a
remote), and a terminal obeys what it is sent. So C0 and C1 controls and DEL become `\x1b`,
and characters that are invisible or reorder their neighbours become `<U+202E>`: bidirectional
marks, zero-width and filler characters, tags, most variation selectors, and lone surrogates,
which cannot be encoded either. New-line and tab stay.

Source: tapes(1), "OUTPUT".
"""

from __future__ import annotations

import re
from functools import cache
from typing import Final

_UNSAFE_CHARACTERS: Final = (
    "\x00-\x08\x0b-\x1f\x7f-\x9f"  # C0 but tab and new-line, DEL, C1
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"  # soft hyphen, joiners, fillers
    "\u200b-\u200f\u2028-\u202e\u2060-\u206f"  # zero width, separators, bidirectional
    "\u3164\ufe00-\ufe0d\ufeff\uffa0\ufff0-\ufffb"  # fillers, selectors, annotations
    "\ud800-\udfff"  # lone surrogates
    "\U000e0000-\U000e0fff"  # tags and further selectors
)


@cache
def _unsafe(more: str = "") -> re.Pattern[str]:
    """Return the pattern of one unsafe character; most runs never need it, so it is made late."""
    return re.compile(f"[{more}{_UNSAFE_CHARACTERS}]")


def _spell(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code <= 0xFF else f"<U+{code:04X}>"


def escape_text(text: str) -> str:
    """Return the text with every unsafe character spelled out; new-lines and tabs stay."""
    if text.isascii() and text.isprintable():
        return text
    return _unsafe().sub(_spell, text)


def escape_line(text: str) -> str:
    """Return the text on one line: new-lines and tabs are spelled out too."""
    if text.isascii() and text.isprintable():
        return text
    return _unsafe("\n\t").sub(_spell, text)


def _escape_json(match: re.Match[str]) -> str:
    character = match[0]
    short = _JSON_SHORT.get(character)
    if short is not None:
        return short
    code = ord(character)
    if code <= 0xFFFF:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 | code >> 10:04x}\\u{0xDC00 | code & 0x3FF:04x}"


_JSON_SPECIAL: Final = '"\\\\\n\t'
_JSON_SHORT: Final = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def format_json(value: object) -> str:
    r"""Return a value as JSON on one line, with unsafe characters as `\uXXXX`.

    A key whose value is None is left out, since an absent key means unknown.

    Args:
        value: Of strings, integers, booleans, lists, tuples, and dictionaries with text keys.

    Raises:
        TypeError: The value holds anything else.
    """
    if isinstance(value, str):
        return f'"{_unsafe(_JSON_SPECIAL).sub(_escape_json, value)}"'
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, dict):
        members = (
            f"{format_json(str(key))}:{format_json(member)}"
            for key, member in value.items()
            if member is not None
        )
        return "{" + ",".join(members) + "}"
    if isinstance(value, list | tuple):
        return "[" + ",".join(map(format_json, value)) + "]"
    raise TypeError(f"{type(value).__name__} has no JSON form here")
