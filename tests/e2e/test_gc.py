"""`tapes gc`, as a user runs it."""

from __future__ import annotations

import time

import pytest

from tests.builders import make_repo, make_tape, set_ref, write_blob, write_turn

LATER = {"TAPES_DATE": str(time.time_ns() // 1_000_000 + 15 * 86_400_000)}
"""Fifteen days after the files of a test were written."""


@pytest.fixture
def repository(work):
    """Give a store with a tape of five turns, each with a blob, and a lonely blob, all loose."""
    repository = make_repo(work / ".tapes")
    make_tape(repository, 5)
    write_blob(repository, b"lonely")
    return repository


def list_objects(tapes):
    """Return every object as cat-file prints it."""
    return tapes("cat-file", "--batch", "--batch-all-objects").data


def test_gc_says_what_it_did_and_loses_nothing(tapes, repository):
    """Objects read the same before and after; the summary is four lines at most."""
    before = list_objects(tapes)
    result = tapes("gc")
    assert result.lines == [
        "packed 1 ref",
        "packed 10 objects of 0 packs and 10 loose objects",
        "kept 1 unreachable object that is young",
        "moved 11 files to the trash",
    ]
    assert list_objects(tapes) == before
    assert tapes("gc").lines == ["kept 1 unreachable object that is young"]


def test_gc_quiet_says_nothing(tapes, repository):
    """With -q a run that went well is silent."""
    result = tapes("gc", "-q")
    assert (result.data, result.err) == (b"", "")


def test_gc_json_gives_every_figure(tapes, repository):
    """One object with all counts, whatever they are."""
    (record,) = tapes("gc", "--json").records
    assert record.pop("pack").startswith("pack-")
    assert record.pop("bytes_written") > 0
    assert record == {
        "schema": 1,
        "dry_run": False,
        "reflog_entries_expired": 0,
        "refs_packed": 1,
        "packs_before": 0,
        "packs_folded": 0,
        "objects_written": 10,
        "objects_copied": 0,
        "loose_packed": 10,
        "cruft_objects": 1,
        "expired_objects": 0,
        "packs_removed": 0,
        "loose_removed": 11,
        "kept_back": 0,
        "locked_out": False,
        "trash_bytes_deleted": 0,
        "tmp_files_deleted": 0,
    }


def test_gc_dry_run_says_what_it_would_do(tapes, repository):
    """Nothing is written, and each line says so."""
    result = tapes("gc", "--dry-run", env=LATER)
    assert result.lines == [
        "would have expired 2 reflog entries",
        "would have packed 10 objects of 0 packs and 10 loose objects",
        "would have removed 1 unreachable object",
    ]
    assert tapes("count-objects").lines == ["11 objects, 2 kilobytes"]


def test_gc_removes_what_is_unreachable_and_old(tapes, repository):
    """After the grace a lonely object is gone for everyone."""
    oid = write_blob(repository, b"lonely")
    result = tapes("gc", env=LATER)
    assert "removed 1 unreachable object" in result.lines
    listed = tapes("cat-file", "--batch-check", "--batch-all-objects").out
    assert str(oid) not in listed
    assert len(listed.splitlines()) == 10


@pytest.mark.parametrize(
    ("options", "is_kept"),
    [
        ((), False),
        (("--prune=16.days",), True),
        (("--prune=now",), False),
        (("--no-prune",), True),
        (("--prune=never",), True),
        (("--prune",), False),
    ],
)
def test_gc_prune_says_how_old(tapes, repository, options, is_kept):
    """--prune takes a date, `now` or `never`, and without one means what is configured."""
    tapes("gc", *options, env=LATER)
    assert len(tapes("cat-file", "--batch-check", "--batch-all-objects").lines) == 10 + is_kept


def test_gc_takes_the_grace_from_the_settings(tapes, repository):
    """gc.prune_expire holds where no option says otherwise."""
    tapes("config", "gc.prune_expire", "20.days")
    tapes("gc", env=LATER)
    assert len(tapes("cat-file", "--batch-check", "--batch-all-objects").lines) == 11


@pytest.mark.parametrize(
    ("args", "code", "text"),
    [
        (("gc", "--prune=soon"), 14, "not a date: 'soon'"),
        (("gc", "--expire-trash=soon"), 14, "not a date: 'soon'"),
        (("gc", "--prune=now", "--no-prune"), 2, "exclude each other"),
        (("gc", "rubbish"), 2, "unexpected extra argument"),
    ],
)
def test_gc_refuses_what_it_does_not_know(tapes, repository, args, code, text):
    """A bad option is an error with its code before anything is done."""
    result = tapes(*args, code=code)
    assert text in result.err
    assert tapes("count-objects").lines == ["11 objects, 2 kilobytes"]


def test_gc_of_a_broken_store_says_what_is_missing_and_does_nothing(tapes, repository):
    """The error names the missing object and what needs it, and points to fsck."""
    blob = write_blob(repository, b"soon missing")
    turn = write_turn(repository, raw=(blob,))
    set_ref(repository, "refs/heads/broken", turn)
    repository.objects.loose.path_of(blob).unlink()
    result = tapes("gc", code=12)
    assert result.err.splitlines() == [
        f"tapes: error: no object '{blob}', which turn '{turn}' needs",
        "hint: run 'tapes fsck --full' to see what else is missing",
    ]
    assert tapes("count-objects").out.startswith("12 objects")


def test_gc_auto_does_nothing_where_it_is_not_due(tapes, repository):
    """A small store is left alone by --auto, in the background or not."""
    tapes("gc", "--auto")
    tapes("gc", "--auto", "--no-detach")
    assert tapes("count-objects").out.startswith("11 objects")


def test_gc_auto_runs_here_with_no_detach(tapes, repository):
    """--no-detach waits for the run and shows what it did."""
    tapes("config", "gc.auto", "1")
    for number in range(2000):
        if any(repository.root.glob("objects/17/*")):
            break
        write_blob(repository, b"%d" % number)
    assert "packed 10 objects" in tapes("gc", "--auto", "--no-detach").out


def test_gc_outside_a_store_is_an_error(tapes):
    """Without a store there is nothing to do, and the exit code says so."""
    tapes("gc", code=10)
