"""Context ids along the lines of recorded sessions."""

from __future__ import annotations

from tapegit.graph.turns import TurnGraph
from tapegit.index.context import EMPTY_CONTEXT
from tapegit.index.lines import iter_contexts, list_line
from tests.claude_records import assistant, call, result, system, user
from tests.recordings import Recordings, jsonl


def contexts_of(records):
    """Return the context id after each turn of the main tape of these records."""
    recordings = Recordings()
    source = recordings.record(jsonl(records))
    graph = TurnGraph(recordings.objects)
    line = list_line(graph, source.tapes[0].tip)
    return [context for _, context in iter_contexts(recordings.objects.find, graph, line)]


def test_copy_of_a_session_has_its_contexts():
    """Ids, times and session of a copy differ, the contexts do not, up to where it goes on."""
    records = [user("go", "u1"), call("ls", "m1", "a1", "u1"), result("x", "u2", "a1")]
    copy = [
        {**user("go", "v1"), "sessionId": "t"},
        {**call("ls", "m9", "b1", "v1"), "sessionId": "t"},
        {**result("x", "v2", "b1"), "sessionId": "t"},
        {**assistant("more", "m8", "b2", "v2"), "sessionId": "t"},
    ]
    one, other = contexts_of(records), contexts_of(copy)

    assert one[0] == EMPTY_CONTEXT
    assert other[: len(one)] == one
    assert len(set(other)) == len(other) == 5


def test_compaction_begins_anew():
    """After a compaction the context is that of a session that begins with what follows."""
    summary = user("what was", "u2")
    compacted = [user("go", "u1"), system("compact_boundary", "s1"), summary]

    assert contexts_of(compacted)[-1] == contexts_of([summary])[-1]


def test_partial_compaction_goes_on():
    """Where only old results went the context goes on."""
    summary = user("what was", "u2")
    compacted = [user("go", "u1"), system("microcompact_boundary", "s1"), summary]

    assert contexts_of(compacted)[-1] == contexts_of([user("go", "u1"), summary])[-1]
