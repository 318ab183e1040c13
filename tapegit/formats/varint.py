"""Unsigned integers of variable length: seven bits a byte, the lowest first.

A byte with its high bit set is followed by another. Only the shortest form is valid, and
no value is above 2^63 - 1, so that a number has one form and fits everywhere.

Source: tapesformat-pack(5), "Integers".
"""

from __future__ import annotations

from typing import Final

from tapegit.errors import FormatError, TruncatedError

VALUE_MAX: Final = (1 << 63) - 1
_LENGTH_MAX: Final = 9


def encode_varint(value: int) -> bytes:
    """Return the shortest form of a number from 0 to 2^63 - 1."""
    if not 0 <= value <= VALUE_MAX:
        raise ValueError(f"not in range: {value}")
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def decode_varint(data: bytes | memoryview, offset: int) -> tuple[int, int]:
    """Return the number at `offset` and the offset after it.

    Raises:
        FormatError: It is not in its shortest form, or above 2^63 - 1.
        TruncatedError: The data ends inside it.
    """
    value = shift = 0
    for end in range(offset, min(offset + _LENGTH_MAX, len(data))):
        byte = data[end]
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if byte == 0 and shift:
                raise FormatError("number not in its shortest form", where=offset)
            return value, end + 1
        shift += 7
    if offset + _LENGTH_MAX <= len(data):
        raise FormatError("number too large", where=offset)
    raise TruncatedError("data ends inside a number", where=offset, wanted=None, got=len(data))
