"""The one JSON form that turns are written in.

Rules of this form: UTF-8; no insignificant space; object keys `[a-z0-9_]+` in byte order,
each once; strings, integers (|n| < 2^53), arrays and objects only, never null, a boolean or
a float; no empty array and no empty object (an absent key says the same); at most 16 levels.
Bytes are in this form only if decoding and encoding them again gives the same bytes.

msgspec alone is not enough: it lets duplicate keys, `-0`, other spellings of a string and
bytes that are not UTF-8 (in values it skips) pass, and it raises bare UnicodeErrors and
RecursionErrors. This module is where those become a FormatError.

Source: tapesformat-turn(5), "Canonical JSON".
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from tapegit.errors import FormatError

DEPTH_MAX: Final = 16
"""How many arrays and objects may lie inside one another, the outermost counted."""

INTEGER_MAX: Final = (1 << 53) - 1
"""The largest absolute value: what every JSON reader holds exactly (RFC 8259, section 6)."""

DECODE_ERRORS: Final = (msgspec.MsgspecError, UnicodeError, RecursionError)
"""All that msgspec raises for bytes from outside."""

type_encoder: Final = msgspec.json.Encoder(order="sorted")
_KEY = re.compile(r"[a-z0-9_]+", re.ASCII)
_EMPTY: Final = (b"{}", b"[]")


def encode_canonical(value: Any, *, where: str = "json") -> bytes:
    """Return a value as canonical JSON.

    Surrogates in strings are joined where they are a pair and replaced by U+FFFD where not.

    Raises:
        FormatError: The value holds something that this form has no room for.
    """
    cleaned = replace_surrogates(value)
    _verify_value(cleaned, where)
    return type_encoder.encode(cleaned)


def decode_canonical(data: bytes, *, where: str = "json") -> Any:
    """Return the value that canonical JSON holds.

    Raises:
        FormatError: The bytes are no JSON, or not in canonical form.
    """
    try:
        value = msgspec.json.decode(data)
    except DECODE_ERRORS as error:
        raise FormatError(f"{where} is no JSON: {error}", where=where) from error
    _verify_value(value, where)
    if type_encoder.encode(value) != data:
        raise FormatError(f"{where} is not in canonical form", where=where)
    return value


def has_empty(data: bytes) -> bool:
    """Return whether JSON bytes may hold an empty array or object (or such text in a string)."""
    return _EMPTY[0] in data or _EMPTY[1] in data


def replace_surrogates(value: Any) -> Any:
    """Return the value with every string encodable as UTF-8; the rest is left as it is.

    Raises:
        FormatError: The value has no JSON form, or is nested too deeply.
    """
    try:
        type_encoder.encode(value)
    except UnicodeEncodeError:
        return _rebuild(value, 0)
    except (TypeError, RecursionError, OverflowError) as error:
        raise FormatError(f"value has no JSON form: {error}", where="json") from error
    return value


def replace_surrogates_in_text(text: str) -> str:
    """Return the text with pairs of surrogates joined and lone ones replaced by U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _rebuild(value: Any, depth: int) -> Any:
    # Recursive, and bounded: what is too deep is left for `_verify_value` to refuse.
    if isinstance(value, str):
        return replace_surrogates_in_text(value)
    if depth > DEPTH_MAX:
        raise FormatError(f"json is nested more than {DEPTH_MAX} levels deep", where="json")
    if isinstance(value, dict):
        return {_rebuild(k, depth): _rebuild(v, depth + 1) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_rebuild(item, depth + 1) for item in value]
    return value


def _verify_value(value: Any, where: str) -> None:
    level = [value]
    depth = 0
    while level:
        following: list[Any] = []
        for item in level:
            if isinstance(item, str):
                continue
            if isinstance(item, int) and not isinstance(item, bool):
                _verify_integer(item, where)
            elif isinstance(item, (dict, list, tuple)) and item:
                following.extend(_children(item, where))
            else:
                shown = "an empty array or object" if item in ({}, [], ()) else repr(item)[:40]
                raise FormatError(f"{where} holds {shown}", where=where)
        depth += any(isinstance(item, (dict, list, tuple)) for item in level)
        if depth > DEPTH_MAX:
            raise FormatError(f"{where} is nested more than {DEPTH_MAX} levels deep", where=where)
        level = following


def _verify_integer(value: int, where: str) -> None:
    if abs(value) > INTEGER_MAX:
        raise FormatError(f"{where} holds an integer beyond 2^53", where=where)


def _children(item: dict[Any, Any] | list[Any] | tuple[Any, ...], where: str) -> list[Any]:
    if not isinstance(item, dict):
        return list(item)
    for key in item:
        if not isinstance(key, str) or not _KEY.fullmatch(key):
            raise FormatError(f"{where} has the key '{str(key)[:40]!r}'", where=where, key=key)
    return list(item.values())
