"""Recording on a disk that is full or slow, and killed at any moment: the agent never notices.

What was recorded stays, and what was lost is counted, with the reason, at the end and at the
next start.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from tests.builders import make_store
from tests.clients.script import HELLO, Step
from tests.clients.server import ModelServer
from tests.clients.world import ROOT, World
from tests.faults import shim, volume

PROMPT = "create hello.txt and count"
AGENT = f"{sys.executable} -m tests.clients.agent"
ANSWER = "hello.txt has 16 bytes.\n"
KEEP_WAITING = "while [ ! -e {} ]; do sleep 0.02; done"
FULL = "no space left on device"


@pytest.fixture
def world(tmp_path):
    """Give a machine of a person."""
    world = World(tmp_path)
    world.environ["PYTHONPATH"] = str(ROOT)
    return world


@pytest.fixture
def server(world):
    """Give a model that knows how to write a file and count its bytes."""
    with ModelServer(HELLO) as server:
        world.lead(server)
        yield server


@pytest.fixture
def memory(tmp_path, world, server):
    """Give a file system whose size can be changed, with the person's store on it."""
    if reason := volume.reason_against("tmpfs"):
        pytest.skip(f"a small tmpfs: {reason}")
    memory = volume.SmallMemory(tmp_path)
    world.root = make_store(memory.top / ".tapes")
    world.environ["TAPES_DIR"] = str(world.root)
    yield memory
    memory.unmount()


def wait_for(path):
    """Wait until a file is there."""
    while not path.exists():
        time.sleep(0.02)


def turns(world):
    """Return how many turns each session has, in order."""
    names = [each["ref"] for each in world.records_of("for-each-ref", "refs/sessions")]
    return sorted(len(world.records_of("log", name)) for name in names)


def start_twice(world, *words):
    """Let an agent talk, wait, and talk again; return the process once it waits."""
    run = f"{AGENT} chat '{PROMPT}'"
    script = f"{run}; touch done; {KEEP_WAITING.format('go')}; {run}"
    process = world.start(*words, "sh", "-c", script)
    wait_for(world.work / "done")
    return process


def test_disk_that_is_full_costs_the_rest_of_the_recording_alone(world, memory):
    """The agent is answered all the same; what was stored stays; what was not is counted."""
    with start_twice(world, "record", "--") as process:
        while turns(world) != [7]:
            time.sleep(0.05)
        memory.leave_space(0)
        (world.work / "go").touch()
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (0, ANSWER * 2)
    assert err.startswith("tapes: recorded 2 sessions, 6 calls, 0 errors, 3 lost: "), err
    assert FULL in err
    again = world.record("true").err
    assert "is not whole, 3 calls lost: " in again.splitlines()[0]
    assert FULL in again.splitlines()[0]
    memory.give_room()
    assert turns(world) == [7]
    assert world.tapes("fsck", "--full").err == ""
    world.record("true")
    assert "is not whole" not in world.record("true").err


def test_disk_that_gets_room_again_costs_nothing(world, memory):
    """What could not be stored is tried again."""
    with start_twice(world, "record", "--") as process:
        memory.leave_space(0)
        (world.work / "go").touch()
        assert process.stdout.read(len(ANSWER) * 2) == ANSWER * 2
        memory.give_room()
        err = process.stderr.read()
    assert err == "tapes: recorded 2 sessions, 6 calls, 0 errors\n"
    assert turns(world) == [7, 7]


def test_proxy_on_a_disk_that_is_full(world, memory):
    """It stands, passes everything on, and says at its end what it could not store."""
    with world.start("proxy", "--port", "0") as process:
        url = process.stderr.readline().split()[5]
        memory.leave_space(0)
        environ = {**world.environ, "OPENAI_BASE_URL": f"{url}/v1"}
        command = [*AGENT.split(), "chat", PROMPT]
        done = subprocess.run(
            command, env=environ, cwd=world.work, capture_output=True, text=True, check=True
        )
        process.terminate()
        err = process.stderr.read()
    assert done.stdout == ANSWER
    assert err.startswith("tapes: recorded 1 session, 3 calls, 0 errors, 3 lost: ")
    assert FULL in err


def test_nothing_starts_where_nothing_can_be_stored(world, memory):
    """A disk that is full from the start is said before the agent has asked anything."""
    memory.leave_space(0)
    done = world.tapes("record", "--", "touch", "started", code=36)
    assert FULL in done.err
    assert not (world.work / "started").exists()


def test_slow_disk_costs_nothing(world, server):
    """Storing takes longer than the agent does; it is done when the command has ended."""
    library = shim.build()
    if library is None:
        pytest.skip("no C compiler is here")
    slow = {"LD_PRELOAD": str(library), "FAULT_DIR": str(world.root), "SYNC_SLEEP_MS": "40"}
    run = f"{AGENT} chat '{PROMPT}'"
    done = world.record("sh", "-c", f"{run}; {run}", environ=slow)
    assert done.out == ANSWER * 2
    assert done.err.splitlines()[-1] == "tapes: recorded 2 sessions, 6 calls, 0 errors"
    assert turns(world) == [7, 7]


@pytest.mark.parametrize("calls", [1, 2])
def test_proxy_that_is_killed_between_calls(world, server, calls):
    """All that had passed is stored, by the recorder that goes on; that it ended is told."""
    with world.start("proxy", "--port", "0") as process:
        url = process.stderr.readline().split()[5]
        environ = {**world.environ, "OPENAI_BASE_URL": f"{url}/v1"}
        command = [*AGENT.split(), "chat", PROMPT]
        for _ in range(calls):
            subprocess.run(command, env=environ, cwd=world.work, capture_output=True, check=True)
        process.kill()
    while (found := turns(world)) != [7] * calls:
        assert len(found) <= calls
        time.sleep(0.05)
    assert "ended early" in world.record("true").err.splitlines()[0]
    assert world.tapes("fsck", "--full").code == 0


def test_proxy_that_is_killed_in_a_stream(world, tmp_path):
    """The request is there, with how it ended; the client notices, as of any server that dies."""
    with ModelServer(lambda _: Step(text="one two three four", hold_s=30)) as server:
        world.lead(server)
        with world.start("proxy", "--port", "0") as process:
            url = process.stderr.readline().split()[5]
            environ = {**world.environ, "OPENAI_BASE_URL": f"{url}/v1"}
            command = [*AGENT.split(), "chat", PROMPT]
            with subprocess.Popen(
                command, env=environ, cwd=world.work, stdout=-1, stderr=-1
            ) as client:
                while turns(world) != [2]:
                    time.sleep(0.05)
                process.send_signal(signal.SIGKILL)
                client.communicate(timeout=30)
    while turns(world) != [3]:
        time.sleep(0.05)
    (name,) = [each["ref"] for each in world.records_of("for-each-ref", "refs/sessions")]
    (event, request, _) = world.records_of("log", name)
    assert (event["role"], request["summary"]) == ("event", PROMPT)
    assert "1 call lost" in world.record("true").err.splitlines()[0]
