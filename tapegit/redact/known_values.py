"""Secrets that are known by their value: in whatever way they are written, they are found.

For each value the forms that it takes on its way into a text: as it is, percent-encoded, in
base64 at each of the three places that it can have there, in hexadecimal. Escapes of JSON
need no form of their own, because texts are looked at with their escapes undone.

Source: tapesredaction(7), "Known values".
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable

VALUE_LENGTH_MIN: Final = 8
"""Shorter ones would be found where they are not meant."""

_BASE64_LENGTH_MIN: Final = 8
_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")


def encode_forms(values: Iterable[bytes]) -> list[bytes]:
    """Return the forms of values, longest first, none twice; values that are too short have none.

    A form in base64 lacks the characters at its ends that depend on what is beside the value.
    """
    forms: dict[bytes, None] = {}
    for value in values:
        if len(value) < VALUE_LENGTH_MIN:
            continue
        forms[value] = None
        for form in (*_percent_forms(value), *base64_forms(value)):
            forms[form] = None
        forms[value.hex().encode()] = None
        forms[value.hex().upper().encode()] = None
    return sorted(forms, key=len, reverse=True)


def base64_forms(value: bytes) -> list[bytes]:
    """Return what of a value's base64 is the same whatever stands before and after it."""
    forms = []
    for offset in range(3):
        encoded = b64encode(bytes(offset) + value)
        first = (offset * 8 + 5) // 6
        last = (offset + len(value)) * 8 // 6
        forms.append(encoded[first:last])
    return [*forms, *(form.translate(_URL_SAFE) for form in forms)]


def _percent_forms(value: bytes) -> list[bytes]:
    forms = [quote(value, safe=""), quote(value), quote_plus(value)]
    lower = [_lower_percent(form) for form in forms]
    return [form.encode() for form in (*forms, *lower)]


def _lower_percent(text: str) -> str:
    head, *parts = text.split("%")
    return "%".join([head, *(part[:2].lower() + part[2:] for part in parts)])
