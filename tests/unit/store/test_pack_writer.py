"""Writing packs: what gets in, what is left when it fails, and that nothing is seen too early."""

from __future__ import annotations

import errno
import os
import tracemalloc

import pytest

from tapegit.errors import IntegrityError, StorageError
from tapegit.files import syscalls
from tapegit.objects.kind import MIB, Kind
from tapegit.store import pack_writer, section_writer
from tapegit.store.database import ObjectDatabase
from tapegit.store.pack_writer import PackWriter
from tests.packs import blob, oid_of, sample, tag, turn, write_pack


def make_writer(root, database=None, **options):
    """Return a writer into the store at `root`."""
    options = {"cold": False, "threads": 1, **options}
    return PackWriter(database, root / "objects" / "pack", root / "tmp", **options)


def files(root):
    """Return the names of all files of packs, and of what is in `tmp`."""
    return sorted(p.name for place in ("objects/pack", "tmp") for p in (root / place).iterdir())


def read_all(root, objects):
    """Check that a new process finds every object as it was."""
    database = ObjectDatabase(root)
    for stored in objects:
        assert database.find(oid_of(stored)) == stored


def test_nothing_is_visible_before_finish(root):
    """Until `finish` the pack is a file in tmp; after it there are two files and no more."""
    objects = sample(5)
    with make_writer(root) as writer:
        for kind, data in objects:
            writer.add(kind, data)
        assert not [name for name in files(root) if name.startswith("pack-") and "." in name]
        summary = writer.finish()
    assert files(root) == sorted([summary.path.name, summary.index_path.name])
    assert summary.object_count == len(objects)
    assert summary.turn_count == 5
    assert summary.size_bytes == summary.path.stat().st_size
    assert summary.index_size_bytes == summary.index_path.stat().st_size
    assert summary.path.name == f"pack-{summary.checksum.hex()}.pack"
    read_all(root, objects)


def test_files_of_a_pack_cannot_be_written_to(root):
    """Both files have mode 0444."""
    summary = write_pack(root, [blob(b"a")])
    assert {path.stat().st_mode & 0o777 for path in (summary.path, summary.index_path)} == {0o444}


def test_nothing_written_makes_no_file(root, database):
    """A writer that got nothing, or only what is stored already, touches nothing."""
    write_pack(root, sample(3))
    before = files(root)
    with make_writer(root, database) as writer:
        assert make_writer(root).finish() is None
        for kind, data in sample(3):
            writer.add(kind, data)
        assert writer.finish() is None
    assert files(root) == before


@pytest.mark.parametrize("cold", [False, True])
@pytest.mark.parametrize("threads", [1, 3])
def test_the_same_objects_make_the_same_pack(root, cold, threads):
    """How many threads compress does not show in the bytes."""
    one = write_pack(root, sample(40), cold=cold, threads=threads)
    two = write_pack(root, sample(40), cold=cold, threads=1)
    assert one.checksum == two.checksum


def test_aborting_leaves_nothing(root):
    """Leaving the context without `finish`, also by an error, removes the file in tmp."""

    def write_and_fail():
        with make_writer(root, threads=2) as writer:
            for number in range(40):
                writer.add(Kind.BLOB, b"%d" % number + os.urandom(MIB // 8))
            assert files(root)
            raise KeyError(writer)

    with pytest.raises(KeyError) as caught:
        write_and_fail()
    (writer,) = caught.value.args
    assert files(root) == []
    writer.abort()


def test_an_object_is_written_once(root):
    """Adding what is in the pack already changes nothing and gives the same id."""
    with make_writer(root) as writer:
        first = writer.add(Kind.BLOB, b"same")
        assert writer.contains(first)
        assert writer.add(Kind.BLOB, b"same") == first
        assert writer.object_count == 1
        assert writer.finish().object_count == 1


def test_what_the_database_has_is_left_out(root, database):
    """Objects in a pack or in a good loose file are not written again, damaged ones are."""
    packed, loose, damaged, new = (blob(b) for b in (b"packed", b"loose", b"damaged", b"new"))
    write_pack(root, [packed])
    database.write(*loose)
    database.write(*damaged)
    path = database.loose.path_of(oid_of(damaged))
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:-1])
    with make_writer(root, ObjectDatabase(root)) as writer:
        for stored in (packed, loose, damaged, new):
            writer.add(*stored)
        assert writer.object_count == 2
        writer.finish()
    read_all(root, [packed, loose, damaged, new])


def test_skip_existing_can_be_turned_off(root, database):
    """Gc rewrites what is stored: then everything is written."""
    write_pack(root, sample(3))
    with make_writer(root, database, skip_existing=False) as writer:
        for kind, data in sample(3):
            writer.add(kind, data)
        assert writer.finish().object_count == len(sample(3))


def test_what_is_only_in_a_cruft_pack_is_written_again(root, database):
    """A cruft pack is on its way out, so a writer does not rely on it."""
    summary = write_pack(root, sample(3))
    summary.path.with_suffix(".cruft").write_bytes(b"")
    with make_writer(root, database) as writer:
        for kind, data in sample(3):
            writer.add(kind, data)
        assert writer.object_count == len(sample(3))


def test_relying_on_a_pack_makes_it_young(root, database):
    """Gc spares what is young: the time of a pack that a writer relies on is set to now."""
    summary = write_pack(root, sample(3))
    os.utime(summary.path, (1, 1))
    with make_writer(root, database) as writer:
        writer.add(*sample(3)[0])
        writer.finish()
    assert summary.path.stat().st_mtime > 1_700_000_000


def test_sections_close_by_size_and_name_earlier_ones_by_id(root, monkeypatch):
    """A pack of many sections gives every object and every parent, whatever section it is in."""
    monkeypatch.setattr(pack_writer, "SECTION_OBJECT_COUNT_MAX", 10)
    objects = sample(40)
    summary = write_pack(root, objects)
    reader = ObjectDatabase(root).packs[0]
    assert reader.index.header.section_count == -(-len(objects) // 10)
    read_all(root, objects)
    database = ObjectDatabase(root)
    turns = [stored for stored in objects if stored.kind is Kind.TURN]
    for generation, stored in enumerate(turns, 1):
        facts = database.find_facts(oid_of(stored))
        assert facts.generation == generation
        assert facts.parents == (() if generation == 1 else (oid_of(turns[generation - 2]),))
    assert summary.turn_count == len(turns)


def test_frames_close_by_size(root, monkeypatch):
    """No frame has more content than its limit, unless one object is larger."""
    monkeypatch.setattr(section_writer, "LINKED_CONTENT_BYTES", 4096)
    monkeypatch.setattr(pack_writer, "BLOB_CONTENT_RECENT_BYTES", 8192)
    objects = [*sample(200), blob(b"x" * 20_000), blob(b"y" * 20_000)]
    write_pack(root, objects)
    index = ObjectDatabase(root).packs[0].index
    sizes = list(zip(index.frame_kind_numbers, index.frame_content_sizes, strict=True))
    assert len(sizes) > 10
    assert sorted(size for kind, size in sizes if kind == 1)[-2:] == [20_004, 20_004]
    assert all(size <= (8192 if kind == 1 else 4096) for kind, size in sizes if size != 20_004)
    read_all(root, objects)


def test_the_end_of_a_large_frame_of_blobs_is_a_frame_of_its_own(root, monkeypatch):
    """What was recorded last is in a small frame; a last blob that is large stands alone."""
    monkeypatch.setattr(section_writer, "TAILED_CONTENT_BYTES_MIN", 8000)
    monkeypatch.setattr(section_writer, "TAIL_BYTES", 4500)
    counts = []
    for last in (1000, 5000):
        objects = [blob(b"%d" % n * (1000 if n < 19 else last)) for n in range(10, 20)]
        name = write_pack(root, objects).path.name
        (index,) = (r.index for r in ObjectDatabase(root).packs if r.path.name == name)
        counts.append([index.record_count(frame) for frame in range(index.header.frame_count)])
        read_all(root, objects)
    assert counts == [[8, 2], [9, 1]]


def test_the_largest_blob_fits(root):
    """16 MiB and their record size are one frame of the largest size."""
    data = os.urandom(1 << 16) * 256
    write_pack(root, [blob(b"a"), blob(data), blob(b"b")])
    read_all(root, [blob(data)])


def test_parents_in_other_packs_give_their_facts(root, database):
    """A chain that goes on in another pack goes on in generation and date."""
    first = turn(time=5000, role="session")
    second = turn(oid_of(first), time=1000)
    write_pack(root, [first], database=database)
    write_pack(root, [second], database=database)
    facts = ObjectDatabase(root).find_facts(oid_of(second))
    assert (facts.generation, facts.date_ms, facts.parents) == (2, 5000, (oid_of(first),))


def test_a_parent_that_is_nowhere_leaves_the_generation_open(root, database):
    """Generation 0 says that the history was not complete when the pack was written."""
    orphan = turn(oid_of(blob(b"nowhere")), time=7)
    child = turn(oid_of(orphan), time=3)
    write_pack(root, [orphan, child], database=database)
    facts = database.find_facts(oid_of(child))
    assert (facts.generation, facts.date_ms) == (0, 7)


def test_turns_before_their_parents_are_named_by_id(root):
    """Order is a matter of size, not of right or wrong."""
    objects = sample(12)[::-1]
    write_pack(root, objects)
    read_all(root, objects)
    chain = [stored for stored in reversed(objects) if stored.kind is Kind.TURN]
    assert ObjectDatabase(root).find_facts(oid_of(chain[-1])).generation == 12


def test_a_tag_is_named_by_id(root):
    """A turn that mentions a tag's id has it as an outer id."""
    first = tag(oid_of(blob(b"a")), Kind.BLOB)
    note = turn(raw=[oid_of(first)])
    write_pack(root, [first, note])
    read_all(root, [first, note])


def test_a_section_is_copied_as_it_is(root):
    """A copied section has the same frames, byte for byte, and its objects read the same."""
    old = write_pack(root, sample(30, "old"))
    source = ObjectDatabase(root).packs[0]
    with make_writer(root) as writer:
        for stored in sample(3, "before"):
            writer.add(*stored)
        assert writer.copy_section(source.path, source.index, 0)
        for stored in sample(3, "after"):
            writer.add(*stored)
        assert not writer.copy_section(source.path, source.index, 0)
        summary = writer.finish()
    assert summary.object_count == len(sample(30)) + 2 * len(sample(3))
    frames = source.path.read_bytes()[8 : source.index.header.directory_offset]
    assert frames in summary.path.read_bytes()
    old.path.unlink()
    old.index_path.unlink()
    read_all(root, [*sample(3, "before"), *sample(30, "old"), *sample(3, "after")])


def test_a_damaged_section_is_not_copied(root):
    """The pack it came from is named, and nothing is installed."""
    write_pack(root, sample(30, "old"))
    source = ObjectDatabase(root).packs[0]
    damage(source.path, source.index.frame_offsets[0] + 20)
    before = files(root)
    with make_writer(root) as writer:
        writer.copy_section(source.path, source.index, 0)
        with pytest.raises(IntegrityError) as caught:
            writer.finish()
    assert caught.value.fields["where"] == source.path
    assert files(root) == before


def damage(path, offset):
    """Change one byte of a file."""
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[offset] ^= 1
    path.write_bytes(data)


def test_a_write_that_lies_is_found_before_the_pack_gets_its_name(root, monkeypatch):
    """Bytes that read back differently are an error of the disk, and nothing is left."""
    real = syscalls.write

    def lie(fd, data):
        return real(fd, bytes(len(data)) if len(data) > 100 else data)

    monkeypatch.setattr(syscalls, "write", lie)
    with pytest.raises(StorageError, match="read back"):
        write_pack(root, sample(30))
    assert files(root) == []


@pytest.mark.parametrize("name", ["write", "fsync", "rename", "fsync_dir", "open_new"])
def test_a_failing_system_call_leaves_no_half_pack(root, monkeypatch, name):
    """Each call that fails is an error with its number; no index without a whole pack is left."""

    def fail(*_args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(syscalls, name, fail)
        with pytest.raises(StorageError) as caught:
            write_pack(root, sample(5))
    assert caught.value.fields["errno"] == errno.ENOSPC
    names = files(root)
    assert not [name for name in names if not name.startswith("pack-")]
    for index in [name for name in names if name.endswith(".idx")]:
        assert f"{index[:-4]}.pack" in names
    read_all(root, [] if not names else sample(5))


def test_left_overs_in_tmp_are_harmless(root, database):
    """Files of a writer that was killed neither disturb readers nor the next writer."""
    (root / "tmp" / "pack-1-dead").write_bytes(b"TPCK\1\0\0\0half")
    (root / "tmp" / "idx-1-dead").write_bytes(b"TIDX")
    write_pack(root, sample(3), database=database)
    read_all(root, sample(3))


def test_writing_a_pack_that_exists_again_heals_it(root):
    """The same objects give the same name; a damaged file of that name is replaced."""
    summary = write_pack(root, sample(10))
    damage(summary.path, 30)
    damage(summary.index_path, 2000)
    assert write_pack(root, sample(10)) == summary
    read_all(root, sample(10))


def test_memory_stays_small_however_much_is_written(root):
    """Sixty times the frame limit goes through without being kept."""
    tracemalloc.start()
    try:
        with make_writer(root) as writer:
            for number in range(960):
                writer.add(Kind.BLOB, number.to_bytes(8, "big") * 8192)
            summary = writer.finish()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert summary.object_count == 960
    assert peak < 16 * MIB
