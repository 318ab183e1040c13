"""Records as they are written into the files of clients: objects, one on a line.

A row that was recorded is taken apart at its top level alone, so that what is inside stays as
it was, byte for byte.

Source: tapes-resume(1), "WHAT IS MENDED".
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

_NUL: Final = re.compile(rb"(?<!\\)((?:\\\\)*)\\u0000")
_ROW: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_JSON_ERRORS: Final = (msgspec.DecodeError, RecursionError, UnicodeError)


def decode_row(data: bytes) -> dict[str, Any] | None:
    """Return the members of an object, each as JSON; None for what is no object."""
    try:
        return dict(_ROW.decode(data))
    except _JSON_ERRORS:
        return None


def decode_member(raw: object) -> Any:
    """Return a member of a row as JSON's types; None for what is none."""
    if not isinstance(raw, msgspec.Raw):
        return None
    try:
        return msgspec.json.decode(raw)
    except _JSON_ERRORS:
        return None


def decode_text(raw: object) -> str | None:
    """Return a member of a row if it is a string."""
    value = decode_member(raw)
    return value if isinstance(value, str) else None


def decode_json(data: bytes | str) -> Any:
    """Return JSON as its types; None for what is none."""
    try:
        return msgspec.json.decode(data)
    except _JSON_ERRORS:
        return None


def encode_row(members: object) -> bytes:
    """Return a value as a line that every reader takes for one.

    What some take for the end of a line is escaped. NUL characters, for which providers refuse
    a whole request, are left out.
    """
    data = msgspec.json.encode(members)
    data = data.replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
    if b"\\u0000" in data:
        data = _NUL.sub(rb"\1", data)
    return data.replace(b"\n", b" ").replace(b"\r", b" ") + b"\n"
