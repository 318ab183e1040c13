"""Salvage: what one wrong byte costs, and that everything else comes back."""

from __future__ import annotations

import errno
import os
import shutil

import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegit.files import syscalls
from tapegit.formats.packindex import PackIndex
from tests import packs
from tests.builders import litter, make_store, make_tape, set_ref
from tests.unit.upkeep.damage import (
    check,
    find_readable,
    flip,
    ids,
    labels,
    overwrite,
    reopen,
    repair,
)

OUTSIDE = packs.blob(b"in another pack " * 8)


def large(count):
    """Return objects whose frames have several blocks, links first."""
    objects = []
    parent = ()
    for number in range(count):
        piece = packs.blob(blake3(b"%d" % number).digest(4000).hex().encode())
        turn = packs.turn(
            *parent,
            raw=(packs.oid_of(piece), packs.oid_of(OUTSIDE)),
            time=packs.TIME_MS + number,
            role="user" if parent else "session",
        )
        parent = (packs.oid_of(turn),)
        objects += [piece, turn]
    return objects


class Model:
    """A store with one pack of every kind of object, and beside it a small one it leans on.

    Attributes:
        root: The store.
        pack: The pack.
        everything: The ids of all objects.
    """

    def __init__(self, root):
        self.root = make_store(root)
        litter(root)
        packs.write_pack(root, [OUTSIDE])
        objects = [*large(40), *packs.sample(12)]
        self.pack = packs.write_pack(root, objects).path
        repository = reopen(root)
        for number, found in enumerate(objects[-2:]):
            set_ref(repository, f"refs/kept/b{number}", packs.oid_of(found))
        tip = packs.oid_of(objects[79])
        set_ref(repository, "refs/sessions/claude-code/one/file/main", tip)
        self.everything = frozenset(repository.objects.iter_oids())
        self._files = {path: path.read_bytes() for path in self.pack.parent.iterdir()}

    def restore(self):
        """Make the store what it was."""
        for path in self.pack.parent.iterdir():
            if path not in self._files:
                path.unlink()
        for path, data in self._files.items():
            overwrite(path, data)
        shutil.rmtree(self.root / "trash")
        (self.root / "trash").mkdir()


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """Give one store to all tests of this file, which leave it as it was."""
    return Model(tmp_path_factory.mktemp("model") / ".tapes")


AREAS = st.one_of(
    st.tuples(st.just("anywhere"), st.integers(0, 1 << 40)),
    st.tuples(st.just("start"), st.integers(0, 63)),
    st.tuples(st.just("end"), st.integers(0, 399)),
)


def place_in(area, size):
    """Return the offset that a drawn area and number mean in a file."""
    where, number = area
    return {"anywhere": number % size, "start": number, "end": size - 1 - number}[where]


@settings(max_examples=25)
@given(area=AREAS, mask=st.integers(1, 255))
def test_one_wrong_byte_in_a_pack_costs_what_fsck_names_and_salvage_gets_the_rest(
    model, area, mask
):
    """At any place: named are exactly the unreadable ones, and salvage leaves only the lost."""
    root, everything = model.root, model.everything
    flip(model.pack, place_in(area, model.pack.stat().st_size), mask)
    try:
        before = check(root)
        assert before.code & 4
        lost = ids(before, "lost")
        readable = find_readable(root, everything)
        assert everything - readable == lost | ids(before, "damaged")

        done = repair(root)

        assert find_readable(root, everything) == everything - lost
        assert ids(done, "lost") == lost
        again = check(root)
        assert again.code == done.code
        assert set(labels(again)) <= {"broken link", "missing", "ref", "reflog"}
        assert bool(lost) or again.code == 0
    finally:
        model.restore()


@settings(max_examples=20)
@given(area=AREAS, mask=st.integers(1, 255))
def test_one_wrong_byte_in_an_index_costs_nothing(model, area, mask):
    """At any place: fsck names the file, salvage builds it anew, byte for byte the same."""
    root, everything = model.root, model.everything
    index = model.pack.with_suffix(".idx")
    whole = index.read_bytes()
    flip(index, place_in(area, len(whole)), mask)
    try:
        before = check(root)
        assert before.code == 4
        assert not ids(before, "lost", "damaged")

        assert repair(root).code == 0

        assert index.read_bytes() == whole
        assert find_readable(root, everything) == everything
        assert (root / "trash/lost" / index.relative_to(root)).exists()
    finally:
        model.restore()


@settings(max_examples=20)
@given(length=st.integers(0, 1 << 40) | st.integers(0, 80))
def test_pack_that_is_cut_short_gives_what_is_left(model, length):
    """At any length: named are exactly the unreadable ones, and salvage leaves only the lost."""
    root, everything = model.root, model.everything
    whole = model.pack.read_bytes()
    overwrite(model.pack, whole[: length % len(whole)])
    try:
        before = check(root)
        lost = ids(before, "lost")
        assert before.code & 4
        assert everything - find_readable(root, everything) == lost | ids(before, "damaged")

        assert ids(repair(root), "lost") == lost

        assert find_readable(root, everything) == everything - lost
    finally:
        model.restore()


@pytest.fixture
def damaged(model):
    """Give the store with the first frame of its pack damaged, about in the middle."""
    flip(model.pack, model.pack.stat().st_size // 2)
    yield model.root, model.pack, set(model.everything)
    model.restore()


def test_damaged_pack_is_put_aside_whole(damaged):
    """Nothing is deleted: pack and index lie in trash/lost, and no reader looks there."""
    root, path, _ = damaged
    before = path.read_bytes()

    done = repair(root)

    aside = root / "trash/lost/objects/pack" / path.name
    assert aside.read_bytes() == before
    assert aside.with_suffix(".idx").exists()
    assert not path.exists()
    assert any("put aside" in f.what for f in done.findings)


def test_pack_that_was_kept_is_kept_on(damaged):
    """Gc must not take what a .keep file has protected so far."""
    root, path, _ = damaged
    path.with_suffix(".keep").write_bytes(b"mine\n")

    repair(root)

    (kept,) = (root / "objects/pack").glob("*.keep")
    assert kept.with_suffix(".pack").exists()
    assert (root / "trash/lost/objects/pack" / path.with_suffix(".keep").name).exists()


def test_lost_object_is_told_with_the_session_that_needs_it(damaged):
    """So that whoever reads it knows what to import again."""
    root, _, _ = damaged

    lost = [f for f in check(root).findings if f.label == "lost"]

    assert lost
    assert any("refs/sessions/claude-code/one/file/main" in f.needed_by for f in lost)


def test_import_of_what_was_lost_heals_the_store(damaged):
    """The same objects have the same ids: written again, nothing is missing."""
    root, _, everything = damaged
    assert repair(root).code

    packs.write_pack(root, [*large(40), *packs.sample(12)])

    assert check(root).code == 0
    assert find_readable(root, everything) == everything


def test_salvage_of_a_sound_store_changes_nothing(model):
    """Not a file."""

    def names():
        return sorted(path for path in model.root.rglob("*") if "locks" not in path.parts)

    before = names()

    assert repair(model.root).code == 0

    assert names() == before


def test_salvage_twice_is_salvage_once(damaged):
    """The second run has nothing to do and says the same of what is missing."""
    root, _, everything = damaged
    first = repair(root)
    readable = find_readable(root, everything)

    second = repair(root)

    assert second.code == first.code
    assert find_readable(root, everything) == readable


def test_damaged_loose_object_is_put_aside(repository, store):
    """It is no longer in the way of a good copy."""
    oids = make_tape(repository, 2)
    path = repository.objects.loose.path_of(oids[0])
    flip(path, 15)

    done = repair(store)

    assert ids(done, "lost", "missing") == {oids[0]}
    assert not path.exists()
    assert (store / "trash/lost" / path.relative_to(store)).exists()


def test_good_copy_elsewhere_makes_salvage_lossless(damaged):
    """What another pack has is not lost with this one."""
    root, _, everything = damaged
    packs.write_pack(root, [*large(40), *packs.sample(12)], cold=True)
    packs.write_pack(root, [*large(40), *packs.sample(12), packs.blob(b"more")])

    assert not ids(check(root), "lost")
    assert repair(root).code == 0
    assert find_readable(root, everything) == everything


@pytest.mark.parametrize("offset", [1500, -1])
def test_index_damaged_as_well_still_says_where_frames_are(damaged, offset):
    """What its tables say is verified by the hash of each object, so it costs three at most."""
    root, path, everything = damaged
    lost = ids(check(root), "lost")
    flip(path.with_suffix(".idx"), offset)

    assert "corrupt" in labels(check(root))
    assert repair(root).code

    assert not path.exists()
    assert len(find_readable(root, everything)) >= len(everything - lost) - 3


def test_without_any_index_sound_frames_are_read(model):
    """All objects of the frames before the damaged one come back."""
    root, pack = model.root, model.pack
    index = PackIndex(memoryview(pack.with_suffix(".idx").read_bytes()), where=pack)
    frame = bytes(index.frame_kind_numbers).index(packs.TURN)
    before = {index.oid_at(index.positions[n]) for n in range(index.frame_first_ordinals[frame])}
    pack.with_suffix(".idx").unlink()
    flip(pack, index.frame_offsets[frame] + 60)
    try:
        assert check(root).code & 4

        repair(root)

        assert find_readable(root, model.everything) >= before
        assert not pack.exists()
    finally:
        model.restore()


def test_failure_on_the_way_leaves_the_damaged_pack_in_place(damaged, monkeypatch):
    """The new pack is durable before the old one is moved; a full disk changes nothing."""
    from tapegit.errors import StorageError

    root, path, everything = damaged
    readable = find_readable(root, everything)

    def fail(*_args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(syscalls, "write", fail)
        with pytest.raises(StorageError):
            repair(root)

    assert path.exists()
    assert find_readable(root, everything) == readable
    repair(root)
    assert find_readable(root, everything) > readable


def test_model_is_sound_and_large_enough(model):
    """Its first frame has several blocks, so that something comes before the damage."""
    assert model.pack.stat().st_size > 1 << 17
    assert len(model.everything) > 90
    assert check(model.root).code == 0


def refuse(monkeypatch, path, number):
    """Let the system refuse to open one file."""
    real = os.open

    def open_(name, *args, **options):
        if os.fspath(name) == os.fspath(path):
            raise OSError(number, os.strerror(number), name)
        return real(name, *args, **options)

    monkeypatch.setattr(os, "open", open_)


@pytest.mark.parametrize("number", [errno.EACCES, errno.EMFILE, errno.EIO])
@pytest.mark.parametrize("ending", [".pack", ".idx"])
def test_file_that_the_system_refuses_is_not_taken_for_damaged(model, monkeypatch, number, ending):
    """It is a finding, and salvage leaves it where it is: it may be whole."""
    path = model.pack.with_suffix(ending)
    try:
        with monkeypatch.context() as patch:
            refuse(patch, path, number)
            result = repair(model.root)
            assert result.code & 4
            assert not ids(result, "lost")
        assert model.pack.exists()
        assert find_readable(model.root, model.everything) == model.everything
        assert check(model.root).code == 0
    finally:
        model.restore()


def test_loose_object_that_the_system_refuses_is_left_alone(repository, store, monkeypatch):
    """A permission that is missing is no damage."""
    oids = make_tape(repository, 2)
    path = repository.objects.loose.path_of(oids[0])
    with monkeypatch.context() as patch:
        refuse(patch, path, errno.EACCES)
        assert repair(store).code == 1

    assert path.exists()
    assert check(store).code == 0


@pytest.mark.parametrize("what", ["folder", "link", "fifo", "gone"])
def test_something_else_with_the_name_of_a_pack_stops_nothing(model, tmp_path, what):
    """It is named, and everything else is checked."""
    moved = tmp_path / "moved"
    model.pack.rename(moved)
    try:
        if what == "folder":
            model.pack.mkdir()
        elif what == "link":
            model.pack.symlink_to(moved)
        elif what == "fifo":
            os.mkfifo(model.pack)

        result = check(model.root)

        if what == "gone":
            assert result.code == 8
            assert any("has no pack" in f.what for f in result.findings)
        else:
            assert any(f.where.endswith(model.pack.name) for f in result.findings)
            assert result.code & 4
    finally:
        if what == "folder":
            model.pack.rmdir()
        elif what != "gone":
            model.pack.unlink()
        moved.rename(model.pack)
        model.restore()
