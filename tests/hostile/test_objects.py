"""Loose objects that are damaged or made by an enemy: items 1 to 9 of "Damaged store"."""

from __future__ import annotations

import pytest
import zstandard

from tapegit.errors import DataError
from tapegit.formats.loose import decode_loose, encode_loose
from tapegit.objects.kind import Kind, format_framing, object_id
from tapegit.objects.oid import ObjectId
from tests.builders import turn_data
from tests.hostile.conftest import DATA_CODES, OLD
from tests.packs import rope, tag

GIB = 1 << 30
MIB = 1 << 20
DATA = b"what an object holds, in a few words and a number: 12345\n"
OID = object_id(Kind.BLOB, DATA)
FILE = encode_loose(Kind.BLOB, DATA)
CONTENT = format_framing(Kind.BLOB, len(DATA)) + DATA


def compress(content: bytes, **parameters) -> bytes:
    """Return content as a frame with these parameters."""
    chosen = zstandard.ZstdCompressionParameters.from_level(3, **parameters)
    return zstandard.ZstdCompressor(compression_params=chosen).compress(content)


def bomb(size: int, *, stated: bool = True) -> bytes:
    """Return a small frame of so many zeros, which says so or not."""
    compressor = zstandard.ZstdCompressor(write_content_size=stated).compressobj(
        size=size if stated else -1
    )
    part = bytes(MIB)
    return b"".join(compressor.compress(part) for _ in range(size // MIB)) + compressor.flush()


def state_size(frame: bytes, size: int) -> bytes:
    """Return a frame with another size in its header; its field must have four bytes."""
    assert frame[4] >> 6 == 2, "the size has four bytes"
    at = 5 + (0 if frame[4] & 0x20 else 1)
    return frame[:at] + size.to_bytes(4, "little") + frame[at + 4 :]


@pytest.mark.parametrize("form", [("-p",), ("-e",), ("-t",)])
def test_a1_empty_object_is_named_and_healed(target, form):
    """A1: an object of no bytes is named, fsck says who needs it, and storing it again heals it."""
    tape = target.facts.tape
    target.put(tape[2], b"")
    data = turn_data("unrelated")
    oid = target.add(Kind.TURN, data)
    target.put(oid, b"")
    if form != ("-e",):
        said = target.refused("cat-file", *form, str(oid))
        assert str(oid) in said
    found = target.run("fsck")
    assert found.code & 1
    lines = (found.out.decode() + found.error).splitlines()
    assert any(str(tape[2]) in line for line in lines)
    assert any("refs/heads/old" in line for line in lines), lines
    assert target.ok("hash-object", "-w", "-t", "turn", "--stdin", stdin=data).strip() == str(oid)
    assert target.ok("cat-file", "-p", str(oid)).encode().startswith(data[:1])
    assert target.ok("cat-file", "-p", str(target.facts.old)).encode() == OLD


@pytest.mark.parametrize("size", range(len(FILE)))
def test_a2_object_cut_at_any_byte_is_refused(target, size):
    """A2: of an object that ends too early nothing is printed, wherever it ends."""
    target.put(OID, FILE[:size])
    result = target.run("cat-file", "-p", str(OID))
    assert result.code in DATA_CODES
    assert result.out == b""
    assert str(OID) in result.error
    target.check_old()


def test_a3_object_with_any_bit_flipped_is_refused():
    """A3: every bit of the file, one at a time: an error, or the very same data."""
    for number in range(8 * len(FILE)):
        file = bytearray(FILE)
        file[number // 8] ^= 1 << number % 8
        try:
            found = decode_loose(bytes(file), OID, where="here")
        except DataError:
            continue
        assert found == (Kind.BLOB, DATA)


@pytest.mark.parametrize("place", range(0, len(FILE), 7))
def test_a3_command_refuses_a_flipped_bit(target, place):
    """A3: the same by the command, at some places."""
    file = bytearray(FILE)
    file[place] ^= 1 << place % 8
    target.put(OID, bytes(file))
    result = target.run("cat-file", "-p", str(OID))
    assert (result.code, result.out) == (0, DATA) or result.code in DATA_CODES
    assert target.run("fsck", "--full").code & 1 or result.code == 0
    target.check_old()


def test_a4_object_under_the_id_of_another_is_refused(target):
    """A4: valid bytes with the wrong id."""
    target.put(OID, target.path_of(target.facts.old).read_bytes())
    said = target.refused("cat-file", "-p", str(OID), codes=32)
    assert str(OID) in said
    assert target.run("fsck").code & 1
    target.check_old()


@pytest.mark.parametrize(
    "command",
    [
        ("log", "{blob}"),
        ("rev-list", "{blob}"),
        ("rev-parse", "{blob}^{{turn}}"),
        ("rev-parse", "{child}~1^{{turn}}"),
        ("rev-list", "--objects", "{child}"),
        ("log", "blobby"),
        ("rev-parse", "{tag}^{{turn}}"),
        ("cat-file", "turn", "{blob}"),
        ("merge-base", "{blob}", "{child}"),
    ],
    ids=" ".join,
)
def test_a5_object_of_the_wrong_kind_is_an_error(target, command):
    """A5: a blob where a turn is expected, as parent, as target of a ref or of a tag."""
    blob = target.facts.old
    child = target.add(Kind.TURN, turn_data("child", parents=[blob]))
    lying = target.add(*tag(blob, Kind.TURN, "liar"))
    (target.root / "refs/heads/child").write_bytes(f"{child}\n".encode())
    (target.root / "refs/heads/blobby").write_bytes(f"{blob}\n".encode())
    (target.root / "refs/tags/liar").write_bytes(f"{lying}\n".encode())
    words = [word.format(blob=blob, child=child, tag=lying) for word in command]
    said = target.refused(*words, codes=DATA_CODES | {1, 12, 14})
    assert any(text in said for text in (str(blob)[:7], str(child)[:7], str(lying)[:7], "blobby"))
    found = target.run("fsck")
    assert found.code & 3
    assert str(child) in found.out.decode() + found.error
    target.run("gc", "--prune=now")
    target.ok("cat-file", "-e", str(child))
    target.check_old()


@pytest.mark.parametrize(
    "junk",
    [b"\0", b"junk", FILE, zstandard.compress(b""), b"\x50\x2a\x4d\x18\x04\0\0\0abcd"],
    ids=["nul", "text", "frame", "empty-frame", "skippable"],
)
def test_a6_bytes_after_the_frame_are_refused(target, junk):
    """A6: two files must not share an id."""
    target.put(OID, FILE + junk)
    target.refused("cat-file", "-p", str(OID))
    assert target.run("fsck").code & 1
    target.check_old()


def _with_dictionary() -> bytes:
    samples = [b"sample %d of some words that repeat" % (n % 37) for n in range(2000)]
    dictionary = zstandard.train_dictionary(1024, samples)
    return zstandard.ZstdCompressor(dict_data=dictionary).compress(CONTENT)


STRANGE_FRAMES = {
    "skippable first": lambda: b"\x50\x2a\x4d\x18\x04\0\0\0abcd" + FILE,
    "only skippable": lambda: b"\x50\x2a\x4d\x18\x04\0\0\0abcd",
    "dictionary": _with_dictionary,
    "legacy 0.7": lambda: b"\x27\xb5\x2f\xfd" + FILE[4:],
    "legacy 0.1": lambda: b"\xfd\x2f\xb5\x1e" + FILE[4:],
    "magicless": lambda: compress(CONTENT, format=zstandard.FORMAT_ZSTD1_MAGICLESS),
    # Single segments have no window of their own: a larger content than the frame would need.
    "window of 1 GiB": lambda: _with_window(30),
    "window of 2 GiB": lambda: _with_window(31),
    "largest window": lambda: _with_window(41),
    "gzip": lambda: b"\x1f\x8b\x08\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0",
    "not compressed": lambda: CONTENT,
}


def _with_window(log: int) -> bytes:
    """Return a frame with a header of our own: this window, no size; then one raw block."""
    header = b"\x28\xb5\x2f\xfd" + bytes([0x00, (log - 10) << 3])
    block = (len(CONTENT) << 3 | 1).to_bytes(3, "little") + CONTENT
    return header + block


@pytest.mark.parametrize("name", STRANGE_FRAMES)
def test_a7_frames_that_need_anything_are_refused(target, name):
    """A7: skippable and legacy frames, dictionaries and windows of gigabytes."""
    target.put(OID, STRANGE_FRAMES[name]())
    target.refused("cat-file", "-p", str(OID))
    assert target.run("fsck").code & 1
    target.check_old()


@pytest.mark.parametrize("stated", [True, False])
@pytest.mark.parametrize("command", ["cat-file", "fsck", "gc", "log"])
def test_a8_bomb_does_not_go_off(target, stated, command):
    """A8: a gigabyte in 32 KiB, whether it says so or not."""
    oid = object_id(Kind.TURN, b"no one knows")
    target.put(oid, bomb(GIB, stated=stated))
    (target.root / "refs/heads/bomb").write_bytes(f"{oid}\n".encode())
    argv = {"cat-file": ("-p", str(oid)), "fsck": (), "gc": (), "log": ("bomb",)}[command]
    if command == "fsck":
        assert target.run("fsck", *argv).code & 1
    else:
        target.refused(command, *argv)
    target.check_old()


LYING_SIZES = {
    "states 10, holds 1 GiB": lambda: state_size(bomb(GIB), 10),
    "states 1 MiB, holds 1 GiB": lambda: state_size(bomb(GIB), MIB),
    "states 16 MiB, holds 10": lambda: _small_that_states(16 * MIB),
    "states 4 GiB, holds 10": lambda: _small_that_states(4 * GIB - 1),
}


def _small_that_states(size: int) -> bytes:
    """Return a frame whose header states a size in four bytes; then one raw block of ten."""
    header = b"\x28\xb5\x2f\xfd" + bytes([0xA0]) + size.to_bytes(4, "little")
    return header + (10 << 3 | 1).to_bytes(3, "little") + b"blob 4\0abc"[:10]


@pytest.mark.parametrize("name", LYING_SIZES)
def test_a9_size_in_the_header_that_lies_is_refused(target, name):
    """A9: far more or far less content than the header states."""
    target.put(OID, LYING_SIZES[name]())
    target.refused("cat-file", "-p", str(OID))
    assert target.run("fsck").code & 1
    target.check_old()


FRAMINGS = {
    "size too small": b"blob 3\0abcd",
    "size too large": b"blob 5\0abcd",
    "size of 10^30": b"blob 1" + b"0" * 30 + b"\0abcd",
    "negative": b"blob -1\0",
    "leading zero": b"blob 04\0abcd",
    "no end": b"blob 4",
    "unknown kind": b"tree 4\0abcd",
    "no kind": b" 4\0abcd",
    "upper case": b"BLOB 4\0abcd",
    "other digits": "blob ٤\0abcd".encode(),
    "nothing": b"",
}


@pytest.mark.parametrize("name", FRAMINGS)
def test_a9_framing_that_lies_is_refused(target, name):
    """A9: the same one layer further in: what the content says of itself."""
    from tapegit.objects.oid import hash_content

    oid = ObjectId(hash_content(FRAMINGS[name]))
    target.put(oid, zstandard.ZstdCompressor().compress(FRAMINGS[name]))
    target.refused("cat-file", "-p", str(oid))
    assert target.run("fsck").code & 1
    target.check_old()


DEEP = 100_000
HOSTILE_TURNS = {
    "deep lists": b'{"calls":' + b"[" * DEEP + b"]" * DEEP + b',"role":"user"}',
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "open lists": b"[" * DEEP,
    "float": b'{"role":"user","time":1e400}',
    "huge integer": b'{"role":"user","time":' + b"9" * 5000 + b"}",
    "nan": b'{"role":"user","time":NaN}',
    "key twice": b'{"role":"user","role":"user"}',
    "no role": b"{}",
    "not an object": b"[]",
    "no UTF-8": b'{"role":"user","summary":"\xff"}',
    "surrogate": b'{"role":"user","summary":"\\ud800"}',
    "parents are numbers": b'{"parents":[1],"role":"user"}',
    "parent is short": b'{"parents":["abcd"],"role":"user"}',
    "own spaces": b'{"role": "user"}',
    "nothing": b"",
    "many parents": b'{"parents":[' + b",".join([b'"%064x"' % 7] * 9000) + b'],"role":"user"}',
}


@pytest.mark.parametrize("name", HOSTILE_TURNS)
def test_a9_hostile_turn_is_refused_and_read_as_damaged(target, name):
    """A9: turns that are no turns are not stored; one that is there by its hash is reported."""
    data = HOSTILE_TURNS[name]
    target.refused("hash-object", "-w", "-t", "turn", "--stdin", stdin=data)
    oid = target.add(Kind.TURN, data)
    assert target.ok("cat-file", "-t", str(oid)).strip() == "turn"
    (target.root / "refs/heads/hostile").write_bytes(f"{oid}\n".encode())
    for argv in (("log", "hostile"), ("show", "hostile"), ("rev-list", "--objects", "hostile")):
        target.run(*argv)
    assert target.run("fsck").code & 3
    target.check_old()


def _rope(level: int, size: int, entries: bytes) -> bytes:
    from tapegit.objects.varint import encode_varint

    return bytes([1, level]) + encode_varint(size) + bytes(32) + entries


def _entry(number: int, oid: ObjectId, size: int) -> bytes:
    from tapegit.objects.varint import encode_varint

    return bytes([number]) + oid + encode_varint(size)


HOSTILE_ROPES = {
    "nothing": lambda oid: b"",
    "unknown version": lambda oid: b"\x09" + _rope(0, 3, b"\0\x03abc")[1:],
    "level 255": lambda oid: _rope(255, 33, _entry(2, oid, 33)),
    "sizes overflow": lambda oid: _rope(0, 1, _entry(1, oid, 2**52) * 3),
    "varint of 100 bytes": lambda oid: bytes([1, 0]) + b"\xff" * 100 + bytes(40),
    "states 2^52": lambda oid: _rope(0, 2**52, _entry(1, oid, 2**52)),
    "wrong size of blob": lambda oid: _rope(0, 12, _entry(1, oid, 12)),
    "wrong hash of the whole": lambda oid: _rope(0, len(OLD), _entry(1, oid, len(OLD))),
    "blob as rope": lambda oid: _rope(1, len(OLD), _entry(2, oid, len(OLD))),
    "a million entries": lambda oid: _rope(0, 0, b"\0\x01a" * 300_000),
    "cut": lambda oid: rope((oid, OLD))[1][:50],
}


@pytest.mark.parametrize("name", HOSTILE_ROPES)
def test_a9_hostile_rope_is_refused(target, name):
    """A9: ropes whose levels, lengths and sums are not what they say."""
    oid = target.add(Kind.ROPE, HOSTILE_ROPES[name](target.facts.old))
    child = target.add(Kind.TURN, turn_data("rope", raw=[oid]))
    (target.root / "refs/heads/rope").write_bytes(f"{child}\n".encode())
    target.refused("show", "--raw", "rope")
    assert target.run("fsck").code & 3
    target.check_old()


def test_a9_rope_that_grows_with_every_level_is_read_in_pieces(target):
    """A9: seven levels of the same node again and again, terabytes in a few kilobytes."""
    from tapegit.objects.rope import RopeEntry, encode_rope

    blob, size = target.facts.old, len(OLD)
    oid = target.add(Kind.ROPE, encode_rope(0, bytes(32), [RopeEntry(blob, size)] * 60))
    size *= 60
    for level in range(1, 7):
        data = encode_rope(level, bytes(32), [RopeEntry(oid, size)] * 60)
        oid, size = target.add(Kind.ROPE, data), size * 60
    child = target.add(Kind.TURN, turn_data("rope", raw=[oid]))
    (target.root / "refs/heads/rope").write_bytes(f"{child}\n".encode())
    for argv in (("log", "rope"), ("rev-list", "--objects", "rope"), ("gc",)):
        target.run(*argv)
    assert target.run("fsck", "--full").code & 1
    target.check_old()
