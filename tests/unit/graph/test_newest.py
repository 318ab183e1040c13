"""The newest recording."""

from __future__ import annotations

import pytest

from tapegit.graph.newest import find_default, find_directory, find_latest
from tapegit.graph.turns import TurnGraph
from tapegit.objects.kind import Kind
from tapegit.objects.turn import Session, Turn, encode_turn
from tapegit.refs.names import RefName
from tests.builders import set_ref, write_turn
from tests.command import TIME_MS


def _record(repository, session, *, cwd, time):
    """Store a session of two turns and its tape; return the tip."""
    leader = Turn(role="session", time=time, session=Session(cwd=cwd, harness="h", id=session))
    with repository.transaction(message="test") as transaction:
        first = transaction.write(Kind.TURN, encode_turn(leader))
    tip = write_turn(repository, session, parents=[first], time=time + 1)
    set_ref(repository, f"refs/sessions/h/{session}/file/main", tip)
    return tip


@pytest.fixture
def sessions(place):
    """Give three sessions; the last recorded is not the newest."""
    repository = place.repository
    tips = {
        name: _record(repository, name, cwd=cwd, time=TIME_MS + days * 86_400_000)
        for name, cwd, days in (("old", "/a", 1), ("new", "/b", 9), ("mid", "/a", 5))
    }
    return repository, TurnGraph(repository.objects), tips


def test_latest_is_what_the_file_says_or_the_newest(sessions):
    """LATEST names what was recorded last; without it the newest session does."""
    repository, graph, _ = sessions
    refs = repository.refs
    assert find_latest(graph, refs) == "refs/sessions/h/new/file/main"
    refs.set_latest(RefName.parse("refs/sessions/h/mid/file/main"))
    assert find_latest(graph, refs) == "refs/sessions/h/mid/file/main"
    for broken in (b"", b"\xff\x00", b"ref: refs/sessions/h/gone/file/main\n", b"ref: LATEST\n"):
        (repository.root / "LATEST").write_bytes(broken)
        assert find_latest(graph, refs) == "refs/sessions/h/new/file/main"


def test_latest_of_an_empty_store_is_nothing(place):
    """Where nothing was recorded there is no newest recording."""
    graph = TurnGraph(place.repository.objects)
    assert find_latest(graph, place.repository.refs) is None
    assert find_default(graph, place.repository.refs, "/a") is None


def test_default_is_the_newest_session_of_the_directory(sessions):
    """The directory decides before the date; without a session there it is the newest of all."""
    repository, graph, tips = sessions
    found = find_default(graph, repository.refs, "/a")
    assert (found.oid, found.is_of_directory) == (tips["mid"], True)
    found = find_default(graph, repository.refs, "/elsewhere")
    assert (found.oid, found.is_of_directory) == (tips["new"], False)
    assert find_default(graph, repository.refs, None).oid == tips["new"]


def test_directory_is_that_of_the_leader(sessions):
    """Any turn of a session knows where it was recorded; a turn without a leader does not."""
    repository, graph, tips = sessions
    assert find_directory(graph, tips["new"]) == "/b"
    assert find_directory(graph, write_turn(repository, "alone")) is None


def test_damaged_session_does_not_hide_the_others(sessions):
    """A session whose turns are gone is the oldest of all, not an error."""
    repository, _graph, tips = sessions
    loose = repository.root / "objects" / tips["new"].hex()[:2] / tips["new"].hex()[2:]
    loose.unlink()
    found = find_default(TurnGraph(repository.objects), repository.refs, None)
    assert found.oid == tips["mid"]
