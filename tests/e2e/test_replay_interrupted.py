"""An answer that a client did not wait for is left open again, and the client interrupted."""

from __future__ import annotations

import os
import shlex
import signal
import sys

import pytest

from tests.clients.script import Step, conversation
from tests.clients.server import ModelServer
from tests.clients.world import ROOT, World
from tests.walls import walls

CLIENT = """
import http.client, json, os, signal, sys, urllib.request
signal.signal(signal.SIGINT, signal.default_int_handler)  # also below a job in the background
print(os.getpid(), flush=True)
prompt, seconds = sys.argv[1], float(sys.argv[2])
said = [{"role": "user", "content": "say one"}]
if prompt != "say one":
    said += [{"role": "assistant", "content": "Stopped."}, {"role": "user", "content": prompt}]
headers = {
    "content-type": "application/json",
    "user-agent": "claude-cli/2.1.197 (external, cli)",
    "x-claude-code-session-id": "11111111-2222-4333-8444-555555555555",
    "x-api-key": os.environ["ANTHROPIC_API_KEY"],
}
body = {"model": "m", "max_tokens": 9, "messages": said, "stream": True,
        "tools": [{"name": "Bash", "input_schema": {"type": "object"}}]}
request = urllib.request.Request(
    os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages", json.dumps(body).encode(), headers
)
try:
    for line in urllib.request.urlopen(request, timeout=seconds):
        if b"text_delta" in line:
            print(json.loads(line[6:])["delta"]["text"], flush=True)
except KeyboardInterrupt:
    print("interrupted")
    sys.exit(3)
except (http.client.IncompleteRead, ConnectionError):
    print("cut")
except TimeoutError:
    print("gave up")
"""
LONG = "One, and more of it, so that there is a middle."
SAY = conversation({"say one": (Step(LONG, hold_s=60.0),), "go on": (Step("Going on."),)})
WAITS, GIVES_UP = 60.0, 0.5


@pytest.fixture
def world(tmp_path):
    """Give a machine of a person."""
    world = World(tmp_path)
    world.environ["PYTHONPATH"] = str(ROOT)
    return world


def client(prompt: str, seconds: float = WAITS) -> tuple[str, ...]:
    """Return what asks one thing, and gives up after so long."""
    return sys.executable, "-c", CLIENT, prompt, str(seconds)


def words(out: str) -> list[str]:
    """Return what clients printed, but for the numbers of their processes."""
    return [line for line in out.splitlines() if not line.isdigit()]


def verify_same(out: str, recorded: list[str]) -> None:
    """Fail unless clients said the same: what reached one before its interruption, or more of it.

    An interrupted client may not have come to what had come for it.
    """
    said = words(out)
    was, now = recorded.index("interrupted"), said.index("interrupted")
    assert said[:now][:was] == recorded[:was]
    assert said[now:] == recorded[was:]


def record(world: World, *command: str, is_interrupted: bool = True) -> tuple[str, list[str]]:
    """Record a command whose first client is interrupted; return session and output."""
    with ModelServer(SAY) as server:
        world.lead(server)
        with world.start("record", "--", *command) as process:
            first = process.stdout.readline() + process.stdout.readline()
            if is_interrupted:
                os.kill(int(first.split()[0]), signal.SIGINT)
            out, err = process.communicate(timeout=60)
    assert "tapes: recorded 1 session" in err
    (name,) = {
        "/".join(ref["ref"].split("/")[2:4])
        for ref in world.records("for-each-ref", "refs/sessions")
    }
    return name, words(first + out)


def both() -> tuple[str, ...]:
    """Return a shell that runs one client, and then another that goes on."""
    return "sh", "-c", f"{shlex.join(client('say one'))}; {shlex.join(client('go on'))}"


HERE = ("--here", "--yes")


def test_client_is_interrupted_where_it_was(world):
    """It gets what it got, waits, and is interrupted: the same words, the same status."""
    session, recorded = record(world, *client("say one"))
    assert recorded[0].startswith("One")
    assert recorded[-1] == "interrupted"

    done = world.tapes("replay", *HERE, session)
    verify_same(done.out, recorded)
    assert "     the client was interrupted here, as it was when recorded\n" in done.err
    assert done.err.splitlines()[-1] == (
        "replay followed to its end: 1 call (1 exact); the command ended with 3"
    )


@walls
def test_tape_goes_on_after_the_interruption(world):
    """The client alone is interrupted, within the walls: its shell then runs the next one."""
    session, recorded = record(world, *both())
    assert "interrupted" in recorded
    assert "".join(recorded[recorded.index("interrupted") + 1 :]) == "Going on."
    done = world.tapes("replay", session)
    verify_same(done.out, recorded)
    assert "replay followed to its end: 2 calls (2 exact); " in done.err


def test_client_that_gives_up_does_so_by_itself(world):
    """Nobody interrupts it: it has all the time that it had, and a little more."""
    session, recorded = record(world, *client("say one", GIVES_UP), is_interrupted=False)
    assert recorded[-1] == "gave up"
    done = world.tapes("replay", *HERE, session)
    assert words(done.out) == recorded
    assert "interrupted" not in done.err
    assert "replay followed to its end: 1 call (1 exact); the command ended with 0" in done.err


def test_next_recording_goes_on_with_the_session(world):
    """What a client goes on with later, and in another recording, is on the same session."""
    session, recorded = record(world, *client("say one"))
    with ModelServer(SAY) as server:
        world.lead(server)
        recorded += words(world.record(*client("go on")).out)
    refs = [each["ref"] for each in world.records("for-each-ref", "refs/sessions")]
    assert {"/".join(name.split("/")[2:4]) for name in refs} == {session}
    done = world.tapes("replay", *HERE, session, "--", *both())
    verify_same(done.out, recorded)
    assert "replay followed to its end: 2 calls (2 exact); " in done.err
