"""Real transcripts of harnesses that append: their bytes come back, and growing changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tapegit.dialects.parts import ToolCall, ToolResult
from tapegit.recorder.source import recognise
from tests.recordings import Recordings, record_ends
from tests.sources import HARNESSES, source_params

if TYPE_CHECKING:
    from pathlib import Path

GROWN_SIZE_MAX = 60_000
"""Larger files are cut at some of their records only."""

real_sources = pytest.mark.parametrize(("harness", "path"), source_params(*HARNESSES))


@real_sources
def test_real_source_is_recognised_and_comes_back(harness: str, path: Path):
    """A real transcript is taken for its harness's, and its tapes give its bytes back."""
    data = path.read_bytes()
    found = recognise([data])
    assert found is not None
    assert found.name == harness
    recordings = Recordings()
    source = recordings.record(data)
    assert source.unreadable_count == 0
    assert source.tapes[0].session_id is not None
    assert recordings.rebuild(source) == data


@real_sources
def test_real_source_that_grows_ends_as_if_imported_once(harness: str, path: Path):
    """A real transcript, cut at its records and imported piece by piece, gives the same refs."""
    data = path.read_bytes()
    ends = record_ends(data)
    if len(data) > GROWN_SIZE_MAX:
        ends = ends[:: max(len(ends) // 8, 1)]
    once, growing = Recordings(), Recordings()
    once.add(data)
    assert not once.add(data)
    for end in ends:
        growing.add(data[:end])
    growing.add(data)
    assert growing.refs == once.refs


@real_sources
def test_every_call_of_a_real_source_is_answered_at_most_once_and_later(harness: str, path: Path):
    """Results come after their calls, and each call has one at most."""
    recordings = Recordings()
    calls: set[str] = set()
    answered: set[str] = set()
    for tape in recordings.record(path.read_bytes()).tapes:
        for turn in recordings.line(tape.tip):
            for part in recordings.parts(turn):
                if isinstance(part, ToolCall):
                    assert part.id not in calls
                    calls.add(part.id or "")
                elif isinstance(part, ToolResult):
                    assert part.call_id in calls - answered
                    answered.add(part.call_id)
