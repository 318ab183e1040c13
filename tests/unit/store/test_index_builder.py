"""Building an index: nothing in a pack is believed, whoever made it."""

from __future__ import annotations

import re
import time
import tracemalloc

import pytest
import zstandard

from tapegit.errors import (
    DataError,
    FormatError,
    IntegrityError,
    StorageError,
    TruncatedError,
    UnsupportedVersionError,
)
from tapegit.formats.packindex import PackIndex
from tapegit.formats.records import encode_record
from tapegit.objects.kind import MIB, Kind
from tapegit.store.database import ObjectDatabase
from tapegit.store.index_builder import build_index
from tapegit.store.pack_file import PackFile
from tapegit.store.source import TurnFacts
from tests.packs import (
    BLOB,
    ROPE,
    TAG,
    TURN,
    RawFrame,
    blob,
    forge_pack,
    install_bytes,
    oid_of,
    sample,
    tag,
    turn,
    write_pack,
)


def build(path, **options):
    """Build the index of a pack file."""
    with PackFile(path) as file:
        return build_index(file, **options)


@pytest.fixture
def forge(root):
    """Give what makes a pack file of forged sections."""
    return lambda *sections: install_bytes(root, forge_pack(sections))


def outer_of(*objects):
    """Return the ids of objects, joined."""
    return b"".join(oid_of(stored) for stored in objects)


def record_of(found, *references):
    """Return the record of a turn, with references in the place of its ids."""
    return encode_record(references, re.sub(rb'"[0-9a-f]{64}"', b"\0", found.data))


def test_the_index_built_anew_is_the_one_that_was_written(root):
    """Byte for byte, but for facts of turns whose parents are elsewhere, which it has none of."""
    summary = write_pack(root, sample(50))
    assert build(summary.path).encode() == summary.index_path.read_bytes()


def test_everything_is_shown_to_a_visitor_in_order(root):
    """Ordinal, id and object of each, verified."""
    objects = sample(10)
    seen = []
    build(write_pack(root, objects).path, visit=lambda *shown: seen.append(shown))
    assert [ordinal for ordinal, _, _ in seen] == list(range(len(objects)))
    assert {oid: found for _, oid, found in seen} == {oid_of(s): s for s in objects}
    kinds = [list(Kind).index(found.kind) for _, _, found in seen]
    assert kinds == sorted(kinds)


def test_any_changed_byte_is_found(root):
    """Header, frames, tables, footer or checksum."""
    path = write_pack(root, sample(6)).path
    data = path.read_bytes()
    path.chmod(0o600)
    for offset in range(0, len(data), 4):
        changed = bytearray(data)
        changed[offset] ^= 1
        path.write_bytes(changed)
        with pytest.raises(DataError, match=path.name):
            build(path)


def test_any_shorter_or_longer_file_is_refused(root):
    """The size of the file follows from its end."""
    path = write_pack(root, sample(4)).path
    data = path.read_bytes()
    path.chmod(0o600)
    for size in range(0, len(data), 3):
        path.write_bytes(data[:size])
        with pytest.raises(DataError):
            build(path)
    path.write_bytes(data + b"\0")
    with pytest.raises(DataError):
        build(path)


def test_a_damaged_frame_is_named_by_its_number(root):
    """So that whoever repairs knows where to begin."""
    summary = write_pack(root, sample(20))
    data = bytearray(summary.path.read_bytes())
    index = ObjectDatabase(root).packs[0].index
    for frame in range(index.header.frame_count):
        changed = bytearray(data)
        changed[index.frame_offsets[frame] + 30] ^= 0x55
        summary.path.chmod(0o600)
        summary.path.write_bytes(changed)
        with pytest.raises(DataError) as caught:
            build(summary.path)
        assert caught.value.fields["frame"] == frame
        assert f"frame {frame} of" in str(caught.value)


def test_a_forged_pack_that_keeps_the_rules_is_taken(forge):
    """What the tests below vary is valid itself."""
    piece, outer = blob(b"piece"), blob(b"outer")
    step = turn(raw=[oid_of(piece), oid_of(outer)])
    path = forge(
        (
            [
                RawFrame(BLOB, [piece.data]),
                RawFrame(TURN, [record_of(step, 0 << 2 | 1, 0 << 2 | 0)]),
            ],
            outer_of(outer),
        )
    )
    assert build(path).tables.ids == outer_of(piece, step)


def test_an_object_twice_is_refused(forge):
    """In one frame, in two, and in two sections."""
    twice = [RawFrame(BLOB, [b"a", b"b", b"a"])]
    for sections in (
        [(twice, b"")],
        [([RawFrame(BLOB, [b"a"]), RawFrame(BLOB, [b"a"])], b"")],
        [([RawFrame(BLOB, [b"a"])], b""), ([RawFrame(BLOB, [b"a"])], b"")],
    ):
        with pytest.raises(FormatError, match="twice"):
            build(forge(*sections))


@pytest.mark.parametrize(
    "references",
    [(1 << 2 | 1,), (0 << 2 | 0,), (0 << 2 | 2,), (0 << 2 | 3,), (1 << 2 | 3,), (), (1, 1)],
)
def test_references_that_lead_nowhere_are_refused(forge, references):
    """Out of the section, to itself, to none, too few or too many."""
    step = turn(raw=[oid_of(blob(b"a"))])
    path = forge(([RawFrame(BLOB, [b"a"]), RawFrame(TURN, [record_of(step, *references)])], b""))
    with pytest.raises(FormatError) as caught:
        build(path)
    assert caught.value.fields["frame"] == 1


def test_a_reference_to_another_section_is_refused(forge):
    """Numbers mean nothing outside their section."""
    step = turn(raw=[oid_of(blob(b"a"))])
    path = forge(([RawFrame(BLOB, [b"a"])], b""), ([RawFrame(TURN, [record_of(step, 1)])], b""))
    with pytest.raises(FormatError):
        build(path)


@pytest.mark.parametrize(
    "frame",
    [
        RawFrame(BLOB, [b"abc"], content=b"\4\0\0\0abc"),
        RawFrame(BLOB, [b"abc"], content=b"\2\0\0\0abc"),
        RawFrame(BLOB, [b"abc"], content=b"\xff\xff\xff\xffabc"),
        RawFrame(BLOB, [b"abc"], count=2),
        RawFrame(BLOB, [b"abc"], content_size=8),
        RawFrame(BLOB, [b"abc"], content_size=4),
        RawFrame(BLOB, [b"abc"], compressed=b"rubbish"),
        RawFrame(BLOB, [b"abc"], compressed=b"\x50\x2a\x4d\x18\4\0\0\0abcd"),
        RawFrame(ROPE, [b""]),
        RawFrame(ROPE, [b"\0\1\0\5"]),
        RawFrame(TURN, [b"\xff\xff\xff\xff\xff\xff\xff\x7f"]),
        RawFrame(TURN, [b"\1"]),
        RawFrame(TURN, [b"\x81\0"]),
    ],
)
def test_a_frame_that_breaks_a_rule_is_refused(forge, frame):
    """Sizes that do not add up, contents that are no records, records that are no objects."""
    with pytest.raises((FormatError, TruncatedError, IntegrityError)):
        build(forge(([frame], b"")))


@pytest.mark.parametrize("kind", [ROPE, TURN, TAG])
def test_an_object_larger_than_its_kind_is_refused(forge, kind):
    """The limit is that of the kind; a frame may have more."""
    record = bytes(MIB + 1) if kind == TAG else b"\0" + b" " * (MIB + 1)
    with pytest.raises(DataError):
        build(forge(([RawFrame(kind, [record])], b"")))


def test_other_versions_are_told_apart(root):
    """A newer pack is not a damaged one."""
    path = install_bytes(root, forge_pack([], header=b"TPCK\2\0\0\0"))
    with pytest.raises(UnsupportedVersionError):
        build(path)


def test_an_empty_pack_has_an_empty_index(root):
    """It holds nothing and breaks no rule."""
    built = build(install_bytes(root, forge_pack([])))
    assert PackIndex(memoryview(built.encode()), where="here").object_count == 0


def bounded(path):
    """Build an index that must fail, within 5 seconds of the processor and 100 MiB."""
    started = time.process_time()
    with pytest.raises(DataError):
        build(path)
    assert time.process_time() - started < 5
    tracemalloc.start()
    try:
        with pytest.raises(DataError):
            build(path)
        assert tracemalloc.get_traced_memory()[1] < 100 * MIB
    finally:
        tracemalloc.stop()


def test_bombs_are_refused_within_bounds(forge):
    """Frames that become large, records by the million, turns that grow sixty-fold."""
    squeeze = zstandard.ZstdCompressor(write_checksum=True).compress
    gigabyte = squeeze(bytes(64 * MIB))
    bounded(forge(([RawFrame(BLOB, [b"a"], compressed=gigabyte, content_size=5)], b"")))
    bounded(forge(([RawFrame(BLOB, [b""] * (1 << 20))] * 3, b"")))
    bounded(forge(([RawFrame(TURN, [b"\0" + bytes(MIB)] * 15)], b"")))
    many = encode_record([0] * 500_000, bytes(500_000))
    bounded(forge(([RawFrame(TURN, [many])], bytes(32))))


def test_facts_follow_the_turns(root):
    """Generation and date along a chain, a merge, and where clocks ran backwards."""
    first = turn(time=100, role="session")
    second = turn(oid_of(first), time=50)
    other = turn(time=None)
    merge = turn(oid_of(second), oid_of(other), time=70)
    write_pack(root, [first, second, other, merge])
    database = ObjectDatabase(root)
    assert database.find_facts(oid_of(first)) == TurnFacts(1, 100, (), is_leader=True)
    assert database.find_facts(oid_of(second)) == TurnFacts(2, 100, (oid_of(first),), False)
    assert database.find_facts(oid_of(other)) == TurnFacts(1, 0, (), is_leader=False)
    parents = (oid_of(second), oid_of(other))
    assert database.find_facts(oid_of(merge)) == TurnFacts(3, 100, parents, is_leader=False)


def test_facts_of_outer_parents_come_from_the_caller(root):
    """Generation and date go on from what is known of a parent elsewhere."""
    parent = turn(time=900)
    child = turn(oid_of(parent), time=5)
    path = write_pack(root, [child]).path
    unknown = build(path).tables
    assert (list(unknown.turn_generations), list(unknown.turn_dates)) == ([0], [5])
    facts = TurnFacts(41, 900, (), is_leader=False)
    known = build(path, find_facts={oid_of(parent): facts}.get).tables
    assert (list(known.turn_generations), list(known.turn_dates)) == ([42], [900])
    assert known.outer_parents == oid_of(parent)


def test_a_parent_that_is_no_turn_leaves_the_generation_open(root):
    """A turn may be malformed in any way and is kept; walks find out."""
    piece = blob(b"x")
    child = turn(oid_of(piece))
    write_pack(root, [piece, child])
    facts = ObjectDatabase(root).find_facts(oid_of(child))
    assert (facts.generation, facts.parents) == (0, (oid_of(piece),))


def test_a_long_chain_backwards_needs_no_recursion(root):
    """Children before parents, as many as no stack of calls would hold."""
    chain = [turn(time=0)]
    for number in range(3000):
        chain.append(turn(oid_of(chain[-1]), time=number))
    write_pack(root, chain[::-1])
    facts = ObjectDatabase(root).find_facts(oid_of(chain[-1]))
    assert facts.generation == 3001


def test_what_is_no_file_is_refused(root, tmp_path):
    """A folder, a link, nothing at all."""
    with pytest.raises(StorageError):
        build(tmp_path / "nowhere")
    (tmp_path / "link").symlink_to(write_pack(root, [tag(oid_of(blob(b"")), Kind.BLOB)]).path)
    for path in (tmp_path, tmp_path / "link"):
        with pytest.raises(Exception, match="not a plain file"):
            build(path)
