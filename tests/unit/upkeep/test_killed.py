"""gc killed before any single system call: what is needed is there, and the next run ends well.

Every run of the tests has it die before one call in six, `make faults` before each.
"""

from __future__ import annotations

import os
import shutil

import pytest

from tapegit.files import syscalls
from tapegit.refs.names import RefName
from tapegit.upkeep.gc.stock import take_stock
from tests.builders import make_tape, set_ref, write_blob, write_turn
from tests.unit.upkeep.conftest import Shop

CALLS = [
    "open_new", "open_append", "open_lock", "open_special", "write", "pwrite", "ftruncate", "fsync",
    "fdatasync", "fsync_dir", "fchmod", "link", "rename", "unlink", "mkdir", "rmdir", "utime",
]  # fmt: skip


def fill(shop):
    """Fill a store with packs and loose objects, needed, young and old; return what is needed."""
    make_tape(shop.repository, 3)
    shop.gc()
    make_tape(shop.reopen(), 2, label="doomed", name="refs/heads/doomed")
    write_blob(shop.repository, b"young before")
    shop.gc(prune="never")
    tape = make_tape(shop.reopen(), 4, label="more", name="refs/heads/more")
    with shop.reopen().refs.transaction("drop") as transaction:
        transaction.delete(RefName("refs/heads/doomed"))
    found = write_turn(shop.reopen(), "found again", raw=(write_blob(shop.reopen(), b"old"),))
    set_ref(shop.reopen(), "refs/heads/found", found)
    write_blob(shop.reopen(), b"lonely")
    stock = take_stock(shop.reopen())
    needed = {stock.links.oid_of(n) for n in range(stock.links.count) if stock.marks[n]}
    assert {tape[-1], found} < needed
    contents = shop.contents()
    assert len(contents) > len(needed)
    return {oid: contents[oid] for oid in needed}


def run_until(shop, number):
    """Run gc in a process that dies before its n-th system call; return whether it came to that."""
    pid = os.fork()
    if pid:
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9
    code = 1
    try:
        counted = iter(range(1, number))

        def wrap(call):
            def counting(*args, **keywords):
                if next(counted, None) is None:
                    os._exit(9)
                return call(*args, **keywords)

            return counting

        for name in CALLS:
            setattr(syscalls, name, wrap(getattr(syscalls, name)))
        shop.gc(is_aggressive=True, expire_trash="now")
        code = 0
    finally:
        os._exit(code)


def check(shop, needed, refs):
    """Check that every ref is as it was and every needed object reads as before."""
    repository = shop.reopen()
    assert [ref[:2] for ref in repository.refs.iter_refs()] == refs
    assert repository.refs.read_head().target == "refs/heads/main"
    for oid, item in needed.items():
        assert repository.objects.find(oid) == item


def test_every_call_is_counted():
    """The list of calls is all that the one module of system calls has."""
    public = {name for name, value in vars(syscalls).items() if callable(value)}
    ours = {n for n in public if getattr(vars(syscalls)[n], "__module__", "") == syscalls.__name__}
    assert ours == set(CALLS)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("step", [6, pytest.param(1, marks=pytest.mark.faults)])
def test_gc_killed_before_any_call_loses_nothing(tmp_path, step):
    """Whatever call it dies before, a reader finds all that is needed, and gc can go on."""
    first = tmp_path / "first" / ".tapes"
    first.parent.mkdir()
    from tests.builders import make_store

    origin = Shop(make_store(first))
    needed = fill(origin)
    refs = [ref[:2] for ref in origin.repository.refs.iter_refs()]
    number, is_killed = 1 - step, True
    while is_killed:
        number += step
        root = tmp_path / str(number) / ".tapes"
        shutil.copytree(first, root, symlinks=True)
        shop = Shop(root)
        shop.pass_days(20)
        is_killed = run_until(shop, number)
        check(shop, needed, refs)
        shop.gc(prune="never")
        check(shop, needed, refs)
        assert shop.names("objects/??/*") == []
        shutil.rmtree(root.parent)
    assert number > 50, "the calls were counted"
