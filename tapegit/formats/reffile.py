"""A ref file: one id, or the name of another ref.

Rules: exactly one line, ended by a newline; names are text here, `refs.names` judges them.
`HEAD`, `LATEST` and every loose ref are ref files.

Source: tapesformat-refs(5), "Ref file".
"""

from __future__ import annotations

import re
from typing import Final

from tapegit.errors import FormatError
from tapegit.objects.oid import ObjectId

REF_FILE_SIZE_MAX_BYTES: Final = 512
"""More than `ref: `, the longest name and a newline; a larger file is not read."""

_OID_LINE: Final = re.compile(rb"([0-9a-f]{64})\n")
_SYMBOLIC_LINE: Final = re.compile(rb"ref: ([^\x00-\x20\x7f]+)\n")


def decode_ref_file(data: bytes, *, where: str = "ref file") -> ObjectId | str:
    """Return the id a ref file holds, or the name (unjudged) of the ref it points to.

    Raises:
        FormatError: The bytes are neither.
    """
    if match := _OID_LINE.fullmatch(data):
        return ObjectId(bytes.fromhex(match[1].decode()))
    if match := _SYMBOLIC_LINE.fullmatch(data):
        try:
            return match[1].decode()
        except UnicodeDecodeError as error:
            raise _broken(data, where) from error
    raise _broken(data, where)


def _broken(data: bytes, where: str) -> FormatError:
    what = "it is empty" if not data else f"it begins with {repr(data[:20])[1:]}"
    return FormatError(
        f"'{where}' is not a ref: {what}",
        hint="'tapes fsck --salvage' writes it anew; its reflog has its values: "
        "'tapes reflog show', then 'tapes update-ref'",
        where=where,
        expected="64 hex digits or 'ref: <name>', and a newline",
        actual=data[:80],
    )


def encode_oid(oid: ObjectId) -> bytes:
    """Return the ref file of a ref that holds an id."""
    return oid.hex().encode() + b"\n"


def encode_symbolic(name: str) -> bytes:
    """Return the ref file of a ref that points to another."""
    return b"ref: " + name.encode() + b"\n"
