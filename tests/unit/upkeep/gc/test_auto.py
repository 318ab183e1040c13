"""When gc is due, and running it in the background."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

import pytest

from tapegit.porcelain.maintenance.gc import start_auto
from tapegit.upkeep.gc import auto
from tapegit.upkeep.gc.collect import hold_upkeep
from tests.builders import make_tape, write_blob


def loose_names(shop, count):
    """Leave files with the names of loose objects in the folder that is looked at."""
    for number in range(count):
        (shop.root / "objects/17" / f"{number:062x}").touch()


@pytest.mark.parametrize(
    ("files", "limit", "is_due"),
    [(0, 6700, False), (26, 6700, False), (27, 6700, True), (27, 0, False), (1, 1, True)],
)
def test_loose_objects_make_it_due(shop, files, limit, is_due):
    """One folder of 256 tells of all, as in git; 0 turns it off."""
    loose_names(shop, files)
    assert auto.is_due(shop.root, loose_max=limit, pack_max=50) == is_due


@pytest.mark.parametrize(
    ("endings", "limit", "is_due"),
    [
        ((".pack", ".idx"), 3, True),
        ((".pack", ".idx"), 4, False),
        ((".pack", ".idx"), 0, False),
        ((".pack", ".idx", ".keep"), 3, False),
        ((".pack", ".idx", ".cruft"), 3, False),
        ((".idx",), 3, False),
    ],
)
def test_packs_make_it_due(shop, endings, limit, is_due):
    """More packs than the limit make it due; kept and cruft packs do not count; 0 is no limit."""
    for number in range(4):
        for ending in endings:
            (shop.root / "objects/pack" / f"pack-{number:064x}{ending}").touch()
    assert auto.is_due(shop.root, loose_max=6700, pack_max=limit) == is_due


def set_limits(shop, text):
    """Write the settings of the store."""
    (shop.root / "config").write_text(f"[gc]\n{text}\n")


def wait_for(condition, seconds=20.0):
    """Wait until something is so; fail if it never is."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.02)


def test_automatic_run_goes_on_in_the_background(shop):
    """The caller is back at once; objects get packed by a process that is not its child."""
    make_tape(shop.repository, 5)
    set_limits(shop, "auto = 1")
    loose_names(shop, 1)
    (shop.root / "objects/17" / ("0" * 62)).unlink()
    write_blob(shop.repository, find_blob_in("17"))
    children = list_children()
    assert start_auto(shop.reopen()) is None
    wait_for(lambda: shop.names("objects/??/*") == [])
    wait_for((shop.root / "gc.log").exists)
    assert (shop.root / "gc.log").read_bytes() == b""
    assert len(shop.contents()) == 11
    assert list_children() <= children


def list_children():
    """Return the ids of this process's children, those that ended unnoticed too."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/stat"):  # nothing where there is no /proc
        with suppress(OSError):
            parent = path.read_text().rpartition(")")[2].split()[1]
            if int(parent) == os.getpid():
                found.add(path.parent.name)
    return found


def find_blob_in(folder):
    """Return data whose blob lies in a folder of loose objects."""
    from tapegit.objects.kind import Kind, object_id

    return next(
        data
        for data in (b"%d" % number for number in range(100_000))
        if object_id(Kind.BLOB, data).hex().startswith(folder)
    )


def test_nothing_is_started_when_it_is_not_due(shop):
    """A store with few files is left alone."""
    make_tape(shop.repository, 5)
    files = shop.files()
    assert start_auto(shop.reopen()) is None
    assert shop.files() == files


def test_failure_is_logged_and_not_tried_again_for_a_day(shop):
    """What went wrong is in gc.log; as long as it is fresh, the next command says so instead."""
    make_tape(shop.repository, 3)
    set_limits(shop, "auto = 1")
    loose_names(shop, 1)
    (shop.root / "HEAD").unlink()
    assert start_auto(shop.reopen()) is None
    wait_for((shop.root / "gc.log").exists)
    assert "HEAD is missing" in (shop.root / "gc.log").read_text()
    assert "HEAD is missing" in start_auto(shop.reopen())
    shop.pass_days(1.1)
    assert start_auto(shop.reopen()) is None


def test_mistake_of_the_program_is_logged_too(shop, monkeypatch):
    """Whatever ends the run in the background, the log says what it was."""
    make_tape(shop.repository, 3)
    set_limits(shop, "auto = 1")
    loose_names(shop, 1)
    monkeypatch.setattr("tapegit.porcelain.maintenance.gc.collect", None)
    assert start_auto(shop.reopen()) is None
    wait_for((shop.root / "gc.log").exists)
    assert "TypeError" in (shop.root / "gc.log").read_text()


def test_second_run_in_the_background_leaves_the_first_alone(shop):
    """While somebody is at it, another automatic run ends at once and complains of nothing."""
    make_tape(shop.repository, 3)
    set_limits(shop, "auto = 1")
    loose_names(shop, 1)
    with hold_upkeep(shop.root):
        assert start_auto(shop.reopen()) is None
        wait_for((shop.root / "gc.log").exists)
    assert (shop.root / "gc.log").read_bytes() == b""
    assert len(shop.names("objects/??/*")) == 7
