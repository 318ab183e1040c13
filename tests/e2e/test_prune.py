"""`tapes prune`, as a user runs it."""

from __future__ import annotations

import time

import pytest

from tests.builders import make_repo, make_tape, write_blob, write_turn

SOON = {"TAPES_DATE": str(time.time_ns() // 1_000_000 + 86_400_000)}
"""A day after the files of a test were written."""


@pytest.fixture
def repository(work):
    """Give a store with a tape."""
    repository = make_repo(work / ".tapes")
    make_tape(repository, 2)
    return repository


def test_prune_dry_run_lists_and_removes_nothing(tapes, repository):
    """-n prints id and kind of each, as git does."""
    oid = write_blob(repository, b"lonely")
    for _ in range(2):
        assert tapes("prune", "-n", env=SOON).lines == [f"{oid} blob"]


def test_prune_removes_unreachable_loose_objects(tapes, repository):
    """What no ref and no reflog needs is gone, with -v by name; the rest reads as before."""
    turn = write_turn(repository, "lost")
    assert tapes("prune", env=SOON).out == ""
    assert len(tapes("cat-file", "--batch-check", "--batch-all-objects").lines) == 4
    turn = write_turn(repository, "lost")
    assert tapes("prune", "-v", env=SOON).lines == [f"{turn} turn"]


def test_prune_expire_keeps_what_is_younger(tapes, repository):
    """--expire spares objects that are not old enough."""
    write_blob(repository, b"lonely")
    assert tapes("prune", "-v", "--expire", "2.days", env=SOON).lines == []
    assert len(tapes("prune", "-v", "--expire", "2.hours", env=SOON).lines) == 1


def test_prune_keeps_what_the_given_heads_need(tapes, repository):
    """Objects named as arguments are kept with what they need."""
    blob = write_blob(repository, b"kept")
    turn = write_turn(repository, "kept too", raw=(blob,))
    lonely = write_blob(repository, b"lonely")
    assert tapes("prune", "-v", str(turn), env=SOON).lines == [f"{lonely} blob"]


def test_prune_json(tapes, repository):
    """One object per line."""
    oid = write_blob(repository, b"lonely")
    (record,) = tapes("prune", "-n", "--json", env=SOON).records
    assert record == {"schema": 1, "oid": str(oid), "kind": "blob", "dry_run": True}


def test_prune_refuses_what_it_does_not_know(tapes, repository):
    """A bad date and a missing head are errors, and nothing is removed."""
    write_blob(repository, b"lonely")
    tapes("prune", "--expire", "soon", code=14)
    tapes("prune", "no-such-head", code=12, env=SOON)
    assert len(tapes("prune", "-n", env=SOON).lines) == 1
