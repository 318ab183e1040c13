"""`tapes replay --on-miss`: where the tape ends or is left, the model itself goes on."""

from __future__ import annotations

import json
import sys

import pytest

from tests.clients.script import HELLO, Call, Step, conversation
from tests.clients.server import ModelServer
from tests.clients.world import ROOT, World

PROMPT = "create hello.txt and count"
AGENT = (sys.executable, "-m", "tests.clients.agent")
OTHER = conversation(
    {
        "create hello.txt": (
            Step("Not reached."),
            Step("I append.", calls=(Call("shell", "echo LIVE-BRANCH >> hello.txt"),)),
            Step("hello.txt has two lines."),
        )
    }
)


@pytest.fixture
def world(tmp_path):
    """Give a machine of a person."""
    world = World(tmp_path)
    world.environ["PYTHONPATH"] = str(ROOT)
    return world


def mains(world: World) -> set[str]:
    """Return the main tapes of the wire."""
    refs = (each["ref"] for each in world.records("for-each-ref", "refs/sessions"))
    return {name for name in refs if name.endswith("/wire/main")}


def record(world: World, *command: str) -> str:
    """Record a command; return the session."""
    with ModelServer(HELLO) as server:
        world.lead(server)
        world.record(*command)
    (name,) = mains(world)
    (world.work / "hello.txt").unlink()
    return name


def go_on(world: World, *words: str, script=OTHER, code: int = 0):
    """Replay with another model at hand; return what was printed, the report, and the model."""
    with ModelServer(script) as server:
        world.lead(server)
        done = world.tapes("replay", "--json", *words, code=code)
    return done, json.loads(done.out), server


@pytest.mark.parametrize("interface", ["anthropic", "responses", "gemini"])
def test_until_then_recorded_as_a_branch(world, interface):
    """The tape answers up to a turn, the model from there on, and the branch begins there."""
    base = record(world, *AGENT, interface, PROMPT)
    before = world.records("log", base)
    words = ("--here", "--yes", "--until", f"{base}#2", "--on-miss", "record", base)
    done, report, server = go_on(world, *words)

    assert "hello.txt has two lines.\n" in done.err
    assert (world.work / "hello.txt").read_text() == "hello-from-tape\nLIVE-BRANCH\n"
    assert [each.get("level", each.get("status")) for each in report["requests"]] == [
        "exact",
        200,
        200,
    ]
    assert report["verdict"] == "continued"
    assert len(server.calls()) == 2
    if interface == "responses":
        # What the tape gave the model does not know: it gets the conversation instead.
        first = server.calls()[0].json
        assert "previous_response_id" not in first
        assert [item.get("type", "message") for item in first["input"]] == [
            *("message", "reasoning", "message", "function_call", "function_call_output")
        ]

    (recorded,) = report["recorded"]
    turns = world.records("log", "--reverse", recorded["ref"])
    assert recorded["parent"] == turns[2]["oid"] == before[-3]["oid"]
    assert recorded["number"] == 2
    assert mains(world) == {base, recorded["ref"]}
    assert world.records("log", base) == before
    assert [turn["role"] for turn in turns[:3]] == ["session", "user", "assistant"]
    assert [turn["summary"] for turn in turns[4:]] == [
        "hello-from-tape",
        "I append.",
        "ok",
        "hello.txt has two lines.",
    ]
    assert turns[3]["summary"].startswith(f"agent goes on from {recorded['parent'][:8]} in ")


def test_difference_begins_where_the_branch_does(world):
    """What both have is not told of; a tape of the branch alone is followed to its end."""
    base = record(world, *AGENT, "chat", PROMPT)
    words = ("--here", "--yes", "--until", f"{base}#2", "--on-miss", "record", base)
    _, report, _ = go_on(world, *words)
    branch = report["recorded"][0]["ref"]
    out = world.tapes("diff", base, branch).out
    assert "hello-from-tape" not in out
    assert "I will write it." not in out
    assert "-I will count." in out
    assert "+I append." in out

    (world.work / "hello.txt").unlink()
    again = json.loads(world.tapes("replay", "--json", "--here", "--yes", branch).out)
    assert again["verdict"] == "followed"
    assert [each["level"] for each in again["requests"]] == ["exact"] * 3
    assert [each["place"] for each in again["requests"]] == [
        f"{base.split('/')[3][:8]}#2",
        "main#2",
        "main#4",
    ]


def test_divergence_goes_on_with_the_model_and_is_one_all_the_same(world):
    """With `live` nothing is recorded; an upstream that is gone is the client's own affair."""
    base = record(world, *AGENT, "chat", PROMPT)
    words = ("--here", "--yes", "--on-miss", "live", base, "--", *AGENT, "chat", "say it")
    done, report, server = go_on(world, *words, code=1)
    assert "I have no script for this: say it" in done.err
    assert report["verdict"] == "diverged"
    assert report["divergence"] == 1
    (request,) = report["requests"]
    assert (request["live"], request["status"], request["nearest"]) == (True, 200, "main#2")
    assert f"-user: {PROMPT}" in request["diff"]
    assert len(server.calls()) == 1
    assert "recorded" not in report
    assert mains(world) == {base}

    done = world.tapes("replay", *words, code=1)  # the model is gone now
    assert "1 by the model, status 502 (call POST /v1/chat/completions)" in done.err
    assert "agent: status 502" in done.err
