"""Real transcripts of harnesses that append: their bytes come back, and growing changes nothing."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tapegit.dialects.parts import ToolCall, ToolResult
from tapegit.recorder.sources.source import recognise
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


def stated_tokens(harness: str, data: bytes) -> int:
    """Return the tokens of output that a source states, counted without the code under test."""
    payloads = [json.loads(line) for line in data.splitlines()]
    if harness == "codex":
        infos = [record["payload"].get("info") for record in payloads]
        totals = [info["total_token_usage"]["output_tokens"] for info in infos if info]
        return totals[-1] if totals else 0
    messages = [record.get("message", {}) for record in payloads]
    return sum(message["usage"]["output"] for message in messages if "usage" in message)


@real_sources
def test_usage_of_a_real_source_is_what_it_states(harness: str, path: Path):
    """The turns' tokens add up: to the source's own total, or to all of its messages."""
    data = path.read_bytes()
    recordings = Recordings()
    turns = recordings.line(recordings.record(data).tapes[0].tip)
    counted = sum(turn.usage.output or 0 for turn in turns if turn.usage is not None)
    assert counted == stated_tokens(harness, data)


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
