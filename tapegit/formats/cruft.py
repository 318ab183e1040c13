"""The cruft file beside a pack: when each of its objects was last wanted.

Pure: the caller reads and writes the file. A file that is not whole, or of another pack, is
refused: gc would delete by its times.

Source: tapesformat-cruft(5).
"""

from __future__ import annotations

import struct
import sys
from array import array
from typing import TYPE_CHECKING, Final

from tapegit.errors import FormatError, IntegrityError, TruncatedError, UnsupportedVersionError
from tapegit.objects.oid import hash_content

if TYPE_CHECKING:
    from collections.abc import Iterable

MAGIC: Final = b"TCRF"
VERSION: Final = 1

_HEADER: Final = struct.Struct("<4sII4s32s")
_CHECKSUM_SIZE_BYTES: Final = 32
_ZEROS: Final = bytes(4)
_FIXED_SIZE_BYTES: Final = _HEADER.size + _CHECKSUM_SIZE_BYTES


def cruft_size(object_count: int) -> int:
    """Return the size in bytes of the cruft file of a pack with so many objects."""
    return _FIXED_SIZE_BYTES + 8 * object_count


def encode_cruft(pack_checksum: bytes, times_ms: Iterable[int]) -> bytes:
    """Return the bytes of a cruft file.

    Args:
        pack_checksum: The checksum of the pack, 32 bytes.
        times_ms: The time of each object by ordinal, in ms since the epoch.
    """
    times = array("q", times_ms)
    count = len(times)
    if sys.byteorder != "little":
        times.byteswap()
    data = _HEADER.pack(MAGIC, VERSION, count, _ZEROS, pack_checksum) + times.tobytes()
    return data + hash_content(data)


def decode_cruft(data: bytes, *, pack_checksum: bytes, count: int, where: object) -> array[int]:
    """Return the time of each object of a pack by ordinal, in ms since the epoch.

    Args:
        data: The whole file.
        pack_checksum: The checksum of the pack it must be of.
        count: How many objects that pack has.
        where: The path, for messages.

    Raises:
        TruncatedError: It is too short.
        FormatError: It is no cruft file, of another pack, or too long.
        UnsupportedVersionError: It is of a version that is not known.
        IntegrityError: Its checksum does not match.
    """
    if len(data) < _FIXED_SIZE_BYTES:
        raise _truncated(where, _FIXED_SIZE_BYTES, len(data))
    magic, version, stated_count, zeros, checksum = _HEADER.unpack(data[: _HEADER.size])
    if magic != MAGIC:
        raise FormatError(f"cannot read '{where}': not a cruft file", where=where, expected=MAGIC)
    if version != VERSION:
        raise UnsupportedVersionError(
            f"cannot read '{where}': a cruft file of version {version}, known is {VERSION}",
            where=where,
            version=version,
        )
    wanted = cruft_size(stated_count)
    if len(data) < wanted:
        raise _truncated(where, wanted, len(data))
    if len(data) > wanted or zeros != _ZEROS:
        raise FormatError(
            f"cannot read '{where}': its header does not fit its {len(data)} bytes",
            where=where,
            expected=wanted,
            actual=len(data),
        )
    if hash_content(data[:-_CHECKSUM_SIZE_BYTES]) != data[-_CHECKSUM_SIZE_BYTES:]:
        raise IntegrityError(f"cannot read '{where}': its checksum does not match", where=where)
    if checksum != pack_checksum or stated_count != count:
        raise FormatError(
            f"cannot read '{where}': it is of another pack",
            where=where,
            expected=pack_checksum.hex(),
            actual=checksum.hex(),
        )
    times = array("q", data[_HEADER.size : -_CHECKSUM_SIZE_BYTES])
    if sys.byteorder != "little":
        times.byteswap()
    return times


def _truncated(where: object, wanted: int, got: int) -> TruncatedError:
    return TruncatedError(
        f"cannot read '{where}': a cruft file of {got} bytes that needs {wanted}",
        where=where,
        wanted=wanted,
        got=got,
    )
