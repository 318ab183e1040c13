"""What a recording is called: sessions that begin in it have the name, whoever the client is."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.clients.script import HELLO
from tests.clients.server import ModelServer
from tests.clients.world import ROOT, World

PROMPT = "create hello.txt and count"
AGENT = (sys.executable, "-m", "tests.clients.agent", "anthropic", PROMPT)
OWN_ID = {
    "AGENT": "claude-cli/2.1.0 (external, cli)",
    "HEADERS": json.dumps({"X-Claude-Code-Session-Id": "0f4c2d7e-9b1a-4c1e-8f60-2f1d6c1b7a55"}),
}
ENDS = "assistant: hello.txt has 16 bytes."


@pytest.fixture
def world(tmp_path):
    """Give a machine of a person whose models are at hand."""
    world = World(tmp_path)
    world.environ["PYTHONPATH"] = str(ROOT)
    with ModelServer(HELLO) as server:
        world.lead(server)
        yield world


def last(world, name):
    """Return the last turn of what a name means."""
    (line,) = world.read("log", "--oneline", "-n", "1", name).lines
    return line.partition(" ")[2]


@pytest.mark.parametrize("environ", [OWN_ID, {}], ids=["its-own-id", "no-id"])
def test_name_finds_the_session(world, environ):
    """Also of a client that has an id of its own, which it keeps; lists show it."""
    world.tapes("record", "--name", "my run", "--", *AGENT, environ=environ)

    (row,) = world.records("sessions")
    assert row["name"] == "my run"
    assert row["session"].startswith("0f4c2d7e" if environ else "my-run-")
    assert world.read("sessions").out.endswith(f"  [my run] {PROMPT}\n")
    assert last(world, "my run") == ENDS
    assert last(world, "my run~1").startswith("tool: ")
    world.tapes("forget", "my run")
    assert not world.records("sessions")


def test_without_a_name_there_is_none(world):
    """What stands in its place in ids is no name."""
    world.record(*AGENT, environ=OWN_ID)
    (row,) = world.records("sessions")
    assert "name" not in row
    assert "no ref, session or object 'python" in world.tapes("log", "python", code=12).err


def test_name_of_several_sessions_names_none(world):
    """They are listed, and chosen by their ids."""
    for _ in range(2):
        world.tapes("record", "--name", "nightly", "--", *AGENT)
    error = world.tapes("log", "nightly", code=13).err
    rows = sorted(row["session"] for row in world.records("sessions"))
    assert [line.rpartition("/")[2] for line in error.splitlines()[2:]] == rows
    assert {row["name"] for row in world.records("sessions")} == {"nightly"}


def test_name_stays_with_the_transcript(world):
    """Where the client's own file is imported too, the row is its, with the name."""
    world.tapes("record", "--name", "fix", "--", *AGENT, environ=OWN_ID)
    record = {"type": "user", "uuid": "1", "sessionId": json.loads(OWN_ID["HEADERS"]).popitem()[1],
              "version": "2.1.0", "timestamp": "2026-01-01T00:00:00Z", "parentUuid": None,
              "cwd": str(world.work), "isSidechain": False, "userType": "external",
              "message": {"role": "user", "content": PROMPT}}  # fmt: skip
    path = world.write("s.jsonl", json.dumps(record) + "\n")
    world.tapes("import", str(path), code=None)
    (row,) = world.records("sessions")
    assert row["ref"].endswith("/file/main")
    assert row["name"] == "fix"
    assert last(world, "fix") == f"user: {PROMPT}"


def test_prefix_of_an_address_is_a_name(world):
    """What comes to a proxy below `/s/NAME` is called so; what comes beside it is not."""
    with world.start("proxy", "--port", "0") as process:
        url = process.stderr.readline().split()[5]
        for base in (url, f"{url}/s/night"):
            environ = {**world.environ, **OWN_ID, "ANTHROPIC_BASE_URL": base}
            environ["HEADERS"] = json.dumps({"X-Claude-Code-Session-Id": f"of-{base[-5:]}"})
            subprocess.run(AGENT, env=environ, cwd=world.work, check=True, capture_output=True)
        process.terminate()
    names = {row["session"]: row.get("name") for row in world.records("sessions")}
    assert names == {f"of-{url[-5:]}": None, "of-night": "night"}
    assert last(world, "night") == ENDS


def test_secret_in_a_name_is_not_stored(world):
    """A name is a text like any other."""
    key = "sk-ant-api03-" + "Ab3" * 20
    world.tapes("record", "--name", f"run {key}", "--", *AGENT, environ=OWN_ID)
    (row,) = world.records("sessions")
    assert row["name"].startswith("run [REDACTED:")
    assert key not in world.read("cat-file", "--batch-all-objects", "--batch").out
