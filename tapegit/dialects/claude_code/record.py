"""One record of a Claude Code transcript, with the members that threading and fields need.

A record is decoded once, into a Struct that skips all else (`toolUseResult` alone is 43 % of
all bytes). A member of another type than expected counts as absent: such records are rare,
so only what the Struct refuses is read again member by member.

Source: tapesdialect-claude-code(7), "What a record is".
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from tapegit.dialects.syntax.members import (
    NO_VALUE,
    decode_string,
    has_value,
    iter_array,
    starts_with,
)

ELEMENT_COUNT_MAX: Final = 4096
WHOLE_SIZE_MAX_BYTES: Final = 1 << 20
"""Larger records are decoded member by member: of their content only so many elements."""

if TYPE_CHECKING:
    from tapegit.dialects.syntax.members import Json

S = TypeVar("S", bound=msgspec.Struct)


class CacheCreation(msgspec.Struct):
    """Tokens written to the cache, by how long they live."""

    ephemeral_5m_input_tokens: int | None = None
    ephemeral_1h_input_tokens: int | None = None


class RecordUsage(msgspec.Struct):
    """`message.usage`."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_creation: CacheCreation | None = None


class Block(msgspec.Struct):
    """One element of `message.content`; `input` and `content` stay as they are."""

    type: str | None = None
    text: str | None = None
    name: str | None = None
    input: msgspec.Raw = NO_VALUE
    content: msgspec.Raw = NO_VALUE
    is_error: bool | None = None


class Message(msgspec.Struct):
    """`message`."""

    id: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    usage: RecordUsage | None = None
    content: str | list[Block] | None = None


class CompactMetadata(msgspec.Struct):
    """`compactMetadata` and `microcompactMetadata`."""

    trigger: str | None = None
    preTokens: int | None = None  # noqa: N815 - the source's name


class ClaudeRecord(msgspec.Struct):
    """One record; all members under the source's own names."""

    type: str | None = None
    subtype: str | None = None
    uuid: str | None = None
    parentUuid: str | None = None  # noqa: N815 - the source's name, here and below
    sessionId: str | None = None  # noqa: N815
    agentId: str | None = None  # noqa: N815
    cwd: str | None = None
    version: str | None = None
    gitBranch: str | None = None  # noqa: N815
    timestamp: str | None = None
    isSidechain: bool | None = None  # noqa: N815
    isApiErrorMessage: bool | None = None  # noqa: N815
    isCompactSummary: bool | None = None  # noqa: N815
    sourceToolUseID: str | None = None  # noqa: N815
    message: Message | None = None
    content: msgspec.Raw = NO_VALUE
    error: msgspec.Raw = NO_VALUE
    compactMetadata: CompactMetadata | None = None  # noqa: N815
    microcompactMetadata: CompactMetadata | None = None  # noqa: N815


class RecordLook(msgspec.Struct):
    """The members that show whose a record is, each as it stands."""

    type: msgspec.Raw = NO_VALUE
    message: msgspec.Raw = NO_VALUE
    sessionId: msgspec.Raw = NO_VALUE  # noqa: N815 - the source's name, here and below
    uuid: msgspec.Raw = NO_VALUE
    parentUuid: msgspec.Raw = NO_VALUE  # noqa: N815
    cwd: msgspec.Raw = NO_VALUE
    timestamp: msgspec.Raw = NO_VALUE
    leafUuid: msgspec.Raw = NO_VALUE  # noqa: N815
    snapshot: msgspec.Raw = NO_VALUE
    operation: msgspec.Raw = NO_VALUE
    data: msgspec.Raw = NO_VALUE


_record_decoder: Final = msgspec.json.Decoder(ClaudeRecord)
_look_decoder: Final = msgspec.json.Decoder(RecordLook)
_raw_decoder: Final = msgspec.json.Decoder(msgspec.Raw)

_NESTED: Final[dict[tuple[type[msgspec.Struct], str], type[msgspec.Struct]]] = {
    (ClaudeRecord, "message"): Message,
    (ClaudeRecord, "compactMetadata"): CompactMetadata,
    (ClaudeRecord, "microcompactMetadata"): CompactMetadata,
    (Message, "usage"): RecordUsage,
    (RecordUsage, "cache_creation"): CacheCreation,
}


def decode_record(data: bytes) -> ClaudeRecord:
    """Return one record; a value that is no object gives a record without any member.

    Raises:
        msgspec.DecodeError: The bytes are no JSON.
    """
    if len(data) <= WHOLE_SIZE_MAX_BYTES:
        try:
            record = _record_decoder.decode(data)
        except msgspec.ValidationError:
            pass  # some member is of another type than its name says
        else:
            message = record.message
            if message is not None and isinstance(message.content, list):
                del message.content[ELEMENT_COUNT_MAX:]
            return record
    _raw_decoder.decode(data)  # refuses what is no JSON; below, what is of another type is passed
    return decode_leniently(ClaudeRecord, data)


def decode_look(data: bytes) -> RecordLook | None:
    """Return the members that show whose a record is, or None where it is no object."""
    try:
        return _look_decoder.decode(data)
    except msgspec.DecodeError:
        return None


def decode_blocks(raw: Json) -> str | list[Block] | None:
    """Return content in either of its forms, or None where it has neither."""
    text = decode_string(raw)
    if text is not None:
        return text
    if not starts_with(memoryview(raw), "["):
        return None
    return [_decode_block(element) for element in islice(iter_array(raw), ELEMENT_COUNT_MAX)]


def _decode_block(data: memoryview) -> Block:
    text = decode_string(data)
    return Block(type="text", text=text) if text is not None else decode_leniently(Block, data)


def decode_leniently(struct: type[S], data: Json) -> S:
    """Return a Struct with every member of these bytes that has the right type."""
    try:
        members = _raw_decoders[struct].decode(data)
    except msgspec.DecodeError:
        return struct()
    found: dict[str, Any] = {}
    for name in struct.__struct_fields__:
        raw = getattr(members, name)
        if has_value(raw):
            found[name] = _decode_member(struct, name, raw)
    return struct(**{name: value for name, value in found.items() if value is not None})


class _RawDecoders(dict[type[msgspec.Struct], "msgspec.json.Decoder[msgspec.Struct]"]):
    """For each Struct a decoder that leaves the members as they are; made when first asked for.

    Only the members of the Struct are kept: an object with millions of others costs nothing.
    """

    def __missing__(self, struct: type[msgspec.Struct]) -> msgspec.json.Decoder[msgspec.Struct]:
        members = [(name, msgspec.Raw, NO_VALUE) for name in struct.__struct_fields__]
        decoder = msgspec.json.Decoder(msgspec.defstruct(f"Raw{struct.__name__}", members))
        self[struct] = decoder
        return decoder


_raw_decoders: Final = _RawDecoders()


class _MemberDecoders(dict[tuple[type[msgspec.Struct], str], Any]):
    """For each member of a Struct what decodes it alone, or None for one that stays as it is."""

    def __missing__(self, key: tuple[type[msgspec.Struct], str]) -> Any:
        struct, _ = key
        for field in msgspec.structs.fields(struct):
            is_raw = field.type is msgspec.Raw
            self[struct, field.name] = None if is_raw else msgspec.json.Decoder(field.type)
        return self[key]


_member_decoders: Final = _MemberDecoders()


def _decode_member(struct: type[msgspec.Struct], name: str, raw: msgspec.Raw) -> object:
    nested = _NESTED.get((struct, name))
    if nested is not None:
        return decode_leniently(nested, raw) if starts_with(memoryview(raw), "{") else None
    if struct is Message and name == "content":
        return decode_blocks(raw)
    decoder = _member_decoders[struct, name]
    if decoder is None:
        return raw.copy()
    try:
        return decoder.decode(raw)
    except msgspec.DecodeError:
        return None
