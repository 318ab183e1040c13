"""Object ids and their prefixes.

Nothing outside this module hashes an object or accepts hexadecimal text as an id. An
`ObjectId` is its 32 bytes (a `bytes` subclass, so that it hashes and compares at C speed
and sorts in id order); its text form is 64 lower-case hexadecimal digits.

Source: tapesformat-object(5), "Fields".
"""

from __future__ import annotations

import re
from typing import Final

from blake3 import blake3

from tapegit.errors import InvalidNameError

OID_SIZE_BYTES: Final = 32
OID_HEX_LENGTH: Final = 64
_COPIED_SIZE_MAX_BYTES: Final = 1 << 16
"""Up to here a copy with its framing before it is quicker to hash than the two in turn."""

_HEX_OID = re.compile(r"[0-9a-f]{64}", re.ASCII)
_HEX_PREFIX = re.compile(r"[0-9a-f]{4,64}", re.ASCII)


class ObjectId(bytes):
    """The id of one object: exactly 32 bytes."""

    __slots__ = ()

    @classmethod
    def parse(cls, text: str) -> ObjectId:
        """Return the id written as 64 lower-case hexadecimal digits.

        Raises:
            InvalidNameError: The text is anything else.
        """
        if not _HEX_OID.fullmatch(text):
            raise InvalidNameError(
                f"not an object id: '{text[:80]}'", text=text, rule="64 lower-case hex digits"
            )
        return cls.fromhex(text)

    def short(self, length: int = 8) -> str:
        """Return the first digits of the id, for messages; it may be ambiguous."""
        return self.hex()[:length]

    def __str__(self) -> str:
        return self.hex()

    def __repr__(self) -> str:
        return f"ObjectId({self.hex()})"


ZERO_OID: Final = ObjectId(bytes(OID_SIZE_BYTES))
"""Stands for "no object" in reflogs and compare-and-swap; never the id of an object."""


class OidPrefix(str):
    """4 to 64 lower-case hexadecimal digits that may begin several ids."""

    __slots__ = ()

    @classmethod
    def find(cls, text: str) -> OidPrefix | None:  # type: ignore[override]
        """Return the prefix written in `text`, or None where it is not one; case is folded."""
        folded = text.lower()
        return cls(folded) if _HEX_PREFIX.fullmatch(folded) else None

    def bounds(self) -> tuple[bytes, bytes]:
        """Return the smallest and the largest 32 bytes that begin with this prefix."""
        low = bytes.fromhex(self.ljust(OID_HEX_LENGTH, "0"))
        high = bytes.fromhex(self.ljust(OID_HEX_LENGTH, "f"))
        return low, high


def hash_framed(header: bytes, data: bytes) -> ObjectId:
    """Return BLAKE3-256 over the framing header and the data.

    Source: tapesformat-object(5), "Fields".
    """
    if len(data) <= _COPIED_SIZE_MAX_BYTES:
        return ObjectId(blake3(header + data).digest())
    hasher = blake3(header)
    hasher.update(data)
    return ObjectId(hasher.digest())


def hash_content(data: bytes | memoryview) -> bytes:
    """Return BLAKE3-256 of unframed bytes, 32 bytes: file checksums and whole ropes."""
    return blake3(data).digest()


def content_hasher() -> blake3:
    """Return a BLAKE3-256 that is fed piece by piece: `update(data)`, then `digest()`."""
    return blake3()
