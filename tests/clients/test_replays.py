"""Conversations of real clients, recorded and replayed from the tape alone, the model gone.

Of each: the same words, the same calls of tools, status 0, and the levels that
tapes-replay(1) promises; then again on another machine, with a fresh home and in another
directory.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from tests.clients.script import HELLO, Call, Step, conversation
from tests.clients.server import ModelServer
from tests.clients.test_conversations import (
    CLAUDE,
    CODEX,
    DOT,
    GEMINI,
    OPENCODE,
    PI,
    PROMPT,
    SAY,
    interrupt_claude,
    say_slowly,
    set_up_claude,
    set_up_codex,
    set_up_gemini,
    set_up_opencode,
    set_up_pi,
    set_up_sdk,
)
from tests.clients.world import PROGRAMS, World
from tests.walls import walls

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.clients.script import Asked, Script

pytestmark = [
    pytest.mark.clients,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not PROGRAMS.exists(), reason="`make clients` installs them"),
    walls,
]

E, N, C = "exact", "normalised", "chain"


class Gone(NamedTuple):
    """A server that is no more."""

    url: str = "http://127.0.0.1:9"


def machine(folder):
    """Return the machine of a person, from which nothing but loopback is reached."""
    folder.mkdir(exist_ok=True)
    world = World(folder)
    world.isolate()
    return world


@pytest.fixture
def world(tmp_path):
    """Give a machine."""
    return machine(tmp_path / "one")


def untap(world):
    """Put the clients themselves on the PATH: a tap writes where a replay may not."""
    for path in world.bin.iterdir():
        program = world.folder / path.name
        path.unlink()
        path.symlink_to(program if program.exists() else PROGRAMS / path.name)


def sessions(world):
    """Return the sessions that were recorded."""
    return [
        each["ref"].removeprefix("refs/sessions/")
        for each in world.records("for-each-ref", "refs/sessions")
        if each["ref"].endswith("/wire/main") and "/unknown/" not in each["ref"]
    ]


def replay(world, *words, code=0):
    """Replay without a model; return the levels of its calls, the report, and what was printed."""
    done = world.tapes("replay", "--json", *words, code=None)
    report = json.loads(done.out)
    assert done.code == code, (done.out[-3000:], done.err[-2000:])
    levels = [each.get("level") for each in report["requests"] if each["kind"] == "call"]
    return levels, report, done.err


# --- what clients print ---


def read_lines(out: str) -> list[Any]:
    """Return the lines that are JSON objects."""
    return [json.loads(line) for line in out.splitlines() if line.startswith("{")]


def said_by_claude(out):
    """Return what Claude Code says of each run."""
    return [
        (each["result"], each["num_turns"], each["is_error"])
        for each in read_lines(out)
        if each.get("type") == "result"
    ]


def said_by_opencode(out):
    """Return what OpenCode says, and its calls with what they gave."""
    found = []
    for each in read_lines(out):
        part = each.get("part", {})
        state = part.get("state", {})
        found.append((each.get("type"), part.get("text"), state.get("input"), state.get("output")))
    return found


def said(out):
    """Return the lines that are said before the end; a client may tell of itself before them."""
    return [line for line in out.splitlines() if line.strip()][-1:]


def nothing(_out):
    """Return nothing, of a program that prints nothing but warnings."""


# --- conversations ---


class Case(NamedTuple):
    """A conversation: how the client is set up, what is run, and how well it is followed.

    `elsewhere` are the levels with a fresh home in another directory.
    """

    set_up: Callable[[World, Any], object]
    command: tuple[str, ...]
    levels: list[str]
    elsewhere: list[str]
    script: Script = HELLO
    read: Callable[[str], object] = said


def overloaded(asked: Asked) -> Step:
    """Fail the first attempt."""
    is_first = not asked.is_side and asked.repeats == 0
    return Step(status=529) if is_first else SAY(asked)


def cut(asked: Asked) -> Step:
    """Cut what is streamed."""
    return SAY(asked)._replace(is_cut=not asked.is_side and asked.is_stream)


def failing(asked: Asked) -> Step:
    """Fail twice."""
    return Step(status=500) if asked.repeats < 2 else Step(text="At last.")


def again(asked: Asked) -> Step:
    """Say once more what an old result was."""
    return Step(text="16, as I said.") if asked.prompt == "say it again" else HELLO(asked)


def look(asked: Asked) -> Step:
    """Look at an image in the working directory."""
    steps = (Step(text="Looking.", calls=(Call("image", "dot.png"),)), Step(text="A dot."))
    return conversation({"look at": steps})(asked)


def by_http(world, server):
    """Let Codex go by HTTP."""
    set_up_codex(world, server, is_socket=False)


def by_socket(world, server):
    """Let Codex go by a WebSocket."""
    set_up_codex(world, server, is_socket=True)


def with_image(world, server):
    """Let Claude Code find an image."""
    set_up_claude(world, server)
    (world.work / "dot.png").write_bytes(DOT)


def without_listing(world, server):
    """Let Gemini CLI not list the store, which is in its directory and changes."""
    set_up_gemini(world, server)
    world.write("work/.geminiignore", ".tapes\n")


def claude(*words: str, **fields: Any) -> Case:
    """Return a conversation of Claude Code."""
    return Case(set_up_claude, (*CLAUDE, *words), read=said_by_claude, **fields)


def claude_runs(*runs: str, **fields: Any) -> Case:
    """Return a conversation of several runs of Claude Code, one after another."""
    line = " && ".join(f"{shlex.join(CLAUDE)} {words}" for words in runs)
    return Case(set_up_claude, ("sh", "-c", line), read=said_by_claude, **fields)


def sdk(name: str, levels: list[str], **fields: Any) -> Case:
    """Return a conversation by way of an SDK, in which nothing changes from run to run."""
    return Case(set_up_sdk, ("sdk", name), levels, levels, **fields)


CASES = {
    "claude": claude(PROMPT, levels=[N] * 3, elsewhere=[C] * 3),
    "claude-two-tools": claude("run two", levels=[N, C], elsewhere=[C, C], script=SAY),
    "claude-image": claude(
        "look at dot.png", levels=[N, N], elsewhere=[C, C], script=look
    )._replace(set_up=with_image),
    "claude-529": claude("say one", levels=[N], elsewhere=[C], script=overloaded),
    "claude-cut": claude("say one", levels=[N], elsewhere=[C], script=cut),
    "claude-goes-on": claude_runs(
        "'say one'", "--continue 'say two'", levels=[N, N], elsewhere=[C, C], script=SAY
    ),
    "claude-other-model": claude_runs(
        "'say one'",
        "--continue --model claude-haiku-4-5 'say two'",
        levels=[N, N],
        elsewhere=[C, C],
        script=SAY,
    ),
    "claude-compacts": claude_runs(
        "'say one'",
        "--continue 'say two'",
        "--continue /compact",
        "--continue 'say three'",
        levels=[N, N, N, C],
        elsewhere=[C, C, C, C],
        script=SAY,
    ),
    "codex-http": Case(by_http, (*CODEX, PROMPT), [N, C, C], [C, C, C]),
    "codex-websocket": Case(by_socket, (*CODEX, PROMPT), [N, N, C, C], [C, C, C, C]),
    "opencode": Case(set_up_opencode, (*OPENCODE, PROMPT), [E] * 3, [C] * 3, read=said_by_opencode),
    "pi": Case(set_up_pi, (*PI, PROMPT), [E] * 3, [C] * 3),
    "gemini": Case(without_listing, (*GEMINI, PROMPT), [E, C, C], [C, C, C]),
    "anthropic": sdk("anthropic_tools", [E] * 3),
    "anthropic-edited": sdk("anthropic_edited", [E] * 4, script=again, read=nothing),
    "openai-chat": sdk("openai_chat", [E] * 3),
    "openai-responses": sdk("openai_responses", [E] * 3),
    "openai-failing": sdk("openai_failing", [E], script=failing),
    "google-genai": sdk("gemini", [E], script=conversation({"say hello": (Step(text="Hello."),)})),
    "pydantic-ai": sdk("pydantic_ai", [E] * 3),
}
ORDER = {E: 0, N: 1, C: 2, "repeated": 3}


def is_as_good(levels, promised):
    """Return whether each call fits as well as was promised, or better."""
    return len(levels) == len(promised) and all(
        level in ORDER and ORDER[level] <= ORDER[most]
        for level, most in zip(levels, promised, strict=True)
    )


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_conversation_is_followed_from_the_tape_alone(world, tmp_path, case):
    """The words, the calls and the status are those that were recorded, here and elsewhere."""
    with ModelServer(case.script) as server:
        case.set_up(world, server)
        untap(world)
        recorded = case.read(world.record(*case.command).out)
    (session,) = sessions(world)
    (world.work / "hello.txt").unlink(missing_ok=True)

    levels, report, out = replay(world, session)
    assert (report["verdict"], report["code"], report["missing"]) == ("followed", 0, [])
    assert case.read(out) == recorded
    assert is_as_good(levels, case.levels), report
    assert not (world.work / "hello.txt").exists()

    other = machine(tmp_path / "two")
    shutil.rmtree(other.root)
    shutil.copytree(world.root, other.root)
    case.set_up(other, Gone())
    untap(other)
    levels, report, out = replay(other, session)
    assert (report["verdict"], report["code"], report["missing"]) == ("followed", 0, [])
    assert case.read(out) == recorded
    assert is_as_good(levels, case.elsewhere), levels


def test_agents_beside_one_another_follow_their_own_tapes(world):
    """What agents give back differs in ids and times, so that their parent goes by the chain."""
    with ModelServer(SAY) as server:
        set_up_claude(world, server)
        untap(world)
        recorded = said_by_claude(world.record(*CLAUDE, "use two agents").out)
    (session,) = sessions(world)
    levels, report, out = replay(world, session)
    assert (report["verdict"], report["missing"]) == ("followed", [])
    assert said_by_claude(out) == recorded
    assert len(levels) == 6
    assert levels.count(C) <= 1
    assert {each["place"].split("#")[0][:7] for each in report["requests"]} >= {"main", "agents/"}


def test_two_runs_beside_one_another_follow_both_tapes(world):
    """Each session of a recording is named, and each client stays on the tape it began with."""
    line = shlex.join([*CLAUDE, PROMPT])
    with ModelServer(HELLO) as server:
        set_up_claude(world, server)
        untap(world)
        recorded = said_by_claude(world.record("sh", "-c", f"{line} & {line} & wait").out)
    levels, report, out = replay(world, *sessions(world))
    assert levels == [N] * 6
    assert (report["verdict"], report["missing"]) == ("followed", [])
    assert said_by_claude(out) == recorded


REWIND = """\
first=$({claude} 'say one'); echo "$first"
session=$(echo "$first" | sed -n 's/.*"session_id":"\\([^"]*\\)".*/\\1/p')
{claude} --resume $session 'say two'
uuid=$(sed -n '/"type":"assistant"/s/.*"uuid":"\\([^"]*\\)","timestamp.*/\\1/p' \
    $HOME/.claude/projects/*/$session.jsonl | head -1)
{claude} --resume $session --resume-session-at $uuid 'say three'
"""


def test_session_that_went_back_is_followed(world):
    """What was left behind is on a tape of its own, and is asked for too."""
    with ModelServer(SAY) as server:
        set_up_claude(world, server)
        untap(world)
        line = REWIND.format(claude=shlex.join(CLAUDE))
        recorded = said_by_claude(world.record("sh", "-c", line).out)
    assert [each[0][:6] for each in recorded] == ["One, a", "Two.", "Three."]
    (session,) = sessions(world)
    levels, report, out = replay(world, session)
    assert levels == [N] * 3
    assert report["verdict"] == "followed"
    assert said_by_claude(out) == recorded


def aborted(out):
    """Return how each run of Claude Code ended, and with which words."""
    return [
        (each["terminal_reason"], each.get("result"))
        for each in read_lines(out)
        if each.get("type") == "result"
    ]


def test_client_that_was_interrupted_is_interrupted_again(world):
    """It waits for the rest of the answer as it did; the session goes on with the next command."""
    with ModelServer(say_slowly) as server:
        set_up_claude(world, server)
        out, _ = interrupt_claude(world)
        (first,) = sessions(world)
        line = f"{shlex.join(CLAUDE)} 'say one'; {shlex.join(CLAUDE)} --continue 'go on'"
        untap(world)
        levels, report, again = replay(world, first)
        assert levels == [N]
        assert (report["verdict"], report["missing"]) == ("followed", [])
        # At times it says nothing any more, as it was recorded or as it is replayed.
        ends = aborted(out) or [("aborted_streaming", None)]
        assert aborted(again) in (ends, [])
        assert ends[0][0] == "aborted_streaming"
        assert [each.get("interrupted") for each in report["requests"] if "place" in each] == [True]

        ends += aborted(world.record(*CLAUDE, "--continue", "go on").out)
    levels, report, again = replay(world, first, "--", "sh", "-c", line)
    assert (report["verdict"], report["missing"]) == ("followed", [])
    assert aborted(again) in (ends, ends[1:])
    assert len(levels) == 2
    assert set(levels) <= {N, C}


def test_another_prompt_or_model_diverges(world):
    """The first call is not on the tape, and the client ends with an error; so with --strict."""
    with ModelServer(HELLO) as server:
        set_up_claude(world, server)
        untap(world)
        world.record(*CLAUDE, PROMPT)
    (session,) = sessions(world)
    for words in (("delete it all",), ("--model", "claude-haiku-4-5", PROMPT)):
        levels, report, _ = replay(world, session, "--", *CLAUDE, *words, code=1)
        assert set(levels) == {None}
        assert report["verdict"] == "diverged"
    assert replay(world, "--strict", session)[0] == [N] * 3


def test_another_result_diverges_with_strict(world):
    """Tools of Codex print ids of their own."""
    with ModelServer(HELLO) as server:
        by_http(world, server)
        untap(world)
        world.record(*CODEX, PROMPT)
    (session,) = sessions(world)
    levels, report, _ = replay(world, "--strict", session, code=1)
    assert levels[0] == N
    assert None in levels
    assert report["verdict"] == "diverged"


def live(asked: Asked) -> Step:
    """Say something else than was recorded, from the second answer on."""
    steps = (
        Step(text="Not reached."),
        Step(text="I append.", calls=(Call("shell", "echo LIVE-BRANCH >> hello.txt"),)),
        Step(text="hello.txt has two lines.", calls=(Call("shell", "cat hello.txt"),)),
        Step(text="That is all."),
    )
    return conversation({"create hello.txt": steps})(asked)


LIVE = {
    "claude": (set_up_claude, CLAUDE, "I will write it."),
    "codex-http": (by_http, CODEX, "I will write it."),
    "codex-websocket": (by_socket, CODEX, "I will write it."),
}


@pytest.mark.parametrize(("set_up", "command", "last"), LIVE.values(), ids=LIVE)
def test_tape_is_gone_on_from(world, set_up, command, last):
    """The tape answers up to a turn, the model goes on, and its branch has that turn as parent."""
    with ModelServer(HELLO) as server:
        set_up(world, server)
        untap(world)
        world.record(*command, PROMPT)
    (session,) = sessions(world)
    turns = world.records("log", "--reverse", session)
    number = next(n for n, turn in enumerate(turns) if turn.get("summary") == last)
    (world.work / "hello.txt").unlink()
    with ModelServer(live) as server:
        shutil.rmtree(world.bin)
        world.bin.mkdir()
        shutil.rmtree(world.folder / f"tap-{command[0]}")
        set_up(world, server)
        untap(world)
        words = ("--until", f"{session}#{number}", "--on-miss", "record")
        levels, report, out = replay(world, *words, session)

    assert report["verdict"] == "continued"
    assert levels[-3:] == [None] * 3
    assert set(levels[:-3]) == {N}
    (recorded,) = report["recorded"]
    assert recorded["parent"] == turns[number]["oid"]
    assert recorded["number"] == number
    assert "That is all." in out
    assert not (world.work / "hello.txt").exists()  # it was all within walls

    new = world.records("log", "--reverse", recorded["ref"])
    assert [turn["oid"] for turn in new[: number + 1]] == [
        turn["oid"] for turn in turns[: number + 1]
    ]
    assert new[number + 1]["role"] == "session"
    assert [turn["summary"] for turn in new if turn["role"] == "assistant"] == [
        last,
        "I append.",
        "hello.txt has two lines.",
        "That is all.",
    ]
    assert "LIVE-BRANCH" in new[-2]["summary"] + world.tapes("show", f"{recorded['ref']}~1").out

    first = world.tapes("diff", session, recorded["ref"]).out.splitlines()[0]
    assert re.match(rf"diff --tapes a#({number + 1}|{number + 2}) b#", first), first
    assert world.read("fsck", "--full").code == 0
