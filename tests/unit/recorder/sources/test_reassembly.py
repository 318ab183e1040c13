"""Sources put back together from their tapes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegit.graph.turns import TurnGraph
from tapegit.objects.kind import Kind
from tapegit.objects.turn import RawPiece, Turn, encode_turn
from tapegit.recorder.sources.reassembly import iter_run_bytes, order_runs, reassemble
from tapegit.store.memory import MemorySource
from tests.claude_records import assistant, user
from tests.recordings import Recordings, jsonl
from tests.transcripts import conversations, transcripts

if TYPE_CHECKING:
    from tapegit.objects.oid import ObjectId

SIDE = {"isSidechain": True, "agentId": "a"}


def read_back(recordings: Recordings, tip: ObjectId):
    """Return what a tape of a session is reassembled to, and its bytes."""
    graph, find = TurnGraph(recordings.objects), recordings.objects.find
    made = reassemble(graph, find, tip, [oid for _, oid in sorted(recordings.refs.items())])
    return made, b"".join(iter_run_bytes(find, made.runs))


@given(transcripts() | conversations())
def test_source_comes_back_from_any_of_its_tapes(data):
    """Whatever is in a transcript, each of its tapes leads to all of it."""
    recordings = Recordings()
    recordings.add(data)
    for tip in recordings.refs.values():
        made, back = read_back(recordings, tip)
        assert back == data
        assert (made.gaps, made.others, made.is_certain) == ([], [], True)


@settings(max_examples=40)
@given(st.lists(transcripts() | conversations(), min_size=2, max_size=3))
def test_sources_of_one_session_are_not_mixed(sources):
    """What comes back is a source that was recorded, or it is said that it may be none."""
    recordings = Recordings()
    for data in sources:
        recordings.add(data)
    for tip in recordings.refs.values():
        made, back = read_back(recordings, tip)
        assert back in sources or made.gaps or not made.is_certain


def test_agent_with_a_file_of_its_own_is_another_source():
    """Both have a first record, so they are two sources, and each knows of the other."""
    main = jsonl([user("go", "u1"), assistant("done", "m", "a1", "u1")])
    side = jsonl([user("look", "s1", **SIDE), assistant("seen", "n", "s2", "s1", **SIDE)])
    recordings = Recordings()
    assert recordings.add(main)
    assert recordings.add(side)
    tips = dict(sorted(recordings.refs.items()))
    for name, tip in tips.items():
        made, back = read_back(recordings, tip)
        assert back == (side if "agents" in name else main)
        assert made.others == [oid for oid in tips.values() if oid != tip]


def test_tape_that_might_go_on_two_sources_is_told():
    """An agent at the end of a file fits a rival of the same length as well."""
    head = [user("go", "u1"), assistant("done", "m", "a1", "u1")]
    agent = [user("look", "s1", **SIDE)]
    rival = [user("go", "u1"), assistant("other", "m", "a1", "u1")]
    recordings = Recordings()
    recordings.add(jsonl([*head, *agent]))
    recordings.add(jsonl(rival))
    results = [read_back(recordings, tip) for tip in recordings.refs.values()]
    assert any(back == jsonl([*head, *agent]) for _, back in results)
    assert all(
        back in (jsonl([*head, *agent]), jsonl(rival)) or not made.is_certain
        for made, back in results
    )


def test_missing_tape_leaves_a_gap():
    """The numbers of the records that no tape has are told."""
    data = jsonl([user("go", "u1"), user("look", "s1", **SIDE), assistant("done", "m", "a1", "u1")])
    recordings = Recordings()
    recordings.add(data)
    main = next(name for name in recordings.refs if name.endswith("/main"))
    recordings.refs = {main: recordings.refs[main]}
    made, back = read_back(recordings, recordings.refs[main])
    lines = data.splitlines(keepends=True)
    assert back == lines[0] + lines[2]
    assert made.gaps == [(2, 2)]


@pytest.mark.parametrize("at", [-5, 0, 1, 2, 7, (1 << 53) - 1, -(1 << 53) + 1])
def test_places_that_cannot_be_are_borne(at):
    """A tape from a stranger may state any place: no memory is spent on it, nothing is lost."""
    objects = MemorySource()
    blob = str(objects.write(Kind.BLOB, b"{}\n"))
    leader = _write(objects, Turn(role="session", dialect="claude-code@1", raw=(RawPiece(blob),)))
    piece = RawPiece(blob, at)
    tips = [
        _write(
            objects,
            Turn(
                role="user",
                dialect="claude-code@1",
                raw=(piece,),
                parents=(str(leader),),
                summary=str(number),
            ),
        )
        for number in range(3)
    ]
    graph = TurnGraph(objects)
    made = reassemble(graph, objects.find, tips[0], tips)
    assert b"".join(iter_run_bytes(objects.find, made.runs)).startswith(b"{}\n{}\n")
    assert b"".join(iter_run_bytes(objects.find, order_runs(graph, objects.find, [leader, *tips])))
    assert (made.gaps == [] and made.is_certain) == (at == 1)


def _write(objects: MemorySource, turn: Turn) -> ObjectId:
    return objects.write(Kind.TURN, encode_turn(turn))
