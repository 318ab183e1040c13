"""`tapes resume`: a client goes on from a turn, and what it adds is the tape's continuation.

The clients are stand-ins: each reads the session file that it was given, as the real one does,
and adds a prompt and an answer in its own format.
"""

from __future__ import annotations

import json
import os
import shutil
import sys

import pytest

from tapegit.errors import StorageError
from tapegit.graph.turns import TurnGraph
from tapegit.porcelain.imports.transcripts import Found, ImportOptions, import_transcripts
from tapegit.porcelain.recording.launching import Surroundings
from tapegit.porcelain.resume.plan import Wanted, make_plan
from tapegit.porcelain.resume.resume import start
from tapegit.refs.names import RefName
from tests.recordings import jsonl
from tests.sources import FIXTURES

TIME = "2026-01-01T00:00:00.000Z"
CLAUDE = """
import json, os, pathlib, re, sys
words = sys.argv[1:]
session = words[words.index("--resume") + 1]
prompt = words[words.index("--resume") + 2] if len(words) > 2 else "go on"
home = pathlib.Path(os.environ["HOME"])
folder = home / ".claude/projects" / re.sub("[^A-Za-z0-9]", "-", os.getcwd())
path = folder / f"{session}.jsonl"
rows = [json.loads(line) for line in path.read_bytes().splitlines()]
(home / "seen.json").write_text(json.dumps({"words": words, "cwd": os.getcwd(), "rows": rows}))
last = [row["uuid"] for row in rows if "uuid" in row][-1]
own = {"isSidechain": False, "sessionId": session, "cwd": os.getcwd(), "version": "2.1.0",
       "timestamp": "2026-01-02T00:00:00.000Z"}
said = {"role": "user", "content": prompt}
block = {"type": "text", "text": "Done."}
answer = {"id": "m-" + session, "type": "message", "role": "assistant", "content": [block],
          "model": "claude-test", "stop_reason": "end_turn", "usage": {"output_tokens": 1}}
more = [
    {"type": "queue-operation", "operation": "enqueue", "sessionId": session},
    {"type": "user", "uuid": "n1" + session, "parentUuid": last, "message": said, **own},
    {"type": "assistant", "uuid": "n2" + session, "parentUuid": "n1" + session,
     "message": answer, **own},
]
with path.open("ab") as file:
    file.write(b"".join(json.dumps(row).encode() + b"\\n" for row in more))
sys.exit(int(os.environ.get("CLAUDE_CODE", "0")))
"""


def make_home(tmp_path, monkeypatch, name, text):
    """Make a home, with a stand-in for a client on the PATH; return it."""
    home = tmp_path / "home"
    home.mkdir()
    programs = tmp_path / "programs"
    programs.mkdir()
    path = programs / name
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    return home


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Give a home, with a stand-in for Claude Code on the PATH."""
    home = make_home(tmp_path, monkeypatch, "claude", CLAUDE)
    monkeypatch.delenv("CLAUDE_CONFIG_DIR", raising=False)
    return home


def call(number, name="Bash"):
    """Return a call of a tool with an id of its own, as a record."""
    block = {"type": "tool_use", "id": f"t{number}", "name": name, "input": {"command": "true"}}
    message = {"id": f"m{number}", "role": "assistant", "content": [block], "model": "claude-test"}
    return record("assistant", f"a{number}", message)


def answer(number, text):
    """Return an answer as a record."""
    content = [{"type": "text", "text": text}]
    message = {"id": f"m{number}", "role": "assistant", "content": content, "model": "claude-test"}
    return record("assistant", f"a{number}", message)


def result(number, text="fine"):
    """Return what a call gave back, as a record."""
    block = {"type": "tool_result", "tool_use_id": f"t{number}", "content": text}
    return record("user", f"r{number}", {"role": "user", "content": [block]})


def prompt(number, text):
    """Return a prompt as a record."""
    return record("user", f"u{number}", {"role": "user", "content": text})


def record(kind, uuid, message):
    """Return a record of Claude Code as it writes them."""
    own = {"sessionId": "old", "cwd": "/old", "version": "2.1.0", "isSidechain": False}
    return {"type": kind, "uuid": uuid, "message": message, "timestamp": TIME, **own}


def chain(*records):
    """Return records, each going on from the one before."""
    before = None
    for each in records:
        each["parentUuid"] = before
        before = each["uuid"]
    return list(records)


SESSION = (
    prompt(1, "first"),
    call(2),
    result(2, "two"),
    call(3),
    result(3, "three"),
    answer(4, "That was it."),
)


@pytest.fixture
def session(tapes, store, work, home):
    """Give a store with a session, and a file that tapes must not touch."""
    path = work / "old.jsonl"
    path.write_bytes(jsonl(chain(*map(dict, SESSION))))
    tapes("import", path)
    return path


def seen(home):
    """Return what the stand-in saw."""
    return json.loads((home / "seen.json").read_text())


def says(rows):
    """Return the content of rows: texts, ids of calls and results."""
    found = []
    for row in rows:
        content = row["message"]["content"]
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        found += [
            block.get("text") or block.get("id") or block.get("tool_use_id") for block in blocks
        ]
    return found


def test_a_session_goes_on(tapes, session, home, work):
    """The client gets all that was said, under a new id; the branch follows, the session not."""
    before = tapes("rev-parse", "old").oid
    tapes("switch", "-q", "-c", "fix", "old")
    done = tapes("resume", "-m", "more please")

    got = seen(home)
    assert says(got["rows"]) == ["first", "t2", "t2", "t3", "t3", "That was it."]
    assert {row["sessionId"] for row in got["rows"]} == {got["words"][1]} != {"old"}
    assert {row["cwd"] for row in got["rows"]} == {got["cwd"]} == {os.path.realpath(work)}
    assert got["words"][2:] == ["more please"]
    uuids = [row["uuid"] for row in got["rows"]]
    assert [row["parentUuid"] for row in got["rows"]] == [None, *uuids[:-1]]

    assert tapes("rev-parse", "old").oid == before
    turns = tapes("log", "--json", "-n4", "fix").records
    assert [turn["role"] for turn in turns] == ["assistant", "user", "event", "session"]
    assert tapes("rev-parse", "fix~4").oid == before
    assert "branch 'fix' has gone on with it" in done.err
    new = got["words"][1]
    assert tapes("rev-parse", f"refs/sessions/claude-code/{new}/file/main").lines == [
        tapes("rev-parse", "fix").oid
    ]
    tapes("fsck", "--full")


def test_importing_again_adds_nothing(tapes, session, home):
    """Neither at once nor from a file that grew: what follows is the continuation."""
    tapes("switch", "-q", "-c", "fix", "old")
    tapes("resume")
    (path,) = home.glob(".claude/projects/*/*.jsonl")
    tip = tapes("rev-parse", "fix").oid
    tapes("import", path)
    assert tapes("rev-parse", "fix").oid == tip
    last = json.loads(path.read_bytes().splitlines()[-1])
    more = prompt(9, "and more") | {"sessionId": last["sessionId"], "parentUuid": last["uuid"]}
    with path.open("ab") as file:
        file.write(jsonl([more]))
    tapes("import", path)
    assert tapes("rev-parse", "fix~1").oid == tip
    assert tapes("log", "-n1", "--oneline", "fix").out.endswith("user: and more\n")


def test_a_branch_that_is_not_checked_out_stays(tapes, session, home):
    """Only the one that is checked out moves, and only if the session was started from it."""
    tapes("switch", "-q", "-c", "fix", "old")
    tapes("resume")
    tip = tapes("rev-parse", "fix").oid
    (path,) = home.glob(".claude/projects/*/*.jsonl")
    tapes("switch", "-q", "-c", "other")
    last = json.loads(path.read_bytes().splitlines()[-1])
    more = prompt(9, "and more") | {"sessionId": last["sessionId"], "parentUuid": last["uuid"]}
    with path.open("ab") as file:
        file.write(jsonl([more]))
    tapes("import", path)
    assert tapes("rev-parse", "fix", "other").lines == [tip, tip]


def test_a_log_names_only_what_a_user_would(tapes, session, home):
    """The ref that says where the session begins is not among the names of its leader."""
    tapes("resume", "old")
    assert "refs/lineage/" in tapes("for-each-ref").out
    assert "lineage" not in tapes("log", "--oneline", "--decorate", "--all").out


def test_a_client_that_says_nothing(tapes, session, home, tmp_path):
    """Nothing is lost by it: the next one goes on from the same, and the leader has no words."""
    (tmp_path / "programs" / "claude").write_text("#!/bin/sh\n")
    tapes("switch", "-q", "-c", "fix", "old")
    assert "nothing was said" in tapes("resume").err
    assert "6 records" in tapes("show", "fix").out
    assert tapes("search", "repeat", code=None).out == ""
    (plan,) = tapes("resume", "--dry-run", "--json").records
    assert plan["size_bytes"] == len(tapes("show", "--raw", "fix").data)
    assert tapes("diff", "old", "fix").out == ""


def test_two_agents_at_once(tapes, session, home, work):
    """The first that goes on has the branch; the other keeps its own tape, and HEAD stays."""
    tapes("switch", "-q", "-c", "fix", "old")
    tapes("resume", "-m", "one", "old")
    branch = tapes("rev-parse", "fix").oid
    done = tapes("resume", "-m", "two", "old")
    assert tapes("rev-parse", "fix").oid == branch
    assert "no branch moved" in done.err
    assert tapes("symbolic-ref", "HEAD").out == "refs/heads/fix\n"
    assert tapes("log", "--oneline", "-n2", "@{latest}").lines[1].endswith("user: two")


def test_from_the_middle_at_a_result(tapes, session, home):
    """No more than what was said up to there, nothing mended, no branch moved."""
    done = tapes("resume", "old#3")
    assert says(seen(home)["rows"]) == ["first", "t2", "t2"]
    assert "no result" not in done.err
    assert "no branch moved" in done.err


def test_a_call_without_a_result_gets_one(tapes, session, home):
    """It says that it was interrupted, and a turn records it between the two tapes."""
    done = tapes("resume", "old#2")
    rows = seen(home)["rows"]
    assert says(rows) == ["first", "t2", "t2"]
    (block,) = rows[-1]["message"]["content"]
    assert block["type"] == "tool_result"
    assert block["is_error"] is True
    assert "a call has no result" in done.err
    tip = tapes("rev-parse", "@{latest}").oid
    roles = [line.split()[1] for line in tapes("log", "--oneline", tip).lines]
    assert roles[3:6] == ["session:", "tool:", "assistant:"]


def test_an_amended_result(tapes, session, home):
    """What the client sees is what the user wrote."""
    tapes("switch", "-q", "-c", "fix", "old#3")
    tapes("amend", "-q", "--text", "another result")
    tapes("resume")
    (block,) = seen(home)["rows"][-1]["message"]["content"]
    assert block["content"] == "another result"


def test_in_another_directory(tapes, session, home, tmp_path):
    """The file is where the client looks for it, and it works there."""
    there = tmp_path / "else where"
    there.mkdir()
    tapes("resume", "--cwd", there, "old")
    assert seen(home)["cwd"] == os.path.realpath(there)
    tapes("resume", "--cwd", there / "nowhere", "old", code=1)


def test_arguments_for_the_client(tapes, session, home):
    """As they are, after the prompt; its exit status is that of the command."""
    tapes("resume", "-m", "x", "old", "--", "--model", "opus", env={"CLAUDE_CODE": "7"}, code=7)
    assert seen(home)["words"][2:] == ["x", "--model", "opus"]


def test_a_dry_run_changes_nothing(tapes, session, home, store):
    """Neither the store nor the home."""
    refs = tapes("for-each-ref").out
    done = tapes("resume", "--dry-run", "old")
    assert "claude --resume " in done.out
    (plan,) = tapes("resume", "--dry-run", "--json", "old").records
    assert plan["harness"] == "claude-code"
    assert tapes("for-each-ref").out == refs
    assert not list(home.iterdir())


def test_a_resumed_session_is_resumed(tapes, session, home):
    """All of it, the part before and the part after."""
    tapes("switch", "-q", "-c", "fix", "old")
    tapes("resume", "-m", "one")
    tapes("resume", "-m", "two")
    expected = ["first", "t2", "t2", "t3", "t3", "That was it.", "one", "Done."]
    assert says(seen(home)["rows"]) == expected
    assert tapes("log", "--oneline", "-n2").lines[1].endswith("user: two")
    listed = {row["session"]: row for row in tapes("sessions", "--json").records}
    assert {row["title"] for row in listed.values()} == {"first", "one", "two"}
    assert sum(row["usage"]["output"] for name, row in listed.items() if name != "old") == 2


def test_the_file_of_a_resumed_session_is_exported(tapes, session, home):
    """As the client left it, to the byte, and nothing of the session before."""
    tapes("switch", "-q", "-c", "fix", "old")
    tapes("resume")
    (path,) = home.glob(".claude/projects/*/*.jsonl")
    assert tapes("export", path.stem).data == path.read_bytes()


BROKEN = {
    "dangling call": [*SESSION[:3], call(3), prompt(5, "and now?")],
    "nul": [prompt(1, "a\0b"), call(2, "Ba\0sh"), result(2), answer(4, "ok")],
    "separators": [prompt(1, "a\u2028b\u2029c"), answer(4, "ok")],
    "result without a call": [prompt(1, "first"), result(7), answer(4, "ok")],
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_broken_is_mended(tapes, store, work, home, name):
    """A client gets lines that all can read, and no call without a result or the reverse."""
    path = work / "old.jsonl"
    lines = [json.dumps(each, ensure_ascii=False) for each in chain(*map(dict, BROKEN[name]))]
    path.write_text("\n".join(lines) + "\n")
    before = path.read_bytes()
    tapes("import", path)
    tapes("resume", "old")
    got = seen(home)["rows"]
    data = next(home.glob(".claude/projects/*/*.jsonl")).read_bytes()
    assert b"\0" not in data
    assert b"\\u0000" not in data
    assert len(data.decode().splitlines()) == data.count(b"\n")
    calls, results = [], []
    for row in got:
        for block in (
            row["message"]["content"] if isinstance(row["message"]["content"], list) else ()
        ):
            calls += [block["id"]] if block["type"] == "tool_use" else []
            results += [block["tool_use_id"]] if block["type"] == "tool_result" else []
    assert calls == results
    assert path.read_bytes() == before


def test_a_line_that_was_torn(tapes, store, work, home):
    """It is left out and told of, and all that is around it goes along."""
    path = work / "old.jsonl"
    data = jsonl(chain(*map(dict, SESSION))).splitlines(keepends=True)
    path.write_bytes(b"".join([*data[:3], data[3][:40] + b"\n", *data[4:]]) + data[0][:30])
    tapes("import", path)
    done = tapes("resume", "old")
    assert says(seen(home)["rows"]) == ["first", "t2", "t2", "That was it."]
    assert "not carried: 2 × record" in done.err
    assert "not carried: 1 × tool_result" in done.err


def test_messages(tapes, session, home):
    """The body of a request, for code of the user's own; nothing is recorded."""
    refs = tapes("for-each-ref").out
    body = json.loads(tapes("resume", "--with", "messages", "-m", "next", "old#2").out)
    assert [each["role"] for each in body["messages"]] == ["user", "assistant", "user", "user"]
    assert body["messages"][2]["content"][0]["tool_use_id"] == "t2"
    assert body["messages"][3]["content"] == [{"type": "text", "text": "next"}]
    assert tapes("for-each-ref").out == refs


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("opencode/calls.json", ["text", "text", "call", "result", "text", "call", "call"]),
        ("gemini-cli/first.json", ["text", "text", "call", "result", "text"]),
    ],
)
def test_results_within_answers_reach_other_clients(tapes, store, home, name, expected):
    """Calls and results of clients that write both into one message; nothing of them is lost."""
    tapes("import", FIXTURES / name)
    done = tapes("resume", "--with", "messages", "@{latest}")
    assert "tool_" not in done.err
    members = json.loads(done.out)
    found = []
    for message in members.get("messages") or members["contents"]:
        for block in message.get("content") or message["parts"]:
            keys = {block.get("type"), *block}
            is_call, is_result = keys & {"tool_use", "functionCall"}, keys & RESULTS
            found.append("call" if is_call else "result" if is_result else "text")
    assert found[: len(expected)] == expected


GEMINI_HEAD = {"sessionId": "g1", "projectHash": "h", "startTime": TIME, "kind": "main"}
RESULTS = {"tool_result", "functionResponse"}


def gemini_session():
    """Return records as Gemini CLI writes them: a message grows, a result is written twice."""
    response = {"id": "c1", "name": "run", "response": {"output": "fine"}}
    call = {"id": "c1", "name": "run", "args": {"command": "true"}, "status": "success"}
    call["result"] = [{"functionResponse": response}]
    message = {"id": "m2", "timestamp": TIME, "type": "gemini", "content": "I run it."}
    context = {"id": "m0", "timestamp": TIME, "type": "user", "content": "<session_context>\nx"}
    return [
        GEMINI_HEAD,
        {"$set": {"messages": [context]}},
        {"id": "m1", "timestamp": TIME, "type": "user", "content": [{"text": "run it"}]},
        message,
        {"$set": {"lastUpdated": TIME}},
        message | {"toolCalls": [call]},
        {"id": "m3", "timestamp": TIME, "type": "user", "content": call["result"]},
        {"id": "m4", "timestamp": TIME, "type": "gemini", "content": "It ran."},
    ]


def gemini_contents(tapes, rev):
    """Return the kinds of what a request to Gemini would have."""
    contents = json.loads(tapes("resume", "--with", "messages", rev).out)["contents"]
    return [next(iter(part)) for each in contents for part in each["parts"]]


def test_a_result_that_was_written_twice_is_said_once(tapes, store, work, home):
    """And what a client says of the directory to every session anew is not said at all."""
    path = work / "session-g1.jsonl"
    path.write_bytes(jsonl(gemini_session()))
    tapes("import", path)
    expected = ["text", "text", "functionCall", "functionResponse", "text"]
    assert gemini_contents(tapes, "g1") == expected
    words = ("resume", "--dry-run", "--json", "--with", "gemini", "g1")
    (planned,) = tapes(*words).records
    assert planned["losses"] == []
    assert planned["command"][:2] == ["gemini", "--resume"]


def test_a_history_that_was_put_in_place_is_gone_on_from(tapes, store, work, home):
    """As Gemini CLI does when it resumes, or makes its history shorter."""
    kept = {"id": "m5", "timestamp": TIME, "type": "user", "content": [{"text": "a summary"}]}
    after = {"id": "m6", "timestamp": TIME, "type": "user", "content": [{"text": "go on"}]}
    path = work / "session-g1.jsonl"
    path.write_bytes(jsonl([*gemini_session(), {"$set": {"messages": [kept]}}, after]))
    tapes("import", path)
    body = json.loads(tapes("resume", "--with", "messages", "g1").out)
    said = [part["text"] for each in body["contents"] for part in each["parts"]]
    assert said == ["a summary", "go on"]


def test_refusals(tapes, session, home, monkeypatch):
    """Each says what would help, and changes nothing."""
    refs = tapes("for-each-ref").out
    done = tapes("resume", "--with", "emacs", "old", code=1)
    assert "takes claude" in done.err
    tapes("resume", "old", "old", code=2)
    tapes("resume", "--json", "old", code=2)
    monkeypatch.setenv("PATH", "/nowhere")
    done = tapes("resume", "old", code=127)
    assert "cannot run 'claude'" in done.err
    assert "tapes resume --with CLIENT" in done.err
    assert tapes("for-each-ref").out == refs
    assert not (home / ".claude").exists()


def files_of(folder):
    """Return every file below a folder with its bytes and its time."""
    return {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_files_of_clients_are_never_changed(tapes, session, home, work):
    """One file is new; all that were there are as they were, and nothing else is left behind."""
    folder = home / ".claude/projects" / "".join(c if c.isalnum() else "-" for c in str(work))
    folder.mkdir(parents=True)
    for name in ("old.jsonl", "other.jsonl", "notes.txt"):
        (folder / name).write_bytes(session.read_bytes())
    before = files_of(home)
    tapes("resume", "old")
    after = files_of(home)
    assert {path: after[path] for path in before} == before
    new = after.keys() - before.keys() - {home / "seen.json"}
    assert [path.suffix for path in new] == [".jsonl"]


def test_a_file_that_exists_is_kept(repository, tapes, session, home, work):
    """The new session is begun, and the client is not run over what is there."""
    graph = TurnGraph(repository.objects)
    oid = repository.refs.read(RefName.parse("refs/sessions/claude-code/old/file/main"))
    where = Surroundings(dict(os.environ), home, work, sys.executable)
    planned = make_plan(repository, graph, oid, Wanted(), where)
    planned.path.parent.mkdir(parents=True)
    planned.path.write_bytes(b"mine\n")
    with pytest.raises(StorageError, match="exists already"):
        start(repository, planned)
    assert planned.path.read_bytes() == b"mine\n"
    assert [path.name for path in planned.path.parent.iterdir()] == [planned.path.name]


def test_a_file_is_followed_while_it_grows(repository, tapes, session, home):
    """What is closed is recorded after the leader, and the branch goes along at each step."""
    tapes("switch", "-q", "-c", "fix", "old")
    tapes("resume")
    (path,) = home.glob(".claude/projects/*/*.jsonl")
    last = json.loads(path.read_bytes().splitlines()[-1])
    for number in range(10, 14):
        tip = tapes("rev-parse", "fix").oid
        own = {"sessionId": last["sessionId"], "parentUuid": last["uuid"]}
        last = prompt(number, f"more {number}") | own
        with path.open("ab") as file:
            file.write(jsonl([last]))
        import_transcripts(repository, [Found(str(path), True)], ImportOptions(is_growing=True))
        assert tapes("rev-parse", "fix~1").oid in {tip, tapes("rev-parse", f"{tip}~1").oid}
    tapes("import", path)
    assert tapes("log", "--format=%s", "-n4", "fix").lines == [
        f"more {number}" for number in (13, 12, 11, 10)
    ]


def test_a_file_that_was_rewritten_is_recorded_for_itself(tapes, session, home):
    """If it does not begin as it did, nothing of it is taken for what was there."""
    tapes("switch", "-q", "-c", "fix", "old")
    tapes("resume")
    tip = tapes("rev-parse", "fix").oid
    (path,) = home.glob(".claude/projects/*/*.jsonl")
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[1:]))
    tapes("import", path)
    assert tapes("rev-parse", "fix").oid == tip
    assert "forks/other-main" in tapes("for-each-ref").out
    tapes("fsck", "--full")


def test_on_another_machine(tapes, session, home, tmp_path, monkeypatch):
    """Of the store nothing is needed but its objects and refs, of the home nothing at all."""
    there = tmp_path / "there"
    shutil.copytree(session.parent / ".tapes", there / ".tapes")
    fresh = tmp_path / "fresh"
    fresh.mkdir()
    monkeypatch.setenv("HOME", str(fresh))
    tapes("resume", "old", cwd=there)
    assert seen(fresh)["cwd"] == os.path.realpath(there)
    assert says(seen(fresh)["rows"])[-1] == "That was it."
    assert not (home / ".claude").exists()


def test_gc_keeps_what_a_session_goes_on_from(tapes, session, home):
    """Also when no branch and no other session names it any more."""
    tapes("resume", "old#2")
    (name,) = (line.split()[2] for line in tapes("for-each-ref").lines if "/old/file/main" in line)
    tapes("update-ref", "-d", name)
    tapes("reflog", "expire", "--expire=now", "--all")
    tapes("gc", "--prune=now", "-q")
    tapes("fsck", "--full")
    assert len(tapes("log", "--oneline", "@{latest}").lines) == 8


def test_a_resumed_session_is_forgotten(tapes, session, home):
    """And the one that it goes on from is not."""
    old = tapes("rev-parse", "old").oid
    tapes("resume", "old")
    (path,) = home.glob(".claude/projects/*/*.jsonl")
    tapes("forget", path.stem)
    assert tapes("rev-parse", "old").oid == old
    assert path.stem not in tapes("for-each-ref").out
    tapes("fsck", "--full")
    assert len(tapes("log", "--oneline", "old").lines) == 7
