"""Conversations of real clients with a scripted model, recorded: the tapes are drawn by hand.

Each drawing is what a person would draw who knows the script: harness, kind of tape, and the
turns after the leader. `make clients` runs them.
"""

from __future__ import annotations

import base64
import json
import shlex
import signal
import time

import pytest

from tests.clients.script import HELLO, Call, Step, conversation
from tests.clients.server import ModelServer
from tests.clients.world import PROGRAMS, PYTHON, ROOT, World, threads

pytestmark = [
    pytest.mark.clients,
    pytest.mark.timeout(300),
    pytest.mark.skipif(not PROGRAMS.exists(), reason="`make clients` installs them"),
]

PROMPT = "create hello.txt and count its bytes"
CLAUDE = ("claude", "-p", "--dangerously-skip-permissions", "--output-format", "json")
CODEX = ("codex", "exec", "--skip-git-repo-check", "--dangerously-bypass-approvals-and-sandbox")
TOOLS = "system: The following deferred tools are now available via ToolS"[:60].rstrip()
DOT = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
)

HELLO_TURNS = (
    "assistant: I will write it.",
    "tool: hello-from-tape",
    "assistant: I will count.",
    "tool: 16 hello.txt",
    "assistant: hello.txt has 16 bytes.",
)
CODEX_TURNS = (
    "user: <environment_context>",
    f"user: {PROMPT}",
    "assistant: I will write it.",
    "tool: Chunk ID: *",
    "assistant: I will count.",
    "tool: Chunk ID: *",
    "assistant: hello.txt has 16 bytes.",
)
CODEX_SYSTEM = "system: You are a coding agent running in the Codex CLI, a t"

SAY = conversation(
    {
        "run two": (
            Step(
                text="Both at once.",
                calls=(Call("shell", "echo one"), Call("shell", "echo two")),
            ),
            Step(text="One and two."),
        ),
        "use two agents": (
            Step(
                text="Two agents.",
                calls=(
                    Call("agent", "CHILD 1: say one"),
                    Call("agent", "CHILD 2: say two"),
                ),
            ),
            Step(text="They said one and two."),
        ),
        "CHILD 1": (Step(calls=(Call("shell", "echo one"),)), Step(text="One.")),
        "CHILD 2": (Step(calls=(Call("shell", "echo two"),)), Step(text="Two.")),
        "say one": (Step(text="One, and more of it, so that there is a middle."),),
        "say two": (Step(text="Two."),),
        "say three": (Step(text="Three."),),
        "go on": (Step(text="Going on."),),
    }
)


@pytest.fixture
def world(tmp_path):
    """Give a machine of a person, from which nothing but loopback is reached."""
    world = World(tmp_path)
    world.isolate()
    return world


def set_up_claude(world, server):
    """Let Claude Code lead to a server."""
    world.install("claude")
    world.environ |= {"ANTHROPIC_BASE_URL": server.url, "ANTHROPIC_API_KEY": "sk-ant-dummy"}


def claude(world, *words):
    """Record a run of Claude Code; return the id of its session."""
    return json.loads(world.record(*CLAUDE, *words).out.splitlines()[-1])["session_id"]


def titled(*turns):
    """Return the drawing of a session of Claude Code with its side call for a title."""
    title = ("claude-code", "wire/side/title", "user: <session>", TITLE)
    return [("claude-code", "wire/main", *turns), title]


TITLE = 'assistant: {"title": "A scripted title"}'


# --- Claude Code ---


def test_claude_thinks_and_works(world):
    """Thinking, two calls of tools, an answer; the title is a tape beside it."""
    with ModelServer(HELLO) as server:
        set_up_claude(world, server)
        claude(world, PROMPT)

    assert threads(world) == titled(f"user: {PROMPT}", TOOLS, *HELLO_TURNS)
    world.verify_bodies("claude", server)


def test_claude_calls_two_tools_at_once(world):
    """Both results are one turn, as they are one message."""
    with ModelServer(SAY) as server:
        set_up_claude(world, server)
        claude(world, "run two")

    ((*_, results, last),) = threads(world)
    assert results in {"tool: one", "tool: two"}
    assert last == "assistant: One and two."
    world.verify_bodies("claude", server)


def test_claude_spawns_two_agents_at_once(world):
    """Each agent has a tape of its own, whichever is first."""
    with ModelServer(SAY) as server:
        set_up_claude(world, server)
        claude(world, "use two agents")

    listing = "system: Available agent types for the Agent tool:"
    found = threads(world)
    either = {"tool: One.", "tool: Two."}  # whichever agent was done first
    assert [tuple("tool: *" if turn in either else turn for turn in each) for each in found] == [
        (
            "claude-code",
            "wire/agents",
            "user: CHILD 1: say one",
            TOOLS,
            "assistant: Bash: echo one",
            "tool: one",
            listing,
            "assistant: One.",
        ),
        (
            "claude-code",
            "wire/agents",
            "user: CHILD 2: say two",
            TOOLS,
            "assistant: Bash: echo two",
            "tool: two",
            listing,
            "assistant: Two.",
        ),
        *titled(
            "user: use two agents",
            TOOLS,
            "assistant: Two agents.",
            "tool: *",
            "assistant: They said one and two.",
        ),
    ]
    world.verify_bodies("claude", server)


def test_claude_looks_at_an_image(world):
    """The image is a part of the result."""
    path = world.work / "dot.png"
    path.write_bytes(DOT)
    look = (Step(text="Looking.", calls=(Call("image", str(path)),)), Step(text="A dot."))
    with ModelServer(conversation({"look at": look})) as server:
        set_up_claude(world, server)
        claude(world, "look at dot.png")

    assert threads(world) == titled(
        "user: look at dot.png", TOOLS, "assistant: Looking.", "tool: [image]", "assistant: A dot."
    )
    assert base64.b64encode(DOT) in server.exchanges[-1].body


def test_claude_tries_again_when_the_model_is_overloaded(world):
    """The attempt that failed is an event, and the answer goes on from the prompt."""

    def script(asked):
        is_first = not asked.is_side and asked.repeats == 0
        return Step(status=529) if is_first else SAY(asked)

    with ModelServer(script) as server:
        set_up_claude(world, server)
        claude(world, "say one")

    assert threads(world) == [
        (
            "claude-code",
            "wire/main",
            "user: say one",
            TOOLS,
            "event: error 529: overloaded_error: scripted failure",
            "assistant: One, and more of it, so that there is a middle.",
        )
    ]
    world.verify_bodies("claude", server)


def test_claude_asks_without_a_stream_when_it_was_cut(world):
    """The cut reaches the client, which asks again in another way; what had come is kept."""

    def script(asked):
        return SAY(asked)._replace(is_cut=not asked.is_side and asked.is_stream)

    with ModelServer(script) as server:
        set_up_claude(world, server)
        claude(world, "say one")

    ((_, _, prompt, system, *cuts, answer),) = threads(world)
    assert (prompt, system) == ("user: say one", TOOLS)
    assert answer == "assistant: One, and more of it, so that there is a middle."
    assert cuts
    assert all(cut.startswith("event: cut off") for cut in cuts)
    world.verify_bodies("claude", server)


def say_slowly(asked):
    """Answer as `SAY` does, but stop for a minute within the answer to "say one"."""
    is_long = asked.prompt == "say one" and not asked.is_side
    return SAY(asked)._replace(hold_s=60.0 if is_long else 0.0)


def interrupt_claude(world):
    """Record Claude Code until an answer has begun, and interrupt it; return what it prints."""
    with world.start("record", "--", *CLAUDE, "say one") as process:
        while not any(b"One, and" in body.response for body in world.bodies("claude")):
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        return process.communicate(timeout=60)


def test_claude_is_interrupted_and_goes_on(world):
    """What had come of the answer that nobody waited for is a leaf, and the session goes on."""
    with ModelServer(say_slowly) as server:
        set_up_claude(world, server)
        out, err = interrupt_claude(world)
        assert json.loads(out.splitlines()[-1])["terminal_reason"] == "aborted_streaming"
        assert err == "tapes: recorded 1 session, 1 call, 1 error\n"
        assert server.gone == 1
        claude(world, "--continue", "go on")

    fork, main = threads(world)
    assert fork[:4] == ("claude-code", "wire/forks", "user: say one", TOOLS)
    (given_up,) = fork[4:]
    assert given_up.startswith("event: client gone: One, and")
    assert main == (
        "claude-code",
        "wire/main",
        "user: say one",
        TOOLS,
        "assistant: No response requested.",
        "user: go on",
        "assistant: Going on.",
    )
    world.verify_bodies("claude", server)


def test_claude_goes_back_and_on_in_another_way(world):
    """A rewind is a fork: the tape goes on from the turn that was gone back to."""
    with ModelServer(SAY) as server:
        set_up_claude(world, server)
        session = claude(world, "say one")
        claude(world, "--resume", session, "say two")
        (path,) = world.home.glob(f".claude/projects/*/{session}.jsonl")
        rows = [json.loads(line) for line in path.read_text().splitlines()]
        uuid = next(row["uuid"] for row in rows if row.get("type") == "assistant")
        claude(world, "--resume", session, "--resume-session-at", uuid, "say three")

    start = ("user: say one", TOOLS, "assistant: One, and more of it, so that there is a middle.")
    assert threads(world) == [
        ("claude-code", "wire/forks", *start, "user: say two", "assistant: Two."),
        ("claude-code", "wire/main", *start, "user: say three", "assistant: Three."),
    ]
    world.verify_bodies("claude", server)


def test_claude_goes_on_with_another_model(world):
    """The tape goes on, and each answer says whose it is."""
    with ModelServer(SAY) as server:
        set_up_claude(world, server)
        session = claude(world, "say one")
        claude(world, "--resume", session, "--model", "claude-haiku-4-5", "say two")

    (thread,) = threads(world)
    assert thread == (
        "claude-code",
        "wire/main",
        "user: say one",
        TOOLS,
        "assistant: One, and more of it, so that there is a middle.",
        "user: say two",
        "assistant: Two.",
    )
    (record,) = world.records("sessions")
    assert [model.partition("[")[0] for model in record["models"]] == [
        exchange.json["model"].partition("[")[0] for exchange in server.calls()
    ]
    assert record["models"][1] == "claude-haiku-4-5"


def test_claude_compacts(world):
    """History stays, and the tape goes on with what the client made of it."""
    with ModelServer(SAY) as server:
        set_up_claude(world, server)
        session = claude(world, "say one")
        claude(world, "--resume", session, "say two")
        claude(world, "--resume", session, "/compact")
        claude(world, "--resume", session, "say three")

    fork, main = threads(world)
    assert fork[2:] == (
        "user: say one",
        TOOLS,
        "assistant: One, and more of it, so that there is a middle.",
        "user: say two",
        "assistant: Two.",
    )
    assert main[2:6] == fork[2:6]
    assert main[6].startswith("assistant: I have no script for this: CRITICAL: Respond")
    assert main[7].startswith("event: compacted to ")
    assert main[8].startswith("user: This session is being continued from a previous")
    assert main[-1] == "assistant: Three."
    world.verify_bodies("claude", server)


def main_tapes(world, harness):
    """Return the names of the main tapes of a harness."""
    refs = (record["ref"] for record in world.records("for-each-ref", f"refs/sessions/{harness}"))
    return [ref for ref in refs if ref.endswith("wire/main")]


def test_two_equal_runs_are_two_tapes_without_a_difference(world):
    """They share no session, and turn by turn the model saw the same."""
    with ModelServer(HELLO) as server:
        set_up_claude(world, server)
        claude(world, PROMPT)
        claude(world, PROMPT)

    one, other = main_tapes(world, "claude-code")
    assert one != other
    assert world.tapes("diff", "--exit-code", one, other).out == ""


def test_runs_with_one_result_changed_differ_from_there_on(world):
    """The control of the test above: another result is another result."""
    with ModelServer(HELLO) as server:
        set_up_claude(world, server)
        claude(world, PROMPT)
        world.bin.joinpath("wc").write_text("#!/bin/sh\necho 17 hello.txt\n")
        world.bin.joinpath("wc").chmod(0o755)
        claude(world, PROMPT)

    out = world.tapes("diff", "--exit-code", *main_tapes(world, "claude-code"), code=1).out
    assert "16 hello.txt" in out
    assert "17 hello.txt" in out
    assert "hello-from-tape" not in out


def test_two_runs_at_once_are_kept_apart(world):
    """Two clients with one prompt, in one recording, have a tape each."""
    with ModelServer(HELLO) as server:
        set_up_claude(world, server)
        words = shlex.join([*CLAUDE, PROMPT])
        done = world.record("sh", "-c", f"{words} & {words} & wait")

    assert done.err == "tapes: recorded 2 sessions, 6 calls, 0 errors\n"
    mains = [thread for thread in threads(world) if thread[1] == "wire/main"]
    assert mains == [("claude-code", "wire/main", f"user: {PROMPT}", TOOLS, *HELLO_TURNS)] * 2
    world.verify_bodies("claude", server)


# --- Codex ---


def set_up_codex(world, server, *, is_socket):
    """Let Codex lead to a server: its own provider speaks WebSocket, one of the user's HTTP."""
    world.install("codex")
    world.environ |= {"OPENAI_API_KEY": "sk-dummy", "CODEX_API_KEY": "sk-dummy"}
    url = f"{server.url}/v1"
    text = f'model = "gpt-5"\nopenai_base_url = "{url}"\n'
    if not is_socket:
        text = f"""
            model = "gpt-5"
            model_provider = "mine"
            [model_providers.mine]
            name = "mine"
            base_url = "{url}"
            wire_api = "responses"
            env_key = "OPENAI_API_KEY"
        """
    world.write("home/.codex/config.toml", text)


def blurred(thread):
    """Return a drawing of Codex with the ids that its tools print left out."""
    return tuple(
        turn[:16] + "*" if turn.startswith("tool: Chunk ID: ") else turn for turn in thread
    )


def test_codex_by_http(world):
    """A provider of the user's own is recorded, and each call is a step of the tape."""
    with ModelServer(HELLO) as server:
        set_up_codex(world, server, is_socket=False)
        done = world.record(*CODEX, PROMPT)

    assert done.err.endswith("tapes: recorded 1 session, 3 calls, 0 errors\n")
    skills = "system: <skills_instructions>"
    assert list(map(blurred, threads(world))) == [
        ("codex", "wire/main", CODEX_SYSTEM, skills, *CODEX_TURNS)
    ]
    world.verify_bodies("codex", server)


def test_codex_by_websocket(world):
    """Messages that name the response before them are whole conversations."""
    with ModelServer(HELLO) as server:
        set_up_codex(world, server, is_socket=True)
        done = world.record(*CODEX, PROMPT)

    assert done.err.endswith("tapes: recorded 1 session, 4 calls, 0 errors\n")  # one warms up
    main = next(thread for thread in threads(world) if thread[1] == "wire/main")
    turns = tuple(turn for turn in blurred(main) if not turn.startswith(("system: ", "event: ")))
    assert turns == ("codex", "wire/main", *CODEX_TURNS)
    sent = [(message.is_from_client, message.text.encode()) for message in server.messages]
    assert sorted(world.messages("codex")) == sorted(sent)
    assert len(sent) > 40


# --- the others ---


OPENCODE = ("opencode", "run", "--format", "json")
PI = ("pi", "--provider", "anthropic", "--model", "claude-sonnet-4-5", "-p")
GEMINI = ("gemini", "-m", "gemini-2.5-flash", "--yolo", "-p")


def set_up_opencode(world, server):
    """Let OpenCode lead to a server."""
    world.install("opencode")
    world.environ["ANTHROPIC_API_KEY"] = "sk-ant-dummy"
    world.write(
        "work/opencode.json",
        {
            "model": "anthropic/claude-sonnet-4-5",
            "permission": "allow",
            "enabled_providers": ["anthropic"],
            "provider": {"anthropic": {"options": {"baseURL": f"{server.url}/v1"}}},
        },
    )


def set_up_pi(world, server):
    """Let pi lead to a server; return the file that says so."""
    world.install("pi")
    world.environ["ANTHROPIC_API_KEY"] = "sk-ant-dummy"
    models = {"providers": {"anthropic": {"baseUrl": server.url}}}
    return world.write("home/.pi/agent/models.json", models)


def set_up_gemini(world, server):
    """Let Gemini CLI lead to a server."""
    world.install("gemini")
    world.environ |= {"GEMINI_API_KEY": "dummy", "GOOGLE_GEMINI_BASE_URL": server.url}
    login = {"security": {"auth": {"selectedType": "gemini-api-key"}}}
    world.write("home/.gemini/settings.json", login)


def test_opencode(world):
    """Its settings lead to the proxy by a variable; its title is a tape beside."""
    with ModelServer(HELLO) as server:
        set_up_opencode(world, server)
        world.record(*OPENCODE, PROMPT)

    asks_title = "user: Generate a title for this conversation:"
    assert threads(world) == [
        ("opencode", "wire/main", f'user: "{PROMPT}"', *HELLO_TURNS),
        ("opencode", "wire/side/title", asks_title, TITLE),
    ]
    world.verify_bodies("opencode", server)


def test_pi(world):
    """An extension leads it to the proxy; its settings file stays as it is."""
    with ModelServer(HELLO) as server:
        path = set_up_pi(world, server)
        before = path.read_bytes()
        world.record(*PI, PROMPT)

    assert threads(world) == [("pi", "wire/main", f"user: {PROMPT}", *HELLO_TURNS)]
    assert path.read_bytes() == before
    world.verify_bodies("pi", server)


def test_gemini(world):
    """What it wraps results in is a part of them."""
    with ModelServer(HELLO) as server:
        set_up_gemini(world, server)
        world.record(*GEMINI, PROMPT)

    wrapped = "tool: <untrusted_context>"
    turns = tuple(wrapped if turn.startswith("tool: ") else turn for turn in HELLO_TURNS)
    assert threads(world) == [("gemini-cli", "wire/main", f"user: {PROMPT}", *turns)]
    world.verify_bodies("gemini", server)


# --- SDKs and a framework ---


def set_up_sdk(world, server):
    """Let the program of the SDKs lead to a server."""
    program = world.write(
        "sdk", f'#!/bin/sh\nexec {PYTHON} {ROOT}/tests/clients/sdk_agents.py "$@"\n'
    )
    program.chmod(0o755)
    world.install("sdk", program)
    world.lead(server)


def record_sdk(world, server, name):
    """Record a conversation by way of an SDK."""
    set_up_sdk(world, server)
    return world.record("sdk", name)


@pytest.mark.parametrize(
    ("name", "harness", "beside"),
    [
        ("anthropic_tools", "anthropic-sdk", ["count-tokens", "models"]),
        ("openai_chat", "openai-sdk", []),
        ("openai_responses", "openai-sdk", []),
        ("pydantic_ai", None, []),
    ],
)
def test_sdk(world, name, harness, beside):
    """The variables of the SDK lead it to the proxy, and its conversation is one tape."""
    with ModelServer(HELLO) as server:
        done = record_sdk(world, server, name)

    assert done.err.endswith("tapes: recorded 1 session, 3 calls, 0 errors\n")
    main, *others = threads(world)
    assert main[1:] == ("wire/main", f"user: {PROMPT}", *HELLO_TURNS)
    assert harness in {None, main[0]}
    assert [other[1] for other in others] == [f"wire/side/{kind}" for kind in beside]
    world.verify_bodies("sdk", server)


def test_sdk_of_gemini(world):
    """It takes its address from a variable."""
    with ModelServer(conversation({"say hello": (Step(text="Hello."),)})) as server:
        record_sdk(world, server, "gemini")

    (thread,) = threads(world)
    assert thread[1:] == ("wire/main", "user: say hello", "assistant: Hello.")
    world.verify_bodies("sdk", server)


def test_sdk_that_tries_again(world):
    """Attempts that failed are events before the answer."""

    def script(asked):
        return Step(status=500) if asked.repeats < 2 else Step(text="At last.")

    with ModelServer(script) as server:
        done = record_sdk(world, server, "openai_failing")

    assert done.err == "tapes: recorded 1 session, 3 calls, 2 errors\n"
    failure = "event: error 500: server_error: scripted failure"
    (thread,) = threads(world)
    assert thread[2:] == (f"user: {PROMPT}", failure, failure, "assistant: At last.")


def test_sdk_that_edits_an_old_result(world):
    """What changed is one event, and the tape goes on."""

    def script(asked):
        return Step(text="16, as I said.") if asked.prompt == "say it again" else HELLO(asked)

    with ModelServer(script) as server:
        record_sdk(world, server, "anthropic_edited")

    (thread,) = threads(world)
    assert thread[2:] == (
        f"user: {PROMPT}",
        *HELLO_TURNS,
        "event: changed: 3",
        "user: say it again",
        "assistant: 16, as I said.",
    )
    world.verify_bodies("sdk", server)
