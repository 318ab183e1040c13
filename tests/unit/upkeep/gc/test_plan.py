"""Which packs are folded and which sections are copied as they are."""

from __future__ import annotations

import os

import pytest

from tapegit.errors import IntegrityError
from tapegit.objects.kind import Kind
from tapegit.porcelain.maintenance.repack import RepackOptions, run_repack
from tapegit.refs.names import RefName
from tapegit.upkeep.gc import plan as planning
from tapegit.upkeep.gc.plan import Fold, Wish, make_plan
from tapegit.upkeep.gc.stock import take_stock
from tests.builders import make_tape, turn_data, write_blob


def import_tape(shop, label, size=20_000, *, blobs=()):
    """Write a pack of a turn with blobs, of which the last is of some size; return the turn."""
    with shop.reopen().transaction("test", bulk=True, cold=True, threads=1) as txn:
        raw = [txn.write(Kind.BLOB, data) for data in (*blobs, os.urandom(size))]
        turn = txn.write(Kind.TURN, turn_data(label, raw=raw))
        txn.update_ref(RefName(f"refs/heads/{label}"), turn)
    return turn


def plan_of(shop, **wish):
    """Return what a run with this wish would do now, and the stock it is about."""
    stock = take_stock(shop.reopen())
    return make_plan(stock, Wish(**wish)), stock


@pytest.fixture
def small_sections(monkeypatch):
    """Let sections of a few kilobytes count as full."""
    monkeypatch.setattr(planning, "_SECTION_BLOB_BYTES_MIN", 10_000)
    monkeypatch.setattr(planning, "_LARGE_FRAME_BYTES_MIN", 1_000)


@pytest.mark.usefixtures("small_sections")
def test_full_sections_are_copied_and_the_rest_is_written_anew(shop):
    """What is as good as new is copied; what is small or loose is encoded; all reads as before."""
    import_tape(shop, "large")
    import_tape(shop, "larger", 30_000)
    import_tape(shop, "small", 100)
    make_tape(shop.repository, 2)
    before = shop.contents()
    plan, _ = plan_of(shop, fold=Fold.ALL)
    assert len(plan.copied) == 2
    done = run_repack(shop.reopen(), RepackOptions(takes_all=True, removes=True))
    assert (done.copied_count, done.written_count) == (4, 6)
    assert len(shop.names("objects/pack/*.pack")) == 1
    assert shop.contents() == before


@pytest.mark.usefixtures("small_sections")
def test_section_with_an_unneeded_object_is_not_copied(shop):
    """One object that goes is enough to write its section anew."""
    import_tape(shop, "first")
    with shop.reopen().transaction("test", bulk=True, threads=1) as txn:
        raw = txn.write(Kind.BLOB, os.urandom(20_000))
        txn.write(Kind.BLOB, b"lonely")
        txn.update_ref(RefName("refs/heads/b"), txn.write(Kind.TURN, turn_data("b", raw=(raw,))))
    plan, _ = plan_of(shop, fold=Fold.ALL)
    assert len(plan.copied) == 1
    assert sum(plan.fresh) == 2
    assert len(plan.cruft) == 1


@pytest.mark.usefixtures("small_sections")
def test_section_with_a_second_copy_is_not_copied(shop):
    """An object that two sections have is in the new pack once, so one section is written anew."""
    data = os.urandom(20_000)
    for label in "ab":
        import_tape(shop, label, blobs=(data, os.urandom(15_000)))
        for path in list(shop.root.glob("objects/pack/*")):
            path.rename(shop.root / "tmp" / path.name)
    for path in list((shop.root / "tmp").glob("pack-*")):
        path.rename(shop.root / "objects/pack" / path.name)
    before = shop.contents()
    plan, _ = plan_of(shop, fold=Fold.ALL)
    assert len(plan.copied) == 1
    assert sum(plan.fresh) == 3
    run_repack(shop.reopen(), RepackOptions(takes_all=True, removes=True))
    assert shop.contents() == before


@pytest.mark.usefixtures("small_sections")
def test_damage_in_a_copied_section_stops_the_run(shop):
    """What is copied is read back and verified: damage is found, named, and never passed on."""
    import_tape(shop, "one")
    import_tape(shop, "two", 25_000)
    victim = min(shop.root.glob("objects/pack/*.pack"), key=lambda path: path.stat().st_size)
    data = bytearray(victim.read_bytes())
    data[5_000] ^= 1
    victim.chmod(0o644)
    victim.write_bytes(data)
    files = shop.files()
    with pytest.raises(IntegrityError, match=victim.name):
        run_repack(shop.reopen(), RepackOptions(takes_all=True, removes=True))
    assert shop.files() == files


def test_sections_of_small_frames_are_written_anew(shop):
    """As they come from an import that is read soon again, sections are not worth copying."""
    import_tape(shop, "one")
    import_tape(shop, "two")
    plan, _ = plan_of(shop, fold=Fold.ALL)
    assert plan.copied == []
    assert sum(plan.fresh) == 4


@pytest.mark.parametrize(("lost", "is_folded"), [(1, False), (3, True)])
def test_automatic_run_folds_for_the_dead_only_if_they_are_many(shop, lost, is_folded):
    """An automatic run leaves a pack with a few dead objects alone, a run by hand does not."""
    with shop.reopen().transaction("test", bulk=True, threads=1) as txn:
        raw = [txn.write(Kind.BLOB, b"%d" % n) for n in range(9)]
        txn.update_ref(RefName("refs/heads/a"), txn.write(Kind.TURN, turn_data("a", raw=raw)))
        for n in range(lost):
            txn.write(Kind.BLOB, b"lost %d" % n)
    shop.pass_days(20)
    expire_ms = shop.clock() - 86_400_000
    assert bool(plan_of(shop, expire_ms=expire_ms, is_auto=True)[0].folded) == is_folded
    assert plan_of(shop, expire_ms=expire_ms)[0].folded == [0]
    assert plan_of(shop, expire_ms=None)[0].folded == []


def test_nothing_to_do_is_an_empty_plan(shop):
    """One pack and nothing else gives a plan that writes and removes nothing."""
    make_tape(shop.repository, 3)
    shop.gc()
    for fold in Fold:
        plan, _ = plan_of(shop, fold=fold)
        assert not plan.writes_pack
        assert (plan.folded, plan.cruft, plan.expired) == ([], None, [])


def test_object_in_a_pack_that_stays_is_not_written_again(shop):
    """Loose copies of what a pack has are not packed; they only go."""
    make_tape(shop.repository, 3)
    loose = {path: path.read_bytes() for path in shop.root.glob("objects/??/*")}
    shop.gc()
    for path, data in loose.items():
        path.write_bytes(data)
    lonely = write_blob(shop.reopen(), b"lonely")
    plan, stock = plan_of(shop)
    assert not plan.writes_pack
    assert [stock.links.oid_of(n) for n in plan.cruft] == [lonely]
    shop.gc()
    assert shop.names("objects/??/*") == []
