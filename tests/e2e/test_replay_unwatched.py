"""What a client writes of a session that it had with a replay is not recorded again."""

from __future__ import annotations

import json
import signal
import sys
import time

import pytest

from tests.claude_records import assistant, user
from tests.clients.script import HELLO
from tests.clients.server import ModelServer
from tests.clients.world import ROOT, World
from tests.recordings import jsonl

PROMPT = "create hello.txt and count"
SESSION = "11111111-2222-4333-8444-55555555555"
CLIENT = f"""
import json, os, pathlib, re, subprocess, sys, urllib.request
from tests.clients import agent
number, *command = sys.argv[1:]
session = "{SESSION}" + number
post = agent.post
def post_named(url, body, headers):
    return post(url, body, {{**headers, "x-claude-code-session-id": session}})
agent.post = post_named
os.environ["AGENT"] = "claude-cli/2.1.197 (external, cli)"
said = agent.anthropic("{PROMPT}")
slug = re.sub("[^A-Za-z0-9]", "-", os.getcwd())
folder = pathlib.Path.home() / ".claude/projects" / slug
folder.mkdir(parents=True, exist_ok=True)
rows = [
    {{"type": "user", "uuid": "u1", "parentUuid": None, "sessionId": session,
      "cwd": os.getcwd(), "message": {{"role": "user", "content": "{PROMPT}"}}}},
    {{"type": "assistant", "uuid": "u2", "parentUuid": "u1", "sessionId": session,
      "cwd": os.getcwd(), "message": {{"id": "m", "type": "message", "role": "assistant",
      "model": "x", "content": [{{"type": "text", "text": said}}]}}}},
]
(folder / f"{{session}}.jsonl").write_text("".join(json.dumps(row) + chr(10) for row in rows))
if command:
    subprocess.run([sys.executable, "-m", "tapegit", *command], check=True)
"""


@pytest.fixture
def world(tmp_path):
    """Give a machine of a person, on which a session of a client was recorded."""
    world = World(tmp_path)
    world.environ["PYTHONPATH"] = str(ROOT)
    with ModelServer(HELLO) as server:
        world.lead(server)
        world.record(*client(0))
    for path in world.home.rglob("*.jsonl"):
        path.unlink()
    return world


def client(number: int, *command: str) -> tuple[str, ...]:
    """Return what runs the client with a session of this number, and then a command."""
    return sys.executable, "-c", CLIENT, str(number), *command


def files(world: World) -> list[str]:
    """Return the tapes of session files in the store."""
    refs = world.records("for-each-ref", "refs/sessions")
    return [each["ref"] for each in refs if "/file/" in each["ref"]]


def test_home_of_a_replay_has_no_sessions_to_import(world):
    """In place too: what is written goes into the scratch home, and nobody takes it from there."""
    (tape,) = world.records("for-each-ref", "refs/sessions")
    command = client(1, "--tapes-dir", str(world.root), "import")
    done = world.tapes("replay", "--here", "--yes", tape["ref"], "--", *command)
    assert "replay followed to its end" in done.err
    assert not list(world.home.rglob("*.jsonl"))
    assert files(world) == []


def talk_to_server(world: World) -> None:
    """Let a client in its own home have session 1 with a server of the tape."""
    (tape,) = world.records("for-each-ref", "refs/sessions")
    with world.start("replay", "--serve", tape["ref"]) as serving:
        while not (line := serving.stdout.readline()).startswith("export ANTHROPIC_BASE_URL="):
            assert line, serving.stderr.read()
        world.environ["ANTHROPIC_BASE_URL"] = line.strip().partition("=")[2]
        world.output(*client(1))
        serving.send_signal(signal.SIGTERM)
        out, err = serving.communicate(timeout=30)
    assert err.splitlines()[-1] == "replay followed to its end: 3 calls (3 exact)", out


def test_all_sessions_of_a_person_are_imported_but_for_those_of_replays(world):
    """From every project, into the user's own store, wherever the client had its session."""
    own = json.loads(world.tapes("init", "--user", "--json").out)["path"]
    talk_to_server(world)
    (path,) = world.home.rglob("*.jsonl")
    elsewhere = path.parent.with_name("-other-project") / path.name
    elsewhere.parent.mkdir()
    path.rename(elsewhere)
    kept = elsewhere.with_name(f"{SESSION}2.jsonl")
    kept.write_text(elsewhere.read_text().replace(f"{SESSION}1", f"{SESSION}2"))

    def names() -> list[str]:
        out = world.tapes("--tapes-dir", own, "for-each-ref", "--json", "refs/sessions").out
        return sorted(json.loads(line)["ref"].split("/")[3] for line in out.splitlines())

    world.tapes("import", "--all")
    assert names() == [f"{SESSION}2"]
    (note,) = world.home.rglob("replayed")
    note.unlink()
    world.tapes("import", "--all")
    assert names() == [f"{SESSION}1", f"{SESSION}2"]


def test_sessions_with_a_server_are_neither_imported_nor_watched(world):
    """A client in its own home is known by its session, which the server has seen."""
    talk_to_server(world)
    (path,) = world.home.rglob("*.jsonl")

    world.tapes("import")
    assert files(world) == []
    with world.start("watch") as watching:
        other = path.with_name(f"{SESSION}2.jsonl")
        rows = [user("hi", "u1"), assistant("m", "Hello.", "u2", "u1")]
        cwd = {"sessionId": f"{SESSION}2", "cwd": str(world.work)}
        other.write_bytes(jsonl([json.loads(json.dumps(row)) | cwd for row in rows]))
        end = time.monotonic() + 20
        while not files(world):
            assert watching.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        watching.send_signal(signal.SIGTERM)
        watching.communicate(timeout=30)
    assert files(world) == [f"refs/sessions/claude-code/{SESSION}2/file/main"]

    (note,) = world.home.rglob("replayed")
    note.unlink()
    world.tapes("import")
    assert len(files(world)) == 2
