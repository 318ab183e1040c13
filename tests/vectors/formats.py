"""What each format of fixtures/vectors/ does with bytes and values: one row per format.

To add a format: a row in `FORMATS`, a line in fixtures/vectors/README.md, cases in
fixtures/cases/. `decode` takes bytes and the headers of the vector, and gives what the header
`value` holds, as JSON would; it raises a DataError for bytes that are wrong. `encode` is its
inverse, or None where there is none. `is_self_delimiting` says that a prefix of good bytes, or
good bytes with more after them, are always wrong. `is_checked` says that bytes with any bit
changed are either wrong or mean the same.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from tapegit.errors import FormatError
from tapegit.formats.loose import parse_framed
from tapegit.objects.canonical import decode_canonical, encode_canonical
from tapegit.objects.cutter import cut
from tapegit.objects.kind import Kind, Object, format_framing, object_id
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope import RopeEntry, decode_rope, encode_rope
from tapegit.objects.rope_builder import iter_content_objects
from tapegit.objects.rope_reader import read_content
from tapegit.objects.tag import Tag, Tagger, decode_tag, encode_tag
from tapegit.objects.turn import Turn, clean_summary, encode_turn, verify_turn
from tapegit.objects.varint import decode_varint, encode_varint
from tapegit.objects.verify import verify_object

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Headers = Mapping[str, str]


class VectorFormat(NamedTuple):
    """How to run the cases of one format."""

    decode: Callable[[bytes, Headers], Any]
    encode: Callable[[Any], bytes] | None = None
    is_self_delimiting: bool = True
    is_checked: bool = False
    kind: Kind | None = None


def _decode_framed(data: bytes, _: Headers) -> dict[str, str]:
    kind, content = parse_framed(data, where="framed")
    return {"kind": kind.value, "data": content.hex(), "oid": object_id(kind, content).hex()}


def _encode_framed(value: dict[str, str]) -> bytes:
    data = bytes.fromhex(value["data"])
    return format_framing(Kind(value["kind"]), len(data)) + data


def _verify_object(data: bytes, headers: Headers) -> None:
    verify_object(Kind(headers["kind"]), data)


def _decode_varint(data: bytes, _: Headers) -> str:
    number, end = decode_varint(data, 0)
    if end != len(data):
        raise FormatError("bytes after the varint", where="varint")
    return str(number)


def _decode_rope(data: bytes, _: Headers) -> dict[str, Any]:
    node = decode_rope(data)
    entries = [
        [entry.literal.hex()] if entry.oid is None else [entry.oid.hex(), entry.size_bytes]
        for entry in node.entries
    ]
    whole = node.whole.hex()
    return {"level": node.level, "size": node.size_bytes, "whole": whole, "entries": entries}


def _encode_rope(value: dict[str, Any]) -> bytes:
    entries = []
    for first, *size in value["entries"]:
        if size:
            entries.append(RopeEntry(ObjectId.parse(first), size[0]))
        else:
            literal = bytes.fromhex(first)
            entries.append(RopeEntry(None, len(literal), literal))
    return encode_rope(value["level"], bytes.fromhex(value["whole"]), entries)


def _decode_cutter(data: bytes, _: Headers) -> list[list[Any]]:
    return [[s.start, s.end, "literal" if s.is_literal else "blob"] for s in cut(data)]


def _decode_content(data: bytes, _: Headers) -> dict[str, Any]:
    built = list(iter_content_objects(data))
    stored = {oid: Object(kind, content) for oid, kind, content in built}
    assert read_content(stored.get, built[-1].oid) == data
    return {
        "root": [built[-1].kind.value, built[-1].oid.hex()],
        "objects": sorted([kind.value, oid.hex(), len(content)] for oid, kind, content in built),
    }


def _decode_turn(data: bytes, _: Headers) -> dict[str, Any]:
    return json.loads(msgspec.json.encode(verify_turn(data)))


def _encode_turn(value: dict[str, Any]) -> bytes:
    return encode_turn(msgspec.convert(value, Turn))


def _decode_tag(data: bytes, _: Headers) -> dict[str, Any]:
    tag = decode_tag(data)
    tagger = {"who": tag.tagger.who, "time_ms": tag.tagger.time_ms} if tag.tagger else {}
    return {
        "object": tag.oid.hex(),
        "type": tag.kind.value,
        "tag": tag.name,
        **tagger,
        "message": tag.message,
    }


def _encode_tag(value: dict[str, Any]) -> bytes:
    tagger = Tagger(value["who"], value["time_ms"]) if "who" in value else None
    oid = ObjectId.parse(value["object"])
    return encode_tag(Tag(oid, Kind(value["type"]), value["tag"], tagger, value["message"]))


FORMATS: dict[str, VectorFormat] = {
    "framed": VectorFormat(_decode_framed, _encode_framed),
    "object": VectorFormat(_verify_object, is_self_delimiting=False),
    "varint": VectorFormat(_decode_varint, lambda value: encode_varint(int(value))),
    "rope": VectorFormat(_decode_rope, _encode_rope, kind=Kind.ROPE),
    "cutter": VectorFormat(_decode_cutter, is_self_delimiting=False),
    "content": VectorFormat(_decode_content, is_self_delimiting=False),
    "canonical": VectorFormat(lambda data, _: decode_canonical(data), encode_canonical),
    "turn": VectorFormat(_decode_turn, _encode_turn, kind=Kind.TURN),
    "summary": VectorFormat(lambda data, _: clean_summary(data.decode()), is_self_delimiting=False),
    # A tag's message goes on to the end, so its bytes do not know where they end.
    "tag": VectorFormat(_decode_tag, _encode_tag, is_self_delimiting=False, kind=Kind.TAG),
}
