"""`hash-object`: ids of bytes from outside, and storing them as objects."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tapegit.errors import FormatError
from tapegit.files.oserrors import storage_error
from tapegit.objects.kind import SIZE_MAX_BYTES, Kind, object_id
from tapegit.objects.rope import decode_rope
from tapegit.objects.tag import decode_tag
from tapegit.objects.turn import verify_turn

if TYPE_CHECKING:
    from typing import BinaryIO

    from tapegit.objects.oid import ObjectId
    from tapegit.repository.repository import Repository

_CHECKS = {Kind.ROPE: decode_rope, Kind.TURN: verify_turn, Kind.TAG: decode_tag}


def hash_object(
    kind: Kind, data: bytes, *, store: Repository | None = None, literally: bool = False
) -> ObjectId:
    """Return the id of an object, and store it where a store is given.

    Args:
        kind: What the data is.
        data: The data, without framing.
        store: Where to write the object, durably, or None to only compute.
        literally: Do not check that the data is a valid object of its kind.

    Raises:
        FormatError: The data is too large, or no valid object of this kind.
        StorageError: It could not be stored.
    """
    if not literally and kind in _CHECKS:
        _CHECKS[kind](data)
    if store is None:
        return object_id(kind, data)
    with store.transaction(message="hash-object") as transaction:
        return transaction.write(kind, data)


def read_stream(stream: BinaryIO, kind: Kind, where: str) -> bytes:
    """Return all of a stream, but never more than an object of this kind may hold.

    Raises:
        FormatError: The stream holds more.
    """
    size_max = SIZE_MAX_BYTES[kind]
    parts: list[bytes] = []
    left = size_max + 1
    while left and (part := stream.read(min(left, 1 << 20))):
        parts.append(part)
        left -= len(part)
    if not left:
        raise FormatError(
            f"'{where}' is larger than a {kind} may be, {size_max} bytes",
            hint="'tapes import' stores larger data as a rope",
            where=where,
            expected=size_max,
        )
    return b"".join(parts)


def read_file(path: str, kind: Kind) -> bytes:
    """Return the data of a file that the user named; links are followed, as in `cat`.

    Raises:
        FormatError: The file is larger than an object of this kind may be.
        StorageError: The file cannot be read.
    """
    try:
        with open(path, "rb") as stream:
            return read_stream(stream, kind, os.fspath(path))
    except OSError as error:
        raise storage_error(error, "read", path) from error
