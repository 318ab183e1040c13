"""`tapes record`: a command runs as it would, and what it asks of models is in the store."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import sys
import time
from pathlib import Path

import pytest

from tapegit.files.locks import Lock
from tests.clients.script import HELLO, Step
from tests.clients.server import ModelServer
from tests.clients.world import ROOT, World, refs

PROMPT = "create hello.txt and count"
AGENT = (sys.executable, "-m", "tests.clients.agent")
SHAPE = [
    "session: agent in WORK",
    f"user: {PROMPT}",
    "assistant: I will write it.",
    "tool: hello-from-tape",
    "assistant: I will count.",
    "tool: 16 hello.txt",
    "assistant: hello.txt has 16 bytes.",
]
NOTHING = "tapes: recorded 0 sessions, 0 calls, 0 errors\ntapes: warning: no call was recorded\n"


@pytest.fixture
def world(tmp_path):
    """Give a machine of a person."""
    world = World(tmp_path)
    world.environ["PYTHONPATH"] = str(ROOT)
    return world


@pytest.fixture
def server():
    """Give a model that knows how to write a file and count its bytes."""
    with ModelServer(HELLO) as server:
        yield server


@pytest.mark.parametrize("interface", ["anthropic", "chat", "responses", "gemini", "ollama"])
def test_calls_of_every_interface_become_a_tape(world, server, interface):
    """An agent that reads the variables of SDKs is recorded, whatever it speaks."""
    world.lead(server)
    done = world.record(*AGENT, interface, PROMPT)

    assert done.out == "hello.txt has 16 bytes.\n"
    assert done.err == "tapes: recorded 1 session, 3 calls, 0 errors\n"
    (shape,) = refs(world).values()
    assert shape == [line.replace("WORK", str(world.work)) for line in SHAPE]
    assert len(server.calls()) == 3
    assert world.read("fsck", "--full").out == "notice: HEAD points to an unborn branch (main)\n"
    assert not list((world.root / "tmp").iterdir())


def test_requests_are_as_without_tapes(world, server):
    """Bodies and headers that reach the upstream are those that the agent sends without a proxy."""
    world.lead(server)
    world.record(*AGENT, "chat", PROMPT)
    recorded = [(each.body, dict(each.headers)) for each in server.exchanges]
    assert all(headers["Host"] == server.url.removeprefix("http://") for _, headers in recorded)
    assert all(headers["Authorization"] == "Bearer sk-dummy" for _, headers in recorded)
    assert {name for _, headers in recorded for name in headers} == {
        "Accept-Encoding",
        "Authorization",
        "Connection",
        "Content-Length",
        "Content-Type",
        "Host",
        "User-Agent",
    }


def test_branch_that_is_checked_out_goes_on(world, server):
    """What goes on from the end of the branch is on the branch too; nothing else moves it."""
    world.lead(server)
    world.record(*AGENT, "anthropic", PROMPT)
    (session,) = refs(world)
    world.read("switch", "-c", "fix", session)
    world.record(*AGENT, "anthropic", PROMPT)
    (before,) = world.records("for-each-ref", "refs/heads/fix")
    (request,) = [each.body for each in server.calls()][-1:]
    messages = json.loads(request)["messages"]
    messages += [
        {"role": "assistant", "content": [{"type": "text", "text": "hello.txt has 16 bytes."}]},
        {"role": "user", "content": "thank you"},
    ]
    script = (
        "import json, os, urllib.request as r; url = os.environ['ANTHROPIC_BASE_URL'];"
        "r.urlopen(r.Request(url + '/v1/messages', os.environ['BODY'].encode(),"
        " {'content-type': 'application/json', 'user-agent': 'agent/1.0'})).read()"
    )
    body = json.dumps({"model": "m", "max_tokens": 9, "messages": messages})
    world.record(sys.executable, "-c", script, environ={"BODY": body})

    assert before["oid"] == world.read("rev-parse", session).out.strip()
    words = [turn["summary"] for turn in world.records("log", "--reverse", "fix")]
    assert len(words) == len(SHAPE) + 3
    assert words[-2] == "thank you"


def test_branch_that_ends_in_an_imported_session_goes_on(world, server):
    """A client resumes it: what was imported is not recorded again, and the branch goes on."""
    world.lead(server)
    said = [{"role": "user", "content": "who are you and what do you do here"}]
    said += [{"role": "assistant", "content": [{"type": "text", "text": "one who writes files"}]}]
    records = [
        {"type": each["role"], "uuid": str(at), "sessionId": "s", "version": "2.1.0",
         "timestamp": "2026-01-01T00:00:00Z", "parentUuid": str(at - 1) if at else None,
         "cwd": str(world.work), "isSidechain": False, "userType": "external", "message": each}
        for at, each in enumerate(said)
    ]  # fmt: skip
    lines = "".join(json.dumps(each) + "\n" for each in records)
    world.tapes("import", str(world.write("session.jsonl", lines)))
    (session,) = refs(world)
    world.read("switch", "-c", "fix", session)
    before = world.read("rev-parse", "fix").out
    world.record(*AGENT, "anthropic", PROMPT)
    assert world.read("rev-parse", "fix").out == before
    world.record(*AGENT, "anthropic", PROMPT, environ={"HISTORY": json.dumps(said)})

    roles = [turn["role"] for turn in world.records("log", "--reverse", "fix")]
    assert roles == ["session", "user", "assistant", "session", "user", *["assistant", "tool"] * 2,
                     "assistant"]  # fmt: skip
    assert world.read("rev-parse", session).out == before


def test_rules_that_cannot_be_kept_stop_everything(world, server):
    """Nothing is stored without them, and nothing is asked."""
    world.lead(server)
    world.write("home/.config/tapegit/config.toml", '[redact.mine]\npattern = "("\n')
    done = world.record(*AGENT, "chat", PROMPT, code=15)

    assert done.err == (
        "tapes: error: nothing can be recorded: 'redact.mine.pattern' cannot be used: "
        "'(' is no pattern: missing ): (\n"
        "hint: correct it or take it out: tapes config --user --unset redact.mine.pattern\n"
    )
    assert not server.exchanges


def test_exit_status_is_the_commands(world):
    """A command that fails is no failure of the recording's, and one without calls is a warning."""
    done = world.record("sh", "-c", "echo out; echo err >&2; exit 3", code=3)

    assert done.out == "out\n"
    assert done.err == (
        f"err\n{NOTHING}"
        "hint: 'sh' runs no client that tapes knows, or one that does not read ANTHROPIC_BASE_URL, "
        "OPENAI_BASE_URL, GOOGLE_GEMINI_BASE_URL\n"
    )


def test_command_that_is_not_there(world):
    """It is what a shell says of it, and leaves nothing behind."""
    done = world.record("no-such-command", code=127)

    assert done.err == "tapes: error: cannot run 'no-such-command': there is no such command\n"
    assert not list((world.root / "tmp").iterdir())


def test_nothing_starts_without_a_store(world, tmp_path):
    """Where nothing can be recorded, the command is not run."""
    where = tmp_path / "elsewhere"
    where.mkdir()
    done = world.tapes("-C", str(where), "record", "--", "touch", "ran", code=10)

    assert "no store" in done.err or "store" in done.err
    assert not (where / "ran").exists()


def test_no_command_is_a_mistake(world):
    """A command has to be named."""
    assert "COMMAND" in world.tapes("record", code=2).err


def test_command_may_have_options_of_ours(world):
    """What comes after the command's name is the command's, with two dashes in front or without."""
    world.install_fake("mine", "printing")
    for words in (("--",), ()):
        done = world.tapes("record", *words, "mine", "--name", "x", "--json", "--", "-h")
        assert json.loads(done.out)["arguments"] == ["--name", "x", "--json", "--", "-h"]


def test_working_directory_is_the_one_of_the_run(world):
    """A client that takes its folder from PWD finds the right one after `-C` too."""
    world.install_fake("mine", "printing")
    (world.work / "below").mkdir()
    done = world.tapes("-C", "below", "record", "--", "mine")

    assert json.loads(done.out)["pwd"] == str(world.work / "below")


def test_interrupt_reaches_the_command_and_the_rest_is_recorded(world, server):
    """A command that is told to end ends, and what it had asked is in the store."""
    world.lead(server)
    script = f"trap 'exit 9' TERM; {' '.join(AGENT)} chat '{PROMPT}'; while :; do sleep 0.01; done"
    with world.start("record", "--", "sh", "-c", script) as process:
        assert process.stdout.readline() == "hello.txt has 16 bytes.\n"
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate()

    assert process.returncode == 9
    assert err == "tapes: recorded 1 session, 3 calls, 0 errors\n"


def test_failures_are_counted(world):
    """A call that the upstream refuses is an error, with the client's own exit status."""
    with ModelServer(lambda asked: Step(status=500)) as server:
        world.lead(server)
        done = world.record(*AGENT, "chat", PROMPT, code=1)

    assert done.err.endswith("tapes: recorded 1 session, 1 call, 1 error\n")


def test_upstream_that_cannot_be_reached(world):
    """The client gets an answer that says so, and the error is recorded."""
    world.environ |= {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "OPENAI_API_KEY": "sk-dummy"}
    done = world.record(*AGENT, "chat", PROMPT, code=1)

    assert "agent: status 502\n" in done.err
    assert done.err.endswith("1 error\n")


def test_key_is_nowhere_in_the_store(world, server):
    """The key that was seen in flight is in no object, log or file."""
    world.lead(server)
    canary = "sk-proj-canary0123456789abcdefghij"
    world.environ["OPENAI_API_KEY"] = canary
    world.record(*AGENT, "chat", f"{PROMPT} {canary}")

    assert any(canary in str(each.headers) for each in server.exchanges)
    listed = world.read("cat-file", "--batch-all-objects", "--batch").out
    assert "hello-from-tape" in listed
    assert canary not in listed
    for folder, _, names in os.walk(world.root):
        for name in names:
            assert canary.encode() not in Path(folder, name).read_bytes()


def test_store_is_packed_when_it_is_time(world, server):
    """A recording that leaves many loose objects starts a gc by itself, when it has ended."""
    world.lead(server)
    world.write("work/.tapes/config", "[gc]\nauto = 1\n")
    for number in range(10_000):  # how many there are is told from the objects that begin with 17
        if any((world.root / "objects" / "17").iterdir()):
            break
        world.read("hash-object", "-w", str(world.write("blob", str(number))))
    world.record(*AGENT, "chat", PROMPT)
    while not list((world.root / "objects" / "pack").glob("*.idx")):
        time.sleep(0.05)


def test_store_that_is_locked_is_waited_for_at_the_end(world, server):
    """The agent is not held up by a store in use; what it asked is stored once that is free."""
    world.lead(server)
    with Lock(world.root / "locks" / "gc").exclusive(timeout_s=0):
        process = world.start("record", "--", *AGENT, "chat", PROMPT)
        assert process.stdout.readline() == "hello.txt has 16 bytes.\n"
        assert process.stderr.readline().startswith("tapes: waiting for the store")
    with process:
        assert process.stderr.read() == "tapes: recorded 1 session, 3 calls, 0 errors\n"


def test_recording_that_was_killed_is_told_of_once(world, server):
    """The next recording says how that one ended; what had been recorded is there."""
    world.lead(server)
    script = f"{' '.join(AGENT)} chat '{PROMPT}'; while kill -0 $PPID; do sleep 0.05; done 2>&-"
    with world.start("record", "--", "sh", "-c", script) as process:
        assert process.stdout.readline() == "hello.txt has 16 bytes.\n"
        while [len(turns) for turns in refs(world).values()] != [len(SHAPE)]:
            time.sleep(0.05)
        process.kill()
    first = world.record("true")
    again = world.record("true")

    assert first.err.startswith("tapes: the recording of ")
    assert " ended early, no call is known to be lost: the proxy was killed\n" in first.err
    assert again.err.startswith("tapes: recorded 0 sessions")


def test_leader_says_what_was_recorded_and_where(world, server):
    """Client, command, directory and code are in the first turn; a library is not the client."""
    world.lead(server)
    program = world.bin / "pi"
    program.write_text(f"#!/bin/sh\nexec {' '.join(AGENT)} chat '{PROMPT}'\n")
    program.chmod(0o755)
    world.environ["AGENT"] = "OpenAI/Python 3.0"
    commit = "12" * 20
    world.write("work/.git/HEAD", "ref: refs/heads/fix/it\n")
    world.write("work/.git/packed-refs", f"# pack-refs\n{commit} refs/heads/fix/it\n")
    world.write(
        "work/.git/config", '[remote "origin"]\n\turl = https://ada:secret@example.com/app.git\n'
    )
    world.tapes("record", "--name", "my run", "--", "pi", "-p", "x")

    (name,) = refs(world)
    assert name.startswith("refs/sessions/pi/my-run-")
    leader = world.read("rev-list", "--reverse", name).out.split()[0]
    session = json.loads(world.read("cat-file", "-p", leader).out)["session"]
    assert session["harness"] == "pi"
    assert session["command"] == ["pi", "-p", "x"]
    assert session["cwd"] == str(world.work)
    assert session["repository"] == {
        "branch": "fix/it",
        "commit": commit,
        "remote": "https://example.com/app.git",
    }


# --- set-ups in which nothing would be captured ---


def test_settings_that_beat_the_environment(world, server):
    """A base URL in Claude Code's settings is the upstream, and does not lead past the proxy."""
    world.install_fake("claude")
    world.write("home/.claude/settings.json", {"env": {"ANTHROPIC_BASE_URL": server.url}})
    world.environ |= {"ANTHROPIC_BASE_URL": "http://127.0.0.1:1", "ANTHROPIC_API_KEY": "k"}
    done = world.record("claude", "-p", "x")

    assert done.out == "hello.txt has 16 bytes. true\n"
    assert "1 session, 3 calls, 0 errors" in done.err


def test_proxy_of_the_clients(world, server):
    """A client with a proxy of its own reaches this one without it."""
    world.lead(server)
    world.environ |= {"HTTP_PROXY": "http://127.0.0.1:1", "http_proxy": "http://127.0.0.1:1"}
    done = world.record(*AGENT, "anthropic", PROMPT)

    assert "1 session, 3 calls, 0 errors" in done.err


@pytest.mark.parametrize("is_wrapped", [False, True])
def test_provider_that_is_selected(world, server, is_wrapped):
    """Codex goes where its provider leads, itself and behind other programs."""
    world.install_fake("codex")
    world.write(
        "home/.codex/config.toml",
        f'model_provider = "mine"\n[model_providers.mine]\nbase_url = "{server.url}/deep/v1"\n',
    )
    world.environ |= {"OPENAI_BASE_URL": "http://127.0.0.1:1/v1", "OPENAI_API_KEY": "sk-dummy"}
    words = ("sh", "-c", "echo $(codex exec x)") if is_wrapped else ("codex", "exec", "x")
    done = world.record(*words)

    assert done.out == "hello.txt has 16 bytes.\n"
    assert "1 session, 3 calls, 0 errors" in done.err
    assert {each.path for each in server.exchanges} == {"/deep/v1/responses"}


def test_wrapped_client_whose_upstream_is_not_known(world, server):
    """What a shim cannot record it does not start, and says why."""
    world.install_fake("codex")
    world.environ |= {"OPENAI_API_KEY": "sk-dummy"}
    flag = f'openai_base_url="{server.url}/v1"'
    done = world.record("sh", "-c", f"codex -c '{flag}' exec x", code=17)

    assert f"tapes: error: cannot record requests to '{server.url}'" in done.err
    assert (
        f"warning: no call was recorded\nhint: cannot record requests to '{server.url}'" in done.err
    )
    assert not server.exchanges


def test_client_that_cannot_be_pointed_is_not_started(world):
    """The reason is said, and what would help."""
    world.install_fake("claude")
    world.environ |= {"CLAUDE_CODE_USE_BEDROCK": "1"}
    done = world.record("claude", "-p", "x", code=17)

    assert done.out == ""
    assert done.err == (
        "tapes: error: cannot record claude: CLAUDE_CODE_USE_BEDROCK sends its requests to Amazon "
        "Bedrock, whose requests are signed for one host\n"
        "hint: unset CLAUDE_CODE_USE_BEDROCK to record, or import its transcripts: 'tapes import'\n"
    )


def test_programs_that_drop_the_environment_are_named(world):
    """A container's client is not reached, and the warning says so."""
    world.install_fake("docker", "printing")
    done = world.record("docker", "run", "agent")

    assert f"{NOTHING}hint: a container has an environment of its own" in done.err


def test_login_shell_is_named(world):
    """It may set PATH anew, and a client of that PATH gets no flags."""
    assert f"{NOTHING}hint: a login shell may set PATH anew" in (
        world.record("sh", "-lc", "true").err
    )
    assert "login shell" not in world.record("sh", "-c", "true -l").err


def test_client_that_a_project_has_for_itself_is_named(world):
    """Scripts of npm find it before its shim."""
    path = world.write("work/node_modules/.bin/codex", "")
    (world.work / "below").mkdir()
    done = world.tapes("-C", "below", "record", "--", "true")

    assert f"hint: scripts of npm find '{path}' before its shim" in done.err
    assert "'tapes record -- npx codex'" in done.err


def test_client_that_npx_runs_behind_another_program(world, server):
    """The shim is npx's, and the flags are the client's."""
    world.install_fake("codex")
    world.environ |= {"OPENAI_API_KEY": "sk-dummy"}
    world.write("home/.codex/config.toml", f'openai_base_url = "{server.url}/v1"\n')
    npx = world.bin / "npx"
    npx.write_text('#!/bin/sh\nshift; exec "$@"\n')
    npx.chmod(0o755)
    done = world.record("sh", "-c", "npx --yes codex exec x; true")

    assert done.out == "hello.txt has 16 bytes.\n"
    assert "1 session, 3 calls, 0 errors" in done.err


def test_program_that_is_left_behind_is_named(world):
    """What goes on in the background has lost its proxy, and somebody has to know."""
    script = "sleep 60 >&- 2>&- & echo $!"
    done = world.record("sh", "-c", script)
    os.kill(int(done.out), signal.SIGKILL)

    assert (
        f"tapes: warning: 'sleep' (process {done.out.strip()}) goes on, "
        "but its calls are recorded no more, and go nowhere\n"
    ) in done.err


def test_client_that_leads_nowhere_is_named(world):
    """A provider without an address is the likely reason why nothing came."""
    world.install_fake("opencode", "printing")
    world.write("work/opencode.json", {"model": "far/away"})
    done = world.record("opencode", "run", "x")

    assert f"{NOTHING}hint: opencode's provider 'far' has no address" in done.err


def test_users_settings_and_folders_are_untouched(world, server):
    """No file below the user's folder is made or changed."""
    world.install_fake("claude")
    world.write("home/.claude/settings.json", {"env": {"ANTHROPIC_BASE_URL": server.url}})
    world.environ["ANTHROPIC_API_KEY"] = "k"

    def look():
        return {
            path: (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"")
            for path in world.home.rglob("*")
        }

    before = look()
    world.record("claude")
    assert look() == before


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")
def test_store_that_the_agent_deletes(world, server):
    """The agent goes on, with its own exit status; what is lost is said, and how to keep it."""
    world.lead(server)
    run = f"{' '.join(AGENT)} chat '{PROMPT}'"
    clean = "while [ -e .tapes ]; do git clean -fdxq; done"
    world.output("git", "init", "-q", ".")
    done = world.record("sh", "-c", f"{run}; {clean}; {run}; exit 3", code=3)

    assert done.out == "hello.txt has 16 bytes.\n" * 2
    first, warning, hint = done.err.splitlines()
    assert re.match("tapes: recorded .* [3-6] lost: .*no such file or directory", first)
    assert warning.startswith(f"tapes: warning: the store '{world.root}' was deleted, with all ")
    assert "git clean -fdx" in hint


def test_upstream_in_the_settings_of_a_store_is_refused(world):
    """A store that somebody sends says nothing about where requests go."""
    world.write("work/.tapes/config", '[upstream.evil]\nurl = "https://evil.example/v1"\n')
    done = world.record("true", code=15)

    assert "only your own settings may say where requests go" in done.err
