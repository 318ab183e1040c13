"""Session files with which clients go on: what was said, in each client's own format."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tapegit.dialects.parts import Attachment, Text, Thinking, ToolCall, ToolResult, Unknown
from tapegit.dialects.table import find_decoder
from tapegit.harness.places import Surroundings
from tapegit.harness.resume.continuation import (
    Aim,
    Said,
    make_timed_uuid,
    make_uuid,
    order_arguments,
)
from tapegit.harness.resume.table import RESUMES, find_resume

DIGITS = bytes(range(16))
TIME_MS = 1_750_000_000_123
CALL = ToolCall(name="shell", arguments='{"command":"true"}', id="c1")
RESULT = ToolResult(text="fine", call_id="c1", name="shell")
SAID = (
    Said("user", (Text(text="do it\u2028now"),), None, "other@1", None, TIME_MS),
    Said(
        "assistant",
        (Thinking(text="hm", is_signed=True, signature="s"), Text(text="Yes."), CALL),
        None,
        "other@1",
        "model-x",
        TIME_MS,
    ),
    Said("tool", (RESULT,), None, "other@1", None, TIME_MS),
    Said("assistant", (Text(text="Done."),), None, "other@1", "model-x", TIME_MS),
)


@pytest.fixture(params=RESUMES, ids=lambda client: client.name)
def client(request):
    """Give each of the clients."""
    return request.param


def aim_of(client, **more):
    """Return what a session is to be."""
    return Aim(client.make_id(DIGITS, TIME_MS), "/home/ada/my work", TIME_MS, **more)


def parts_of(client, data):
    """Return what the client's own dialect reads in a file: kinds, texts and ids."""
    found = []
    decode = find_decoder(client.dialect)
    sources = [data]
    if client.take_in is not None:
        sources = [json.dumps(each).encode() for each in json.loads(data)["messages"]]
    for part in (part for source in sources for part in decode([source])):
        if isinstance(part, Text):
            found.append(part.text)
        elif isinstance(part, ToolCall):
            found.append((part.id, part.name, json.loads(part.arguments)))
        elif isinstance(part, ToolResult):
            found.append((part.call_id, part.text))
        else:
            assert isinstance(part, Unknown), part
    return found


def test_what_another_client_said_is_said(client):
    """Texts, calls and results, in order; the client's own decoder reads them."""
    written = client.write(SAID, aim_of(client))
    assert parts_of(client, written.data) == [
        "do it\u2028now",
        "Yes.",
        ("c1", "shell", {"command": "true"}),
        ("c1", "fine"),
        "Done.",
    ]


def test_what_is_lost_is_said(client):
    """Thinking that another provider signed, and what no client takes."""
    odd = Said("user", (Attachment(kind="audio", media_type="audio/wav"),), None)
    losses = client.write((*SAID, odd), aim_of(client)).losses
    assert [loss.kind for loss in losses] == ["thinking", "attachment"]


def test_a_repair_is_no_loss(client):
    """What is put in is no part of the tape."""
    result = ToolResult(text="interrupted", is_error=True, call_id="c1", name="shell")
    repair = Said("tool", (result,), None, "tapes.message@1", is_repair=True)
    written = client.write((*SAID[:2], repair), aim_of(client))
    assert parts_of(client, written.data)[-1] == ("c1", "interrupted")
    assert [loss.kind for loss in written.losses] == ["thinking"]


def test_every_line_is_one(client):
    """For readers also that take other characters for the end of a line."""
    data = client.write(SAID, aim_of(client)).data
    lines = data.decode().splitlines()
    assert len(lines) == data.count(b"\n")
    assert all(isinstance(json.loads(line), dict) for line in lines)


def test_its_own_records_are_taken_as_they_are(client):
    """A file made of a file says the same, byte for byte but for the envelope."""
    aim = aim_of(client)
    first = client.write(SAID, aim).data
    records = tuple(first.splitlines())
    if client.take_in is not None:
        records = tuple(json.dumps(each).encode() for each in json.loads(first)["messages"])
    own = Said("session", (Text(text="all of it"),), records, client.dialect)
    other = aim._replace(session_id=client.make_id(DIGITS[::-1], TIME_MS + 1), directory="/else")
    second = client.write((own,), other).data
    assert parts_of(client, second) == parts_of(client, first)
    assert other.session_id.encode() in second
    assert aim.session_id.encode() not in second
    assert b"/home/ada" not in second


def test_records_of_nothing_that_was_said_are_left_out(client):
    """Whatever they are: no object, no type, one that nobody knows."""
    records = (b"[]", b"{}", b'{"type":3}', b'{"type":"user"}', b'{"type":"response_item"}')
    own = Said("user", (Text(text="x"),), records, client.dialect)
    data = client.write((own, *SAID), aim_of(client)).data
    assert parts_of(client, data)[-1] == "Done."


def test_the_same_is_written_twice_the_same(client):
    """A file is a function of what was said and of the session."""
    assert client.write(SAID, aim_of(client)) == client.write(SAID, aim_of(client))


def test_the_place_is_the_clients_own(client):
    """Below the home, or where the client's variable says; not where there is a database."""
    aim = aim_of(client)
    folder, relative = client.place(aim, Surroundings("/home/ada", {}))
    assert aim.session_id[:8] in relative
    if client.take_in is not None:
        assert (folder, client.take_in(Path("/x"))[-1]) == ("", "/x")
        return
    assert folder.startswith("/home/ada/.")
    assert not relative.startswith("/")
    variables = ("CLAUDE_CONFIG_DIR", "CODEX_HOME", "GEMINI_CLI_HOME", "PI_CODING_AGENT_DIR")
    environ = dict.fromkeys(variables, "/elsewhere")
    folder = client.place(aim, Surroundings("/home/ada", environ))[0]
    assert folder.removesuffix("/.gemini") == "/elsewhere"


def test_the_command_names_the_session_and_skips_no_permission(client):
    """With the prompt and the user's own arguments, and nothing of ours that would."""
    aim = aim_of(client, prompt="go on", arguments=("--model", "x"))
    written = client.write(SAID, aim)
    command = client.command(aim, written, Path("/somewhere") / f"{aim.session_id}.jsonl")
    assert command[0] == client.program
    assert aim.session_id in " ".join(command)
    assert {"go on", "--model", "x"} <= set(command[-4:])
    assert not any("skip" in word or "bypass" in word or "yolo" in word for word in command)


def test_codex_without_a_terminal():
    """`exec` comes before the words that are its own, the prompt last."""
    codex = find_resume("codex")
    aim = aim_of(codex, prompt="go on", arguments=("exec", "--json"))
    command = codex.command(aim, codex.write(SAID, aim), Path("/x"))
    assert command == ("codex", "exec", "--json", "resume", aim.session_id, "go on")


def test_codex_answers_a_call_of_free_text_as_one():
    """The result of a custom call is of the kind that belongs to it."""
    codex = find_resume("codex")
    item = {"type": "custom_tool_call", "call_id": "c9", "name": "apply_patch", "input": "x"}
    record = json.dumps({"type": "response_item", "payload": item}).encode()
    call = ToolCall(name="apply_patch", arguments='"x"', id="c9")
    own = Said("assistant", (call,), (record,), codex.dialect)
    repair = Said("tool", (ToolResult(text="no", call_id="c9"),), None, is_repair=True)
    last = json.loads(codex.write((own, repair), aim_of(codex)).data.splitlines()[-1])
    assert last["payload"]["type"] == "custom_tool_call_output"


def test_codex_numbers_anew():
    """From 0, whatever was left out."""
    codex = find_resume("codex")
    lines = codex.write(SAID, aim_of(codex)).data.splitlines()
    assert [json.loads(line)["ordinal"] for line in lines] == list(range(len(lines)))


def gemini_place(files):
    """Return the folder of a project for Gemini CLI, given the files in its folder."""
    read = {f"/h/.gemini/{name}": text for name, text in files.items()}.get
    gemini = find_resume("gemini")
    return gemini.place(aim_of(gemini), Surroundings("/h", {}, read))[1].split("/")[1]


OWNER = "/home/ada/my work"


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, "my-work"),
        ({"projects.json": "torn"}, "my-work"),
        ({"projects.json": json.dumps({"projects": {OWNER: "known"}})}, "known"),
        ({"projects.json": json.dumps({"projects": {OWNER: "../../up"}})}, "my-work"),
        ({"projects.json": json.dumps({"projects": {"/else": "my-work"}})}, "my-work-1"),
        ({"tmp/my-work/.project_root": f"{OWNER}\n"}, "my-work"),
        ({"history/my-work/.project_root": "/else"}, "my-work-1"),
    ],
)
def test_gemini_finds_the_folder_of_a_project(files, expected):
    """As it is registered; else as Gemini CLI would name it."""
    assert gemini_place(files) == expected


def gemini_messages(*records):
    """Return the messages of the file that own records of Gemini CLI become."""
    gemini = find_resume("gemini")
    lines = tuple(json.dumps(record).encode() for record in records)
    own = Said("session", (Text(text="all of it"),), lines, gemini.dialect)
    data = gemini.write((own,), aim_of(gemini)).data
    return [json.loads(line) for line in data.splitlines()[1:]]


def test_gemini_gets_each_result_once():
    """In the call that it belongs to, as what stands last says it."""
    answered = {"functionResponse": {"id": "c1", "name": "x", "response": {"output": "new"}}}
    call = {"id": "c1", "name": "x", "args": {}, "result": [{"text": "old"}], "status": "success"}
    picture = {"inlineData": {"mimeType": "image/png", "data": "AA=="}}
    answer = {"id": "m1", "type": "gemini", "content": "", "toolCalls": [call, "torn", {}]}
    result = {"id": "m2", "type": "user", "content": [answered, picture]}
    (message,) = gemini_messages(answer | {"toolCalls": []}, answer, result)
    assert message["toolCalls"] == [call | {"result": [answered, picture]}]


def test_gemini_goes_on_from_the_history_that_was_put_in_place():
    """What was before it is gone; what is said of surroundings is left out."""
    before = {"id": "m1", "type": "user", "content": "before"}
    surroundings = {"id": "m2", "type": "user", "content": [{"text": "<session_context>x"}]}
    kept = {"id": "m3", "type": "user", "content": "kept"}
    anew = {"$set": {"messages": [surroundings, kept, {"id": "m4", "type": "info"}]}}
    rewound = {"$rewindTo": "m3"}
    assert gemini_messages(before, anew, rewound, {"$set": {"summary": "s"}}) == [kept]


def test_gemini_goes_on_from_its_history_as_it_sends_it():
    """Calls are in the content then, and results messages of their own, each of them once."""
    call = {"id": "m1", "type": "gemini", "content": [{"functionCall": {"id": "c1", "name": "x"}}]}
    answered = {"functionResponse": {"id": "c1", "name": "x", "response": {"output": "y"}}}
    first = {"id": "m2", "type": "user", "content": [answered]}
    second = first | {"id": "m3"}
    assert gemini_messages({"$set": {"messages": [call, first]}}, second) == [call, second]


def test_gemini_is_told_what_it_would_leave_out():
    """A message that looks like a command of its own gets words before it."""
    gemini = find_resume("gemini")
    said = Said("user", (Text(text="/tmp/x is broken"),), None)
    last = json.loads(gemini.write((said,), aim_of(gemini)).data.splitlines()[-1])
    assert [part["text"] for part in last["content"]] == ["The user says:\n", "/tmp/x is broken"]


def test_gemini_takes_the_prompt_where_the_user_wants_it():
    """As the value of the option that ends the arguments, whatever it begins with."""
    gemini = find_resume("gemini")
    aim = aim_of(gemini, prompt="-x", arguments=("--model", "y", "-p"))
    words = gemini.command(aim, gemini.write(SAID, aim), Path("/x"))
    assert words == ("gemini", "--resume", aim.session_id, "--model", "y", "--prompt=-x")


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [(None, ("-a",)), ("do", ("do", "-a")), ("-x", ("-a", "--", "-x"))],
)
def test_a_prompt_is_not_taken_for_a_flag(prompt, expected):
    """Nor are the arguments taken for prompts."""
    assert order_arguments(("-a",), prompt) == expected


def test_ids():
    """They are UUIDs of versions 4 and 7."""
    assert make_uuid(DIGITS) == "00010203-0405-4607-8809-0a0b0c0d0e0f"
    assert make_timed_uuid(DIGITS, 1) == "00000000-0001-7001-8203-040506070809"


def test_clients_are_found_by_both_names():
    """That of the harness and that of the program."""
    assert find_resume("claude") is find_resume("claude-code") is not None
    assert find_resume("vim") is None
