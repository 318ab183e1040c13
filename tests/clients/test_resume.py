"""Real clients that go on from a turn: the first request they send has what was said before.

Each was recorded from its own transcript with a scripted model; then `tapes resume` runs it
again, and what it sends is compared with what it sent then. A client's session is recorded once,
and gone on from once for each way.
"""

from __future__ import annotations

import json
import shutil

import pytest

from tests.clients.resuming import CLIENTS, GO_ON, go_on, record, script, text_of
from tests.clients.server import ModelServer
from tests.clients.test_conversations import PROMPT
from tests.clients.world import PROGRAMS, World

pytestmark = [
    pytest.mark.clients,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not PROGRAMS.exists(), reason="`make clients` installs them"),
]

LAST = "hello.txt has 16 bytes."
AMENDED = "17 hello.txt"


def make_world(folder):
    """Return a machine of a person, from which nothing but loopback is reached."""
    folder.mkdir(exist_ok=True)
    world = World(folder)
    world.isolate()
    world.environ["NO_PROXY"] = "127.0.0.1,localhost"
    return world


@pytest.fixture(scope="module", params=CLIENTS)
def session(request, tmp_path_factory):
    """Give a session of each client, recorded."""
    with ModelServer(script) as server:
        yield record(make_world(tmp_path_factory.mktemp(request.param)), server, request.param)


@pytest.fixture
def world(session):
    """Give its machine; what a test changes of the environment is put back, and HEAD unborn."""
    before = dict(session.world.environ)
    yield session.world
    session.world.environ = before
    session.world.tapes("symbolic-ref", "HEAD", "refs/heads/main")


def give_home(world, session, name):
    """Give the person a home that has nothing but the settings of the client."""
    fresh = world.folder / name
    for path in session.client.settings:
        (fresh / path).parent.mkdir(parents=True)
        shutil.copy(session.world.home / path, fresh / path)
    fresh.mkdir(exist_ok=True)
    world.environ["HOME"] = str(fresh)
    return fresh


def last_result(session):
    """Return the turn with the last result, and all that was sent up to it."""
    role = "tool" if "tool" in session.turns else "assistant"
    return session.turns[role][-1 if role == "tool" else -2], session.sent[2]


def test_at_the_end(session, world):
    """What it sent last, its answer, and the prompt; the branch has what comes."""
    tip = session.turns["assistant"][-1]
    world.tapes("switch", "-q", "-c", "fix", tip)
    got = go_on(session)
    assert got[:-1] == session.sent[2]
    assert text_of(got[-1]) == LAST
    turns = [(turn["role"], turn["summary"].strip('"')) for turn in world.records("log", "-n2")]
    assert turns == [("assistant", "Nothing more."), ("user", GO_ON)]
    assert world.read("rev-parse", "HEAD").out == world.read("rev-parse", "fix").out


def test_in_the_middle(session):
    """What it sent with the first result."""
    role = "tool" if "tool" in session.turns else "assistant"
    assert go_on(session, session.turns[role][0]) == session.sent[1]


def test_at_a_result(session):
    """What it sent with the last result; nothing is put in between."""
    turn, sent = last_result(session)
    assert go_on(session, turn) == sent


def test_at_a_call(session):
    """The call gets a result that says it was interrupted; some write the result into the call."""
    got = go_on(session, session.turns["assistant"][-2])
    assert got[:-1] == session.sent[2][:-1]
    if session.client.name in {"gemini", "opencode"}:
        assert got == session.sent[2]
    else:
        assert text_of(got[-1]) == "The call was interrupted: there is no result."


def test_at_a_prompt(session):
    """The prompt."""
    got = go_on(session, session.turns["prompt"][0])
    assert got == session.sent[0]
    assert text_of(got[-1]) == PROMPT


def test_with_an_amended_result(session, world):
    """What the user wrote in place of it, and not a byte else."""
    turn, sent = last_result(session)
    world.tapes("switch", "-q", "-c", "amended", turn)
    parts = world.records("show", turn)[0]["parts"]
    number = next(at for at, part in enumerate(parts) if part["part"] == "tool_result")
    world.tapes("amend", "-q", "--part", str(number), "--text", AMENDED)
    got = go_on(session)
    assert got[:-1] == sent[:-1]
    assert text_of(got[-1]) == AMENDED
    before = json.dumps(sent[-1]).replace(json.dumps(text_of(sent[-1])), json.dumps(AMENDED))
    assert json.dumps(got[-1]) == before


def test_in_another_directory(session, world):
    """Where it has never been."""
    turn, sent = last_result(session)
    (world.folder / "there").mkdir()
    assert go_on(session, turn, "--cwd", str(world.folder / "there")) == sent


def test_with_a_fresh_home(session, world):
    """Of what it once wrote nothing is needed; what it had written stays as it was."""
    turn, sent = last_result(session)
    before = {path: path.read_bytes() for path in world.home.rglob("*.jsonl")}
    fresh = give_home(world, session, "fresh")
    assert go_on(session, turn) == sent
    assert {path: path.read_bytes() for path in world.home.rglob("*.jsonl")} == before
    assert any(fresh.iterdir())


def test_on_another_machine(session, world, tmp_path):
    """On a store that was cloned, in another directory and another home."""
    turn, sent = last_result(session)
    bare = tmp_path / "remote.git"
    world.output("git", "init", "-q", "--bare", str(bare))
    world.tapes("remote", "add", bare.parent.name[-20:], str(bare))
    world.tapes("push", bare.parent.name[-20:], "--sessions")
    there = make_world(tmp_path / "machine")
    shutil.rmtree(there.root)
    there.tapes("clone", "-q", str(bare), str(there.work / "cloned"))
    there.work = there.work / "cloned"
    there.environ = {**world.environ, "PWD": str(there.work)}
    give_home(there, session, "fresh")
    assert go_on(session, turn, world=there) == sent
    assert [turn["summary"].strip('"') for turn in there.records("log", "-n2", "@{latest}")] == [
        "Nothing more.",
        GO_ON,
    ]


def test_from_a_broken_file(session, world):
    """U+2028 stays, NUL goes, and so do torn lines: what is sent is what can be read."""
    if session.client.name == "opencode":
        pytest.skip("its sessions are in a database")
    (path,) = (path for path in world.home.rglob("*.jsonl") if is_original(path))
    said = "I will\u2028count".encode() + rb"\u0000."
    lines = path.read_bytes().replace(b"I will count.", said).splitlines(keepends=True)
    lines.insert(-1, lines[-1][:40] + b"\n")
    (world.work / "broken.jsonl").write_bytes(b"".join(lines) + lines[0][:30])
    world.tapes("import", "broken.jsonl")
    refs = [ref["ref"] for ref in world.records("for-each-ref", "refs/sessions")]
    got = go_on(session, next(ref for ref in refs if "forks/other" in ref))
    assert text_of(got[-1]) == LAST
    sent = json.dumps(session.sent[2]).replace("I will count.", "I will\\u2028count.")
    assert json.dumps(got[:-1]) == sent


@pytest.mark.parametrize("name", CLIENTS)
def test_in_another_client(session, world, name):
    """Texts, calls and results, in order; what a model thought stays with its provider."""
    client = CLIENTS[name]
    if client is session.client:
        pytest.skip("that is the same client")
    before = dict(world.environ)
    client.set_up(world, session.server)
    world.environ |= {"HOME": before["HOME"]}
    got = go_on(session, session.turns["assistant"][-1], "--with", name, client=client)
    expected = [*outline(session.sent[2]), LAST]
    assert list(outline(got))[-len(expected) :] == expected


def outline(said):
    """Yield texts, and for calls and results what all clients call the same."""
    for item in said:
        block = item[1] if isinstance(item[1], dict) else {}
        kinds = {item[0], block.get("type"), *block}
        if kinds & {"call", "tool_use", "functionCall"}:
            yield "call"
        elif kinds & {"output", "tool_result", "functionResponse"}:
            yield "result"
        elif block.get("type") == "text":
            yield text_of(item).strip('"')


def test_a_fork_of_its_own_says_the_same(session, world):
    """What Claude Code sends when it forks its own file is what it sends with ours."""
    if session.client.name != "claude":
        pytest.skip("only Claude Code forks at a record")
    turn, sent = last_result(session)
    (path,) = (path for path in world.home.rglob("*.jsonl") if is_original(path))
    rows = [json.loads(line) for line in path.read_bytes().splitlines()]
    at = [row["uuid"] for row in rows if "tool_result" in json.dumps(row.get("message"))][-1]
    words = ("--resume", path.stem, "--resume-session-at", at, "--fork-session", GO_ON)
    count = len(session.server.exchanges)
    world.output(*session.client.words, *words)
    asked = [each.json for each in session.server.exchanges[count:] if GO_ON.encode() in each.body]
    (forked,) = (session.client.read(body) for body in asked if body.get("tools"))
    assert forked[:-1] == sent == go_on(session, turn)


def is_original(path):
    """Return whether a session file of Claude Code was begun by it, with the first prompt."""
    text = path.read_text()
    return PROMPT in text and GO_ON not in text
