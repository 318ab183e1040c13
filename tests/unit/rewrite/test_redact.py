"""Redaction: nothing of a secret is left, whatever stops it; what has none of it stays."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil

import pytest

from tapegit.errors import StorageError
from tapegit.objects.turn import decode_turn
from tapegit.porcelain.maintenance.fsck import run_fsck
from tapegit.porcelain.secrets.redact import run_redact
from tapegit.refs.names import RefName
from tapegit.repository.layout import REWRITING_NAME
from tapegit.repository.tombstones import read_tombstones
from tapegit.upkeep.fsck.fsck import FsckOptions
from tests.builders import make_store
from tests.unit.rewrite.killing import CALLS, kill_at, refused_from
from tests.unit.rewrite.leaky_store import fill, find_left, find_secret, open_at, refs_of

FULL_CALLS = ("open_new", "open_append", "write", "mkdir", "link")
"""What a disk without room refuses."""

SAMPLE_STEP = 23


@pytest.fixture(scope="module")
def leaky(tmp_path_factory):
    """Give a store full of a secret, and the ids of what does not hold it."""
    root = make_store(tmp_path_factory.mktemp("leaky") / ".tapes")
    return root, fill(open_at(root))


@pytest.fixture
def copy(leaky, tmp_path):
    """Give a copy of that store, and the ids that stay."""
    root = tmp_path / ".tapes"
    shutil.copytree(leaky[0], root, symlinks=True)
    return root, leaky[1]


def check(root, kept):
    """Check that nothing is left of the secret, that what had none stays, and that all is well."""
    assert find_left(root) == []
    refs = refs_of(open_at(root))
    assert refs["refs/heads/clean"] == str(kept["clean"])
    assert sorted(refs) == [
        "refs/heads/clean",
        "refs/heads/main",
        "refs/heads/redacted-known-value-1",
        "refs/notes/tapes",
        "refs/sessions/x/%5b%52%45%44%41%43%54%45%44%3aknown-value%3a1%5d/file/main",
        "refs/tags/v1",
    ]
    result = run_fsck(open_at(root), FsckOptions(full=True))
    assert result.code == 0
    assert not (root / REWRITING_NAME).exists()


def test_the_store_of_these_tests_leaks(leaky):
    """Before, the secret is in files, frames, objects and names: the search would find it."""
    left = find_left(leaky[0])
    assert sum("(frame)" in place for place in left) >= 3
    assert sum("tmp/" in place or "trash/" in place for place in left) > 3
    assert len(left) > 20


def test_nothing_is_left_after_a_redaction(copy):
    """Objects, refs, reflogs, notes, tags, trash, tmp and what is derived are all clean."""
    root, kept = copy
    done = run_redact(open_at(root), find_secret())
    assert done.counts == {"known-value": 7}
    check(root, kept)


def test_a_second_run_finds_nothing(copy):
    """What is gone is gone: the next run changes no ref and writes no object."""
    root, _ = copy
    run_redact(open_at(root), find_secret())
    before = refs_of(open_at(root))
    done = run_redact(open_at(root), find_secret())
    assert (done.found_count, done.object_count, done.moved) == (0, 0, ())
    assert refs_of(open_at(root)) == before


def test_turns_keep_everything_else(copy):
    """A rewritten turn has its role, time and dialect, the placeholder, and says how many."""
    root, _ = copy
    run_redact(open_at(root), find_secret())
    repository = open_at(root)
    told = repository.peel_tag(repository.refs.read(RefName("refs/tags/v1")))
    turn = decode_turn(repository.objects.read(told).data)
    assert turn.summary == "it is [REDACTED:known-value:1]"
    assert turn.redacted.rules == (("known-value", 2),)
    data = repository.objects.read(type(told).fromhex(turn.raw[0].oid)).data
    assert data == b'{"text":"it is \\"[REDACTED:known-value:1]\\", keep it"}\n'


def test_a_note_follows_the_turn_that_it_is_about(copy):
    """Its `about` is the new id, and its value has the placeholder."""
    root, _ = copy
    run_redact(open_at(root), find_secret())
    repository = open_at(root)
    note = decode_turn(
        repository.objects.read(repository.refs.read(RefName("refs/notes/tapes"))).data
    )
    told = repository.peel_tag(repository.refs.read(RefName("refs/tags/v1")))
    assert (note.about, note.value) == (str(told), "[REDACTED:known-value:1]!")


def test_tombstones_say_what_went_and_what_came(copy):
    """Every old id that a ref had is there, with the id that the ref has now."""
    root, _ = copy
    before = refs_of(open_at(root))
    run_redact(open_at(root), find_secret())
    stones = read_tombstones(root)
    oid = type(next(iter(stones)).oid).fromhex(before["refs/heads/main"])
    assert str(stones.find(oid).successor) == refs_of(open_at(root))["refs/heads/main"]
    assert not open_at(root).objects.contains(oid)


def test_a_dry_run_changes_nothing(copy):
    """It says how many objects, and every file is as it was."""
    root, _ = copy
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    done = run_redact(open_at(root), find_secret(), is_dry_run=True)
    assert done.found_count > 5
    after = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    del after[root / "locks/upkeep"]
    before.pop(root / "locks/upkeep", None)
    assert after == before


def test_runs_that_go_on_keep_their_folders(copy):
    """Programs that stand in for clients stay as long as their run does, and no longer."""
    root, kept = copy
    living, ended = root / f"tmp/run-{os.getpid()}-00ff", root / "tmp/run-4194305-00ff"
    for folder in (living, ended):
        (folder / "bin").mkdir(parents=True)
        (folder / "bin/claude").write_text("#!/bin/sh\n")
    run_redact(open_at(root), find_secret())
    assert (living / "bin/claude").exists()
    assert not ended.exists()
    check(root, kept)


def kill(leaky, tmp_path, numbers):
    """Kill a redaction before each of these calls; the second run must end it. Return the last."""

    def redact(folder):
        refs = refs_of(open_at(folder / ".tapes"))
        assert len(refs) == 6, "every ref can be read in between"
        run_redact(open_at(folder / ".tapes"), find_secret())

    def check_in(folder):
        check(folder / ".tapes", leaky[1])

    return kill_at(leaky[0].parent, tmp_path, numbers, redact, check_in)


def test_killed_at_some_calls_the_second_run_finishes(leaky, tmp_path):
    """A sample of all calls: nothing of the secret is left after the second run."""
    last = kill(leaky, tmp_path, range(3, 2000, SAMPLE_STEP))
    assert last is not None
    assert last > 100, "the calls were counted"


@pytest.mark.parametrize(
    ("error", "calls", "raised"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), FULL_CALLS, StorageError),
        (OSError(errno.EROFS, "Read-only file system"), CALLS, StorageError),
        (KeyboardInterrupt(), CALLS, KeyboardInterrupt),
    ],
    ids=["full", "read-only", "interrupted"],
)
def test_refused_from_some_call_on_the_second_run_finishes(leaky, tmp_path, error, calls, raised):
    """A full disk, one that can be read only, Ctrl-C: every ref can be read, and it goes on."""
    number = 2
    is_refused = True
    while is_refused:
        root = tmp_path / str(number) / ".tapes"
        shutil.copytree(leaky[0], root, symlinks=True)
        with refused_from(number, error, calls) as refused, contextlib.suppress(raised):
            run_redact(open_at(root), find_secret())
        is_refused = bool(refused)
        assert len(refs_of(open_at(root))) == 6
        run_redact(open_at(root), find_secret())
        check(root, leaky[1])
        shutil.rmtree(root.parent)
        number += 2 * SAMPLE_STEP
    assert number > 3 * SAMPLE_STEP
