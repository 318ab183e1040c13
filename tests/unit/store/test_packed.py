"""Reading packs: damage is named, one good copy is enough, and packs may come and go."""

from __future__ import annotations

import errno
import os
import random
import time

import pytest

from tapegit.errors import (
    DataError,
    FormatError,
    IntegrityError,
    StorageError,
    TruncatedError,
    UnsafePathError,
)
from tapegit.files import syscalls
from tapegit.formats.packindex import IDS_OFFSET
from tapegit.objects.kind import Kind, Object
from tapegit.objects.oid import ObjectId, OidPrefix, hash_content
from tapegit.store import packed
from tapegit.store.database import ObjectDatabase, common_length
from tapegit.store.frames import FrameCache
from tapegit.store.packed import PackedSource
from tests.packs import blob, oid_of, sample, turn, write_pack

ABSENT = ObjectId(b"\xee" * 32)


@pytest.fixture
def source(root):
    """Give the packs of the store."""
    return PackedSource(root / "objects" / "pack")


def damage(path, offset, value=None):
    """Change one byte of a file."""
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[offset] = data[offset] ^ 0x41 if value is None else value
    path.write_bytes(data)


def test_no_folder_is_no_pack(tmp_path):
    """A source of a folder that does not exist is empty."""
    source = PackedSource(tmp_path / "nowhere")
    assert source.find(ABSENT) is None
    assert list(source.iter_oids()) == []
    assert source.packs == []


def test_files_of_strangers_are_passed_over(root, source):
    """Only names of packs count, and an index without its pack is ignored."""
    pack_dir = root / "objects" / "pack"
    (pack_dir / "notes.txt").write_text("not ours")
    (pack_dir / "pack-123.idx").write_text("not ours")
    (pack_dir / f"pack-{'0' * 64}.idx").write_text("no pack")
    write_pack(root, sample(3))
    assert len(source.packs) == 1
    assert source.broken == {}


def test_a_damaged_frame_is_named_with_all_it_holds(root, source):
    """The error says which object, pack and frame, and which ids the frame had."""
    objects = sample(20)
    summary = write_pack(root, objects)
    reader = source.packs[0]
    damage(summary.path, reader.index.frame_offsets[0] + 40)
    blobs = [oid_of(stored) for stored in objects if stored.kind is Kind.BLOB]
    for oid in blobs:
        with pytest.raises(DataError) as caught:
            source.find(oid)
        fields = caught.value.fields
        assert (fields["oid"], fields["where"], fields["frame"]) == (oid, summary.path, 0)
        assert sorted(fields["oids"]) == sorted(blobs)
        assert str(oid) in str(caught.value)
        assert summary.path.name in str(caught.value)
    for stored in objects:
        if stored.kind is not Kind.BLOB:
            assert source.find(oid_of(stored)) == stored


def test_a_lying_index_gives_an_error_and_never_other_data(root, source):
    """An index whose checksum is right but whose ids are swapped cannot give wrong data."""
    one, two = sorted((blob(b"one"), blob(b"two")), key=oid_of)
    summary = write_pack(root, [one, two])
    data = bytearray(summary.index_path.read_bytes()[:-32])
    at = IDS_OFFSET + 2 * 32 + 8  # after two ids and the offset of one frame: the ordinals
    data[at : at + 8] = data[at + 4 : at + 8] + data[at : at + 4]
    summary.index_path.chmod(0o600)
    summary.index_path.write_bytes(bytes(data) + hash_content(bytes(data)))
    with pytest.raises(IntegrityError):
        source.find(oid_of(one))


@pytest.mark.parametrize("seed", range(40))
def test_an_index_that_contradicts_itself_gives_named_errors(root, source, seed):
    """Tables of random numbers under a right checksum: errors of ours, or the right data."""
    objects = sample(10)
    summary = write_pack(root, objects)
    chance = random.Random(seed)
    data = bytearray(summary.index_path.read_bytes()[:-32])
    for _ in range(chance.choice([1, 3, 200])):
        place = chance.randrange(IDS_OFFSET + 32 * len(objects), len(data))
        data[place] = chance.choice([0, 1, 0xFF, chance.randrange(256)])
    summary.index_path.chmod(0o600)
    summary.index_path.write_bytes(bytes(data) + hash_content(bytes(data)))
    for stored in objects:
        for ask in (source.find, source.find_facts):
            try:
                found = ask(oid_of(stored))
            except DataError:
                continue
            assert ask == source.find_facts or found == stored
    source.find(ABSENT)


def test_one_good_copy_is_enough(root, source):
    """An object in two packs is read from the sound one, whichever is asked first."""
    shared = blob(b"shared" * 50)
    first = write_pack(root, [shared, blob(b"1")])
    second = write_pack(root, [shared, blob(b"2")])
    for broken in (first, second):
        good = broken.path.read_bytes()
        damage(broken.path, 30)
        fresh = PackedSource(root / "objects" / "pack")
        assert fresh.find(oid_of(shared)) == shared
        assert fresh.contains(oid_of(shared))
        broken.path.write_bytes(good)


def test_a_damaged_index_hides_its_pack_and_no_other(root, source):
    """What other packs have is found; for the rest the error names the index."""
    kept, hidden = sample(5, "kept"), sample(5, "hidden")
    write_pack(root, kept)
    summary = write_pack(root, hidden)
    damage(summary.index_path, 1130)
    for stored in kept:
        assert source.find(oid_of(stored)) == stored
    with pytest.raises(IntegrityError, match=r"\.idx.*checksum"):
        source.find(oid_of(hidden[0]))
    with pytest.raises(IntegrityError):
        source.contains(oid_of(hidden[0]))
    with pytest.raises(IntegrityError):
        source.match_prefix(OidPrefix("eeeeeeee"))
    assert list(source.broken) == [summary.path.name]
    seen = []
    with pytest.raises(IntegrityError):
        seen.extend(source.iter_oids())  # what can be listed comes before the error
    assert not source.freshen(oid_of(hidden[0]))


def test_an_index_that_was_mended_is_read_again(root, source):
    """A broken index is tried once more when the folder is looked at again."""
    stored = blob(b"data")
    summary = write_pack(root, [stored])
    good = summary.index_path.read_bytes()
    damage(summary.index_path, 1130)
    with pytest.raises(IntegrityError):
        source.find(oid_of(stored))
    summary.index_path.write_bytes(good)
    source.refresh(is_certain=True)
    assert source.find(oid_of(stored)) == stored


def test_the_index_of_another_pack_is_refused(root, source):
    """A sound index under a wrong name would be a wrong map."""
    one = write_pack(root, [blob(b"one")])
    two = write_pack(root, [blob(b"two")])
    two.index_path.unlink()
    two.index_path.write_bytes(one.index_path.read_bytes())
    with pytest.raises(FormatError, match="another pack"):
        source.find(oid_of(blob(b"two")))


@pytest.mark.parametrize("size", [0, 3, 100, 1000, -1])
def test_a_truncated_index_is_named(root, source, size):
    """However little is left, the error is one of this program and names the file."""
    summary = write_pack(root, sample(20))
    data = summary.index_path.read_bytes()
    summary.index_path.chmod(0o600)
    summary.index_path.write_bytes(data[:size])
    with pytest.raises(DataError, match=summary.index_path.name):
        source.find(ABSENT)


@pytest.mark.parametrize("part", [0, 5, 50, -1])
def test_a_truncated_pack_is_named(root, source, part):
    """What is cut off is an error with the name of the pack."""
    summary = write_pack(root, [blob(os.urandom(500))])
    data = summary.path.read_bytes()
    summary.path.chmod(0o600)
    summary.path.write_bytes(data[: part if part >= 0 else 400])
    oid = next(iter(source.iter_oids()))
    with pytest.raises(TruncatedError, match=summary.path.name):
        source.find(oid)


@pytest.mark.parametrize("which", ["path", "index_path"])
def test_a_link_in_the_place_of_a_file_is_refused(root, source, tmp_path, which):
    """A link leads out of the store, so it is not followed."""
    summary = write_pack(root, [blob(b"x")])
    path = getattr(summary, which)
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnsafePathError):
        source.find(oid_of(blob(b"x")))


def test_a_link_does_not_hide_a_good_copy(root, source, tmp_path):
    """Another pack that has the object is read."""
    stored = blob(b"shared" * 50)
    for number in range(2):
        summary = write_pack(root, [stored, blob(b"%d" % number)])
    summary.path.rename(tmp_path / "elsewhere")
    summary.path.symlink_to(tmp_path / "elsewhere")
    assert source.find(oid_of(stored)) == stored
    assert next(ObjectDatabase(root).read_many([oid_of(stored)]))[1] == stored


def test_a_fifo_in_the_place_of_an_index_does_not_hang(root, source):
    """Opening a FIFO for reading would wait for ever."""
    summary = write_pack(root, [blob(b"x")])
    summary.index_path.unlink()
    os.mkfifo(summary.index_path)
    with pytest.raises(UnsafePathError):
        source.find(oid_of(blob(b"x")))


def test_a_pack_that_vanished_is_no_error_by_itself(root, source):
    """Gc folded it: the object is looked for in the other packs."""
    objects = sample(5)
    old = write_pack(root, objects)
    assert len(source.packs) == 1
    write_pack(root, [*objects, blob(b"more")])
    old.path.unlink()
    old.index_path.unlink()
    assert source.find(oid_of(objects[0])) is None  # what is open is gone
    source.refresh()
    for stored in objects:
        assert source.find(oid_of(stored)) == stored


def test_a_new_pack_is_seen_after_a_refresh(root, source):
    """The folder is looked at again only if its time has changed."""
    write_pack(root, [blob(b"first")])
    assert source.contains(oid_of(blob(b"first")))
    write_pack(root, [blob(b"second")])
    assert source.refresh()
    assert source.contains(oid_of(blob(b"second")))


def test_a_settled_folder_is_not_listed_again(root, source):
    """A folder whose time is old and the same is as it was."""
    write_pack(root, [blob(b"first")])
    old = time.time() - 1000
    os.utime(source.pack_dir, (old, old))
    source.refresh()
    (source.pack_dir / "x").touch()
    os.utime(source.pack_dir, (old, old))
    assert not source.refresh()


def test_the_newest_pack_is_opened_first_and_alone(root, source):
    """Finding what is young opens one index, however many packs there are."""
    for number in range(10):
        summary = write_pack(root, [blob(b"%d" % number)])
        os.utime(summary.index_path, (1_000_000 + number, 1_000_000 + number))
    assert source.find(oid_of(blob(b"9"))) is not None
    assert len(source._opened()) == 1
    assert source.find(oid_of(blob(b"4"))) is not None
    assert len(source._opened()) == 6


@pytest.mark.parametrize("limit", [0, 15, 1000])
def test_neighbours_come_from_every_pack(root, source, monkeypatch, limit):
    """The ids next to one decide how short it may be written, in large packs and small ones."""
    monkeypatch.setattr(packed, "_SMALL_OBJECT_COUNT_MAX", limit)
    objects = [blob(b"%d" % number) for number in range(50)]
    for start in (0, 10, 30):
        write_pack(root, objects[start : start + 20])
    ids = sorted(map(oid_of, objects))
    for place, oid in enumerate(ids):
        near = source.find_neighbours(oid)
        beside = ids[max(place - 1, 0) : place] + ids[place + 1 : place + 2]
        longest = max(common_length(oid, other) for other in beside)
        assert max(common_length(oid, other) for other in near) == longest


def test_a_turn_that_cannot_be_decoded_has_no_facts(root, source):
    """It is kept like any other object; that it is no turn is for its reader to say."""
    bad = Object(Kind.TURN, b'{"parents":"none","role":"user"}')
    child = turn(oid_of(bad))
    write_pack(root, [bad, child])
    assert source.find(oid_of(bad)) == bad
    assert source.find_facts(oid_of(bad)) is None
    assert source.find_facts(oid_of(child)).generation == 0


def test_a_pack_whose_time_cannot_be_set_is_not_relied_on(root, source, monkeypatch):
    """Gc would not know that it is needed; another pack that has the object will do."""
    stored = blob(b"shared")
    write_pack(root, [stored, blob(b"1")])
    other = write_pack(root, [stored, blob(b"2")])
    real = syscalls.utime

    def refuse(path, *times):
        if path != other.path:
            raise PermissionError(errno.EPERM, "not yours")
        real(path, *times)

    monkeypatch.setattr(syscalls, "utime", refuse)
    assert source.freshen(oid_of(stored))
    assert not source.freshen(oid_of(blob(b"1")))


@pytest.mark.parametrize("call", ["stat", "scandir"])
def test_a_folder_that_cannot_be_read_is_an_error_of_ours(root, source, monkeypatch, call):
    """Its number is that of the system."""

    def refuse(*_args, **_named):
        raise PermissionError(errno.EACCES, "not yours")

    monkeypatch.setattr(packed.os, call, refuse)
    with pytest.raises(StorageError) as caught:
        source.find(ABSENT)
    assert caught.value.fields["errno"] == errno.EACCES


def test_the_cache_stays_within_its_bytes(root):
    """Reading everything keeps no more frames than fit."""
    cache = FrameCache(3000)
    source = PackedSource(root / "objects" / "pack", cache)
    for number in range(20):
        write_pack(root, [blob(b"%d" % number * 500)])
    for oid in list(source.iter_oids()):
        assert source.find(oid) is not None
        assert cache.size_bytes <= 3000
        assert len(cache) <= 5
