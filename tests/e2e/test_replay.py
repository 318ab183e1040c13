"""`tapes replay`: a recorded command runs again with nothing but the tape, and within walls."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.clients.script import HELLO, Call, Step, conversation
from tests.clients.server import ModelServer
from tests.clients.world import ROOT, World
from tests.walls import walls

PROMPT = "create hello.txt and count"
AGENT = (sys.executable, "-m", "tests.clients.agent")


@pytest.fixture
def world(tmp_path, kept):
    """Give a machine of a person."""
    world = World(tmp_path)
    world.kept = kept
    world.environ["PYTHONPATH"] = str(ROOT)
    return world


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """Return a folder for stores that were recorded, by command and script."""
    return tmp_path_factory.mktemp("kept")


def record(world: World, *command: str, script=HELLO) -> str:
    """Record a command with a model that is gone afterwards; return the session.

    What was recorded in another test is not recorded again.
    """
    key = hashlib.sha256(repr((command, id(script))).encode()).hexdigest()
    if (world.kept / key).exists():
        shutil.rmtree(world.root)
        shutil.copytree(world.kept / key, world.root)
        with ModelServer(script) as server:
            world.lead(server)
    else:
        with ModelServer(script) as server:
            world.lead(server)
            world.record(*command)
        shutil.copytree(world.root, world.kept / key)
    (name,) = (
        ref["ref"]
        for ref in world.records("for-each-ref", "refs/sessions")
        if ref["ref"].endswith("/wire/main")
    )
    for made in world.work.glob("*.txt"):
        made.unlink()
    return name.removeprefix("refs/sessions/").removesuffix("/wire/main")


@walls
@pytest.mark.parametrize("interface", ["anthropic", "chat", "responses", "gemini", "ollama"])
def test_recorded_command_runs_again_from_its_tape(world, interface):
    """Each interface: the same words, every request exact, and the project is not touched."""
    session = record(world, *AGENT, interface, PROMPT)
    before = sorted(os.listdir(world.work))
    done = world.tapes("replay", session)

    assert done.out == "hello.txt has 16 bytes.\n"
    lines = done.err.splitlines()
    assert [line.split()[:3] for line in lines[:-1]] == [
        ["1", "exact", "main#2"],
        ["2", "exact", "main#4"],
        ["3", "exact", "main#6"],
    ]
    assert lines[-1] == ("replay followed to its end: 3 calls (3 exact); the command ended with 0")
    assert sorted(os.listdir(world.work)) == before
    assert not list((world.root / "tmp").iterdir())


CHROOT = """
mount --rbind / "$1"
root=$1
shift
exec chroot "$root" env -C "$PWD" "$@"
"""


@walls
@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, for a chroot")
def test_root_in_a_chroot_is_isolated_without_a_namespace_of_users(world):
    """The kernel gives none there: bubblewrap is not asked for one."""
    session = record(world, *AGENT, "chat", PROMPT)
    (world.folder / "root").mkdir()
    words = (sys.executable, "-P", "-m", "tapegit", "replay", session)
    done = subprocess.run(
        ["unshare", "-m", "sh", "-ec", CHROOT, "sh", str(world.folder / "root"), *words],
        cwd=world.work,
        env=world.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.stdout == "hello.txt has 16 bytes.\n", done.stderr
    assert list(world.work.glob("*.txt")) == []


@walls
def test_json_is_all_there_is_on_standard_output(world):
    """The command's own output goes beside; the object says all that the lines say."""
    session = record(world, *AGENT, "anthropic", PROMPT)
    done = world.tapes("replay", "--json", session)
    report = json.loads(done.out)
    assert report["verdict"] == "followed"
    assert report["code"] == 0
    assert report["replayed"] == [session]
    assert report["command"] == [*AGENT, "anthropic", PROMPT]
    assert [each["level"] for each in report["requests"]] == ["exact"] * 3
    assert report["missing"] == []
    assert "divergence" not in report
    assert "hello.txt has 16 bytes.\n" in done.err


@walls
def test_other_prompt_diverges_and_is_compared(world):
    """A changed prompt: status 1, the nearest request, and the lines that differ."""
    session = record(world, *AGENT, "chat", PROMPT)
    done = world.tapes("replay", session, "--", *AGENT, "chat", "delete everything", code=1)
    assert "1 NOT ON THE TAPE (call POST /v1/chat/completions)" in done.err
    assert "the nearest is main#2" in done.err
    assert f"     -user: {PROMPT}\n     +user: delete everything\n" in done.err
    assert "agent: status 400" in done.err
    verdict, hint = done.err.splitlines()[-2:]
    assert verdict.startswith("replay diverged: 1 call, 1 not on the tape, 3 never")
    assert hint.startswith("hint: '--on-miss record' asks the model there")


@walls
def test_other_result_of_a_tool_is_followed_unless_strict(world):
    """A tool that gives back something else is told of; --strict does not let it pass."""
    pid = conversation(
        {
            PROMPT: (
                Step("I look.", calls=(Call("shell", "echo $PPID-$$-$(date +%N)"),)),
                Step("Done."),
            )
        }
    )
    session = record(world, *AGENT, "anthropic", PROMPT, script=pid)
    done = world.tapes("replay", session)
    assert "tool result of bash differs: '" in done.err
    assert "2 chain main#4" in done.err
    strict = world.tapes("replay", "--strict", session, code=1)
    assert "2 NOT ON THE TAPE" in strict.err
    assert "+result: " in strict.err


HARM = """\
git commit -qm more --allow-empty; git push origin HEAD:main 2>/dev/null && echo pushed
rm -rf {home}/* {work}/* {work}/../victim /tmp/* 2>/dev/null
echo x > {work}/../victim2; echo x > {work}/made.txt
curl -sm 2 http://127.0.0.1:{port}/ -o {work}/downloaded; kill -9 {pid}; ls {work}; echo harmed
"""


def git(world: World, *words: str) -> str:
    """Run git in the project."""
    who = ("-c", "user.name=ada", "-c", "user.email=ada@example")
    return world.output("git", *who, *words)


@walls
def test_what_a_tape_destroys_is_only_the_scratch_copy(world):
    """A replayed rm -rf, push, download or kill reaches nothing outside."""
    victim = world.folder / "victim"
    (world.home / "kept").write_text("home")
    (world.work / "code.py").write_text("work")
    bystander = subprocess.Popen(["sleep", "60"])
    remote = world.folder / "remote.git"
    git(world, "init", "-q", "--bare", str(remote))
    git(world, "init", "-q")
    git(world, "remote", "add", "origin", str(remote))
    git(world, "commit", "-qm", "first", "--allow-empty")
    with ModelServer(HELLO) as outside:
        command = HARM.format(
            home=world.home,
            work=world.work,
            port=outside.url.rpartition(":")[2],
            pid=bystander.pid,
        )
        # It is recorded by an agent that runs nothing, as if the harm were long ago.
        script = conversation(
            {PROMPT: (Step("I clean up.", calls=(Call("shell", command),)), Step("All clean."))}
        )
        quiet = "import tests.clients.agent as a; a.run = lambda c: 'harmed'; a.main('chat', {!r})"
        session = record(world, sys.executable, "-c", quiet.format(PROMPT), script=script)
        victim.write_text("outside")
        done = world.tapes("replay", session, "--", *AGENT, "chat", PROMPT)
        assert not outside.exchanges
    assert done.out == "All clean.\n"
    assert "2 chain main#4" in done.err
    assert "made.txt" in done.err
    assert victim.read_text() == "outside"
    assert not (world.folder / "victim2").exists()
    assert (world.home / "kept").read_text() == "home"
    assert (world.work / "code.py").read_text() == "work"
    assert sorted(os.listdir(world.work)) == [".git", ".tapes", "code.py"]
    assert git(world, "log", "--oneline").count("\n") == 1
    assert git(world, "-C", str(remote), "branch", "--list") == ""
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()
    assert world.read("fsck", "--full").code == 0


@walls
def test_settings_of_the_machine_cannot_be_written(world):
    """Not by root either, who needs no capability for it; the name is one that the walls have."""
    session = record(world, *AGENT, "chat", PROMPT)
    line = "(echo other > /proc/sys/kernel/hostname) 2>/dev/null || echo refused"
    done = world.tapes("replay", session, "--", "sh", "-c", line, code=1)
    assert done.out == "refused\n"


@walls
def test_command_that_is_not_there_is_no_divergence(world):
    """What could not be started has a status of its own."""
    session = record(world, *AGENT, "chat", PROMPT)
    done = world.tapes("replay", session, "--", "no-such-command", code=125)
    assert done.err == "tapes: error: cannot run 'no-such-command': there is no such command\n"
    done = world.tapes("replay", "--json", session, "--", "no-such-command", code=125)
    assert done.out == ""
    assert json.loads(done.err)["message"].startswith("cannot run 'no-such-command'")
    assert not list((world.root / "tmp").iterdir())


@walls
def test_scratch_copy_of_a_killed_replay_is_collected(world):
    """What it ran ends with it; gc removes the copy when it is a day old, and not before."""
    session = record(world, *AGENT, "chat", PROMPT)
    (world.work / "mine.py").write_text("kept")
    line = "mkdir -p closed/in; chmod 500 closed; echo up; exec sleep 60"
    with world.start("replay", session, "--", "sh", "-c", line) as replaying:
        assert replaying.stdout.readline() == "up\n"
        (scratch,) = (world.root / "tmp").iterdir()
        world.tapes("gc")
        assert list(scratch.rglob("mine.py"))
        replaying.kill()
        assert replaying.stdout.read() == ""  # nobody has it any more, so the command has ended
    world.tapes("gc")
    assert list(scratch.rglob("mine.py"))
    os.utime(scratch, (0, 0))
    world.tapes("gc")
    assert not scratch.exists()
    assert (world.work / "mine.py").read_text() == "kept"


def test_command_that_asks_nothing_is_told_of(world):
    """A run that never came to the server has not followed the tape, whatever its status."""
    session = record(world, *AGENT, "chat", PROMPT)
    done = world.tapes("replay", "--here", "--yes", session, "--", "true", code=1)
    *_, verdict, hint = done.err.splitlines()
    assert verdict == "replay diverged: 0 calls, 3 never asked for; the command ended with 0"
    assert hint.startswith("hint: 'true' asked nothing of the tape")


def test_nothing_runs_where_it_cannot_be_isolated(world):
    """Without bubblewrap the package is named, and the command has not run."""
    session = record(world, *AGENT, "chat", PROMPT)
    bare = {"PATH": str(world.bin)}
    done = world.tapes("replay", session, environ=bare, code=125)
    assert "'bwrap' is not installed" in done.err
    assert "hint: install the package 'bubblewrap'" in done.err
    assert not (world.work / "hello.txt").exists()


def test_here_lists_what_the_tape_will_do_and_wants_agreement(world):
    """In place nothing is run that nobody agreed to; then it is, for real."""
    session = record(world, *AGENT, "chat", PROMPT)
    refused = world.tapes("replay", "--here", session, code=125)
    assert "echo hello-from-tape > hello.txt; cat hello.txt" in refused.err
    assert "hint: agree with '--yes'" in refused.err
    assert not (world.work / "hello.txt").exists()

    done = world.tapes("replay", "--here", "--yes", session)
    assert done.out == "hello.txt has 16 bytes.\n"
    assert (world.work / "hello.txt").read_text() == "hello-from-tape\n"


def test_until_stops_without_divergence(world):
    """A tape that was cut on purpose is followed to there."""
    session = record(world, *AGENT, "chat", PROMPT)
    done = world.tapes("replay", "--here", "--yes", "--until", "#4", session)
    assert "agent: status 400" in done.err
    assert done.err.splitlines()[-1] == (
        "replay followed to where it was cut: 3 calls (2 exact), 1 not on the tape; "
        "the command ended with 1"
    )


def test_revision_is_the_tape_that_ends_there(world):
    """What the session has after a turn is not on the tape of that turn."""
    session = record(world, *AGENT, "chat", PROMPT)
    done = world.tapes("replay", "--here", "--yes", f"{session}#4", code=1)
    lines = [line for line in done.err.splitlines() if line[:4].strip().isdigit()]
    assert [line.split()[1:3] for line in lines] == [
        ["exact", "main#2"],
        ["exact", "main#4"],
        ["NOT", "ON"],
    ]


def test_session_without_traffic_is_no_tape(world):
    """What has no wire cannot be served, and the message says what would help."""
    done = world.tapes("replay", "nothing", code=125)
    assert done.err.startswith("tapes: error: ")


TRACED = ("strace", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o")
INTERNET = re.compile(r"sa_family=AF_INET6?|sin6?_addr")


def can_trace() -> bool:
    """Return whether system calls of other processes can be watched here."""
    if shutil.which("strace") is None:
        return False
    words = ("strace", "-f", "-qq", "-o", os.devnull, "true")
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


@pytest.mark.skipif(not can_trace(), reason="needs strace, and the right to use it")
@pytest.mark.parametrize("on_miss", ["fail", "live"])
def test_server_opens_no_connection(world, on_miss):
    """Whatever it is asked, on the tape or not, no system call connects; the control is `live`."""
    session = record(world, *AGENT, "chat", PROMPT)
    log = world.folder / "trace"
    words = (sys.executable, "-P", "-m", "tapegit", "replay", "--serve", "--on-miss", on_miss)
    with (
        ModelServer(HELLO) as outside,
        subprocess.Popen(
            [*TRACED, str(log), *words, session],
            cwd=world.work,
            env=world.environ | {"OPENAI_BASE_URL": f"{outside.url}/v1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as server,
    ):
        addresses = dict(
            server.stdout.readline().strip().removeprefix("export ").split("=") for _ in range(7)
        )
        for prompt in (PROMPT, "something else"):
            subprocess.run(
                [*AGENT, "chat", prompt],
                env={**world.environ, **addresses},
                cwd=world.work,
                capture_output=True,
                check=False,
            )
        (child,) = Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()
        os.kill(int(child), signal.SIGINT)
        _, err = server.communicate(timeout=20)
    assert "serving on http://127.0.0.1:" in err
    connected = [line for line in log.read_text().splitlines() if INTERNET.search(line)]
    if on_miss == "fail":
        assert "NOT ON THE TAPE" in err
        assert connected == []
        assert server.returncode == 1
    else:
        assert connected
        assert len(outside.calls()) == 1
