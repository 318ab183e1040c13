"""What happens between planning and removing: everything is judged again inside the gate."""

from __future__ import annotations

import os

import pytest

from tapegit.errors import ObjectNotFoundError
from tapegit.objects.kind import Kind
from tapegit.upkeep.gc.collect import find_doomed
from tapegit.upkeep.gc.plan import Fold, Wish, make_plan
from tapegit.upkeep.gc.remove import remove
from tapegit.upkeep.gc.rewrite import Quality, write_cruft_pack, write_pack
from tapegit.upkeep.gc.stock import mark_since, take_stock
from tests.builders import make_tape, set_ref, turn_data, write_blob, write_turn


class Paused:
    """A run of gc that has written its packs and removed nothing yet."""

    def __init__(self, shop, wish):
        self.repository = shop.reopen()
        self.stock = take_stock(self.repository)
        plan = make_plan(self.stock, wish)
        quality = Quality(cold=False, threads=1)
        packs = [
            write_pack(self.repository, self.stock, plan, quality),
            write_cruft_pack(self.repository, self.stock, plan, quality),
        ]
        self.packs = [pack for pack in packs if pack is not None]
        self.doomed = find_doomed(self.stock, plan)
        self.now_ms = shop.clock()

    def go_on(self):
        """Do the last step."""
        return remove(self.repository, self.stock, self.doomed, self.packs, now_ms=self.now_ms)


def expire_all(shop):
    """Return the wish to fold everything and to remove all that is unreachable and a day old."""
    return Wish(Fold.ALL, expire_ms=shop.clock() - 86_400_000)


def old_pack(shop, data=b"packed"):
    """Return an unreachable turn with a blob, in a pack that is twenty days old."""
    with shop.reopen().transaction("test", bulk=True) as txn:
        turn = txn.write(Kind.TURN, turn_data("lost", raw=(txn.write(Kind.BLOB, data),)))
    for path in shop.root.glob("objects/pack/*"):
        os.utime(path, (1, 1))
    return turn


def test_loose_object_that_gets_a_ref_meanwhile_stays(shop):
    """A ref that appears after the marking keeps what it needs, though gc had given it up."""
    turn = write_turn(shop.repository, "lost", raw=(write_blob(shop.repository, b"lost"),))
    other = write_blob(shop.repository, b"still lost")
    shop.pass_days(20)
    run = Paused(shop, expire_all(shop))
    set_ref(shop.reopen(), "refs/heads/found", turn)
    removed = run.go_on()
    assert (removed.loose_count, removed.kept_back_count) == (1, 2)
    assert turn in shop.contents()
    assert other not in shop.contents()
    shop.gc()
    assert len(shop.contents()) == 2


def test_pack_with_an_object_that_gets_a_ref_meanwhile_stays(shop):
    """A pack is not removed if something in it came to be needed and is in no other."""
    turn = old_pack(shop)
    make_tape(shop.repository, 2)
    run = Paused(shop, expire_all(shop))
    set_ref(shop.reopen(), "refs/heads/found", turn)
    os.utime(next(shop.root.glob("objects/pack/*.pack")))
    removed = run.go_on()
    assert removed.pack_count == 0
    assert removed.kept_back_count == 1
    assert turn in shop.contents()


def test_new_turn_on_top_of_what_gc_gave_up_keeps_it(shop):
    """A recording that goes on from an unreachable turn keeps the whole chain below."""
    turn = old_pack(shop)
    run = Paused(shop, expire_all(shop))
    make_tape(shop.reopen(), 2, start=turn)
    run.go_on()
    assert len(shop.contents()) == 6
    assert turn in shop.contents()


@pytest.mark.parametrize("bulk", [False, True])
def test_object_written_again_meanwhile_stays(shop, bulk):
    """An object whose file was touched by a writer is left to the next run."""
    loose = write_blob(shop.repository, b"loose")
    old_pack(shop)
    shop.pass_days(20)
    run = Paused(shop, expire_all(shop))
    with shop.reopen().transaction("test", bulk=bulk) as txn:
        assert txn.write(Kind.BLOB, b"loose") == loose
        packed = txn.write(Kind.BLOB, b"packed")
    run.go_on()
    assert {loose, packed} <= set(shop.contents())


def test_keep_file_that_appears_meanwhile_is_honoured(shop):
    """A .keep file put beside a pack before the last step keeps the pack."""
    turn = old_pack(shop)
    make_tape(shop.repository, 2)
    run = Paused(shop, expire_all(shop))
    (pack,) = [shop.root / "objects/pack" / e.view.path.name for e in run.stock.inventory.packs]
    pack.with_suffix(".keep").touch()
    run.go_on()
    assert pack.exists()
    assert turn in shop.contents()


def test_objects_that_come_meanwhile_are_not_looked_at(shop):
    """What was written after the marking is neither removed nor needed for anything."""
    make_tape(shop.repository, 3)
    run = Paused(shop, expire_all(shop))
    lonely = write_blob(shop.reopen(), b"new and lonely")
    more = make_tape(shop.reopen(), 3, label="more", name="refs/heads/more")
    run.go_on()
    assert {lonely, *more} <= set(shop.contents())
    assert len(shop.contents()) == 13


def test_ref_to_a_missing_object_that_appears_meanwhile_stops_the_run(shop):
    """A new root that needs what nobody has stops the run before anything is removed."""
    write_blob(shop.repository, b"lonely")
    turn = write_turn(shop.repository, "broken", raw=(write_blob(shop.repository, b"x"),))
    shop.pass_days(20)
    run = Paused(shop, expire_all(shop))
    set_ref(shop.reopen(), "refs/heads/broken", turn)
    shop.repository.objects.loose.path_of(turn).unlink()
    with pytest.raises(ObjectNotFoundError):
        run.go_on()
    assert shop.names("trash/*") == []


def test_marking_since_walks_only_what_is_new(shop):
    """Roots that were known are not walked again, and marked objects end the walk."""
    tape = make_tape(shop.repository, 4)
    lost = make_tape(shop.repository, 3, start=tape[1], label="lost", name=None)
    repository = shop.reopen()
    stock = take_stock(repository)
    assert mark_since(stock, repository) == []
    set_ref(shop.reopen(), "refs/heads/lost", lost[-1])
    newly = mark_since(stock, repository)
    assert len(newly) == 6
    assert {stock.links.oid_of(n) for n in newly} > set(lost)
    assert mark_since(stock, repository) == []


def test_pack_goes_with_its_files_and_pack_file_first(shop, monkeypatch):
    """A crash amid the removal of a pack leaves an index without pack, never the reverse."""
    moved = []
    real = os.rename
    make_tape(shop.repository, 2)
    shop.gc()
    make_tape(shop.repository, 40, label="more")
    run = Paused(shop, expire_all(shop))
    monkeypatch.setattr(os, "rename", lambda a, b: (moved.append(str(a)), real(a, b)))
    run.go_on()
    packs = [name.rpartition(".")[2] for name in moved if "/objects/pack/" in name]
    assert packs[:2] == ["pack", "idx"]


def test_what_a_crash_left_of_a_pack_is_swept(shop):
    """An index whose pack is gone goes into the trash with the next run."""
    make_tape(shop.repository, 2)
    shop.gc()
    for path in shop.root.glob("objects/pack/*.pack"):
        orphan = path.with_name("pack-" + "0" * 64 + ".idx")
        orphan.write_bytes(path.with_suffix(".idx").read_bytes())
    shop.gc()
    assert not orphan.exists()
    assert shop.names("trash/*/objects/pack/" + orphan.name) == [orphan.name]
    assert len(shop.contents()) == 4
