"""Where calls go: on along a tape, beside it, back on it; scripted, shape by shape."""

from __future__ import annotations

import json

import pytest

from tapegit.dialects.table import find_decoder
from tapegit.index.context import ContextChain
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import read_content
from tapegit.recorder.calls import tapes as recorder_calls
from tests.scripted_calls import (
    CLAUDE,
    CODEX,
    SDK,
    Script,
    answer_events,
    result,
    said,
    stream,
    user,
)
from tests.thread_shapes import make_store, record, shapes, tape

LONG = "I have counted every byte of the file, and there are exactly sixteen of them."
MAIN = "claude-code main"
FORK = "claude-code forks/*"


def summaries(repository, name="main"):
    """Return the lines of the turns of the one tape with this name."""
    (ref,) = (ref for ref in repository.refs.iter_refs("refs/") if ref.name.endswith(f"/{name}"))
    return [turn.summary for _, turn in tape(repository, ref.oid)]


@pytest.fixture
def repository(tmp_path):
    """Return a new store."""
    return make_store(tmp_path)


def test_conversation_grows_on_one_tape(repository):
    """Requests that repeat all that was said add what is new, once."""
    script = Script()
    messages = script.call([user("one")], said("first", ("Bash", {"c": "ls"}, "t1")))
    messages = script.call([*messages, result("t1", "a b")], said("second"))
    script.call([*messages, user("two")], said("third"))
    record(repository, script.values)
    assert shapes(repository) == {
        MAIN: ["session", "user", "assistant", "tool", "assistant", "user", "assistant"]
    }


def test_marks_signatures_and_strings_do_not_make_another_message(repository):
    """A cache mark that moves and a string in place of blocks change nothing that was said."""
    script = Script()
    script.call([user("one")], said("first"))
    marked = {"type": "text", "text": "one", "cache_control": {"type": "ephemeral"}}
    again = [{"role": "user", "content": [marked]}, {"role": "assistant", "content": "first"}]
    script.call([*again, user("two")], said("second"))
    record(repository, script.values)
    assert shapes(repository) == {MAIN: ["session", "user", "assistant", "user", "assistant"]}


def test_prompt_that_was_edited_makes_a_fork_and_main_follows_it(repository):
    """Who goes back goes on from there; what was left is kept."""
    script = Script()
    messages = script.call([user("one")], said("first"))
    script.call([*messages, user("two")], said("second"))
    script.call([*messages, user("two, but better")], said("other second"))
    record(repository, script.values)
    turns = ["session", "user", "assistant", "user", "assistant"]
    assert shapes(repository) == {MAIN: turns, FORK: turns}
    assert summaries(repository)[-2:] == ["two, but better", "other second"]


def test_second_answer_is_a_fork_until_it_is_continued(repository):
    """The same request twice has two answers; main goes where the client goes on."""
    script = Script()
    asked = [user("one")]
    script.call(asked, said("first"))
    other = script.call(asked, said("first, again"))
    record(repository, script.values)
    assert summaries(repository)[-1] == "first"
    script.call([*other, user("two")], said("second"))
    again = make_store(repository.root.parent / "again")
    record(again, script.values)
    assert summaries(again)[1:] == ["one", "first, again", "two", "second"]
    assert shapes(again)[FORK] == ["session", "user", "assistant"]


def test_earlier_message_that_changed_is_listed_by_an_event(repository):
    """An old result that was edited does not tear the tape: the last answer is still there."""
    script = Script()
    messages = script.call([user("one")], said("first", ("Bash", {"c": "ls"}, "t1")))
    messages = script.call([*messages, result("t1", "a b")], said(LONG))
    edited = [*messages[:2], result("t1", "[old result removed]"), messages[3], user("two")]
    script.call(edited, said("third"))
    record(repository, script.values)
    shape = shapes(repository)[MAIN]
    assert shape == [
        *("session", "user", "assistant", "tool", "assistant"),
        *("event changed", "user", "assistant"),
    ]
    (ref,) = repository.refs.iter_refs("refs/")
    event = tape(repository, ref.oid)[5][1]
    raw = [read_content(repository.objects.find, ObjectId.parse(each.oid)) for each in event.raw]
    assert json.loads(raw[0]) == {"event": "changed", "text": "changed: 3"}
    assert b"old result removed" in raw[1]


def test_answer_inside_a_text_is_a_compaction(repository):
    """History stays on the tape; the context begins anew with what the model sees now."""
    script = Script()
    messages = script.call([user("one")], said("first"))
    script.call([*messages, user("sum up")], said(LONG))
    compacted = [user(f"This goes on from before. Summary:\n\n{LONG}\n\nNow two.")]
    script.call(compacted, said("third"))
    record(repository, script.values)
    assert shapes(repository)[MAIN] == [
        *("session", "user", "assistant", "user", "assistant"),
        *("event compacted", "user", "assistant"),
    ]


def test_conversation_after_a_compaction_goes_on(repository):
    """The messages after it are matched with those after it, not with those before."""
    script = Script()
    messages = script.call([user("one")], said("first"))
    script.call([*messages, user("sum up")], said(LONG))
    messages = script.call([user(f"Summary: {LONG}")], said("third"))
    script.call([*messages, user("four")], said("fifth"))
    record(repository, script.values)
    assert shapes(repository)[MAIN][5:] == [
        *("event compacted", "user", "assistant", "user", "assistant")
    ]


def test_request_with_nothing_in_common_leaves_main_where_it_is(repository):
    """A call of the harness that looks like none of its side calls is a fork of the leader."""
    script = Script()
    messages = script.call([user("one")], said("first"))
    script.call([user("what is this page about?")], said("a page"))
    script.call([*messages, user("two")], said("second"))
    record(repository, script.values)
    assert shapes(repository) == {
        MAIN: ["session", "user", "assistant", "user", "assistant"],
        FORK: ["session", "user", "assistant"],
    }


def test_cancel_and_go_on_keeps_what_had_arrived(repository):
    """The attempt is an event; the next request holds the beginning of the answer as a message."""
    script = Script()
    number = script.request([user("one")])
    events = answer_events(said("slow and steady"))
    script.response(number, stream(*events[:4]), outcome="client_gone")
    script.call([user("one"), said("slow and"), user("faster")], said("fast"))
    record(repository, script.values)
    assert shapes(repository)[MAIN] == [
        *("session", "user", "event client_gone #1", "assistant", "user", "assistant")
    ]


def test_disconnect_after_the_terminal_event_is_an_answer(repository):
    """A client that hangs up when it has all it wants has not cancelled."""
    script = Script()
    number = script.request([user("one")])
    script.response(number, stream(*answer_events(said("all"))), outcome="client_gone")
    assert record(repository, script.values).errors == 0
    assert shapes(repository)[MAIN] == ["session", "user", "assistant"]


def test_stream_without_its_terminal_event_was_cut(repository):
    """A connection that closes properly in the middle of an answer does not make it whole."""
    script = Script()
    number = script.request([user("one")])
    script.response(number, stream(*answer_events(said("all of it"))[:4]))
    assert record(repository, script.values).errors == 1
    assert shapes(repository)[MAIN] == ["session", "user", "event upstream_cut #1"]


def test_attempts_of_one_call_are_a_group(repository):
    """Errors and the answer have one group and count up; the next call has none."""
    script = Script()
    for status in (529, 500):
        number = script.request([user("one")])
        script.response(number, b'{"type":"error"}', outcome="error", status=status)
    messages = script.call([user("one")], said("first"))
    script.call([*messages, user("two")], said("second"))
    record(repository, script.values)
    (ref,) = repository.refs.iter_refs("refs/")
    calls = [turn.call for _, turn in tape(repository, ref.oid) if turn.call is not None]
    assert [(call.attempt, call.outcome) for call in calls] == [
        *((1, "error"), (2, "error"), (3, "ok"), (None, "ok"))
    ]
    assert len({call.group for call in calls[:3]}) == 1
    assert calls[3].group is None


def test_attempt_that_failed_after_others_began_is_made_again_on_its_tape(repository):
    """Without the name of a session: what waited for an answer then waits for another attempt."""
    one, other = Script(SDK, connection=1), Script(SDK, connection=2)
    other.number = 50
    number = one.request([user("one")])
    other.call([user("two")], said("second"))
    one.response(number, b'{"type":"error"}', outcome="error", status=529)
    asked, failed = one.values
    one.call([user("one")], said("first"))
    record(repository, [asked, *other.values, failed, *one.values[2:]])
    assert sorted(map(len, shapes(repository).values())) == [3, 4]


def test_lanes_without_names_are_forgotten_from_the_oldest(repository, monkeypatch):
    """What is forgotten is no longer gone on with; what began last is."""
    monkeypatch.setattr(recorder_calls, "UNNAMED_COUNT_MAX", 1)
    one, other = Script(SDK, connection=1), Script(SDK, connection=2)
    other.number = 50
    begun = [script.call([user("hi")], said(word)) for script, word in ((one, "a"), (other, "b"))]
    for script, messages in zip((one, other), begun, strict=True):
        script.call([*messages, user("more")], said("end"))
    values = [*one.values[:2], *other.values[:2], *other.values[2:], *one.values[2:]]
    record(repository, values)
    assert sorted(map(len, shapes(repository).values())) == [3, 5, 5]


def test_request_that_never_ends_is_kept(repository):
    """What was asked is there even if no answer ever comes."""
    script = Script()
    script.request([user("one")])
    summary = record(repository, script.values)
    assert shapes(repository)[MAIN] == ["session", "user", "event client_gone #1"]
    assert (summary.calls, summary.errors) == (1, 1)


def test_agents_of_one_session_have_tapes_of_their_own(repository):
    """The same words of two agents are never one conversation."""
    values = []
    for number, agent in enumerate(("a1", "b2"), 1):
        script = Script((*CLAUDE, ("x-claude-code-agent-id", agent)), connection=number)
        script.number = 10 * number
        script.call([user("one")], said("first"))
        values += script.values
    record(repository, values)
    turns = ["session", "user", "assistant"]
    assert shapes(repository) == {
        "claude-code agents/a1": turns,
        "claude-code agents/b2": turns,
    }


def test_runs_of_one_prompt_without_sessions_are_tapes_each(repository):
    """Four runs of one prompt at a time in one scope, with equal answers, are four tapes."""
    scripts = [Script(SDK, connection=number) for number in range(4)]
    for number, script in enumerate(scripts):
        script.number = 100 * number
        messages = script.call([user("one")], said("first", ("Bash", {"c": "ls"}, f"t{number}")))
        script.call([*messages, result(f"t{number}", "a")], said("second"))
    values = [value for four in zip(*(s.values for s in scripts), strict=True) for value in four]
    record(repository, values)
    turns = ["session", "user", "assistant", "tool", "assistant"]
    assert list(shapes(repository).values()) == [turns] * 4


def test_conversations_are_never_matched_across_scopes(repository):
    """The answer of one run in the request of another is a message that was brought along."""
    one, other = Script(SDK, scope="one"), Script(SDK, scope="other")
    messages = one.call([user("one")], said("first"))
    other.number = 50
    other.call([*messages, user("two")], said("second"))
    record(repository, [*one.values, *other.values])
    assert sorted(map(len, shapes(repository).values())) == [3, 5]


def test_previous_response_makes_one_conversation(repository):
    """Requests that hold only what is new go on from the response that they name."""
    script = Script(SDK)
    for number, (text, previous) in enumerate((("one", None), ("two", "r0"), ("three", "r1"))):
        fields = {"model": "m", "input": [{"role": "user", "content": text}]}
        fields |= {"previous_response_id": previous} if previous else {}
        asked = script.request(body=json.dumps(fields).encode(), target="/v1/responses")
        output = [
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": f"answer {number}"}],
            }
        ]
        reply = {"id": f"r{number}", "object": "response", "status": "completed", "output": output}
        script.response(asked, json.dumps(reply).encode(), headers=())
    record(repository, script.values)
    assert list(shapes(repository).values()) == [["session", *["user", "assistant"] * 3]]


def responses_events(response_id, text):
    """Return what a server sends on a WebSocket for one response."""
    item = {
        "type": "message",
        "role": "assistant",
        "id": "i",
        "content": [{"type": "output_text", "text": text}],
    }
    reply = {"id": response_id, "status": "completed", "output": [item] if text else []}
    done = [{"type": "response.output_item.done", "output_index": 0, "item": item}] if text else []
    return [
        {"type": "response.created", "response": {"id": response_id, "status": "in_progress"}},
        *done,
        {"type": "response.completed", "response": reply},
    ]


def test_turns_over_a_websocket_are_a_whole_conversation(repository):
    """Warmed up without an answer, then with new items alone: all of it is on one tape."""
    script = Script(CODEX)
    number = script.socket()
    steps = (
        ({"generate": False, "input": [{"role": "developer", "content": "be brief"}]}, "r0", ""),
        ({"previous_response_id": "r0", "input": [{"role": "user", "content": "hi"}]}, "r1", "a"),
        ({"previous_response_id": "r1", "input": [{"role": "user", "content": "so"}]}, "r2", "b"),
    )
    for fields, response_id, text in steps:
        script.send(number, {"type": "response.create", "model": "m", **fields})
        for event in responses_events(response_id, text):
            script.send(number, event, is_from_client=False)
    script.hang_up(number)
    summary = record(repository, script.values)
    assert shapes(repository) == {
        "codex main": ["session", "system", "event ok #1", *["user", "assistant"] * 2],
        "codex side/socket/*": ["session", "event"],
    }
    assert (summary.calls, summary.errors) == (3, 0)


def test_payloads_of_a_websocket_are_rebuilt(repository):
    """Each message that was sent can be had again, line feeds and bytes that are no text too."""
    script = Script(CODEX)
    number = script.socket()
    create = b'{"type":"response.create",\n "input":[{"role":"user","content":"hi"}]}'
    script.values.append(
        script.values[0]._replace(number=999)  # an exchange of its own, not on this socket
    )
    script.send(number, json.loads(create))
    replies = [json.dumps(event, indent=1).encode() for event in responses_events("r", "a")]
    for reply in replies:
        script.send(number, b"", is_from_client=False)
        script.values[-1] = script.values[-1]._replace(payload=reply, is_text=True)
    script.send(number, b"\x00\xff", is_from_client=False)
    script.hang_up(number)
    record(repository, script.values)
    bodies = []
    for ref in repository.refs.iter_refs("refs/"):
        for _, turn in tape(repository, ref.oid):
            if turn.call is not None and turn.call.response:
                oid = ObjectId.parse(turn.call.response)
                bodies.append(read_content(repository.objects.find, oid))
    events = [
        b"\n".join(line.removeprefix(b"data: ") for line in event.split(b"\n"))
        for event in bodies[0].removesuffix(b"\n\n").split(b"\n\n")
    ]
    assert events == replies
    assert bodies[-1] == b"event: base64\ndata: AP8=\n\n"


def test_session_goes_on_in_another_recording(repository):
    """A client that resumes its session after the recorder ended goes on with its tape."""
    script = Script()
    messages = script.call([user("one")], said("first"))
    record(repository, script.values)
    script.values.clear()
    script.call([*messages, user("two")], said("second"))
    record(repository, script.values)
    assert shapes(repository) == {MAIN: ["session", "user", "assistant", "user", "assistant"]}


def test_fork_goes_on_in_another_recording(repository):
    """A line that was left before the recorder ended is gone on with, and is the main one then."""
    script = Script()
    messages = script.call([user("one")], said("first"))
    left = script.call([*messages, user("two")], said("a second one"))
    script.call([*messages, user("two, but better")], said("other second"))
    record(repository, script.values)
    assert shapes(repository)[FORK] == ["session", *("user", "assistant") * 2]
    script.values.clear()
    script.call([*left, user("three")], said("third"))
    record(repository, script.values)
    assert summaries(repository)[-4:] == ["two", "a second one", "three", "third"]
    longer, shorter = (["session", *("user", "assistant") * count] for count in (3, 2))
    assert shapes(repository) == {MAIN: longer, FORK: shorter}


def test_recording_in_pieces_gives_the_tapes_of_one(tmp_path):
    """Wherever a recorder is ended and begun again between calls, the tape is the same."""
    script = Script()
    messages = script.call([user("one")], said("first", ("Bash", {"c": "ls"}, "t1")))
    messages = script.call([*messages, result("t1", "a b")], said(LONG))
    edited = [*messages[:2], result("t1", "changed"), messages[3], user("go")]
    messages = script.call(edited, said("third"))
    script.call([*messages, user("again")], said("and on"))
    messages = script.call([*messages, user("sum up")], said(f"so far: {LONG}"))
    script.call([user(f"Summary:\n so far: {LONG}")], said("fourth"))
    whole = make_store(tmp_path / "whole")
    record(whole, script.values)
    for cut in range(2, len(script.values), 2):
        parts = make_store(tmp_path / str(cut))
        record(parts, script.values[:cut])
        record(parts, script.values[cut:])
        assert shapes(parts) == shapes(whole)


def test_ref_that_somebody_moved_is_left_to_them(repository):
    """What was recorded meanwhile goes to forks, and nothing is lost."""
    from tapegit.redact.redactor import default_redactor
    from tapegit.refs.names import RefName
    from tapegit.wire.recording.calls import CallRecorder

    script = Script()
    messages = script.call([user("one")], said("first"))
    recorder = CallRecorder(repository, default_redactor())
    for value in script.values:
        recorder.take(value)
    (ref,) = repository.refs.iter_refs("refs/")
    earlier = tape(repository, ref.oid)[1][0]
    with repository.ref_transaction("elsewhere") as refs:
        refs.update(RefName.parse(ref.name), earlier)
    script.values.clear()
    messages = script.call([*messages, user("two")], said("second"))
    for value in script.values:
        recorder.take(value)
    recorder.finish()
    found = shapes(repository)
    assert found[MAIN][:2] == ["session", "user"]
    everything = {
        turn.summary
        for each in repository.refs.iter_refs("refs/")
        for _, turn in tape(repository, each.oid)
    }
    assert {"one", "first", "two", "second"} <= everything


def test_one_of_many_refs_that_somebody_moved_holds_up_no_other(repository):
    """What came together moves together, unless a ref among it is no longer where it was."""
    from tapegit.redact.redactor import default_redactor
    from tapegit.refs.names import RefName
    from tapegit.wire.recording.calls import CallRecorder

    scripts = []
    for number in range(20):
        headers = (*CLAUDE[:1], ("X-Claude-Code-Session-Id", f"session-{number}"), *CLAUDE[2:])
        scripts.append(Script(headers))
        scripts[-1].number = 100 * number
    recorder = CallRecorder(repository, default_redactor())
    talks = [script.call([user("one")], said("first")) for script in scripts]
    for value in [value for script in scripts for value in script.values]:
        recorder.take(value, more=True)
    assert recorder.flush()
    assert not list((repository.root / "refs" / "sessions").rglob("main")), "moved one by one"
    name = RefName.parse("refs/sessions/claude-code/session-7/wire/main")
    earlier = tape(repository, repository.refs.read(name))[1][0]
    with repository.ref_transaction("elsewhere") as refs:
        refs.update(name, earlier)
    for script, talk in zip(scripts, talks, strict=True):
        script.values.clear()
        script.call([*talk, user("two")], said("second"))
    for value in [value for script in scripts for value in script.values]:
        recorder.take(value, more=True)
    assert recorder.finish().lost == 0
    lengths = {ref.name: len(tape(repository, ref.oid)) for ref in repository.refs.iter_refs()}
    assert lengths.pop(str(name)) == 2
    assert set(lengths.values()) == {5}
    assert len(lengths) == 20
    assert sum("/forks/" in each for each in lengths) == 1


def test_sessions_without_names_of_two_recorders_are_two(repository):
    """Two runs of one prompt in the same second, each with a recorder, have a tape each."""
    from tapegit.redact.redactor import default_redactor
    from tapegit.wire.recording.calls import CallRecorder

    scripts = Script(SDK), Script(SDK)
    recorders = [CallRecorder(repository, default_redactor(), tag=tag) for tag in ("5c1e", "07aa")]
    for script in scripts:
        script.call([user("one")], said("first"))
    for one, other in zip(*(script.values for script in scripts), strict=True):
        recorders[0].take(one)
        recorders[1].take(other)
    assert [recorder.finish().sessions for recorder in recorders] == [1, 1]
    refs = list(repository.refs.iter_refs("refs/sessions/"))
    assert [len(tape(repository, ref.oid)) for ref in refs] == [3, 3]
    assert all(ref.name.endswith("/wire/main") for ref in refs)


def test_item_that_stands_for_what_was_said_is_a_compaction(repository):
    """A harness that has its history shortened elsewhere sends an item in place of it."""
    script = Script(CODEX)

    def ask(items, response_id, text):
        asked = script.request(
            body=json.dumps({"model": "m", "input": items}).encode(), target="/v1/responses"
        )
        body = stream(*responses_events(response_id, text))
        script.response(asked, body)

    prompt = {"role": "user", "content": "one"}
    said_item = {"type": "message", "role": "assistant", "content": LONG}
    ask([prompt], "r1", LONG)
    ask([prompt, said_item, {"role": "user", "content": "two"}], "r2", "second")
    shortened = {"type": "compaction", "encrypted_content": "x" * 50}
    ask([prompt, shortened, {"role": "user", "content": "three"}], "r3", "third")
    record(repository, script.values)
    assert shapes(repository) == {
        "codex main": [
            *("session", "user", "assistant", "user", "assistant"),
            *("event compacted", "user", "event", "user", "assistant"),
        ]
    }


def test_context_after_a_compaction_is_that_of_a_new_conversation(tmp_path):
    """What the model sees then is what it would see if nothing had been before."""
    script = Script()
    messages = script.call([user("one")], said("first"))
    script.call([*messages, user("sum up")], said(LONG))
    summary = [user(f"Summary: {LONG}")]
    script.call(summary, said("third"))
    fresh = Script()
    fresh.call(summary, said("third"))
    found = []
    for name, values in (("long", script.values), ("fresh", fresh.values)):
        repository = make_store(tmp_path / name)
        record(repository, values)
        (ref,) = repository.refs.iter_refs("refs/")
        found.append(context_of(repository, ref.oid))
    assert found[0] == found[1]


def context_of(repository, tip):
    """Return the context id at the end of a tape."""
    chain = ContextChain()
    for _, turn in tape(repository, tip):
        pieces = [
            read_content(repository.objects.find, ObjectId.parse(raw.oid)) for raw in turn.raw
        ]
        decode = find_decoder(turn.dialect)
        chain.add(turn.dialect, turn.role, decode(pieces) if decode is not None else ())
    return chain.id


def test_lanes_that_are_forgotten_are_read_again(tmp_path, monkeypatch):
    """However many sessions there are at a time, each goes on with its own tape."""
    monkeypatch.setattr(recorder_calls, "NAMED_COUNT_MAX", 2)
    repository = make_store(tmp_path)
    talks = []
    for number in range(5):
        headers = (*CLAUDE[:1], ("x-claude-code-session-id", f"session-{number}"))
        script = Script(headers, connection=number)
        script.number = 100 * number
        messages = script.call([user(f"one {number}")], said("first"))
        script.call([*messages, user("two")], said("second"))
        talks.append(script.values)
    record(repository, [value for step in zip(*talks, strict=True) for value in step])
    turns = ["session", "user", "assistant", "user", "assistant"]
    assert list(shapes(repository).values()) == [turns] * 5


def test_default_that_a_harness_adds_to_a_call_is_no_change(repository):
    """The model left an argument out; the client sends it along as false."""
    script = Script()
    script.call([user("one")], said("", ("Edit", {"file": "a"}, "t1")))
    again = said("", ("Edit", {"replace_all": False, "file": "a"}, "t1"))
    script.call([user("one"), again, result("t1", "done")], said("second"))
    record(repository, script.values)
    assert shapes(repository)[MAIN] == ["session", "user", "assistant", "tool", "assistant"]


def test_message_that_changed_is_listed_once(repository):
    """It stays changed in every request after; a retry of the first of them adds no message."""
    script = Script()
    script.call([user("one")], said("", ("Edit", {"file": "a"}, "t1")))
    messages = [user("one"), said("", ("Edit", {"file": "b"}, "t1")), result("t1", "done")]
    number = script.request(messages)
    script.response(number, b"{}", outcome="error", status=529)
    messages = script.call(messages, said("second"))
    script.call([*messages, user("two")], said("third"))
    record(repository, script.values)
    assert shapes(repository) == {
        MAIN: [
            *("session", "user", "assistant", "event changed", "tool", "event error #1"),
            *("assistant ok #2", "user", "assistant"),
        ]
    }
