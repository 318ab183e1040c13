"""`tapes proxy` and `tapes env`: a proxy that stands, and what points a client at it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest

from tests.clients.script import HELLO
from tests.clients.server import ModelServer
from tests.clients.world import ROOT, World, refs

PROMPT = "create hello.txt and count"
AGENT = f"{sys.executable} -m tests.clients.agent"


@pytest.fixture
def world(tmp_path):
    """Give a machine of a person."""
    world = World(tmp_path)
    world.environ["PYTHONPATH"] = str(ROOT)
    return world


@contextmanager
def standing(world, port=0):
    """Run a proxy; yield its process and its address."""
    with world.start("proxy", "--port", str(port)) as process:
        line = process.stderr.readline()
        if "ended early" in line:  # one that was killed before
            line = process.stderr.readline()
        assert line.startswith("tapes: recording what comes to http://127.0.0.1:"), line
        try:
            yield process, line.split()[5]
        finally:
            process.terminate()


def sh(world, script):
    """Run a script of a shell that has `tapes`."""
    tapes = f'tapes() {{ {sys.executable} -m tapegit "$@"; }}\n'
    done = subprocess.run(
        ["sh", "-ec", tapes + script],
        cwd=world.work,
        env=world.environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_clients_are_pointed_at_it_and_kept_apart(world):
    """Several clients, some with a session of their own, each have their tape; status counts."""
    world.install_fake("codex")
    with ModelServer(HELLO) as server:
        world.lead(server)
        world.write("home/.codex/config.toml", f'openai_base_url = "{server.url}/deep/v1"\n')
        with standing(world) as (process, url):
            out = sh(
                world,
                f"""
                eval "$(tapes env)"; {AGENT} chat '{PROMPT}'
                eval "$(tapes env --session night)"; {AGENT} anthropic '{PROMPT}'
                eval "$(tapes env codex)"; codex exec x
                tapes proxy --status
                """,
            )
            process.send_signal(signal.SIGINT)
            assert process.stderr.read() == "tapes: recorded 3 sessions, 9 calls, 0 errors\n"
            assert process.wait() == 0

    lines = out.splitlines()
    assert lines[:3] == ["hello.txt has 16 bytes."] * 3
    assert lines[3].startswith(f"{url}, process {process.pid}, started ")
    assert ", 0 failed, 0 lost" in lines[4]
    assert {each.path for each in server.exchanges} == {
        "/v1/chat/completions",
        "/v1/messages",
        "/deep/v1/responses",
    }
    names = sorted(name.split("/")[3].partition("-")[0] for name in refs(world))
    assert names == ["night", "proxy", "proxy"]


@pytest.mark.parametrize(
    ("provider", "interface", "path"),
    [(None, "chat", "/llm/v1/chat/completions"), ("anthropic", "anthropic", "/llm/v1/messages")],
)
def test_host_of_the_users_settings(world, provider, interface, path):
    """It has an address of its own on the proxy, whose interface it speaks is told."""
    world.environ |= {"ANTHROPIC_API_KEY": "k-0123456789", "OPENAI_API_KEY": "k-0123456789"}
    with ModelServer(HELLO) as server:
        world.tapes("config", "--user", "upstream.mine.url", f"{server.url}/llm/v1")
        if provider is not None:
            world.tapes("config", "--user", "upstream.mine.provider", provider)
        with standing(world) as (process, _):
            out = sh(world, f"eval \"$(tapes env mine)\"; {AGENT} {interface} '{PROMPT}'")
            process.terminate()
            assert process.stderr.read() == "tapes: recorded 1 session, 3 calls, 0 errors\n"

    assert out == "hello.txt has 16 bytes.\n"
    assert {each.path for each in server.exchanges} == {path}


def test_status_without_a_proxy(world):
    """One that has ended is known to have."""
    with standing(world) as (process, url):
        (record,) = world.records("proxy", "--status")
        assert record["url"] == url
        assert record["process"] == process.pid
    assert world.tapes("proxy", "--status", code=1).out == ""


def test_port_that_is_taken(world):
    """It is refused, not shared."""
    with standing(world) as (_, url):
        port = url.rpartition(":")[2]
        assert f"port {port} is taken" in world.tapes("proxy", "--port", port, code=36).err


def test_two_proxies_record_into_one_store(world):
    """At a time, each what comes to it; `env` has to be told which."""
    with ModelServer(HELLO) as server:
        world.lead(server)
        with standing(world) as (one, url), standing(world) as (other, second):
            ports = [each.rpartition(":")[2] for each in (url, second)]
            error = world.tapes("env", code=1).err
            assert "several proxies stand: on ports " in error
            assert all(port in error for port in ports)
            assert {each["url"] for each in world.records("proxy", "--status")} == {url, second}
            runs = [
                f"(eval \"$(tapes env --port {port})\"; {AGENT} {interface} '{PROMPT}')"
                for port in ports
                for interface in ("chat", "anthropic")
            ]
            assert sh(world, f"{' & '.join(runs)} & wait") == "hello.txt has 16 bytes.\n" * 4
            refused = (
                f'eval "$(tapes env --port {ports[0]})"; tapes env --port {ports[1]} || echo no'
            )
            assert sh(world, refused) == "no\n"
            for process in (one, other):
                process.terminate()
                said = "tapes: recorded 2 sessions, 6 calls, 0 errors\n"
                assert process.stderr.read() == said
    assert [len(turns) for turns in refs(world).values()] == [7] * 4
    assert world.tapes("fsck", "--full").code == 0


@pytest.mark.parametrize("name", ["SIGHUP", "SIGTERM"])
def test_proxy_ends_when_it_is_told_to(world, name):
    """In good order: with its line, and nothing to tell at the next start."""
    with standing(world) as (process, _):
        process.send_signal(signal.Signals[name])
        assert process.stderr.read() == "tapes: recorded 0 sessions, 0 calls, 0 errors\n"
        assert process.wait() == 0
    with standing(world):
        assert not list((world.root / "recordings").glob("*.lost"))


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ('[upstream.mine]\nurl = "ftp://x"', "an address of http or https"),
        ('[upstream.mine]\nprovider = "openai"', "an address of http or https"),
        ('[upstream.mine]\nurl = "https://x"\nprovider = "cohere"', "one of anthropic, openai"),
        ('[upstream.openai]\nurl = "https://x"', "none of a provider"),
        ('[upstream.mine]\ncommand = "x"', "only url and provider"),
    ],
)
def test_upstream_that_is_none(world, setting, reason):
    """What is wrong with a setting is said before anything starts."""
    world.write("home/.config/tapegit/config.toml", setting)
    assert reason in world.tapes("proxy", "--port", "0", code=15).err


def test_proxy_that_was_killed_stands_no_more(world):
    """What it left behind is not taken for a proxy, and another may stand there."""
    with standing(world) as (process, url):
        process.kill()
        process.wait()
        assert world.tapes("proxy", "--status", code=1).out == ""
    with standing(world, int(url.rpartition(":")[2])) as (_, again):
        assert again == url
        assert json.loads(world.tapes("proxy", "--status", "--json").out)["url"] == url
        assert os.listdir(world.root / "tmp")
