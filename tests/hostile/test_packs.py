"""Packs and indexes that are damaged or made by an enemy: items 10 and 11 of "Damaged store".

Rules: checksums are made right again after each change, so that what is tested is what lies
behind them; the one damage that they catch is tested too.
"""

from __future__ import annotations

import shutil
import struct

import pytest

from tapegit.formats.packindex import HEADER, IDS_OFFSET
from tapegit.objects.oid import hash_content
from tests.hostile.conftest import DATA_CODES
from tests.packs import BLOB, ROPE, TAG, TURN, RawFrame, forge_pack

U32_MAX = 0xFFFFFFFF
FOOTER_SIZE = 8 + 4 * 4 + 32

READS = (
    ("cat-file", "--batch-all-objects", "--batch"),
    ("log", "packed"),
    ("rev-list", "--objects", "packed"),
    ("fsck", "--full"),
    ("gc",),
)


class Pack:
    """The pack of the store, its index, and both with other bytes."""

    def __init__(self, target) -> None:
        self.target = target
        (self.path,) = (target.root / "objects/pack").glob("*.pack")
        self.index_path = self.path.with_suffix(".idx")
        self.data = self.path.read_bytes()
        self.index = self.index_path.read_bytes()
        self.right = target.run("cat-file", "--batch-all-objects", "--batch").out

    def write(self, data: bytes) -> None:
        """Put bytes into the place of the pack."""
        self.path.unlink()
        self.path.write_bytes(data)

    def write_index(self, index: bytes, *, sealed: bool = True) -> None:
        """Put bytes into the place of the index, with a true checksum unless told otherwise."""
        self.index_path.unlink()
        self.index_path.write_bytes(index[:-32] + hash_content(index[:-32]) if sealed else index)

    def install(self, data: bytes) -> None:
        """Put another pack beside it, without an index."""
        name = f"pack-{data[-32:].hex()}.pack"
        self.path.with_name(name).write_bytes(data)

    def check_no_wrong_data(self) -> None:
        """Check that each object is what it was, or a named error."""
        for oid in self.target.facts.packed[::-5]:
            result = self.target.run("cat-file", "--batch", stdin=f"{oid}\n".encode())
            if result.code == 0:
                assert result.out in self.right or result.out.endswith(b" missing\n")
            else:
                assert result.code in DATA_CODES | {12}, result
                assert result.error.startswith("tapes: error: ")

    def check_reads(self) -> None:
        """Check that whatever reads ends, and says what it met."""
        for argv in READS:
            result = self.target.run(*argv)
            named = result.error.startswith("tapes: error: ")
            assert result.code == 0 or named or argv[0] == "fsck", (argv, result)

    def check_loose(self) -> None:
        """Check that what is not in the pack is as readable as ever."""
        self.target.ok("cat-file", "-p", str(self.target.facts.old))
        self.target.ok("rev-list", str(self.target.facts.tape[-1]))


@pytest.fixture
def pack(target):
    """Give the pack of a store."""
    return Pack(target)


def reseal(data: bytes) -> bytes:
    """Return a pack with a true checksum."""
    return data[:-32] + hash_content(data[:-32])


def with_footer(data: bytes, **fields: int) -> bytes:
    """Return a pack with other numbers in its footer."""
    names = ("offset", "sections", "frames", "outer", "objects")
    at = len(data) - FOOTER_SIZE
    values = dict(zip(names, struct.unpack_from("<QIIII", data, at), strict=True)) | fields
    return reseal(data[:at] + struct.pack("<QIIII", *values.values()) + data[at + 24 :])


@pytest.mark.parametrize("cut", [1, 31, 32, 33, FOOTER_SIZE, 100, -1, -8, -9, -40, -200])
def test_a10_cut_pack_is_named(pack, cut):
    """A10: a pack that ends too early; what is elsewhere can be read."""
    size = len(pack.data) - cut if cut > 0 else -cut
    pack.write(pack.data[:size])
    # An index that is whole still leads to the frames that are.
    pack.check_no_wrong_data()
    assert pack.target.run("fsck").code & 4
    pack.check_reads()
    pack.check_loose()


FOOTERS = {
    "objects 2^32-1": {"objects": U32_MAX},
    "frames 2^32-1": {"frames": U32_MAX},
    "sections 2^32-1": {"sections": U32_MAX},
    "outer ids 2^32-1": {"outer": U32_MAX},
    "all 2^32-1": {"objects": U32_MAX, "frames": U32_MAX, "sections": U32_MAX, "outer": U32_MAX},
    "none": {"objects": 0, "frames": 0, "sections": 0, "outer": 0},
    "directory at 2^64-1": {"offset": 2**64 - 1},
    "directory at 0": {"offset": 0},
    "directory in itself": {"offset": 64},
}


@pytest.mark.parametrize("has_index", [True, False])
@pytest.mark.parametrize("name", FOOTERS)
def test_a10_footer_that_lies_is_refused(pack, name, has_index):
    """A10: counts of four thousand million allocate nothing; offsets outside are refused."""
    data = with_footer(pack.data, **FOOTERS[name])
    pack.write(data)
    if not has_index:
        pack.index_path.unlink()
    pack.check_no_wrong_data()
    pack.target.refused("index-pack", "--stdin", stdin=data)
    assert pack.target.run("fsck", "--full").code & 4
    pack.check_reads()
    pack.check_loose()


def _frames(*frames: RawFrame, outer: bytes = b"") -> bytes:
    return forge_pack([(frames, outer)])


def _record(*parts: int | bytes) -> bytes:
    return b"".join(bytes([part]) if isinstance(part, int) else part for part in parts)


TURN_TEXT = b'{"parents":[\0],"role":"user"}'
FORGED = {
    "frame of 2^32-1 objects": lambda: _frames(RawFrame(BLOB, [b"a"], count=U32_MAX)),
    "frame of no objects": lambda: _frames(RawFrame(BLOB, [])),
    "content of 4 GiB": lambda: _frames(RawFrame(BLOB, [b"a"], content_size=U32_MAX)),
    "content larger than stated": lambda: _frames(RawFrame(BLOB, [bytes(100)], content_size=50)),
    "record sizes overflow": lambda: _frames(
        RawFrame(BLOB, [b"a", b"b"], content=struct.pack("<II", U32_MAX, 3) + b"ab")
    ),
    "records overlap": lambda: _frames(
        RawFrame(BLOB, [b"a", b"b"], content=struct.pack("<II", 2, 2) + b"ab")
    ),
    "unknown kind": lambda: _frames(RawFrame(9, [b"a"])),
    "turn that is its own parent": lambda: _frames(RawFrame(TURN, [_record(1, 3, TURN_TEXT)])),
    "parent before the first": lambda: _frames(RawFrame(TURN, [_record(1, 4 << 2 | 3, TURN_TEXT)])),
    "parents in a circle": lambda: _frames(
        RawFrame(TURN, [_record(1, 1 << 2 | 3, TURN_TEXT), _record(1, 1 << 2 | 3, TURN_TEXT)])
    ),
    "outer id 2^60": lambda: _frames(
        RawFrame(TURN, [_record(1, b"\xff\xff\xff\xff\xff\xff\xff\x0f", TURN_TEXT)])
    ),
    "outer id that is none": lambda: _frames(RawFrame(TURN, [_record(1, 5 << 2, TURN_TEXT)])),
    "2^50 references": lambda: _frames(
        RawFrame(TURN, [_record(b"\xff\xff\xff\xff\xff\xff\x0f", TURN_TEXT)])
    ),
    "no reference for a gap": lambda: _frames(RawFrame(TURN, [_record(0, TURN_TEXT)])),
    "no gap for a reference": lambda: _frames(
        RawFrame(BLOB, [b"a"]), RawFrame(TURN, [_record(1, 1, b'{"role":"user"}')])
    ),
    "rope in itself": lambda: _frames(RawFrame(ROPE, [_record(1, 2, 1, 1, 5)])),
    "frame is no frame": lambda: _frames(RawFrame(BLOB, [b"a"], compressed=b"not zstandard")),
    "frame is a bomb": lambda: _frames(RawFrame(BLOB, [b"a"], compressed=_bomb())),
    "same object twice": lambda: _frames(RawFrame(BLOB, [b"same", b"same"])),
    "kinds out of order": lambda: _frames(
        RawFrame(TAG, [b"x"]), RawFrame(TURN, [_record(0, b"{}")]), RawFrame(BLOB, [b"a"])
    ),
    "hundred thousand sections": lambda: forge_pack([((), b"")] * 100_000),
}


def _bomb() -> bytes:
    from tests.hostile.test_objects import GIB, bomb

    return bomb(GIB)


@pytest.mark.parametrize("name", FORGED)
def test_a10_forged_pack_is_refused_and_hides_nothing(pack, name):
    """A10: what only a forger writes is refused when it is taken in, and harmless when it is there.

    There are no deltas; what stands for a cycle of them are references between records.
    """
    data = FORGED[name]()
    listed = pack.target.run("index-pack", "--stdin", stdin=data)
    assert listed.code in DATA_CODES | ({0} if name == "same object twice" else set()), listed
    assert not list((pack.target.root / "tmp").iterdir())
    pack.install(data)
    for _ in range(2):
        pack.check_reads()
        pack.target.check_old()
    shutil.rmtree(pack.target.root / "trash")


def test_a10_frames_that_overlap_are_refused(pack):
    """A10: two entries of the directory for the same bytes."""
    data = _frames(RawFrame(BLOB, [b"one"]), RawFrame(BLOB, [b"two"]))
    footer = struct.unpack_from("<QIIII", data, len(data) - FOOTER_SIZE)
    directory = footer[0]
    first = data[directory : directory + 24]
    forged = reseal(data[: directory + 24] + first + data[directory + 48 :])
    pack.target.refused("index-pack", "--stdin", stdin=forged)
    pack.install(forged)
    pack.check_reads()
    pack.target.check_old()


def _patch(index: bytes, at: int, *numbers: int) -> bytes:
    values = struct.pack(f"<{len(numbers)}I", *numbers)
    return index[:at] + values + index[at + len(values) :]


def _count(index: bytes) -> int:
    return HEADER.unpack_from(index)[2]


def _offsets_at(index: bytes) -> int:
    header = HEADER.unpack_from(index)
    return IDS_OFFSET + 32 * (header[2] + header[7])


def _ordinals_at(index: bytes) -> int:
    header = HEADER.unpack_from(index)
    return _offsets_at(index) + 8 * (header[3] + header[5])


def _swap_ids(index: bytes) -> bytes:
    at = IDS_OFFSET
    return index[:at] + index[at + 32 : at + 64] + index[at : at + 32] + index[at + 64 :]


def _double_id(index: bytes) -> bytes:
    at = IDS_OFFSET
    return index[: at + 32] + index[at : at + 32] + index[at + 64 :]


INDEXES = {
    "count 2^32-1": lambda index: _patch(index, 8, U32_MAX),
    "frames 2^32-1": lambda index: _patch(index, 12, U32_MAX),
    "all counts 2^32-1": lambda index: _patch(index, 8, *[U32_MAX] * 6),
    "counts 0": lambda index: _patch(index, 8, *[0] * 6),
    "fan-out falls": lambda index: _patch(index, HEADER.size + 4 * 100, 0),
    "fan-out too large": lambda index: _patch(index, HEADER.size + 4 * 100, U32_MAX),
    "fan-out all 0": lambda index: _patch(index, HEADER.size, *[0] * 256),
    "fan-out all at once": lambda index: _patch(index, HEADER.size, *[_count(index)] * 256),
    "ids not sorted": _swap_ids,
    "id twice": _double_id,
    "frame past the end": lambda index: _patch(index, _offsets_at(index), U32_MAX, 1),
    "frame inside another": lambda index: _patch(index, _offsets_at(index) + 8, 20, 0),
    "ordinal past the end": lambda index: _patch(index, _ordinals_at(index), U32_MAX),
    "ordinals all 0": lambda index: _patch(index, _ordinals_at(index), *[0] * _count(index)),
    "empty": lambda index: b"",
    "only a header": lambda index: index[: HEADER.size],
    "longer": lambda index: index + bytes(100),
    "version 2": lambda index: _patch(index, 4, 2),
}


@pytest.mark.parametrize("name", INDEXES)
def test_a10_index_that_lies_gives_no_wrong_data(pack, name):
    """A10: offsets and orders that are wrong, under a checksum that is right."""
    pack.write_index(INDEXES[name](pack.index))
    pack.check_no_wrong_data()
    assert pack.target.run("fsck").code & 4
    pack.check_reads()
    pack.check_loose()


@pytest.mark.parametrize("place", [4, 60, 200, HEADER.size + 8, IDS_OFFSET + 5, -1, -33])
def test_a10_flipped_byte_of_an_index_is_found(pack, place):
    """A10: the checksum of the index is verified before anything in it is believed."""
    index = bytearray(pack.index)
    index[place] ^= 0x10
    pack.write_index(bytes(index), sealed=False)
    pack.check_no_wrong_data()
    assert pack.target.run("fsck").code & 4
    pack.check_reads()
    pack.check_loose()


def test_a11_pack_without_an_index_is_read_all_the_same(pack):
    """A11: the index is made anew, in memory; the pack is never taken for rubbish."""
    pack.index_path.unlink()
    pack.target.check_old()
    pack.target.ok("gc")
    pack.target.check_old()
    pack.target.ok("fsck", "--full")


def test_a11_index_without_a_pack_is_passed_over(pack):
    """A11: it is no source of objects, and no error."""
    other = pack.index_path.with_name(f"pack-{'ab' * 32}.idx")
    shutil.copy(pack.index_path, other)
    pack.target.check_old()
    pack.path.unlink()
    oid = str(pack.target.facts.packed[-1])
    pack.target.refused("cat-file", "-p", oid, codes=DATA_CODES | {12})
    pack.check_loose()


def test_a11_index_of_another_pack_is_refused(pack):
    """A11: an index that belongs to other bytes is not believed."""
    other = forge_pack([((RawFrame(BLOB, [b"another pack"]),), b"")])
    pack.target.ok("index-pack", "--stdin", stdin=other)
    strange = pack.index_path.with_name(f"pack-{other[-32:].hex()}.idx").read_bytes()
    pack.write_index(strange, sealed=False)
    pack.check_no_wrong_data()
    assert pack.target.run("fsck").code & 4
    pack.check_reads()
    pack.check_loose()
