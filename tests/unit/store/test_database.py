"""The union of all sources: what is anywhere is found, and damage does not hide a good copy."""

from __future__ import annotations

import os
import tracemalloc

import pytest

from tapegit.errors import DataError, IntegrityError, ObjectNotFoundError
from tapegit.files import syscalls
from tapegit.files.trash import Trash
from tapegit.objects.kind import MIB, Kind
from tapegit.objects.oid import ObjectId, OidPrefix
from tapegit.store import database as database_module
from tapegit.store.database import ObjectDatabase
from tests.packs import blob, oid_of, sample, turn, write_pack

ABSENT = ObjectId(b"\xee" * 32)


def remove(summary):
    """Remove a pack and its index."""
    summary.path.unlink()
    summary.index_path.unlink()


def damage(path, offset=30):
    """Change one byte of a file."""
    path.chmod(0o600)
    data = bytearray(path.read_bytes())
    data[offset] ^= 0x41
    path.write_bytes(data)


def test_reading_what_is_nowhere_is_an_error_with_the_id(database):
    """`read` raises, `find` does not."""
    with pytest.raises(ObjectNotFoundError) as caught:
        database.read(ABSENT)
    assert caught.value.fields["oid"] == ABSENT
    with pytest.raises(ObjectNotFoundError):
        database.read_header(ABSENT)
    assert database.find(ABSENT) is None


def test_a_pack_added_by_another_process_is_found(root, database):
    """A miss looks at the folder again before it is believed."""
    assert database.find(ABSENT) is None
    write_pack(root, sample(3))
    for stored in sample(3):
        assert database.contains(oid_of(stored))
        assert database.find(oid_of(stored)) == stored


def test_objects_that_gc_folded_meanwhile_are_found(root, database):
    """A reader with open packs and listings goes on when all of them were replaced."""
    objects = sample(10)
    old = write_pack(root, objects[:15])
    for stored in objects[15:]:
        database.write(*stored)
    assert all(database.contains(oid_of(stored)) for stored in objects)
    write_pack(root, [*objects, blob(b"new")])
    remove(old)
    for stored in objects[15:]:
        database.loose.path_of(oid_of(stored)).unlink()
    for stored in objects:
        assert database.find(oid_of(stored)) == stored


@pytest.mark.parametrize("good", ["loose", "packed"])
def test_a_damaged_copy_does_not_hide_a_good_one(root, database, good):
    """Loose and packed copies stand in for each other, in both directions."""
    stored = blob(b"precious " * 20)
    database.loose.write(*stored)
    summary = write_pack(root, [stored])
    damage(summary.path if good == "loose" else database.loose.path_of(oid_of(stored)))
    fresh = ObjectDatabase(root)
    assert fresh.find(oid_of(stored)) == stored
    assert next(fresh.read_many([oid_of(stored)])) == (oid_of(stored), stored)


def test_if_every_copy_is_damaged_the_error_names_the_object(root, database):
    """Neither copy is returned, and it is not said to be missing."""
    stored = blob(b"precious " * 20)
    database.loose.write(*stored)
    damage(write_pack(root, [stored]).path)
    damage(database.loose.path_of(oid_of(stored)))
    fresh = ObjectDatabase(root)
    with pytest.raises(DataError) as caught:
        fresh.find(oid_of(stored))
    assert caught.value.fields["oid"] == oid_of(stored)


def test_a_damaged_index_is_reported_only_where_nothing_is_found(root, database):
    """Loose objects and other packs are read; what may be in the pack is an error of its index."""
    loose, packed = blob(b"loose"), blob(b"packed")
    database.write(*loose)
    damage(write_pack(root, [packed]).index_path, 1130)
    fresh = ObjectDatabase(root)
    assert fresh.find(oid_of(loose)) == loose
    for ask in (fresh.find, fresh.contains, fresh.read):
        with pytest.raises(IntegrityError):
            ask(oid_of(packed))


def test_a_damaged_index_does_not_stop_writers(root, database):
    """What cannot be looked up is written again."""
    packed = blob(b"packed")
    damage(write_pack(root, [packed]).index_path, 1130)
    fresh = ObjectDatabase(root)
    assert fresh.write(*packed) == oid_of(packed)
    assert fresh.find(oid_of(packed)) == packed


def test_an_object_in_the_trash_comes_back(root, database):
    """What gc threw away by some mistake is moved to its place when it is asked for."""
    loose, packed = blob(b"loose"), sample(4)
    database.write(*loose)
    summary = write_pack(root, packed)
    batch = Trash(root).open_batch(1_760_000_000_000)
    batch.put(database.loose.path_of(oid_of(loose)))
    batch.put(summary.index_path)
    batch.put(summary.path)
    fresh = ObjectDatabase(root)
    assert fresh.find(oid_of(loose)) == loose
    assert fresh.contains(oid_of(packed[0]))
    assert [fresh.find(oid_of(stored)) for stored in packed] == packed
    assert summary.path.exists()
    assert fresh.find(ABSENT) is None


def test_writing_what_is_packed_writes_nothing(root, database):
    """A packed object needs no loose file; its pack becomes young."""
    stored = blob(b"packed")
    summary = write_pack(root, [stored])
    os.utime(summary.path, (1, 1))
    assert database.write(*stored) == oid_of(stored)
    assert not database.loose.contains(oid_of(stored))
    assert summary.path.stat().st_mtime > 1


@pytest.mark.parametrize(("age_s", "count"), [(0, 1), (7200, 0)])
def test_relying_on_a_young_pack_makes_its_name_durable(root, database, monkeypatch, age_s, count):
    """Its writer may not have synced the folder yet, and a ref is about to rely on it."""
    summary = write_pack(root, sample(3))
    then = summary.index_path.stat().st_mtime - age_s
    os.utime(summary.index_path, (then, then))
    synced = []
    monkeypatch.setattr(syscalls, "fsync_dir", synced.append)
    for _ in range(2):
        with database.begin_batch() as batch:
            batch.write(*sample(3)[0])
            batch.commit()
    assert synced == [root / "objects" / "pack"] * count


def test_writing_what_is_only_in_a_cruft_pack_makes_a_loose_object(root, database):
    """Gc may remove a cruft pack, so it does not count."""
    stored = blob(b"packed")
    write_pack(root, [stored]).path.with_suffix(".cruft").write_bytes(b"")
    database.write(*stored)
    assert database.loose.contains(oid_of(stored))


def test_a_batch_makes_its_objects_durable_once(root, database):
    """Objects of a batch can be read at once, and their names are synced by `commit`."""
    with database.begin_batch() as batch:
        oids = [batch.write(Kind.BLOB, b"%d" % number) for number in range(20)]
        assert all(database.contains(oid) for oid in oids)
        assert batch.freshen(oids[0])
        assert not batch.freshen(ABSENT)
        batch.commit()
    assert batch.written_count == 20


def test_many_objects_come_in_the_order_asked(root, database, monkeypatch):
    """Repeated, missing, loose and packed ones alike, in chunks of any size."""
    monkeypatch.setattr(database_module, "_CHUNK_COUNT_MIN", 3)
    packed, loose = sample(20, "packed"), sample(20, "loose")
    for start in range(0, len(packed), 15):
        write_pack(root, packed[start : start + 15])
    for stored in loose:
        database.write(*stored)
    stored = {oid_of(one): one for one in [*packed, *loose]}
    asked = [oid for pair in zip(stored, reversed(stored), strict=True) for oid in pair]
    asked[10:10] = [ABSENT, ABSENT]
    answers = list(ObjectDatabase(root).read_many(iter(asked)))
    assert answers == [(oid, stored.get(oid)) for oid in asked]


def test_reading_many_keeps_only_so_much(root, database, monkeypatch):
    """Where what would be read ahead is large, fewer are asked for together."""
    monkeypatch.setattr(database_module, "_READY_SIZE_MAX_BYTES", 2000)
    objects = [blob(b"%3d" % number * 300) for number in range(100)]
    write_pack(root, objects)
    ids = [oid_of(stored) for stored in objects]
    assert ObjectDatabase(root)._read_ahead(ids) is None
    assert len(ObjectDatabase(root)._read_ahead(ids[:2])) == 2
    answers = ObjectDatabase(root).read_many(ids)
    assert [found for _, found in answers] == objects


def test_a_damaged_object_among_many_is_an_error_when_its_turn_comes(root):
    """Those before it are yielded."""
    objects = [blob(b"a" * 100), blob(os.urandom(100))]
    first = write_pack(root, objects[:1])
    damage(write_pack(root, objects[1:]).path)
    answers = ObjectDatabase(root).read_many([oid_of(stored) for stored in objects])
    assert next(answers)[1] == objects[0]
    with pytest.raises(DataError):
        next(answers)
    assert first.path.exists()


def test_abbreviations_are_unique_among_all_sources(root, database):
    """The short form of an id is the beginning of no other, loose or packed."""
    objects = [blob(b"%d" % number) for number in range(3000)]
    write_pack(root, objects[:2980])
    for stored in objects[2980:]:
        database.write(*stored)
    ids = [oid_of(stored).hex() for stored in objects]
    for stored in objects[::97]:
        short = database.abbreviate(oid_of(stored), 4)
        assert len(short) >= 4
        assert [name for name in ids if name.startswith(short)] == [oid_of(stored).hex()]
        assert len(short) == 4 or sum(name.startswith(short[:-1]) for name in ids) > 1


def test_prefixes_see_every_source(root, database):
    """A beginning shared by a loose and a packed object is ambiguous."""
    stored = blob(b"same")
    write_pack(root, [stored])
    database.loose.write(*stored)
    assert database.match_prefix(OidPrefix(oid_of(stored).hex()[:12])) == [oid_of(stored)]


def test_facts_of_a_turn_that_is_also_loose_come_from_its_pack(root, database):
    """An index that is open knows; no other is opened for a turn that has a loose file."""
    stored = turn()
    write_pack(root, [stored])
    assert database.find_facts(oid_of(stored)).generation == 1
    database.loose.write(*stored)
    assert database.find_facts(oid_of(stored)).generation == 1
    assert ObjectDatabase(root).find_facts(oid_of(stored)) is None


def test_listing_survives_a_pack_that_goes_away(root, database):
    """What was listed when it began is yielded."""
    objects = sample(10)
    summary = write_pack(root, objects)
    oids = database.iter_oids()
    first = next(oids)
    remove(summary)
    assert [first, *oids] == sorted(map(oid_of, objects))


def test_large_objects_are_read_one_by_one(root):
    """Reading 100 MiB in any order keeps a few frames."""
    objects = [blob(bytes([number]) * (4 * MIB)) for number in range(25)]
    write_pack(root, objects)
    tracemalloc.start()
    try:
        count = sum(
            found is not None
            for _, found in ObjectDatabase(root).read_many(map(oid_of, objects[::-1]))
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert count == 25
    assert peak < 130 * MIB
