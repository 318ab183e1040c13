"""The file of a loose object: one zstandard frame of framing and data.

Pure: bytes in, bytes out. Decoding verifies all of it, down to the id, so what it returns
is what was written under that id.

Source: tapesformat-loose(5).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tapegit.errors import FormatError, IntegrityError
from tapegit.formats import zstd
from tapegit.objects.kind import (
    FRAMING_SIZE_MAX_BYTES,
    SIZE_MAX_BYTES,
    Kind,
    Object,
    format_framing,
)
from tapegit.objects.oid import ObjectId, hash_content

if TYPE_CHECKING:
    from collections.abc import Callable

CONTENT_SIZE_MAX_BYTES: Final = max(SIZE_MAX_BYTES.values()) + FRAMING_SIZE_MAX_BYTES
FILE_SIZE_MAX_BYTES: Final = CONTENT_SIZE_MAX_BYTES + (CONTENT_SIZE_MAX_BYTES >> 8) + 4096
"""No valid file is larger: zstandard adds at most 1/256 and a header to what it cannot shrink."""

_FRAMING: Final = rb"(blob|rope|turn|tag) (0|[1-9][0-9]{0,8})\0"
_KINDS: Final = {str(kind).encode(): kind for kind in Kind}


def encode_loose(
    kind: Kind, data: bytes, *, compress: Callable[[bytes], bytes] = zstd.compress
) -> bytes:
    """Return the file of an object."""
    return compress(format_framing(kind, len(data)) + data)


def decode_loose(file: bytes, oid: ObjectId, *, where: object) -> Object:
    """Return the object in a loose file.

    Args:
        file: The whole file.
        oid: The id that the file's name states.
        where: The path, for messages.

    Raises:
        TruncatedError: The file ends too early, or is empty.
        FormatError: It is no frame of an object, or breaks a limit.
        IntegrityError: It is damaged, or holds another object than its name says.
    """
    content = zstd.decompress(file, size_max=CONTENT_SIZE_MAX_BYTES, where=where)
    if hash_content(content) != oid:
        raise IntegrityError(
            f"cannot read object '{oid}': the bytes in '{where}' are not of this id",
            hint="run 'tapes fsck'",
            oid=oid,
            where=where,
        )
    return parse_framed(content, where=where)


def parse_framed(content: bytes, *, where: object) -> Object:
    """Return the object whose framing and data these bytes are.

    Raises:
        FormatError: The framing is malformed, states another size, or breaks a limit.
    """
    match = re.match(_FRAMING, content)
    if match is None:
        raise FormatError(
            f"cannot read '{where}': it does not start with a kind and a size", where=where
        )
    kind, size_bytes = _KINDS[match[1]], int(match[2])
    if len(content) - match.end() != size_bytes or size_bytes > SIZE_MAX_BYTES[kind]:
        raise FormatError(
            f"cannot read '{where}': {kind} of {len(content) - match.end()} bytes"
            f" that says it has {size_bytes}",
            where=where,
            expected=size_bytes,
            actual=len(content) - match.end(),
        )
    return Object(kind, content[match.end() :])
