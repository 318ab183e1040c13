"""What each format of fixtures/vectors/ does with bytes and values: one row per format.

To add a format: a row in `FORMATS`, a line in fixtures/vectors/README.md, a folder of cases.
`decode` takes bytes and gives what the header `value` holds, as JSON would; it raises a
DataError for bytes that are wrong. `encode` is its inverse, or None where there is none.
`is_self_delimiting` says that a prefix of good bytes, or good bytes with more after them, are
always wrong. `feed`, for a decoder that takes bytes as they come, decodes an iterable of chunks.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from tapegit.errors import FormatError
from tapegit.objects.canonical import decode_canonical, encode_canonical
from tapegit.objects.cutter import cut
from tapegit.objects.kind import Kind, Object
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope import RopeEntry, decode_rope, encode_rope
from tapegit.objects.rope_builder import iter_content_objects
from tapegit.objects.rope_reader import read_content
from tapegit.objects.tag import Tag, Tagger, decode_tag, encode_tag
from tapegit.objects.turn import Turn, clean_summary, encode_turn, verify_turn
from tapegit.objects.varint import decode_varint, encode_varint

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class VectorFormat(NamedTuple):
    """How to run the cases of one format."""

    decode: Callable[[bytes], Any]
    encode: Callable[[Any], bytes] | None = None
    is_self_delimiting: bool = True
    feed: Callable[[Iterable[bytes]], Any] | None = None
    kind: Kind | None = None


def _decode_varint(data: bytes) -> str:
    number, end = decode_varint(data, 0)
    if end != len(data):
        raise FormatError("bytes after the varint", where="varint")
    return str(number)


def _decode_rope(data: bytes) -> dict[str, Any]:
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


def _decode_cutter(data: bytes) -> list[list[Any]]:
    return [[s.start, s.end, "literal" if s.is_literal else "blob"] for s in cut(data)]


def _decode_content(data: bytes) -> dict[str, Any]:
    built = list(iter_content_objects(data))
    stored = {oid: Object(kind, content) for oid, kind, content in built}
    assert read_content(stored.get, built[-1].oid) == data
    return {
        "root": [built[-1].kind.value, built[-1].oid.hex()],
        "objects": [[kind.value, oid.hex(), len(content)] for oid, kind, content in built],
    }


def _decode_turn(data: bytes) -> dict[str, Any]:
    return json.loads(msgspec.json.encode(verify_turn(data)))


def _encode_turn(value: dict[str, Any]) -> bytes:
    return encode_turn(msgspec.convert(value, Turn))


def _decode_tag(data: bytes) -> dict[str, Any]:
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
    "object": VectorFormat(lambda _: None, is_self_delimiting=False),
    "varint": VectorFormat(_decode_varint, lambda value: encode_varint(int(value))),
    "rope": VectorFormat(_decode_rope, _encode_rope, kind=Kind.ROPE),
    "cutter": VectorFormat(_decode_cutter, is_self_delimiting=False),
    "content": VectorFormat(_decode_content, is_self_delimiting=False),
    "canonical": VectorFormat(decode_canonical, encode_canonical),
    "turn": VectorFormat(_decode_turn, _encode_turn, kind=Kind.TURN),
    "summary": VectorFormat(lambda data: clean_summary(data.decode()), is_self_delimiting=False),
    # A tag's message goes on to the end, so its bytes do not know where they end.
    "tag": VectorFormat(_decode_tag, _encode_tag, is_self_delimiting=False, kind=Kind.TAG),
}
