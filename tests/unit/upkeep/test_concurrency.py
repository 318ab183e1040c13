"""gc that removes at once, beside recorders and readers that never stop."""

from __future__ import annotations

import os
import time
import traceback

import pytest

from tapegit.errors import LockedError
from tapegit.graph.reachable import iter_reachable_objects
from tapegit.objects.kind import Kind
from tapegit.refs.names import RefName
from tests.builders import turn_data

SECONDS = 3.0


def record(shop, worker, deadline):
    """Record turns, loose and packed, sharing blobs with other recorders; return how many."""
    repository = shop.reopen()  # one process for a whole recording, as a recorder is
    name = RefName(f"refs/heads/worker{worker}")
    parent, count = None, 0
    while time.monotonic() < deadline:
        with repository.transaction("record", bulk=count % 5 == 4, threads=1) as txn:
            raw = [txn.write(Kind.BLOB, b"shared %d" % (count // 3))]
            txn.write(Kind.BLOB, b"waste %d" % (count // 2))
            raw.append(txn.write(Kind.BLOB, b"own %d %d" % (worker, count)))
            parents = () if parent is None else (parent,)
            tip = txn.write(Kind.TURN, turn_data(f"{worker} {count}", parents=parents, raw=raw))
            txn.update_ref(name, tip, parent)
        parent, count = tip, count + 1
    return count


def read(shop, worker, deadline):
    """Read everything that refs reach, over and over; return how often."""
    repository, count = shop.reopen(), 0
    while time.monotonic() < deadline:
        tips = [ref.oid for ref in repository.refs.iter_refs()]
        for oid in iter_reachable_objects(repository.objects, tips):
            assert repository.objects.find(oid) is not None, f"{oid} was missing"
        if worker % 2:
            repository = shop.reopen()
        count += 1
    return count


def collect(shop, worker, deadline):
    """Run gc without any grace and with no trash to fall back on; return how often."""
    del worker
    count = 0
    while time.monotonic() < deadline:
        try:
            report = shop.gc(prune="now", expire_trash="now", is_aggressive=count % 3 == 2)
        except LockedError:
            continue
        assert not report.collected.is_locked_out, "recorders kept gc out"
        count += 1
    return count


def start(work, shop, worker, deadline):
    """Run some work in a process of its own; return its number and where its count arrives."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return pid, reader
    code = 1
    try:
        os.write(writer, b"%d" % work(shop, worker, deadline))
        code = 0
    except BaseException:  # noqa: BLE001 - the child must not return into the test
        traceback.print_exc()
    finally:
        os._exit(code)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_nothing_is_lost_or_missing_beside_gc(shop):
    """Three recorders and two readers for seconds beside a gc loop: no object is missing ever.

    The recorders count on objects that gc is about to remove, since they write the same ones.
    """
    deadline = time.monotonic() + SECONDS
    works = [record, record, record, read, read, collect]
    started = [start(work, shop, n, deadline) for n, work in enumerate(works)]
    counts = []
    for pid, pipe in started:
        with os.fdopen(pipe, "rb") as stream:
            counts.append(int(stream.read() or b"0"))
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert min(counts) > 0, counts
    repository = shop.reopen()
    tips = [ref.oid for ref in repository.refs.iter_refs()]
    reached = list(iter_reachable_objects(repository.objects, tips))
    turns = sum(repository.objects.read(oid).kind is Kind.TURN for oid in reached)
    assert turns == sum(counts[:3])
    shop.gc(prune="now", expire_trash="now")
    assert set(shop.contents()) >= set(reached)
