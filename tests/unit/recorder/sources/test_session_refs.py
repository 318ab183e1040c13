"""Refs of sessions: their names, and what moves when a source is recorded again."""

from __future__ import annotations

import pytest

from tapegit.recorder.sources.source import recognise
from tests.claude_records import assistant, extra, result, user
from tests.recordings import Recordings, jsonl

FOLDER = "refs/sessions/claude-code/s/file/"


def names(recordings: Recordings) -> list[str]:
    """Return the names of the refs, below the session's folder where they are in it."""
    return sorted(name.removeprefix(FOLDER) for name in recordings.refs)


def summary(recordings: Recordings, name: str) -> str:
    """Return the summary of the turn that a ref of the session is at."""
    return recordings.line(recordings.refs[FOLDER + name])[-1].summary


def test_main_tape_and_agents_have_refs():
    """A session's main tape and each of its agents have a ref."""
    recordings = Recordings()
    recordings.add(jsonl([user("go"), user("x", isSidechain=True, agentId="A 1")]))
    assert names(recordings) == ["agents/%41%201", "main"]


def test_fork_has_a_ref():
    """What a prompt left behind is named by its id."""
    recordings = Recordings()
    recordings.add(jsonl([user("1", "u1"), user("2", "u2", "u1"), user("3", "u3", "u1")]))
    fork, main = names(recordings)
    assert summary(recordings, fork) == "2"
    assert summary(recordings, main) == "3"
    assert fork == f"forks/{recordings.refs[FOLDER + fork].short(16)}"


def test_session_without_an_id_is_named_by_its_first_record():
    """Where no id is given, the name is a function of the first record's bytes."""
    record = user("go", "u")
    del record["sessionId"]
    data = jsonl([record])
    recordings = Recordings()
    recordings.add(data)
    (name,) = recordings.refs
    blob = recordings.line(recordings.refs[name])[1].raw[0].oid
    assert name == f"refs/sessions/claude-code/unnamed-{blob[:16]}/file/main"


@pytest.mark.parametrize(
    "session", ["../../heads/main", "CON", "a" * 4000, ".", "x.lock", "\u202e\0", "é/é"]
)
def test_no_session_id_leaves_its_folder(session):
    """An id from outside is one part of a name, whatever is in it."""
    recordings = Recordings()
    recordings.add(jsonl([user("go", sessionId=session, isSidechain=True, agentId=session)]))
    (name,) = recordings.refs
    assert name.startswith("refs/sessions/claude-code/")
    assert name.count("/") == 6
    assert len(name) <= 255


def test_grown_message_is_amended():
    """A message that was open when it was imported grows; the ref moves to its sibling."""
    head = [user("go"), assistant("one", "m")]
    recordings = Recordings()
    recordings.add(jsonl(head))
    before = recordings.refs[FOLDER + "main"]
    recordings.add(jsonl([*head, assistant("two", "m")]))
    assert names(recordings) == ["main"]
    assert recordings.refs[FOLDER + "main"] != before
    assert len(recordings.line(recordings.refs[FOLDER + "main"])) == 3


def test_changed_source_is_another_tape():
    """A source whose recorded part changed leaves what was recorded under a name of its own."""
    recordings = Recordings()
    recordings.add(
        jsonl([user("go"), assistant("one", "m"), user("later", timestamp="2026-01-02T00:00:00Z")])
    )
    recordings.add(jsonl([user("go"), assistant("other", "m")]))
    other, main = names(recordings)
    assert other.startswith("forks/other-main-")
    assert summary(recordings, main) == "later"
    assert summary(recordings, other) == "other"


def test_changed_source_with_a_later_end_is_shown():
    """Of two tapes that are not one, the one that ends later has the ref."""
    recordings = Recordings()
    recordings.add(jsonl([user("go"), user("early", timestamp="2026-01-01T00:00:00Z")]))
    recordings.add(jsonl([user("go"), user("late", timestamp="2026-01-02T00:00:00Z")]))
    other, main = names(recordings)
    assert summary(recordings, main) == "late"
    assert summary(recordings, other) == "early"


def test_head_alone_gives_way_to_its_session():
    """What was recorded of a head before its session was known is taken away when it is."""
    head = jsonl([{"type": "summary", "summary": "x", "leafUuid": "y"}])
    recordings = Recordings()
    recordings.add(head)
    assert "unnamed" in next(iter(recordings.refs))
    recordings.add(head + jsonl([user("go")]))
    assert names(recordings) == ["main"]


def test_head_of_an_agent_gives_way_to_its_tape():
    """A head that names its session turns out to be an agent's."""
    head = jsonl([extra("progress")])
    recordings = Recordings()
    recordings.add(head)
    assert names(recordings) == ["main"]
    recordings.add(head + jsonl([user("go", isSidechain=True, agentId="a"), user("on")]))
    assert names(recordings) == ["agents/a", "main"]
    assert summary(recordings, "main") == "on"


def test_cut_off_record_may_turn_out_to_be_an_agents():
    """What was cut off stood on the main tape; its record is on another."""
    whole = jsonl([user("go"), user("x", isSidechain=True, agentId="a")])
    recordings = Recordings()
    recordings.add(whole[:-9])
    assert summary(recordings, "main") == "unreadable: cut off"
    recordings.add(whole)
    assert names(recordings) == ["agents/a", "main"]
    assert summary(recordings, "main") == "go"
    recordings.add(whole[:-9])
    assert summary(recordings, "main") == "go"


def test_sources_planned_together_are_as_one_after_the_other():
    """Files of one import see each other's refs."""
    states = [jsonl([user("go"), result("r"), user("on")])[:size] for size in (80, 150, 400)]
    together = Recordings()
    together.add_refs(*(together.record(state) for state in states))
    assert names(together) == ["main"]
    assert summary(together, "main") == "on"


def test_what_is_no_transcript_is_nobodys():
    """Other JSON, text and nothing at all belong to no harness."""
    for data in (
        b"",
        b"\n",
        b"text\n",
        b"{}\n",
        b'[1]\n"x"\n',
        b'{"type":"user"}\n',
        b'{"type":"user","message":{"role":"user"}}\n',
    ):
        assert recognise([data]) is None


@pytest.mark.parametrize(
    "data",
    [
        b'{"type":"summary","leafUuid":"x"}\n',
        b'{"a":1}\n{"type":"system","sessionId":"s"}\n',
        b"rubbish\n" * 300 + b'{"type":"user","uuid":null,"message":{}}\n',
    ],
)
def test_transcript_is_recognised_by_a_record(data):
    """One record that only Claude Code writes is enough."""
    assert recognise([data]).name == "claude-code"


def test_record_that_comes_too_late_is_not_looked_for():
    """Only the first records are looked at."""
    data = b"{}\n" * 256 + b'{"type":"summary","leafUuid":"x"}\n'
    assert recognise([data]) is None
