"""Recording a source that grows: only what no later record can change becomes a turn."""

from __future__ import annotations

import pytest
from hypothesis import given

from tapegit.dialects.syntax.json_records import RecordReader
from tapegit.graph.turns import TurnGraph
from tapegit.recorder.sources.source import recognise, record_source
from tapegit.recorder.sources.threader import Threader
from tests.claude_records import assistant, user
from tests.recordings import FIXTURES, Recordings, jsonl, record_ends
from tests.transcripts import conversations, transcripts

LINES = ("claude-code", "codex", "gemini-cli", "pi")
PATHS = [
    pytest.param(path, id=f"{folder}-{path.stem}")
    for folder in LINES
    for path in sorted((FIXTURES.parent / folder).glob("*.jsonl"))
]
CUT_COUNT = 12


def hold(recordings, data):
    """Record what of a source that may grow is closed."""
    harness = recognise([data])
    if harness is None:
        return None
    return record_source(harness, [data], recordings.objects.write, is_growing=True)


def line_of(recordings, tip):
    """Return the turns from a tip to its leader."""
    graph = TurnGraph(recordings.objects)
    found = []
    while tip is not None:
        found.append(tip)
        parents = graph.parents(tip)
        tip = parents[0] if parents else None
    return found


def check(data, ends):
    """Check that what is held of each beginning is part of what the whole gives."""
    recordings = Recordings()
    whole = recordings.record(data)
    kept = set()
    for tape in whole.tapes:
        for tip in (tape.tip, *tape.left_behind):
            kept.update(line_of(recordings, tip))
    before = 0
    for end in ends:
        held = hold(recordings, data[:end])
        if held is None:
            continue
        count = 0
        for tape in held.tapes:
            turns = {
                turn for tip in (tape.tip, *tape.left_behind) for turn in line_of(recordings, tip)
            }
            assert turns <= kept
            count += len(turns)
        assert count >= before
        before = count
    grown = Recordings()
    for end in ends:
        held = hold(grown, data[:end])
        if held is not None and held.tapes:
            grown.add_refs(held)
    grown.add(data)
    once = Recordings()
    once.add(data)
    assert grown.refs == once.refs


@pytest.mark.parametrize("path", PATHS)
def test_what_is_held_never_has_to_be_amended(path):
    """Every turn of every beginning is a turn of the whole, and the refs end the same."""
    data = path.read_bytes()
    if recognise([data]) is None or recognise([data]).document is not None:
        pytest.skip("no transcript of lines")
    ends = record_ends(data)
    check(data, ends[:: max(len(ends) // CUT_COUNT, 1)])


@given(conversations() | transcripts())
def test_any_transcript_can_grow(data):
    """Whatever is in a transcript, its closed part is a part of the whole."""
    if recognise([data]) is not None:
        ends = record_ends(data)
        check(data, sorted([*ends[:: max(len(ends) // 4, 1)], len(data) - 3]))


def test_what_is_open_is_left_out():
    """The last record is open, and so is what may go on; a line without its end is none yet."""
    made = [
        user("ask", "u", sessionId="s"),
        assistant("say", "m", "a", "u"),
        user("more", "v", "a"),
    ]
    recordings = Recordings()
    counts = [hold(recordings, jsonl(made[:n])) for n in range(1, 4)]
    assert [source.tapes[0].turn_count if source.tapes else 0 for source in counts] == [1, 2, 3]
    assert hold(recordings, jsonl(made)[:-1]).tapes[0].turn_count == 2


def test_a_source_goes_on_after_it_was_held():
    """A threader that was asked what is closed takes further records."""
    data = (FIXTURES / "queue.jsonl").read_bytes()
    recordings = Recordings()
    harness = recognise([data])
    threader = Threader(harness, recordings.objects.write)
    reader = RecordReader(harness.decode)
    for line in data.splitlines(keepends=True):
        for record in reader.feed(line):
            threader.add(record)
        threader.hold()
    for record in reader.finish():
        threader.add(record)

    assert tuple(threader.finish()) == recordings.record(data).tapes
