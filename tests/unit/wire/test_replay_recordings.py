"""Recordings of real clients, replayed: the same client again, and another run of it."""

from __future__ import annotations

from collections import Counter

import pytest

from tapegit.porcelain.replay.replay import Rules
from tapegit.wire.capture import CapturedRequest, CapturedResponse
from tests.replays import replay
from tests.wire_recordings import captured, has_recordings

pytestmark = pytest.mark.skipif(not has_recordings(), reason="needs ../shared/wire")

# calls of conversations, all of them exact
CALLS = {
    "claude-cancel": 1,
    "claude-code": 3,
    "claude-cut": 4,
    "claude-retry529": 4,
    "claude-subagents": 9,
    "codex": 3,
    "sdk-anthropic": 4,
    "sdk-openai": 12,
}


@pytest.mark.parametrize("folder", CALLS)
def test_every_recorded_request_gets_its_response(tmp_path, folder):
    """Asked again as recorded, attempts and all, each gets what it got, byte for byte."""
    values = captured(folder)
    report, answers = replay(tmp_path, values, values, Rules(is_faithful=True))
    calls = [entry.level for entry in report.entries if not entry.is_side]
    assert calls == ["exact"] * CALLS[folder]
    assert report.verdict == "followed"
    bodies = {each.number: each.body for each in values if isinstance(each, CapturedResponse)}
    requests = [each for each in values if isinstance(each, CapturedRequest)]
    for request, answer in zip(requests, answers, strict=True):
        if request.method != "HEAD":
            assert answer.body == bodies.get(request.number, b""), request.target


@pytest.mark.parametrize(
    ("client", "levels"),
    [("claude", {"normalised": 3}), ("codex", {"normalised": 1, "chain": 2})],
)
def test_second_run_of_a_client_follows_the_first(tmp_path, client, levels):
    """Two runs differ in what a client makes up anew, and match all the same."""
    values = captured(f"det-{client}-A")
    report, _ = replay(tmp_path, values, captured(f"det-{client}-B"))
    found = Counter(entry.level for entry in report.entries if not entry.is_side)
    assert found == levels
    assert report.verdict == "followed"


@pytest.mark.parametrize(("tape", "client"), [("codex", "claude-code"), ("claude-code", "codex")])
def test_tape_of_another_client_is_never_followed(tmp_path, tape, client):
    """Nothing that Codex asks is on a tape of Claude Code, and the other way round."""
    report, _ = replay(tmp_path, captured(tape), captured(client))
    assert all(entry.level is None for entry in report.entries if not entry.is_side)
    assert report.verdict == "diverged"


def test_attempts_that_failed_are_not_asked_for_again(tmp_path):
    """Without --faithful the call that was overloaded once is answered at once."""
    values = captured("claude-retry529")
    failed = {e.number for e in values if isinstance(e, CapturedResponse) and e.status == 529}
    assert failed
    first = min(failed)
    asked = [e for e in values if e.number == first or e.number not in failed]
    retried = [e for e in asked if isinstance(e, CapturedRequest)]
    bodies = set()
    once = [e for e in retried if not (e.body in bodies or bodies.add(e.body))]
    report, _ = replay(tmp_path, values, once)
    assert report.verdict == "followed"
