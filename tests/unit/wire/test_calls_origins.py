"""Recordings that go on from a tape: where their leader stands, and what they are called."""

from __future__ import annotations

from tapegit.redact.redactor import default_redactor
from tapegit.wire.recording.calls import CallRecorder
from tests.scripted_calls import CLAUDE, SDK, Script, result, said, user
from tests.thread_shapes import make_store, record, tape

LIST = ("Bash", {"command": "ls"}, "toolu_1")
SESSION = "X-Claude-Code-Session-Id"
START = [user("count the files")]
LOOKED = [*START, said("I will look.", LIST)]
COUNTED = [*LOOKED, result("toolu_1", "3 files"), said("There are 3.")]


def named(session: str) -> Script:
    """Return a script of Claude Code with a session of this name."""
    return Script(tuple((n, session if n == SESSION else value) for n, value in CLAUDE))


def write(script: Script) -> Script:
    """Write down the conversation that others go on from."""
    script.call(START, LOOKED[-1])
    script.call(COUNTED[:-1], COUNTED[-1])
    return script


def go_on(repository, script: Script, *tips):
    """Record what may go on from these turns."""
    recorder = CallRecorder(repository, default_redactor())
    recorder.set_origins(tips)
    for value in script.values:
        recorder.take(value, more=True)
    recorder.finish()


def mains(repository):
    """Return the main tapes by the name of their session, each as turns with their ids."""
    return {
        ref.name.split("/")[3]: tape(repository, ref.oid)
        for ref in repository.refs.iter_refs("refs/sessions/")
        if ref.name.endswith("wire/main")
    }


def test_leader_stands_after_the_last_turn_that_both_have(tmp_path):
    """What is new follows it, be it another result or another prompt."""
    repository = make_store(tmp_path)
    record(repository, write(named("base")).values)
    base = mains(repository)["base"]
    other = named("other")
    other.call([*LOOKED, result("toolu_1", "4 files")], said("There are 4."))
    again = named("again")
    again.call([*COUNTED, user("thanks")], said("You are welcome."))
    for script in (other, again):
        go_on(repository, script, base[-1][0])

    found = mains(repository)
    assert found["base"] == base
    for name, shared in (("other", 3), ("again", 5)):
        turns = found[name]
        assert turns[:shared] == base[:shared]
        assert turns[shared][1].parent_ids == (base[shared - 1][0],)
        roles = [turn.role for _, turn in turns[shared:]]
        assert roles == ["session", "tool" if name == "other" else "user", "assistant"]
        assert turns[shared][1].session.id == name


def test_nothing_goes_on_from_after_the_last_turn(tmp_path):
    """A tape that was cut is gone on from at most there, whatever came after it."""
    repository = make_store(tmp_path)
    record(repository, write(named("base")).values)
    base = mains(repository)["base"]
    script = named("other")
    script.call([*COUNTED, user("thanks")], said("You are welcome."))
    go_on(repository, script, base[2][0])
    turns = mains(repository)["other"]
    assert turns[:3] == base[:3]
    roles = [turn.role for _, turn in turns[3:]]
    assert roles == ["session", "tool", "assistant", "user", "assistant"]


def test_longest_of_several_tapes_is_gone_on_from(tmp_path):
    """Of an agent's tape and another, the one that has most of the request."""
    repository = make_store(tmp_path)
    short = named("short")
    short.call(START, said("Why?"))
    record(repository, [*short.values])
    record(repository, write(named("long")).values)
    tips = [turns[-1][0] for turns in mains(repository).values()]
    script = named("other")
    script.call([*COUNTED, user("thanks")], said("You are welcome."))
    for order in (tips, tips[::-1]):
        go_on(repository, script, *order)
        found = mains(repository)
        assert found["other"][:5] == found["long"]


def test_what_has_nothing_in_common_begins_anew(tmp_path):
    """Its leader has no parent."""
    repository = make_store(tmp_path)
    record(repository, write(named("base")).values)
    script = named("other")
    script.call([user("something else")], said("Yes?"))
    go_on(repository, script, mains(repository)["base"][-1][0])
    turns = mains(repository)["other"]
    assert [turn.role for _, turn in turns] == ["session", "user", "assistant"]
    assert turns[0][1].parent_ids == ()


def test_session_of_the_same_name_gets_another(tmp_path):
    """The tape that is gone on from is not added to, also by a client without a name."""
    repository = make_store(tmp_path)
    record(repository, write(named("base")).values)
    record(repository, write(Script(SDK)).values)
    before = mains(repository)
    for headers in (None, SDK):
        script = Script(headers) if headers is not None else named("base")
        script.call([*COUNTED, user("thanks")], said("You are welcome."))
        go_on(repository, script, *(turns[-1][0] for turns in before.values()))
    found = mains(repository)
    assert {name: found[name] for name in before} == before
    new = [name for name in found if name not in before]
    assert len(new) == 2
    assert any(name.startswith("base-2") for name in new)
