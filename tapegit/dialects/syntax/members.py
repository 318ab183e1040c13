"""Members of JSON objects that nobody vouches for: read one by one, absent where they are odd.

Rules: a member of another type than expected counts as absent, and so does an empty or overlong
string where an id or a name is meant; nothing here raises for any JSON.

Source: tapesdialect-claude-code(7), "What a record is".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from tapegit.dialects.syntax.json_records import BLANK_BYTES, iter_elements

if TYPE_CHECKING:
    from collections.abc import Iterator

    Json = msgspec.Raw | bytes | memoryview

TEXT_LENGTH_MAX: Final = 4096
INTEGER_MAX: Final = (1 << 53) - 1
NO_VALUE: Final = msgspec.Raw()

_string_decoder: Final = msgspec.json.Decoder(str)
_integer_decoder: Final = msgspec.json.Decoder(int)
_number_decoder: Final = msgspec.json.Decoder(float)
_raw_decoder: Final = msgspec.json.Decoder(msgspec.Raw)

S = TypeVar("S", bound=msgspec.Struct)


class _Decoders(dict[type[msgspec.Struct], "msgspec.json.Decoder[Any]"]):
    """A decoder for each Struct, made when first asked for."""

    def __missing__(self, struct: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
        self[struct] = msgspec.json.Decoder(struct)
        return self[struct]


_decoders: Final = _Decoders()


def decode_record(struct: type[S], data: bytes) -> S:
    """Return the members of a record that a Struct of `msgspec.Raw` names.

    A value that is no object has none of them.

    Raises:
        msgspec.DecodeError: The bytes are no JSON.
    """
    try:
        record: S = _decoders[struct].decode(data)
    except msgspec.ValidationError:
        _raw_decoder.decode(data)
        return struct()
    return record


def decode_members(struct: type[S], raw: Json) -> S:
    """Return the members of what may be an object, as they stand; none where it is not."""
    try:
        members: S = _decoders[struct].decode(raw)
    except (msgspec.DecodeError, RecursionError):  # what stands in a string is as deep as it likes
        return struct()
    return members


def read_text(raw: Json) -> str | None:
    """Return a string that is an id, a name or the like; None where the JSON is something else."""
    return clean_text(decode_string(raw)) if len(raw) <= 6 * TEXT_LENGTH_MAX + 2 else None


def read_count(raw: Json) -> int | None:
    """Return a number of tokens, or None where the JSON is something else."""
    try:
        return clean_count(_integer_decoder.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def read_seconds(raw: Json) -> int | None:
    """Return a time that is stated in seconds since the epoch, in ms; None for anything else."""
    try:
        milliseconds = _number_decoder.decode(raw) * 1000
    except msgspec.DecodeError:
        return None
    return round(milliseconds) if 0 <= milliseconds <= INTEGER_MAX else None


def is_object(raw: Json) -> bool:
    """Return whether the JSON is an object."""
    return starts_with(memoryview(raw), "{")


def text_of(data: Json) -> str:
    """Return JSON as a string, for parts that show it as it is."""
    return bytes(data).decode("utf-8", "backslashreplace")


def decode_string(raw: Json) -> str | None:
    """Return the string that a raw member holds, or None where it holds something else."""
    try:
        return _string_decoder.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def iter_array(raw: Json) -> Iterator[memoryview]:
    """Yield the elements of an array, as they stand; none where the JSON is something else."""
    view = memoryview(raw)
    if starts_with(view, "["):
        yield from iter_elements(view)


def has_value(raw: msgspec.Raw) -> bool:
    """Return whether a raw member was there at all."""
    return raw != NO_VALUE


def clean_text(text: str | None) -> str | None:
    """Return a string member, or None where it is empty or too long to be what it should be."""
    return text if text and len(text) <= TEXT_LENGTH_MAX else None


def clean_count(count: int | None) -> int | None:
    """Return a number of tokens, or None where it is none."""
    return count if count is not None and 0 <= count <= INTEGER_MAX else None


def starts_with(view: memoryview, bracket: str) -> bool:
    """Return whether JSON, blanks before it passed over, begins with a bracket."""
    return bytes(view[:1024]).lstrip(BLANK_BYTES).startswith(bracket.encode())
