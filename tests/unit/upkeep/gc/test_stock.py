"""When unneeded objects were last wanted, and what is young."""

from __future__ import annotations

import os

from tapegit.objects.kind import Kind
from tapegit.upkeep.gc.packlinks import NONE
from tapegit.upkeep.gc.stock import find_times, iter_unset, mark_young, take_stock
from tests.builders import make_tape, write_blob, write_turn
from tests.unit.upkeep.conftest import DAY_MS


def age(shop, oid, days):
    """Let a loose object be some days old."""
    stamp = shop.clock() / 1000 - 86_400 * days
    os.utime(shop.repository.objects.loose.path_of(oid), (stamp, stamp))


def days_of(shop):
    """Return how many days ago gc believes that each unneeded object was wanted."""
    stock = take_stock(shop.reopen())
    times = find_times(stock)
    return {
        stock.links.oid_of(n): round((shop.clock() - times[n]) / DAY_MS)
        for n in iter_unset(stock.marks, 0, stock.links.count)
        if stock.links.first_of(n) == n
    }


def test_objects_of_a_cruft_pack_have_times_of_their_own(shop):
    """Put into a pack together, and again into another, objects stay as old as they were."""
    ages = {write_blob(shop.repository, b"%d" % n): 2 * n for n in range(7)}
    for oid, days in ages.items():
        age(shop, oid, days)
    assert days_of(shop) == ages
    shop.gc()
    assert len(shop.names("objects/pack/*.cruft")) == 1
    assert days_of(shop) == ages
    more = {write_blob(shop.reopen(), b"%d" % n): 0 for n in range(7, 20)}
    shop.gc()
    assert len(shop.names("objects/pack/*.cruft")) == 1
    assert days_of(shop) == ages | more
    shop.pass_days(7)
    shop.gc()
    left = {oid for oid, days in (ages | more).items() if days <= 7}
    assert set(shop.contents()) | {oid for oid, d in ages.items() if d == 8} >= left
    assert all(oid not in shop.contents() for oid, days in ages.items() if days > 8)


def test_of_several_copies_the_youngest_counts(shop):
    """A loose copy and one in the cruft pack: the later time is the object's, either way round."""
    oid = write_blob(shop.repository, b"twice")
    path = shop.repository.objects.loose.path_of(oid)
    data = path.read_bytes()
    for cruft_days, loose_days in ((9, 3), (3, 9)):
        for old in shop.root.glob("objects/pack/*"):
            old.unlink()
        path.unlink(missing_ok=True)  # nobody but root may write to it
        path.write_bytes(data)
        age(shop, oid, cruft_days)
        shop.gc()
        assert not path.exists()
        path.write_bytes(data)
        age(shop, oid, loose_days)
        assert days_of(shop) == {oid: 3}


def test_copy_in_a_pack_and_a_loose_one_younger_than_it(shop):
    """An unneeded object in an old pack is young again if a loose copy is."""
    tape = make_tape(shop.repository, 2, name=None)
    shop.gc()
    for cruft in shop.root.glob("objects/pack/*.cruft"):
        cruft.unlink()
    shop.pass_days(10)
    for path in shop.root.glob("objects/pack/*"):
        os.utime(path, (1, 1))
    write = shop.repository.objects.loose
    with write.begin_batch() as batch:
        found = shop.reopen().objects.read(tape[0])
        batch.write(found.kind, found.data)
    assert days_of(shop)[tape[0]] == 10
    shop.gc()
    assert tape[0] in shop.contents()
    assert tape[1] not in shop.contents()


def test_everything_is_young_where_nothing_expires(shop):
    """Without a limit all that is unneeded is kept; with one only what is not older."""
    blob, turn = write_blob(shop.repository, b"old"), write_turn(shop.repository, "young")
    age(shop, blob, 20)
    stock = take_stock(shop.reopen())
    times = find_times(stock)
    assert sum(mark_young(stock, times, None)) == 2
    assert sum(mark_young(stock, times, 0)) == 2
    kept = mark_young(stock, times, shop.clock() - 14 * DAY_MS)
    assert kept[stock.links.find(turn)]
    assert not kept[stock.links.find(blob)]


def test_tips_are_the_numbers_of_the_roots(shop):
    """Each root has a number, and HEAD's comes first."""
    tape = make_tape(shop.repository, 3)
    stock = take_stock(shop.reopen())
    assert stock.tips()[0] == stock.links.find(tape[-1])
    assert NONE not in stock.tips()


def bulk_blob(shop, data, days):
    """Write a blob into a pack of its own that is some days old."""
    before = set(shop.root.glob("objects/pack/*"))
    with shop.reopen().transaction("test", bulk=True) as txn:
        oid = txn.write(Kind.BLOB, data)
    stamp = shop.clock() / 1000 - 86_400 * days
    for path in set(shop.root.glob("objects/pack/*")) - before:
        os.utime(path, (stamp, stamp))
    return oid


def test_copy_in_a_pack_and_an_older_one_in_the_cruft_pack(shop):
    """An object that was written again into a pack is as young as that pack."""
    twice, once = write_blob(shop.repository, b"twice"), write_blob(shop.repository, b"once")
    for oid in (twice, once):
        age(shop, oid, 9)
    shop.gc()
    assert bulk_blob(shop, b"twice", 3) == twice
    assert days_of(shop) == {twice: 3, once: 9}


def test_loose_copy_that_is_younger_than_its_pack_stays(shop):
    """A second copy of an unneeded object goes only if the pack keeps it as long as the file."""
    oid = bulk_blob(shop, b"twice", 20)
    shop.reopen().objects.loose.write(Kind.BLOB, b"twice")
    shop.gc()
    shop.gc()
    assert days_of(shop) == {oid: 0}
    shop.pass_days(15)
    shop.gc()
    assert shop.contents() == {}
