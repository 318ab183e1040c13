"""The byte rule: every byte of a source is in exactly one turn, and comes back in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.objects.links import iter_links
from tapegit.objects.turn import verify_turn
from tapegit.recorder.sources.source import recognise
from tests.recordings import FIXTURES, SHARED, Recordings, record_ends
from tests.transcripts import conversations, transcripts

if TYPE_CHECKING:
    from pathlib import Path

FIXTURE_PATHS = sorted(FIXTURES.glob("*.jsonl"))
SHARED_PATHS = sorted(SHARED.rglob("*.jsonl")) if SHARED.is_dir() else []
PATHS = [pytest.param(path, id=path.stem) for path in FIXTURE_PATHS]
PATHS += [pytest.param(path, id=str(path.relative_to(SHARED))) for path in SHARED_PATHS]
GROWN_SIZE_MAX = 60_000
"""Larger files are cut at some of their records only."""


def test_shared_transcripts_are_there():
    """The real transcripts beside the checkout are read, where there are any."""
    if not SHARED_PATHS:
        pytest.skip("no ../shared/data/claude-code on this machine")


@pytest.mark.parametrize("path", PATHS)
def test_real_transcript_comes_back_byte_for_byte(path: Path):
    """The tapes of a real transcript alone give its bytes back."""
    data = path.read_bytes()
    if recognise([data]) is None:
        pytest.skip("not a transcript of Claude Code")
    recordings = Recordings()
    assert recordings.rebuild(recordings.record(data)) == data


@pytest.mark.parametrize("path", PATHS)
def test_real_transcript_that_grows_ends_as_if_imported_once(path: Path):
    """A real transcript cut at its records, and imported piece by piece, gives the same refs."""
    data = path.read_bytes()
    if recognise([data]) is None:
        pytest.skip("not a transcript of Claude Code")
    ends = record_ends(data)
    if len(data) > GROWN_SIZE_MAX:
        ends = ends[:: max(len(ends) // 8, 1)]
    once, growing = Recordings(), Recordings()
    once.add(data)
    for end in ends:
        growing.add(data[:end])
    growing.add(data)
    assert growing.refs == once.refs


@given(conversations() | transcripts(), st.sampled_from([1, 7, 64, 1000]))
def test_any_transcript_comes_back_byte_for_byte(data, chunk_size):
    """Whatever is in a transcript, and however it is read, its bytes come back."""
    recordings = Recordings()
    source = recordings.record(data, chunk_size=chunk_size)
    if source.tapes:
        assert recordings.rebuild(source) == data
    assert source == recordings.record(data)


@given(conversations() | transcripts())
def test_every_object_of_a_recording_is_valid_and_complete(data):
    """What is written is in canonical form, names only what was written, and is all reachable."""
    recordings = Recordings()
    source = recordings.record(data)
    reached = set()
    stack = [oid for tape in source.tapes for oid in (tape.tip, *tape.left_behind)]
    while stack:
        oid = stack.pop()
        if oid in reached:
            continue
        reached.add(oid)
        found = recordings.objects.find(oid)
        assert found is not None
        if found.kind == "turn":
            verify_turn(found.data)
        stack.extend(link.oid for link in iter_links(found.kind, found.data))
    if source.tapes:
        assert reached == set(recordings.objects.iter_oids())
