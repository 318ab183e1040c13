"""Objects and packs for tests of the store, made without a repository."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import zstandard

from tapegit.formats.pack import (
    Directory,
    Frame,
    Section,
    encode_directory,
    encode_footer,
    encode_frame_content,
    encode_header,
)
from tapegit.objects.kind import KIND_NUMBERS, Kind, Object, object_id
from tapegit.objects.oid import hash_content
from tapegit.objects.rope import RopeEntry, encode_rope
from tapegit.objects.tag import Tag, Tagger, encode_tag
from tapegit.objects.turn import RawPiece, Turn, encode_turn
from tapegit.store.pack_writer import PackWriter

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from tapegit.objects.oid import ObjectId
    from tapegit.store.database import ObjectDatabase
    from tapegit.store.pack_writer import PackSummary

TIME_MS = 1_760_000_000_000


def make_root(root: Path) -> Path:
    """Create the folders of a store that objects need; return `root`."""
    (root / "objects" / "pack").mkdir(parents=True)
    (root / "tmp").mkdir()
    for first in range(256):
        (root / "objects" / f"{first:02x}").mkdir()
    return root


def blob(data: bytes) -> Object:
    """Return a blob."""
    return Object(Kind.BLOB, data)


def turn(
    *parents: ObjectId,
    raw: Iterable[ObjectId] = (),
    time: int | None = TIME_MS,
    role: str = "user",
    summary: str | None = None,
) -> Object:
    """Return a turn."""
    pieces = tuple(RawPiece(str(oid)) for oid in raw)
    return Object(
        Kind.TURN,
        encode_turn(
            Turn(
                role=role,
                parents=tuple(map(str, parents)),
                raw=pieces,
                dialect="claude-code@1" if pieces else None,
                time=time,
                summary=summary,
            )
        ),
    )


def rope(*pieces: tuple[ObjectId, bytes] | bytes) -> Object:
    """Return a leaf of blobs, each with its data, and of literals."""
    entries = [
        RopeEntry(None, len(piece), piece)
        if isinstance(piece, bytes)
        else RopeEntry(piece[0], len(piece[1]))
        for piece in pieces
    ]
    whole = b"".join(piece if isinstance(piece, bytes) else piece[1] for piece in pieces)
    return Object(Kind.ROPE, encode_rope(0, hash_content(whole), entries))


def inner_rope(*children: tuple[ObjectId, bytes]) -> Object:
    """Return a node of level 1 over leaves, each with the bytes below it."""
    entries = [RopeEntry(oid, len(whole)) for oid, whole in children]
    return Object(
        Kind.ROPE, encode_rope(1, hash_content(b"".join(c[1] for c in children)), entries)
    )


def tag(oid: ObjectId, kind: Kind, name: str = "v1") -> Object:
    """Return a tag."""
    return Object(Kind.TAG, encode_tag(Tag(oid, kind, name, Tagger("Test", TIME_MS), "why\n")))


def oid_of(found: Object) -> ObjectId:
    """Return the id of an object."""
    return object_id(found.kind, found.data)


def sample(count: int = 20, label: str = "sample") -> list[Object]:
    """Return objects of each kind that name one another, links first; the last is a tag."""
    objects: list[Object] = []
    parent: ObjectId | None = None
    leaves: list[tuple[ObjectId, bytes]] = []
    for number in range(count):
        data = f"{label} {number}: {'x' * (number * 7 % 100)}\n".encode()
        piece = blob(data)
        leaf = rope(b"[", (oid_of(piece), data), b"]")
        leaves.append((oid_of(leaf), b"[" + data + b"]"))
        parents = () if parent is None else (parent,)
        next_turn = turn(
            *parents,
            raw=(oid_of(piece), oid_of(leaf)),
            time=TIME_MS + number,
            role="user" if parents else "session",
        )
        parent = oid_of(next_turn)
        objects += (piece, leaf, next_turn)
    objects.append(inner_rope(*leaves[:64]))
    objects.append(tag(oid_of(objects[-2]), Kind.TURN, label))
    return objects


def write_pack(
    root: Path,
    objects: Iterable[Object],
    *,
    database: ObjectDatabase | None = None,
    cold: bool = False,
    threads: int = 1,
) -> PackSummary:
    """Write objects into a pack of the store at `root`."""
    with PackWriter(
        database, root / "objects" / "pack", root / "tmp", cold=cold, threads=threads
    ) as writer:
        for kind, data in objects:
            writer.add(kind, data)
        summary = writer.finish()
    assert summary is not None
    return summary


class RawFrame(NamedTuple):
    """A frame as a forger wants it: `None` for whatever would be right."""

    kind_number: int
    records: Sequence[bytes]
    content: bytes | None = None
    compressed: bytes | None = None
    content_size: int | None = None
    count: int | None = None


def forge_pack(
    sections: Sequence[tuple[Sequence[RawFrame], bytes]], *, header: bytes | None = None
) -> bytes:
    """Return a pack of the given frames and outer ids by section; only its checksums are true."""
    directory, out = Directory(), bytearray(encode_header() if header is None else header)
    for frames, outer_ids in sections:
        total = 0
        for frame in frames:
            content = encode_frame_content(frame.records)
            content = content if frame.content is None else frame.content
            compressed = frame.compressed or zstandard.ZstdCompressor(write_checksum=True).compress(
                content
            )
            count = len(frame.records) if frame.count is None else frame.count
            size = len(content) if frame.content_size is None else frame.content_size
            directory.append(Frame(len(out), len(compressed), size, count, frame.kind_number))
            total += count
            out += compressed
        directory.sections.append(Section(len(frames), len(outer_ids) // 32, total))
        directory.outer_ids += outer_ids
    offset = len(out)
    out += encode_directory(directory) + encode_footer(directory, offset)
    return bytes(out) + hash_content(bytes(out))


def install_bytes(root: Path, pack: bytes) -> Path:
    """Put the bytes of a pack into the store at `root`, under the name they state."""
    path = root / "objects" / "pack" / f"pack-{pack[-32:].hex()}.pack"
    path.write_bytes(pack)
    return path


BLOB, ROPE, TURN, TAG = (KIND_NUMBERS[kind] for kind in Kind)
