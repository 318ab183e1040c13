"""A whole run: what is kept, what goes, and that doing it again changes nothing."""

from __future__ import annotations

import os

import pytest

from tapegit.errors import (
    DataError,
    LockedError,
    ObjectNotFoundError,
    TapesError,
    UnsafePathError,
)
from tapegit.files.locks import Lock
from tapegit.objects.kind import Kind
from tapegit.objects.oid import ObjectId
from tapegit.refs.names import RefName
from tapegit.upkeep.gc.collect import collect, hold_upkeep
from tapegit.upkeep.gc.plan import Fold, Wish
from tests.builders import (
    make_tape,
    set_ref,
    turn_data,
    write_blob,
    write_bytes,
    write_tag,
    write_turn,
)


def bulk_tape(shop, label, turns=5, *, name=None):
    """Import a tape: a pack of its own."""
    with shop.reopen().transaction("test", bulk=True) as txn:
        parent = None
        for number in range(turns):
            raw = txn.write_bytes(f"{label} {number}\n".encode() * 9)
            data = turn_data(
                f"{label} {number}", parents=() if parent is None else (parent,), raw=(raw,)
            )
            parent = txn.write(Kind.TURN, data)
        txn.update_ref(RefName(name or f"refs/heads/{label}"), parent)
    return parent


def mixed_store(shop):
    """Fill a store with everything that upkeep has to do with; return its objects."""
    for number in range(4):
        bulk_tape(shop, f"tape{number}", 3 + number)
    repository = shop.repository
    tape = make_tape(repository, 6)
    messages = b",".join(b'{"role":"user","content":"%s"}' % (b"%04d" % n * 40) for n in range(99))
    rope = write_bytes(repository, b'{"model":"m","messages":[' + messages + b"]}")
    set_ref(repository, "refs/heads/rope", write_turn(repository, "a rope", raw=(rope,)))
    set_ref(repository, "refs/tags/v1", write_tag(repository, tape[-1]))
    write_turn(repository, "nobody needs me", raw=(write_blob(repository, b"nor me"),))
    return shop.contents()


def test_gc_keeps_every_object_and_every_ref(shop):
    """After gc there are the same objects with the same bytes, in one pack and a cruft pack."""
    before = mixed_store(shop)
    refs = [ref[:2] for ref in shop.repository.refs.iter_refs()]
    report = shop.gc()
    assert shop.contents() == before
    assert [ref[:2] for ref in shop.reopen().refs.iter_refs()] == refs
    assert shop.names("objects/??/*") == []
    assert len(shop.names("objects/pack/*.pack")) == 2
    assert len(shop.names("objects/pack/*.cruft")) == 1
    assert report.collected.cruft_count == 2


def test_gc_twice_changes_no_file(shop):
    """A second run right after the first writes nothing, moves nothing, deletes nothing."""
    mixed_store(shop)
    shop.gc()
    files = shop.files()
    report = shop.gc()
    assert shop.files() == files
    assert report.collected.written_bytes == 0


def test_dry_run_changes_no_file_and_says_what_would_be(shop):
    """A dry run counts what the real run then does, and touches nothing."""
    mixed_store(shop)
    files = shop.files()
    planned = shop.gc(is_dry_run=True).collected
    assert shop.files() == files
    done = shop.gc().collected
    fields = ("packs_folded", "written_count", "cruft_count", "expired_count", "loose_count")
    assert [getattr(planned, f) for f in fields] == [getattr(done, f) for f in fields]


def test_unreachable_object_is_kept_for_the_grace_and_then_gone(shop):
    """What nothing needs is there for 14 days, loose or in the cruft pack, and not after."""
    oid = write_blob(shop.repository, b"lonely")
    for days in (0, 7, 6.9):
        shop.pass_days(days)
        shop.gc()
        assert oid in shop.contents()
    shop.pass_days(0.2)
    assert shop.gc().collected.expired_count == 1
    assert oid not in shop.contents()


def test_unreachable_object_in_a_pack_is_kept_for_the_grace_and_then_gone(shop):
    """The grace of what an import wrote begins with the pack."""
    tip = bulk_tape(shop, "gone")
    bulk_tape(shop, "stays")
    with shop.reopen().refs.transaction("drop") as transaction:
        transaction.delete(RefName("refs/heads/gone"))
    shop.pass_days(13.9)
    shop.gc()
    assert tip in shop.contents()
    shop.pass_days(0.2)
    assert shop.gc().collected.expired_count == 10
    assert tip not in shop.contents()
    assert len(shop.contents()) == 10


def test_what_a_young_object_needs_is_kept_with_it(shop):
    """An old blob stays as long as a young unreachable turn names it."""
    blob = write_blob(shop.repository, b"old")
    old = shop.repository.objects.loose.path_of(blob)
    os.utime(old, (1, 1))
    turn = write_turn(shop.repository, "young", raw=(blob,))
    shop.gc()
    assert {blob, turn} <= set(shop.contents())
    shop.pass_days(15)
    shop.gc()
    assert shop.contents() == {}


@pytest.mark.parametrize("bulk", [False, True])
def test_writing_a_cruft_object_again_makes_it_young(shop, bulk):
    """An object that is written again starts a new grace, though a cruft pack has it."""
    oid = write_blob(shop.repository, b"again")
    shop.pass_days(10)
    shop.gc()
    assert shop.names("objects/pack/*.cruft")
    # Files get the machine's time, which the clock of this store is ahead of by ten days.
    with shop.reopen().transaction("test", bulk=bulk) as txn:
        assert txn.write(Kind.BLOB, b"again") == oid
    now = shop.clock() / 1000
    for path in [*shop.root.glob("objects/??/*"), *shop.root.glob("objects/pack/*.pack")]:
        if not path.with_suffix(".cruft").exists():
            os.utime(path, (now, now))
    shop.pass_days(10)
    shop.gc()
    assert oid in shop.contents()
    assert shop.names("objects/??/*") == []
    shop.pass_days(5)
    shop.gc()
    assert oid not in shop.contents()


def test_time_in_the_future_counts_as_young(shop):
    """A file from the future, or a clock that fell back, costs no object."""
    oid = write_blob(shop.repository, b"lonely")
    shop.pass_days(-400)
    shop.gc()
    shop.gc(prune="now")
    assert oid in shop.contents()


def test_prune_never_keeps_everything(shop):
    """With --no-prune nothing is ever too old."""
    oid = write_blob(shop.repository, b"lonely")
    shop.pass_days(10_000)
    shop.gc(prune="never")
    assert oid in shop.contents()


def test_object_that_is_needed_again_leaves_the_cruft_pack(shop):
    """A ref to an object of the cruft pack brings it back among the others, for good."""
    turn = write_turn(shop.repository, "lost", raw=(write_blob(shop.repository, b"and found"),))
    shop.gc()
    set_ref(shop.reopen(), "refs/heads/found", turn)
    shop.gc()
    assert shop.names("objects/pack/*.cruft") == []
    shop.pass_days(100)
    shop.gc()
    assert len(shop.contents()) == 2


def test_reflog_keeps_what_it_names(shop):
    """A branch that moved away keeps its old turns for as long as the reflog remembers them."""
    old = make_tape(shop.repository, 3, label="old")
    make_tape(shop.repository, 3, label="new")
    shop.pass_days(25)
    shop.gc()
    assert set(old) <= set(shop.contents())
    shop.pass_days(400 * 365)  # by the clock of the store, which its reflogs are written with
    shop.gc()
    assert not set(old) & set(shop.contents())


def test_detached_head_keeps_what_it_names(shop):
    """HEAD is a root also where no branch is checked out."""
    tip = write_turn(shop.repository, "detached")
    with shop.repository.refs.transaction("test") as transaction:
        transaction.detach_head(tip)
    (shop.root / "logs/HEAD").unlink()
    shop.pass_days(100)
    shop.gc()
    assert tip in shop.contents()


def test_kept_pack_is_neither_folded_nor_emptied(shop):
    """A pack with a .keep file stays as it is, and what its objects need stays too."""
    blob = write_blob(shop.repository, b"needed by a kept turn")
    with shop.reopen().transaction("test", bulk=True) as txn:
        turn = txn.write(Kind.TURN, turn_data("kept", raw=(blob,)))
    (pack,) = shop.root.glob("objects/pack/*.pack")
    pack.with_suffix(".keep").touch()
    make_tape(shop.repository, 3)
    shop.pass_days(100)
    for _ in range(2):
        shop.gc(is_aggressive=True)
        assert pack.exists()
        assert {blob, turn} <= set(shop.contents())


def test_small_packs_become_one_and_a_large_one_stays(shop):
    """Packs are folded until each is twice as large as all smaller ones; large ones are left."""
    with shop.reopen().transaction("test", bulk=True) as txn:
        large = txn.write(Kind.BLOB, os.urandom(50_000))
        txn.update_ref(RefName("refs/heads/large"), txn.write(Kind.TURN, turn_data(raw=(large,))))
    (stays,) = shop.names("objects/pack/*.pack")
    for number in range(6):
        bulk_tape(shop, f"small{number}")
    report = shop.gc().collected
    assert report.packs_folded == 6
    assert stays in shop.names("objects/pack/*.pack")
    assert len(shop.names("objects/pack/*.pack")) == 2


def test_two_packs_with_the_same_object_become_one_copy(shop):
    """An object that two packs have is in the new pack once."""
    bulk_tape(shop, "one", 3)
    for path in list(shop.root.glob("objects/pack/*")):
        path.rename(shop.root / "tmp" / path.name)
    bulk_tape(shop, "one", 4, name="refs/heads/two")
    for path in list((shop.root / "tmp").glob("pack-*")):
        path.rename(shop.root / "objects/pack" / path.name)
    before = shop.contents()
    shop.gc(is_aggressive=True)
    assert shop.contents() == before
    (pack,) = shop.reopen().objects.packs
    assert pack.index.object_count == len(before) == 8


def test_missing_object_stops_gc_before_it_changes_anything(shop):
    """A needed object that is missing is an error that names it and what needs it."""
    blob = write_blob(shop.repository, b"will be missing")
    turn = write_turn(shop.repository, "needs it", raw=(blob,))
    set_ref(shop.repository, "refs/heads/main", turn)
    write_blob(shop.repository, b"lonely")
    shop.repository.objects.loose.path_of(blob).unlink()
    shop.repository.refs.pack_refs()
    shop.pass_days(20)
    files = shop.files()
    with pytest.raises(ObjectNotFoundError) as info:
        shop.gc()
    assert info.value.fields["oid"] == blob
    assert str(turn) in str(info.value)
    assert shop.files() == files


@pytest.mark.parametrize("packed", [False, True])
def test_damaged_object_stops_gc_before_it_changes_anything(shop, packed):
    """One wrong byte in a needed object is an error, and everything stays where it is."""
    make_tape(shop.repository, 4)
    write_blob(shop.repository, b"lonely")
    pattern = "objects/??/*"
    if packed:
        shop.gc(prune="never")
        pattern = "objects/pack/*.pack"
        make_tape(shop.reopen(), 50, label="more")
    victim = max(shop.root.glob(pattern), key=lambda path: path.stat().st_size)
    data = bytearray(victim.read_bytes())
    data[len(data) // 3] ^= 0x10
    victim.chmod(0o644)
    victim.write_bytes(data)
    shop.repository.refs.pack_refs()
    shop.pass_days(20)
    files = shop.files()
    with pytest.raises(DataError):
        shop.gc(is_aggressive=True)
    assert shop.files() == files


@pytest.mark.parametrize(
    "spoil",
    [
        lambda root: (root / "refs/heads/bad").write_bytes(b"not a ref\n"),
        lambda root: (root / "HEAD").unlink(),
        lambda root: (root / "packed-refs").write_bytes(b"rubbish\n"),
        lambda root: (root / "logs/refs/heads/main").write_bytes(b"rubbish\nrubbish\n"),
        lambda root: (root / "refs/heads/bad").symlink_to("/etc/hostname"),
        lambda root: os.mkfifo(root / "refs/heads/bad"),
    ],
    ids=["ref", "HEAD", "packed-refs", "reflog", "link", "fifo"],
)
def test_unreadable_root_stops_gc(shop, spoil):
    """A root that cannot be read may keep anything, so nothing goes."""
    make_tape(shop.repository, 2)
    lonely = write_blob(shop.repository, b"lonely")
    spoil(shop.root)
    shop.pass_days(100)
    with pytest.raises(TapesError):
        shop.gc(prune="now")
    assert shop.reopen().objects.loose.contains(lonely)
    assert shop.names("trash/*") == []


def test_damaged_unneeded_object_is_in_nobodys_way(shop):
    """A broken file that nothing needs is left alone while it is young, and goes when it is old."""
    blob = write_blob(shop.repository, b"lonely")
    path = shop.repository.objects.loose.path_of(blob)
    path.chmod(0o644)
    path.write_bytes(b"rubbish")
    make_tape(shop.repository, 2)
    shop.gc()
    assert path.exists()
    shop.pass_days(15)
    shop.gc()
    assert not path.exists()


def test_missing_object_comes_back_from_the_trash(shop):
    """What is needed and was thrown away by mistake is found in the trash and kept again."""
    tape = make_tape(shop.repository, 3, name=None)
    shop.pass_days(20)
    shop.gc()
    assert shop.contents() == {}
    set_ref(shop.reopen(), "refs/heads/main", tape[-1])
    shop.gc()
    assert set(tape) <= set(shop.contents())


def test_thrown_away_is_in_the_trash_for_a_week(shop):
    """Expired objects can be read for 7 days more, and then nothing of them is left."""
    oid = write_blob(shop.repository, b"lonely")
    shop.pass_days(20)
    shop.gc()
    assert shop.reopen().objects.find(oid) is not None
    shop.gc()
    shop.pass_days(6.9)
    shop.gc()
    assert len(shop.names("trash/*")) >= 1
    shop.pass_days(8)
    shop.gc()
    assert shop.names("trash/*") == []
    assert shop.reopen().objects.find(oid) is None


def test_expire_trash_now_empties_it_at_once(shop):
    """With --expire-trash=now not even this run's own batch is left."""
    make_tape(shop.repository, 3)
    report = shop.gc(expire_trash="now")
    assert report.swept.trash_bytes > 0
    assert shop.names("trash/*") == []
    assert len(shop.contents()) == 6


def test_pack_without_index_gets_one_and_is_not_lost(shop):
    """A pack whose index was lost is indexed again, not taken for garbage."""
    bulk_tape(shop, "one")
    before = shop.contents()
    (index,) = shop.root.glob("objects/pack/*.idx")
    index.unlink()
    shop.gc()
    assert shop.contents() == before
    assert len(shop.names("objects/pack/*.idx")) == 1


def test_second_run_at_a_time_is_refused(shop):
    """While one process is at it another one says who, and does nothing."""
    with hold_upkeep(shop.root), pytest.raises(LockedError) as info:
        shop.gc()
    assert info.value.fields["holder"] == os.getpid()


def test_nothing_is_removed_while_a_recorder_is_at_work(shop, monkeypatch):
    """A transaction in progress keeps gc from removing, not from packing; the next run does it."""
    monkeypatch.setattr("tapegit.upkeep.gc.remove.GATE_TIMEOUT_S", 0.1)
    lonely = write_blob(shop.repository, b"lonely")
    tape = make_tape(shop.repository, 3)
    shop.pass_days(20)
    with Lock(shop.root / "locks/gc").shared():
        report = shop.gc()
    assert report.collected.is_locked_out
    assert {lonely, *tape} <= set(shop.contents())
    assert len(shop.names("objects/??/*")) == 7
    shop.gc()
    assert shop.names("objects/??/*") == []
    assert len(shop.contents()) == 6


def test_fold_none_packs_what_is_loose_and_leaves_packs_alone(shop):
    """Without folding, each run adds one pack, and unreachable objects stay loose."""
    lonely = write_blob(shop.repository, b"lonely")
    for number in range(3):
        make_tape(shop.reopen(), 2, label=f"{number}", name=f"refs/heads/b{number}")
        collect(shop.reopen(), Wish(Fold.NONE, is_cruft_touched=False))
    assert len(shop.names("objects/pack/*.pack")) == 3
    assert shop.names("objects/??/*") == [lonely.hex()[2:]]


@pytest.mark.parametrize("name", ["trash", "tmp", "objects/pack", "locks"])
def test_folder_that_is_a_link_stops_gc(shop, tmp_path, name):
    """Upkeep neither deletes nor moves anything through a link, wherever somebody put one."""
    make_tape(shop.repository, 2)
    write_blob(shop.repository, b"lonely")
    outside = tmp_path / "outside"
    (shop.root / name).rename(outside)
    (outside / "precious").write_bytes(b"x")
    os.utime(outside / "precious", (1, 1))
    (shop.root / name).symlink_to(outside)
    names = sorted(path.name for path in outside.iterdir())
    shop.pass_days(20)
    with pytest.raises(UnsafePathError):
        shop.gc(prune="now", expire_trash="now")
    assert (outside / "precious").exists()
    assert sorted(path.name for path in outside.iterdir()) == names
    assert len(shop.names("objects/??/*")) == 5


def test_batch_of_the_trash_that_is_a_link_is_nobodys(shop, tmp_path):
    """A link in the trash with the name of a batch is neither emptied nor restored from."""
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_bytes(b"x")
    (shop.root / "trash" / "1000000000000-00000000").symlink_to(outside)
    make_tape(shop.repository, 2)
    shop.gc(expire_trash="now")
    assert (outside / "precious").exists()
    (outside / "objects/aa").mkdir(parents=True)
    (outside / "objects/aa" / ("b" * 62)).write_bytes(b"x")
    assert shop.repository.objects.find(ObjectId.parse("aa" + "b" * 62)) is None
    assert (outside / "objects/aa" / ("b" * 62)).exists()
