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

from tapegit.errors import FormatError, TruncatedError
from tapegit.formats.bundle import (
    BundleHeader,
    BundleRef,
    Prerequisite,
    decode_header,
    encode_header,
)
from tapegit.formats.cruft import decode_cruft, encode_cruft
from tapegit.formats.loose import decode_loose, parse_framed
from tapegit.formats.marker import Marker, decode_marker, encode_marker, verify_supported
from tapegit.formats.pack import SECTION_WIDTH
from tapegit.formats.packedrefs import EMPTY_FILE, PackedRef, PackedRefs
from tapegit.formats.packindex import LEADER_BIT, SEVERAL_PARENTS_BIT, PackIndex
from tapegit.formats.packindex_writer import IndexTables, PackIdentity, iter_index_parts
from tapegit.formats.reffile import decode_ref_file, encode_oid, encode_symbolic
from tapegit.formats.reflog import ReflogEntry, encode_line, iter_entries
from tapegit.formats.rewriting import Rewriting, decode_rewriting, encode_rewriting
from tapegit.formats.shallow import decode_shallow, encode_shallow
from tapegit.formats.tombstones import Tombstone, Tombstones, encode_tombstones
from tapegit.objects.canonical import decode_canonical, encode_canonical
from tapegit.objects.cutter import cut
from tapegit.objects.kind import Kind, Object, format_framing, object_id
from tapegit.objects.oid import ObjectId, hash_content
from tapegit.objects.rope import RopeEntry, decode_rope, encode_rope
from tapegit.objects.rope_builder import iter_content_objects
from tapegit.objects.rope_reader import read_content
from tapegit.objects.tag import Tag, Tagger, decode_tag, encode_tag
from tapegit.objects.turn import Turn, clean_summary, encode_turn, verify_turn
from tapegit.objects.varint import decode_varint, encode_varint
from tapegit.objects.verify import verify_object
from tapegit.remote.mapping import (
    GIT_BLOB,
    TURN_NAME,
    Commit,
    Entry,
    GitObject,
    content_entry,
    make_meta_objects,
    make_object,
    make_session_objects,
    make_tree,
    make_turn_commit,
)
from tapegit.store.index_builder import build_index
from tapegit.upkeep.fsck.packcheck import verify_index

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Headers = Mapping[str, str]


LOOSE_SHOWN_SIZE_BYTES = 1000
"""Of larger data a vector gives the BLAKE3."""


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


def _decode_marker(data: bytes, _: Headers) -> dict[str, Any]:
    marker = decode_marker(data)
    verify_supported(marker)
    return {"version": marker.version, "requires": list(marker.features)}


def _encode_marker(value: dict[str, Any]) -> bytes:
    return encode_marker(Marker(value["version"], tuple(value["requires"])))


def _decode_ref_file(data: bytes, _: Headers) -> dict[str, str]:
    found = decode_ref_file(data)
    return {"oid": found.hex()} if isinstance(found, ObjectId) else {"symbolic": found}


def _encode_ref_file(value: dict[str, str]) -> bytes:
    if "oid" in value:
        return encode_oid(ObjectId.parse(value["oid"]))
    return encode_symbolic(value["symbolic"])


def _decode_reflog(data: bytes, _: Headers) -> list[list[Any]]:
    return [[e.old.hex(), e.new.hex(), *e[2:]] for e in iter_entries(data)]


def _encode_reflog(value: list[list[Any]]) -> bytes:
    return b"".join(
        encode_line(ReflogEntry(ObjectId.parse(old), ObjectId.parse(new), *rest))
        for old, new, *rest in value
    )


def _decode_packed_refs(data: bytes, _: Headers) -> list[list[str]]:
    packed = PackedRefs(data)
    found = [[name, *(oid.hex() for oid in oids if oid)] for name, *oids in packed.iter_refs()]
    packed.verify()
    assert packed.names() == [name for name, *_ in found]
    for name, oid, *_ in found:
        ref = packed.find(name)
        assert ref is not None
        assert ref.oid.hex() == oid
        assert packed.find(name + "-") is None
    return found


def _encode_packed_refs(value: list[list[str]]) -> bytes:
    refs = [PackedRef(name, *map(ObjectId.parse, oids)) for name, *oids in value]
    return PackedRefs(EMPTY_FILE).splice({ref.name: ref for ref in refs})


def _decode_shallow(data: bytes, _: Headers) -> list[list[Any]]:
    cuts = decode_shallow(data)
    return [
        [oid.hex(), time_s, *(parent.hex() for parent in parents)]
        for oid, (time_s, parents) in cuts.items()
    ]


def _encode_shallow(value: list[list[Any]]) -> bytes:
    return encode_shallow(
        {
            ObjectId.parse(oid): (time_s, tuple(map(bytes.fromhex, parents)))
            for oid, time_s, *parents in value
        }
    )


def _head_value(head: BundleHeader) -> dict[str, Any]:
    return {
        "needs": [[need.oid.hex(), need.comment] for need in head.prerequisites],
        "refs": [[ref.name, ref.oid.hex()] for ref in head.refs],
    }


def _decode_bundle_head(data: bytes, _: Headers) -> dict[str, Any]:
    head, end = decode_header(data)
    if end != len(data):
        raise FormatError("bytes after the head", where="bundle")
    return _head_value(head)


def _encode_bundle_head(value: dict[str, Any]) -> bytes:
    needs = tuple(Prerequisite(ObjectId.parse(oid), comment) for oid, comment in value["needs"])
    refs = tuple(BundleRef(name, ObjectId.parse(oid)) for name, oid in value["refs"])
    return encode_header(BundleHeader(needs, refs))


def _decode_bundle(data: bytes, headers: Headers) -> dict[str, Any]:
    head, end = decode_header(data)
    return _head_value(head) | {"pack": _decode_pack(data[end:], headers)}


def _decode_loose(data: bytes, headers: Headers) -> dict[str, Any]:
    kind, content = decode_loose(data, ObjectId.parse(headers["oid"]), where="loose")
    is_short = len(content) < LOOSE_SHOWN_SIZE_BYTES
    shown = content if is_short else hash_content(content)
    return {"kind": kind.value, "size": len(content), "data": shown.hex()}


class PackBytes:
    """A pack in memory, in the place of a `PackFile`."""

    def __init__(self, data: bytes) -> None:
        self.path = "pack"
        self._data = data
        self.size_bytes = len(data)

    def read(self, offset: int, size_bytes: int) -> bytes:
        """Return bytes of the pack, exactly as many as asked for."""
        if offset + size_bytes > len(self._data):
            raise TruncatedError("pack ends too early", where="pack", got=len(self._data))
        return self._data[offset : offset + size_bytes]


def _decode_pack(data: bytes, _: Headers) -> dict[str, Any]:
    objects: list[list[Any]] = []

    def visit(ordinal: int, oid: ObjectId, found: Object) -> None:
        assert ordinal == len(objects)
        objects.append([found.kind.value, oid.hex(), len(found.data)])

    numbers = list(build_index(PackBytes(data), visit=visit).tables.sections)
    sections = [numbers[at : at + SECTION_WIDTH] for at in range(0, len(numbers), SECTION_WIDTH)]
    return {"sections": sections, "objects": objects}


def decode_index(data: bytes, _: Headers) -> dict[str, Any]:
    """Return what an index says, every rule about it checked."""
    index = PackIndex(memoryview(data), where="index")
    verify_index(index)
    header = index.header
    for position in range(index.object_count):
        assert index.find_position(index.id_at(position)) == position
    columns = zip(
        index.frame_offsets,
        index.frame_compressed_sizes,
        index.frame_content_sizes,
        index.frame_first_ordinals,
        index.frame_sections,
        index.frame_kind_numbers,
        strict=True,
    )
    return {
        "ids": [index.id_at(position).hex() for position in index.positions],
        "frames": [list(column) for column in columns],
        "sections": [list(index.section(number)) for number in range(header.section_count)],
        "turns": [
            [
                generation & ~LEADER_BIT,
                generation >= LEADER_BIT,
                date,
                [parent.hex() for parent in index.parents_at(turn)],
            ]
            for turn, (generation, date) in enumerate(
                zip(index.turn_generations, index.turn_dates, strict=True)
            )
        ],
        "outer_parents": [
            index.outer_parent_at(place).hex() for place in range(header.outer_parent_count)
        ],
        "pack": [header.pack_size, header.directory_offset, header.pack_checksum.hex()],
    }


def encode_index(value: dict[str, Any]) -> bytes:
    """Return the index that says this."""
    more: list[int] = []
    columns = list(zip(*value["frames"], strict=True)) or [()] * 6
    tables = IndexTables(
        ids=bytes.fromhex("".join(value["ids"])),
        outer_parents=bytes.fromhex("".join(value["outer_parents"])),
        frame_offsets=columns[0],
        frame_compressed_sizes=columns[1],
        frame_content_sizes=columns[2],
        frame_first_ordinals=columns[3],
        frame_sections=columns[4],
        frame_kind_numbers=bytes(columns[5]),
        sections=[number for section in value["sections"] for number in section],
        turn_dates=[turn[2] for turn in value["turns"]],
        turn_generations=[turn[0] | turn[1] << 31 for turn in value["turns"]],
        turn_parents=[_parent_word(turn[3], value, more) for turn in value["turns"]],
        more_parents=more,
    )
    pack_size, directory_offset, checksum = value["pack"]
    identity = PackIdentity(pack_size, directory_offset, bytes.fromhex(checksum))
    return b"".join(iter_index_parts(tables, identity))


def _parent_word(parents: list[str], value: dict[str, Any], more: list[int]) -> int:
    ids, outer = value["ids"], value["outer_parents"]
    if not parents:
        return 0
    if len(parents) == 1 and parents[0] in ids:
        return 1 + ids.index(parents[0])
    start = len(more)
    codes = [2 * ids.index(p) if p in ids else 2 * outer.index(p) + 1 for p in parents]
    more += [len(codes), *codes]
    return SEVERAL_PARENTS_BIT + start


def _decode_cruft(data: bytes, headers: Headers) -> dict[str, Any]:
    pack = bytes.fromhex(headers["pack"])
    times = decode_cruft(data, pack_checksum=pack, count=int(headers["count"]), where="cruft")
    return {"pack": headers["pack"], "times": list(times)}


def _encode_cruft(value: dict[str, Any]) -> bytes:
    return encode_cruft(bytes.fromhex(value["pack"]), value["times"])


def _decode_tombstones(data: bytes, _headers: Headers) -> list[Any]:
    if not data:
        raise TruncatedError("no bytes", where="tombstones")  # no file is no record
    return [
        [str(oid), None if successor is None else str(successor), time_ms, reason]
        for oid, successor, time_ms, reason in Tombstones(data)
    ]


def _encode_tombstones(value: list[Any]) -> bytes:
    return encode_tombstones(
        Tombstone(ObjectId.parse(oid), ObjectId.parse(new) if new else None, time_ms, reason)
        for oid, new, time_ms, reason in value
    )


def _decode_rewriting(data: bytes, _headers: Headers) -> dict[str, Any]:
    found = decode_rewriting(data, where="rewriting")
    return {
        "reason": found.reason,
        "time": found.time_ms,
        "drop": sorted(map(str, found.dropped)),
        "map": [[str(old), str(new)] for old, new in found.successors.items()],
        "name": [list(pair) for pair in found.renamed.items()],
        "delete": list(found.deleted),
        "mark": list(map(str, found.marks)),
    }


def _encode_rewriting(value: dict[str, Any]) -> bytes:
    return encode_rewriting(
        Rewriting(
            value["reason"],
            value["time"],
            frozenset(map(ObjectId.parse, value["drop"])),
            {ObjectId.parse(old): ObjectId.parse(new) for old, new in value["map"]},
            dict(value["name"]),
            tuple(value["delete"]),
            tuple(map(ObjectId.parse, value["mark"])),
        )
    )


def _decode_git(data: bytes, headers: Headers) -> dict[str, str]:
    """Return the commit that stands for something, from it and the commits of its parents."""
    parents = [
        Commit(bytes.fromhex(git), int(time))
        for git, time in (each.split() for each in headers.get("parents", "").split("; ") if each)
    ]
    if headers["what"] == "meta":
        made = make_meta_objects(decode_canonical(data[:-1])["head"])
    elif headers["what"] == "session":
        tapes = [(line[65:], ObjectId.parse(line[:64])) for line in data.decode().splitlines()]
        commits = dict(zip(sorted({oid for _, oid in tapes}), parents, strict=True))
        made = make_session_objects(headers["folder"], tapes, commits)
    else:
        made = _make_turn(data, headers, parents)
    head, _, message = made[-1].data.partition(b"\n\n")
    return {
        "commit": made[-1].git_id.hex(),
        "tree": head.split()[1].decode(),
        "subject": message.partition(b"\n")[0].decode(),
    }


def _make_turn(data: bytes, headers: Headers, parents: list[Commit]) -> list[GitObject]:
    named = [each.split() for each in headers.get("content", "").split("; ") if each]
    entries = {
        content_entry(Kind(kind), ObjectId.parse(oid), bytes.fromhex(git))
        for oid, kind, git in named
    }
    body = make_object(GIT_BLOB, data)
    tree = make_tree([*entries, Entry(TURN_NAME, body.git_id)])
    oid = object_id(Kind.TURN, data)
    commit, _ = make_turn_commit(verify_turn(data), oid, tree.git_id, parents)
    return [body, tree, commit]


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
    "git": VectorFormat(_decode_git, is_self_delimiting=False),
    # A tag's message goes on to the end, so its bytes do not know where they end.
    "tag": VectorFormat(_decode_tag, _encode_tag, is_self_delimiting=False, kind=Kind.TAG),
    # Each line of these says something by itself.
    "marker": VectorFormat(_decode_marker, _encode_marker, is_self_delimiting=False),
    "reflog": VectorFormat(_decode_reflog, _encode_reflog, is_self_delimiting=False),
    "reffile": VectorFormat(_decode_ref_file, _encode_ref_file),
    "packedrefs": VectorFormat(_decode_packed_refs, _encode_packed_refs, is_checked=True),
    "shallow": VectorFormat(_decode_shallow, _encode_shallow, is_checked=True),
    "bundlehead": VectorFormat(_decode_bundle_head, _encode_bundle_head),
    # How a frame is compressed is the library's choice, so these are decoded only.
    "loose": VectorFormat(_decode_loose, is_checked=True),
    "pack": VectorFormat(_decode_pack, is_checked=True),
    "bundle": VectorFormat(_decode_bundle),
    "packindex": VectorFormat(decode_index, encode_index, is_checked=True),
    "cruft": VectorFormat(_decode_cruft, _encode_cruft, is_checked=True),
    "tombstones": VectorFormat(_decode_tombstones, _encode_tombstones, is_checked=True),
    "rewriting": VectorFormat(_decode_rewriting, _encode_rewriting, is_checked=True),
}
