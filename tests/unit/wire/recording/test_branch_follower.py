"""A branch that is checked out goes on with the tape that goes on from it, and with no other."""

from __future__ import annotations

import pytest

from tapegit.redact.redactor import default_redactor
from tapegit.refs.names import RefName
from tapegit.wire.recording.calls import CallRecorder
from tests.scripted_calls import CLAUDE, SDK, Script, said, user
from tests.thread_shapes import make_store, record, tape

BRANCH = RefName.parse("refs/heads/main")
OTHER = RefName.parse("refs/heads/other")
MAIN = RefName.parse("refs/sessions/claude-code/0b7e1c52-0000-4000-8000-00000000000a/wire/main")


class Started:
    """A session of three messages each, recorded, and a branch that was checked out at its end."""

    def __init__(self, repository, headers=CLAUDE):
        self.repository = repository
        self.script = Script(headers)
        self.messages = self.script.call([user("write it")], said("I wrote all that you asked for"))
        record(repository, self.script.values)
        (ref,) = repository.refs.iter_refs("refs/sessions/")
        self.tip = ref.oid
        with repository.ref_transaction("switch") as refs:
            refs.update(BRANCH, self.tip)
        self.recorder = CallRecorder(repository, default_redactor())
        self.recorder.set_branch(BRANCH, self.tip)

    def take(self, script):
        """Record what a client said, and say where the branch is then."""
        for value in script.values:
            self.recorder.take(value)
        self.recorder.finish()
        return self.repository.refs.read(BRANCH)

    def goes_on(self, headers=CLAUDE, number=100):
        """Give a client that goes on from what was recorded."""
        script = Script(headers)
        script.number = number
        script.call([*self.messages, user("and now count")], said("there are 16 bytes in it"))
        return script


@pytest.fixture
def started(tmp_path):
    """Give a session with a branch at its end."""
    return Started(make_store(tmp_path))


def test_session_that_goes_on(started):
    """The branch ends where the session ends, and its reflog says why."""
    assert started.take(started.goes_on()) == started.repository.refs.read(MAIN) != started.tip
    entries = started.repository.refs.read_reflog(BRANCH)
    assert (started.tip, "record") in [(entry.old, entry.message) for entry in entries]


def test_new_session_that_repeats_what_the_branch_has(started):
    """Its leader follows the branch's last turn, and what is repeated is not recorded again."""
    headers = (*CLAUDE[:1], ("X-Claude-Code-Session-Id", "another"), *CLAUDE[2:])
    tip = started.take(started.goes_on(headers))
    turns = tape(started.repository, tip)
    assert [turn.role for _, turn in turns] == [
        *("session", "user", "assistant"),
        *("session", "user", "assistant"),
    ]
    assert turns[3][1].parent_ids == (started.tip,)
    assert turns[3][1].session.id == "another"
    name = "refs/sessions/claude-code/another/wire/main"
    assert started.repository.refs.read(RefName.parse(name)) == tip
    assert started.repository.refs.read(MAIN) == started.tip


def test_client_without_sessions_goes_on(tmp_path):
    """A conversation is enough to be known by."""
    started = Started(make_store(tmp_path), SDK)
    tip = started.take(started.goes_on(SDK))
    assert len(tape(started.repository, tip)) == 6


def test_of_two_the_first_one_has_it(started):
    """The tape of the other begins at the same turn, under its own name."""
    one, other = (
        started.goes_on((*CLAUDE[:1], ("X-Claude-Code-Session-Id", name), *CLAUDE[2:]), number)
        for name, number in (("one", 100), ("other", 200))
    )
    one.values += other.values
    tip = started.take(one)
    refs = {
        ref.name.split("/")[3]: ref.oid
        for ref in started.repository.refs.iter_refs("refs/sessions/")
    }
    assert tip == refs["one"] != refs["other"]
    assert tape(started.repository, refs["other"])[3][1].parent_ids == (started.tip,)


def test_conversation_that_begins_anew(started):
    """A run of the same prompt is no continuation, nor is what goes on from that."""
    headers = (*CLAUDE[:1], ("X-Claude-Code-Session-Id", "another"), *CLAUDE[2:])
    script = Script(headers)
    script.number = 100
    messages = script.call([user("write it")], said("I wrote all that you asked for"))
    script.call([*messages, user("more")], said("more of it"))
    assert started.take(script) == started.tip
    name = RefName.parse("refs/sessions/claude-code/another/wire/main")
    assert len(tape(started.repository, started.repository.refs.read(name))) == 5


def test_session_that_goes_back(started):
    """What goes on from an earlier turn does not lead on from the branch."""
    script = Script()
    script.number = 100
    script.call([user("write something else")], said("I wrote something else"))
    assert started.take(script) == started.tip


@pytest.mark.parametrize("is_switched", [True, False])
def test_branch_that_is_no_longer_there(started, is_switched):
    """Who switches away, or moves the branch, has it stay where it was put."""
    (_, first), *_ = [(t, oid) for oid, t in tape(started.repository, started.tip)]
    with started.repository.ref_transaction("elsewhere") as refs:
        if is_switched:
            refs.update(OTHER, first)
            refs.set_symbolic(RefName.parse("HEAD"), OTHER)
        else:
            refs.update(BRANCH, first)
    assert started.take(started.goes_on()) == (started.tip if is_switched else first)
