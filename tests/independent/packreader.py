"""A second reader of packs, written from tapesformat-pack(5) and the pages it refers to alone.

It shares no code with the program: if both give the same objects, the page says enough.
Used as `python packreader.py FILE...`, it prints the id, kind and size of each object.
"""

import struct
import sys
from itertools import accumulate, pairwise
from pathlib import Path

import blake3
import zstandard

KINDS = {1: b"blob", 2: b"rope", 3: b"turn", 4: b"tag"}
LIMITS = {1: 1 << 24, 2: 1 << 20, 3: 1 << 20, 4: 1 << 20}
CONTENT_MAX = (1 << 24) + 4


class BadPackError(Exception):
    """The file breaks a rule of the page."""


def require(condition, rule):
    """Refuse the pack unless a rule holds."""
    if not condition:
        raise BadPackError(rule)


def read_varint(data, at):
    """Return a varint and the offset after it."""
    value = shift = 0
    while True:
        require(at < len(data) and shift < 56, "varint out of form")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        shift += 7
        if byte < 0x80:
            require((byte or shift == 7) and value < 1 << 53, "varint out of form")
            return value, at


def read_tables(pack):
    """Return frames, sections and outer ids, after steps 1 to 3 of CHECKING."""
    require(len(pack) >= 64 and pack[:8] == b"TPCK\1\0\0\0", "header")
    directory, s, f, x, n = struct.unpack("<QIIII", pack[-56:-32])
    require(directory + 24 * f + 12 * s + 32 * x + 56 == len(pack), "size of the file")
    require(blake3.blake3(pack[:-32]).digest() == pack[-32:], "pack checksum")
    at = directory + 24 * f
    frames = list(struct.iter_unpack("<QIIIB3s", pack[directory:at]))
    sections = list(struct.iter_unpack("<III", pack[at : at + 12 * s]))
    at += 12 * s
    outer = [pack[i : i + 32] for i in range(at, at + 32 * x, 32)]
    end = 8
    for offset, compressed, content, count, kind, zeros in frames:
        require(offset == end and compressed and zeros == bytes(3), "place of a frame")
        require(kind in KINDS and 0 < count <= 1 << 20, "kind or count of a frame")
        require(4 * count <= content <= CONTENT_MAX, "content size")
        end += compressed
    require(end == directory and n <= 2**31 - 2, "end of the frames")
    require(all(part[0] and part[2] for part in sections), "an empty section")
    for column, total in enumerate((f, x, n)):
        require(sum(part[column] for part in sections) == total, "counts of sections")
    return frames, sections, outer


def read_records(pack, frame):
    """Return the records of a frame."""
    offset, compressed, content_size, count = frame[:4]
    packed = pack[offset : offset + compressed]
    header = zstandard.get_frame_parameters(packed)
    require(header.content_size == content_size and header.window_size <= 1 << 27, "zstd header")
    content = zstandard.ZstdDecompressor(max_window_size=1 << 27).decompress(
        packed, allow_extra_data=False
    )
    sizes = struct.unpack_from(f"<{count}I", content)
    starts = list(accumulate(sizes, initial=4 * count))
    require(starts[-1] == len(content), "record sizes")
    return [content[start:end] for start, end in pairwise(starts)]


def put_into_turn(template, ids):
    """Return the data of a turn."""
    parts = template.split(b"\0")
    require(len(parts) == len(ids) + 1, "zero bytes and references")
    require(len(template) + 65 * len(ids) <= LIMITS[3], "size of a turn")
    quoted = [b'"' + oid.hex().encode() + b'"' for oid in ids]
    return b"".join(p + q for p, q in zip(parts, [*quoted, b""], strict=True))


def put_into_rope(template, ids):
    """Return the data of a rope: version, level, size, whole, then entries."""
    at = read_varint(template, 2)[1] + 32
    out, left = template[:at], list(ids)
    while at < len(template):
        size, end = read_varint(template, at + 1)
        if template[at] == 0:
            end += size
            out += template[at:end]
        else:
            require(template[at] in (1, 2) and left, "entry of a rope")
            out += template[at : at + 1] + left.pop(0) + template[at + 1 : end]
        at = end
    require(not left and at == len(template), "references of a rope")
    return out


def read_pack(pack):
    """Yield (id, kind, data) of every object, in the order of ordinals; verifies all of it."""
    frames, sections, outer = read_tables(pack)
    seen, frames_left, outer_left = set(), list(frames), list(outer)
    for frame_count, outer_count, object_count in sections:
        mine, frames_left = frames_left[:frame_count], frames_left[frame_count:]
        named, outer_left = outer_left[:outer_count], outer_left[outer_count:]
        require([f[4] for f in mine] == sorted(f[4] for f in mine), "order of frames")
        require(sum(f[3] for f in mine) == object_count, "objects of a section")
        ids = {1: [], 2: [], 3: [], 4: []}
        for frame in mine:
            kind = frame[4]
            for record in read_records(pack, frame):
                data = resolve(record, kind, ids, named) if kind in (2, 3) else record
                require(len(data) <= LIMITS[kind], "size of an object")
                oid = blake3.blake3(b"%s %d\0" % (KINDS[kind], len(data)) + data).digest()
                require(oid not in seen, "an object twice")
                seen.add(oid)
                ids[kind].append(oid)
                yield oid, KINDS[kind].decode(), data


def resolve(record, kind, ids, named):
    """Return the data of a rope or turn, from its record."""
    count, at = read_varint(record, 0)
    wanted = []
    for _ in range(count):
        reference, at = read_varint(record, at)
        value, space = divmod(reference, 4)
        require(space != 3 or kind == 3, "a turn named by a rope")
        pool = ids[space] if space else named
        place = len(pool) - value if space == kind else value
        require(0 <= place < len(pool), "a reference out of bounds")
        wanted.append(pool[place])
    return (put_into_turn if kind == 3 else put_into_rope)(record[at:], wanted)


if __name__ == "__main__":
    for name in sys.argv[1:]:
        for found, word, payload in read_pack(Path(name).read_bytes()):
            sys.stdout.write(f"{found.hex()} {word} {len(payload)}\n")
