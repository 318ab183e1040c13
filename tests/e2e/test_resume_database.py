"""`tapes resume` of a client that keeps sessions in a database: a stand-in for OpenCode."""

from __future__ import annotations

import json

import pytest

from tests.e2e.test_resume import SESSION, chain, make_home
from tests.recordings import jsonl

OPENCODE = """
import json, os, pathlib, sys
verb, *words = sys.argv[1:]
store = pathlib.Path(os.environ["HOME"]) / "store.json"
if verb == "import":
    if os.environ.get("REFUSED"):
        sys.exit("this is no session")
    store.write_bytes(pathlib.Path(words[0]).read_bytes())
elif verb == "export":
    print("Exporting session", words[0])
    print(json.dumps(json.loads(store.read_bytes()), indent=2))
else:
    session = json.loads(store.read_bytes())
    own = {"sessionID": session["info"]["id"], "time": {"created": 1767225600000}}
    for role, text in (("user", words[-1]), ("assistant", "Done.")):
        info = {"role": role, "id": "msg_z" + role, **own}
        part = {"type": "text", "text": text, "id": "prt_z" + role}
        session["messages"].append({"info": info, "parts": [part]})
    store.write_text(json.dumps(session))
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Give a home, with the stand-in on the PATH."""
    return make_home(tmp_path, monkeypatch, "opencode", OPENCODE)


@pytest.fixture
def session(tapes, store, work, home):
    """Give a store with a session of another client, checked out."""
    (work / "old.jsonl").write_bytes(jsonl(chain(*map(dict, SESSION))))
    tapes("import", work / "old.jsonl")
    tapes("switch", "-q", "-c", "fix", "old")


def texts(home):
    """Return what the stand-in has: texts, and ids of calls with how they ended."""
    messages = json.loads((home / "store.json").read_text())["messages"]
    parts = [part for message in messages for part in message["parts"]]
    kept = [part for part in parts if part["type"] in {"text", "tool"}]
    return [part.get("text") or (part["callID"], part["state"]["status"]) for part in kept]


def test_it_takes_a_session_in_and_gives_it_out(tapes, session, home, store):
    """What it adds is the continuation, and goes on once more from there."""
    tapes("resume", "--with", "opencode", "-m", "one", "--", "run")
    said = ["first", ("t2", "completed"), ("t3", "completed"), "That was it.", "one", "Done."]
    assert texts(home) == said
    turns = tapes("log", "--json", "-n3", "fix").records
    assert [turn["role"] for turn in turns] == ["assistant", "user", "session"]
    done = tapes("resume", "-m", "two", "--", "run")
    assert texts(home) == [*said, "two", "Done."]
    assert "branch 'fix' has gone on with it" in done.err
    assert not list((store / "tmp").iterdir())
    tapes("fsck", "--full")


def test_a_call_that_was_interrupted_is_an_error(tapes, session, home):
    """The repair stands in the call itself, as OpenCode has it."""
    tapes("resume", "--with", "opencode", "-m", "one", "old#2", "--", "run")
    assert texts(home)[:2] == ["first", ("t2", "error")]


def test_a_session_that_is_refused(tapes, session, home, monkeypatch):
    """The client's own words are told."""
    monkeypatch.setenv("REFUSED", "1")
    done = tapes("resume", "--with", "opencode", "--", "run", code=1)
    assert "'opencode import' failed with 1\nhint: this is no session" in done.err
