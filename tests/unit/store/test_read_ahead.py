"""Frames read by two threads: the same objects, none kept, and damage is left to the caller."""

from __future__ import annotations

import threading

import pytest

from tapegit.errors import DataError
from tapegit.objects.kind import MIB, Kind
from tapegit.store import read_ahead
from tapegit.store.database import ObjectDatabase
from tapegit.store.frames import FrameCache
from tapegit.store.packed import PackedSource
from tapegit.store.read_ahead import iter_ahead
from tests.packs import blob, oid_of, write_pack

COUNT = 8 * 17
CACHE_SIZE_BYTES = 2 * MIB


@pytest.fixture
def objects(root):
    """Give blobs of one pack, in eight frames of a MiB."""
    stored = [blob(b"%4d" % number * (15 << 10)) for number in range(COUNT)]
    write_pack(root, stored)
    return stored


@pytest.fixture
def database(root, objects):
    """Give the database, whose cache has room for two of the frames."""
    database = ObjectDatabase(root)
    database.packed = PackedSource(root / "objects" / "pack", FrameCache(CACHE_SIZE_BYTES))
    return database


def find_runs(database, oids):
    """Return the runs of objects of the only pack, and what they are runs of."""
    (reader,) = database.packs
    wanted = sorted((reader.locate(oid), oid) for oid in oids)
    runs = [reader.find_run(wanted, 0, len(wanted))]
    while runs[-1].end < len(wanted):
        runs.append(reader.find_run(wanted, runs[-1].end, len(wanted)))
    return runs, wanted


def read_by(runs, wanted, cache):
    """Return the objects of all runs by id, and by which frames they were at hand."""
    found, ahead = {}, []
    for run, frame in iter_ahead(runs, cache):
        ahead.append(frame is not None)
        for place, each in run.reader.iter_run(run, wanted, frame):
            found[wanted[place][1]] = each
    return found, ahead


@pytest.fixture(params=["two processors", "one processor", "no thread"])
def machine(request, monkeypatch):
    """Have a machine with another processor, without one, or without room for a thread."""
    monkeypatch.setattr(
        read_ahead, "count_processors", lambda: 1 + (request.param != "one processor")
    )
    if request.param == "no thread":
        monkeypatch.setattr(read_ahead.Thread, "start", _refuse)


def _refuse(_thread):
    raise RuntimeError("can't start new thread")


@pytest.mark.usefixtures("machine")
def test_many_frames_give_what_is_in_them(database, objects):
    """In any order, on any machine, and no frame of them is kept."""
    runs, wanted = find_runs(database, map(oid_of, objects))
    found, ahead = read_by(runs, wanted, database.packed.cache)
    assert found == {oid_of(each): each for each in objects}
    assert len(ahead) > 4
    assert all(ahead)
    assert len(database.packed.cache) == 0
    asked = [*objects[::-3], *objects[::2]]
    assert list(database.read_many(map(oid_of, asked))) == [(oid_of(each), each) for each in asked]


def test_a_second_thread_takes_its_part(database, objects, monkeypatch):
    """While this one has a frame in hand, the other is at work; it ends with the batch."""
    monkeypatch.setattr(read_ahead, "count_processors", lambda: 2)
    (reader,) = database.packs
    loaded = []
    is_begun = threading.Event()
    load = reader.load

    def note_load(number, buffer=None):
        loaded.append(threading.current_thread().name)
        if loaded[-1] == "read ahead":
            is_begun.set()
        return load(number, buffer)

    reader.load = note_load
    runs, _ = find_runs(database, map(oid_of, objects))
    for _ in iter_ahead(runs, database.packed.cache):
        assert is_begun.wait(10)
    assert len(loaded) == len(runs)
    assert {"read ahead", threading.current_thread().name} >= set(loaded)
    assert "read ahead" in loaded
    assert "read ahead" not in {thread.name for thread in threading.enumerate()}


def test_who_stops_early_leaves_no_thread(database, objects):
    """What was not looked at is not decompressed either."""
    runs, _ = find_runs(database, map(oid_of, objects))
    frames = iter_ahead(runs, database.packed.cache)
    next(frames)
    frames.close()
    assert "read ahead" not in {thread.name for thread in threading.enumerate()}


def test_few_frames_are_kept(database, objects):
    """What has room in the cache is read as ever, for the next who asks."""
    runs, wanted = find_runs(database, map(oid_of, objects[:30]))
    found, ahead = read_by(runs, wanted, database.packed.cache)
    assert all(found.values())
    assert not any(ahead)
    assert len(database.packed.cache) == len(ahead)


def test_what_is_kept_comes_first(database, objects):
    """A frame that is in the cache is not decompressed again."""
    database.find(oid_of(objects[-1]))
    runs, wanted = find_runs(database, map(oid_of, objects))
    _, ahead = read_by(runs, wanted, database.packed.cache)
    assert ahead == [False, *[True] * (len(runs) - 1)]


@pytest.mark.usefixtures("machine")
def test_a_damaged_frame_is_an_error_when_its_turn_comes(root, database, objects):
    """All objects of other frames are read; one that is loose too is no error."""
    runs, wanted = find_runs(database, map(oid_of, objects))
    bad = runs[3]
    index = bad.reader.index
    path = bad.reader.path
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    middle = index.frame_offsets[bad.frame] + index.frame_compressed_sizes[bad.frame] // 2
    data[middle] ^= 0xFF
    path.write_bytes(data)
    found, _ = read_by(runs, wanted, database.packed.cache)
    lost = {oid for oid, each in found.items() if each is None}
    assert lost
    assert lost <= {oid for _, oid in wanted[bad.start : bad.end]}
    assert all(each in objects for each in found.values() if each is not None)
    answers = database.read_many(map(oid_of, objects))
    with pytest.raises(DataError, match=f"frame {bad.frame} "):
        list(answers)
    for each in objects:
        if oid_of(each) in lost:
            database.loose.write(Kind.BLOB, each.data)
    assert [each for _, each in database.read_many(list(map(oid_of, objects)))] == objects
