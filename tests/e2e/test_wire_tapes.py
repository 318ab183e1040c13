"""Commands on tapes that were recorded from the wire: they read as those of transcripts do."""

from __future__ import annotations

import json

import pytest

from tapegit.redact.redactor import default_redactor
from tapegit.wire.recording.calls import CallRecorder
from tests.scripted_calls import SDK, Script, result, said, user

SESSION = "0b7e1c52-0000-4000-8000-00000000000a"
WORDS = "A tool that lists what is in a directory, one name a line, in no order that lasts. " * 40


@pytest.fixture
def recorded(repository):
    """Return a store with one session in which a tool was called, and a probe beside it."""
    script = Script()
    script.response(script.request(target="/", method="HEAD", body=b""))
    tools = [{"name": "Bash", "description": WORDS}, {"name": "Read", "description": WORDS}]
    system = [{"type": "text", "text": f"Primary working directory: /w/x\n{WORDS}"}]
    call = ("Bash", {"command": "ls"}, "t1")
    messages = script.call(
        [user("what is here?")], said("I look.", call), tools=tools, system=system
    )
    messages = [*messages, result("t1", "a.txt")]
    script.call(messages, said("One file, a.txt."), tools=tools, system=system)
    probe = Script(SDK, scope="other")
    probe.number = 90
    probe.response(probe.request(target="/v1/models", method="GET", body=b""), b'{"data":[]}')
    recorder = CallRecorder(repository, default_redactor())
    for value in [*script.values, *probe.values]:
        recorder.take(value)
    recorder.finish()
    return repository


def test_log_names_the_session_and_lists_its_turns(tapes, recorded):
    """The newest conversation is found, and what went beside it is not in the way."""
    found = tapes("log", "--format=%s")
    assert found.out.splitlines() == [
        "One file, a.txt.",
        "a.txt",
        "I look.",
        "what is here?",
        "claude-code in /w/x",
    ]


def test_sessions_lists_conversations_alone(tapes, recorded):
    """A probe and a list of models are no sessions; tokens are those of the answers."""
    rows = [json.loads(line) for line in tapes("sessions", "--json").out.splitlines()]
    assert [(row["session"], row["turns"], row["title"]) for row in rows] == [
        (SESSION, 5, "what is here?")
    ]
    assert rows[0]["usage"] == {"input": 14, "output": 18, "cache_read": 200}
    assert rows[0]["cwd"] == "/w/x"


def test_show_gives_parts_bodies_system_and_tools(tapes, recorded):
    """A turn is decoded; its request, its response and what is in them can be named."""
    shown = json.loads(tapes("show", "--json", f"{SESSION}~2").out)
    assert [part["part"] for part in shown["parts"]] == ["text", "tool_call"]
    assert shown["usage"] == {"cache_read": 100, "input": 7, "output": 9}
    request = json.loads(tapes("show", f"{SESSION}:request").out)
    assert [message["role"] for message in request["messages"]] == ["user", "assistant", "user"]
    assert tapes("show", f"{SESSION}:response").out.startswith("event: message_start\n")
    assert json.loads(tapes("show", f"{SESSION}:system").out) == request["system"][0]
    tools = tapes("show", f"{SESSION}:tools").out
    assert tools == "".join(json.dumps(tool) for tool in request["tools"])


def test_response_that_is_no_message_is_shown_as_it_is(tapes, repository):
    """A count of tokens has no parts of a message; what came is there to be seen all the same."""
    script = Script()
    body = json.dumps({"model": "m", "messages": [user("how long am I?")]}).encode()
    asked = script.request(target="/v1/messages/count_tokens", body=body)
    script.response(asked, b'{"input_tokens":11}', headers=())
    recorder = CallRecorder(repository, default_redactor())
    for value in script.values:
        recorder.take(value)
    recorder.finish()
    (ref,) = [each.name for each in repository.refs.iter_refs("refs/sessions/")]
    assert "[response, 19 bytes]" in tapes("show", ref).out
    assert tapes("show", "--raw", f"{ref}:part/0").out == '{"input_tokens":11}'


def test_message_is_a_piece_of_the_request(tapes, recorded):
    """The raw of an input turn is the very object that the request is made of."""
    raw = tapes("rev-parse", f"{SESSION}~3:raw/0").out.strip()
    request = tapes("rev-parse", f"{SESSION}:request").out.strip()
    assert raw in tapes("cat-file", "-p", request).out


def test_export_writes_the_conversation_and_no_source(tapes, recorded):
    """Formats that decode work; a recording of calls has no file to be given back."""
    rows = [
        json.loads(line) for line in tapes("export", "--format", "jsonl", SESSION).out.splitlines()
    ]
    assert [row["role"] for row in rows] == ["session", "user", "assistant", "tool", "assistant"]
    assert "One file, a.txt." in tapes("export", "--format", "markdown", SESSION).out
    refused = tapes("export", "--format", "raw", SESSION, code=1)
    assert "there is no source file of this" in refused.err


def test_fsck_finds_nothing(tapes, recorded):
    """What the recorder wrote is as whole as what any other writer wrote."""
    assert tapes("fsck", "--full").code == 0


BODIES = {
    "/v1/messages": {"system": "Be brief.", "messages": [{"role": "user", "content": "hi"}]},
    "/v1/responses": {"instructions": "Be brief.", "input": "hi"},
    "/v1/chat/completions": {
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]
    },
    "/v1beta/models/g:generateContent": {
        "systemInstruction": {"parts": [{"text": "Be brief."}]},
        "contents": [{"role": "user", "parts": [{"text": "hi"}]}],
    },
    "/api/chat": {
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}]
    },
}


@pytest.mark.parametrize("target", BODIES)
def test_system_prompt_is_told_where_it_is_no_piece(tapes, repository, target):
    """A string, a message of its own, a small body: the dialect knows where it is."""
    script = Script(SDK)
    body = json.dumps({"model": "m", **BODIES[target]}).encode()
    script.response(script.request(body=body, target=target), b"{}", outcome="error", status=500)
    recorder = CallRecorder(repository, default_redactor())
    for value in script.values:
        recorder.take(value)
    recorder.finish()
    (ref,) = repository.refs.iter_refs("refs/sessions/")
    assert tapes("show", f"{ref.name}:system").out.strip() == "Be brief."
    refused = tapes("show", f"{ref.name}:tools", code=12)
    assert "has no tools" in refused.err
