"""Unsigned variable-length integers: 7 bits a byte, lowest first, the high bit says "more".

Only the shortest spelling is read, so that a number has one. Numbers stay below 2^53.

Source: tapesformat-rope(5), "Encoding".
"""

from __future__ import annotations

from typing import Final

from tapegit.errors import FormatError, TruncatedError

VARINT_MAX: Final = (1 << 53) - 1
VARINT_SIZE_MAX_BYTES: Final = 8


def encode_varint(number: int) -> bytes:
    """Return the number, 0 to 2^53 - 1, in 1 to 8 bytes."""
    if not 0 <= number <= VARINT_MAX:
        raise ValueError(number)
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)


def decode_varint(data: bytes, offset: int, *, where: str = "varint") -> tuple[int, int]:
    """Return the number that begins at an offset, and the offset after it.

    Raises:
        TruncatedError: The data ends inside the number.
        FormatError: The number is not in its shortest spelling, or is 2^53 or more.
    """
    number = shift = 0
    size = len(data)
    while offset < size:
        byte = data[offset]
        offset += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            if (byte == 0 and shift) or number > VARINT_MAX:
                raise FormatError(f"{where} has a varint out of form", where=where)
            return number, offset
        shift += 7
        if shift >= 7 * VARINT_SIZE_MAX_BYTES:
            raise FormatError(f"{where} has a varint of more than 8 bytes", where=where)
    raise TruncatedError(f"{where} ends inside a varint", where=where, got=size)
