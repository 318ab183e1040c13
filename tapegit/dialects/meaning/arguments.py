"""The arguments of a tool call, one by one, for people to read.

Source: tapesglossary(7), "Terms".
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

_decoder: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_string_decoder: Final = msgspec.json.Decoder(str)


def read_strings(arguments: str) -> dict[str, str]:
    """Return those arguments that are strings, by name; none where there is no object."""
    try:
        members = _decoder.decode(arguments)
        return {
            name: _string_decoder.decode(value)
            for name, value in members.items()
            if bytes(memoryview(value)[:1]) == b'"'
        }
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return {}


def split_arguments(arguments: str) -> list[tuple[str, str]] | None:
    """Return name and value of each argument, or None where they are not an object with members.

    A string is given as what it says, any other value as the JSON that it is. Of two of one
    name the last counts, as everywhere.
    """
    try:
        members = _decoder.decode(arguments)
        return [(name, _read(value)) for name, value in members.items()] or None
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return None


def decode_arguments(arguments: str) -> Any:
    """Return the arguments as the value that they are in JSON; what is none, as its own text."""
    try:
        return msgspec.json.decode(arguments)
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        return arguments


def format_value(value: Any) -> str:
    """Return a value of JSON for reading: a text as it is, all else as indented JSON."""
    if isinstance(value, str):
        return value
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()


def _read(value: msgspec.Raw) -> str:
    if bytes(memoryview(value)[:1]) == b'"':
        return _string_decoder.decode(value)
    return bytes(value).decode()
