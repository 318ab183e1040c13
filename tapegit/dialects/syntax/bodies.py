"""JSON bodies that went over the wire: read once as a whole, then member by member.

Rules: bytes that are no readable JSON object, or that hold more than a body may, are a
FormatError; below that a member of another type than expected counts as absent, and nothing
raises. Memory is bounded by the size of the body.

Source: tapesdialect-anthropic-messages(7), "Bodies".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, TypeVar

import msgspec

from tapegit.dialects.parts import AnyPart, Unknown
from tapegit.dialects.syntax.json_records import MIB, find_value_end, read_document
from tapegit.dialects.syntax.members import (
    clean_text,
    decode_string,
    iter_array,
    read_count,
    starts_with,
    text_of,
)
from tapegit.errors import FormatError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.dialects.syntax.members import Json

BODY_SIZE_MAX_BYTES: Final = 64 * MIB
PART_COUNT_MAX: Final = 65_536
MEMBER_COUNT_MAX: Final = 4096
_SMALL_OBJECT_SIZE_BYTES: Final = MIB

T = TypeVar("T")

_decoder: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_value_decoder: Final = msgspec.json.Decoder(msgspec.Raw)
_KEY = re.compile(rb'[ \t\r\n,{]*+("[^"\\]*+(?:\\.[^"\\]*+)*+")[ \t\r\n]*+:[ \t\r\n]*+', re.DOTALL)
_SCALAR = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"|[^,}\] \t\r\n]*+', re.DOTALL)


class Members(dict[str, "Json"]):
    """The members of a JSON object, each as it stands; of two of one name the last."""

    def string(self, key: str) -> str | None:
        """Return a member that is a string."""
        raw = self.get(key)
        return decode_string(raw) if raw is not None else None

    def name(self, key: str) -> str | None:
        """Return a member that is an id, a name or the like, so neither empty nor long."""
        return clean_text(self.string(key))

    def count(self, key: str) -> int | None:
        """Return a member that is a number of tokens."""
        raw = self.get(key)
        return read_count(raw) if raw is not None else None

    def flag(self, key: str) -> bool:
        """Return whether a member is true."""
        raw = self.get(key)
        return raw is not None and bytes(memoryview(raw)[:5]) == b"true"

    def json(self, key: str) -> str | None:
        """Return a member of any type as JSON; null counts as absent."""
        raw = self.get(key)
        return None if raw is None or is_null(raw) else text_of(raw)

    def members(self, key: str) -> Members:
        """Return the members of a member that is an object."""
        return read_members(self.get(key, b""))

    def elements(self, key: str) -> Iterator[memoryview]:
        """Yield the elements of a member that is an array."""
        return iter_array(self.get(key, b""))


class PartList:
    """The parts of a body, of which there are so many and no more."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._count = 0

    def take(self, parts: Iterable[AnyPart]) -> tuple[AnyPart, ...]:
        """Return parts as a tuple, and count them.

        Raises:
            FormatError: The body has more than 65,536.
        """
        return tuple(self.counted(parts))

    def counted(self, elements: Iterable[T]) -> Iterator[T]:
        """Yield what comes, and count it."""
        for element in elements:
            self.count()
            yield element

    def count(self) -> None:
        """Count one part, or one message.

        Raises:
            FormatError: The body has more than 65,536.
        """
        self._count += 1
        if self._count > PART_COUNT_MAX:
            raise FormatError(
                f"{self._where} has more than {PART_COUNT_MAX} parts", where=self._where
            )


def read_body(body: bytes, where: str) -> Members:
    """Return the members of a body.

    Raises:
        FormatError: It is no readable JSON object, or has more than 64 MiB.
    """
    return read_members(read_object(body, where))


def read_object(body: bytes, where: str) -> bytes:
    """Return the bytes of a body that is a readable JSON object.

    Raises:
        FormatError: It is none, or has more than 64 MiB.
    """
    if len(body) > BODY_SIZE_MAX_BYTES:
        raise FormatError(f"{where} is larger than 64 MiB", where=where, actual=len(body))
    document = read_document(body)
    if document is None or not starts_with(memoryview(document), "{"):
        raise FormatError(f"{where} is no JSON object", where=where, expected="a JSON object")
    return bytes(_value_decoder.decode(document))


def read_members(raw: Json) -> Members:
    """Return the members of what may be an object; none where it is not.

    Of an object of more than one MiB the first 4,096 members count.
    """
    if len(raw) > _SMALL_OBJECT_SIZE_BYTES:
        return Members(_iter_members(memoryview(raw)))
    try:
        return Members(_decoder.decode(raw))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return Members()


def _iter_members(view: memoryview) -> Iterator[tuple[str, memoryview]]:
    if not starts_with(view, "{"):
        return
    position = 0
    for _ in range(MEMBER_COUNT_MAX):
        key = _KEY.match(view, position)
        if key is None:
            return
        end = find_value_end(view, key.end())
        if end is None:
            end = _SCALAR.match(view, key.end()).end()  # type: ignore[union-attr]
        yield decode_string(bytes(view[slice(*key.span(1))])) or "", view[key.end() : end]
        position = end


def is_null(raw: Json) -> bool:
    """Return whether JSON is null."""
    return len(raw) == 4 and bytes(raw) == b"null"


def unknown(kind: str | None, raw: Json) -> Unknown:
    """Return a part for what the decoder has none for, with its exact bytes."""
    return Unknown(type=kind or "block", raw=text_of(raw))


def failure_text(error: Members) -> str:
    """Return what an error object says: its type or code, and its message."""
    kind = error.name("type") or error.name("status") or error.name("code") or error.json("code")
    message = error.string("message")
    return ": ".join(text for text in (kind, message) if text) or "error"
