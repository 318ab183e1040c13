"""Tags: an annotated name for an object.

The data is git's text form: a header of fixed lines, an empty line, the message. There is one
way to write a tag, so decoding and encoding give the same bytes.

    object <64 hex digits>
    type <kind>
    tag <name>
    tagger <who> <ms since the epoch>     (may be absent)

    <message>

Source: tapesformat-tag(5).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from tapegit.errors import FormatError
from tapegit.objects.canonical import INTEGER_MAX
from tapegit.objects.kind import SIZE_MAX_BYTES, Kind
from tapegit.objects.oid import ObjectId

NAME_SIZE_MAX_BYTES: Final = 255
WHO_SIZE_MAX_BYTES: Final = 1024

# Compiled when the first tag is read: most runs read none.
_HEADER: Final = (
    rb"object ([0-9a-f]{64})\n"
    rb"type (blob|rope|turn|tag)\n"
    rb"tag ([^\n]+)\n"
    rb"(?:tagger ([^\n]+) (0|-?[1-9][0-9]{0,15})\n)?"
    rb"\n"
)
_UNPRINTABLE: Final = "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]"


class Tagger(NamedTuple):
    """Who made a tag, and when, in milliseconds since the epoch."""

    who: str
    time_ms: int


class Tag(NamedTuple):
    """An annotated name: what it names, its kind, the name, who made it, and the message."""

    oid: ObjectId
    kind: Kind
    name: str
    tagger: Tagger | None
    message: str


def encode_tag(tag: Tag) -> bytes:
    """Return the tag's data.

    Raises:
        FormatError: A name, tagger, time or message cannot be written in a tag.
    """
    lines = [f"object {tag.oid}", f"type {tag.kind.value}", f"tag {tag.name}"]
    if tag.tagger is not None:
        lines.append(f"tagger {tag.tagger.who} {tag.tagger.time_ms}")
    text = "\n".join(lines) + "\n\n" + tag.message
    try:
        data = text.encode()
    except UnicodeEncodeError as error:
        raise FormatError(f"tag cannot be written as UTF-8: {error}", where="tag") from error
    if decode_tag(data) != tag:
        raise FormatError("tag would not read back as it was given", where="tag")
    return data


def decode_tag(data: bytes) -> Tag:
    """Return the tag that these bytes hold, every rule checked.

    Raises:
        FormatError: They hold none.
    """
    if len(data) > SIZE_MAX_BYTES[Kind.TAG]:
        raise FormatError(f"tag of {len(data)} bytes is too large", where="tag")
    found = re.match(_HEADER, data)
    if found is None:
        raise FormatError("tag has no valid header", where="tag")
    hex_, kind, name, who, time_ms = found.groups()
    try:
        texts = [part.decode() for part in (name, who or b"", data[found.end() :])]
    except UnicodeDecodeError as error:
        raise FormatError(f"tag is not UTF-8: {error}", where="tag") from error
    _verify_text(texts[0], "name", NAME_SIZE_MAX_BYTES)
    tagger = None
    if who is not None:
        _verify_text(texts[1], "tagger", WHO_SIZE_MAX_BYTES)
        tagger = Tagger(texts[1], _time_ms(time_ms))
    oid = ObjectId.fromhex(hex_.decode())
    return Tag(oid, Kind(kind.decode()), texts[0], tagger, texts[2])


def _time_ms(digits: bytes) -> int:
    time_ms = int(digits)
    if abs(time_ms) > INTEGER_MAX:
        raise FormatError("tag has a time beyond 2^53", where="tag")
    return time_ms


def _verify_text(text: str, what: str, size_max_bytes: int) -> None:
    if len(text.encode()) > size_max_bytes:
        raise FormatError(f"tag has a {what} of more than {size_max_bytes} bytes", where="tag")
    if text != text.strip() or re.search(_UNPRINTABLE, text):
        raise FormatError(f"tag has a {what} with spaces around it or unprintable", where="tag")
