"""What `record`, `proxy` and `env` refuse: before anything starts, with what to do about it."""

from __future__ import annotations

import pytest

from tests.clients.world import World


@pytest.fixture
def world(tmp_path):
    """Give a machine of a person."""
    return World(tmp_path)


@pytest.mark.parametrize(
    ("environ", "code", "message", "hint"),
    [
        ({"OPENAI_BASE_URL": "gpu.lan"}, 17, "'gpu.lan'", "correct the variable"),
        ({"OPENAI_BASE_URL": "http://"}, 17, "'http:'", "correct the variable"),
        ({"ANTHROPIC_BASE_URL": "https://u:canary@h"}, 15, "'https://…@h'", "correct the variable"),
        ({"ALL_PROXY": "socks5://p:1"}, 15, "ALL_PROXY holds no proxy", "unset it"),
        ({"https_proxy": "http://p:99999"}, 15, "https_proxy holds no address", "unset it"),
        ({"SSL_CERT_FILE": "/no/such.pem"}, 15, "'/no/such.pem'", "unset the variable"),
    ],
    ids=str,
)
def test_environment_that_leads_nowhere(world, environ, code, message, hint):
    """The variable or its value is named; nothing of a password is; no command is run."""
    done = world.tapes("record", "--", "touch", "ran", environ=environ, code=code)

    error, advice = done.err.splitlines()
    assert error.startswith("tapes: error: ")
    assert message in error
    assert advice.startswith("hint: ")
    assert hint in advice
    assert "canary" not in done.err
    assert not (world.work / "ran").exists()
    assert not list((world.root / "tmp").iterdir())
    assert not list((world.root / "recordings").glob("*"))


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("", 127, "cannot run '': there is no such command"),
        ("./nope", 127, "cannot run './nope': there is no such command"),
        (".", 126, "cannot run '.': permission denied"),
        ("./text", 126, "cannot run './text': permission denied"),
    ],
)
def test_command_that_cannot_be_run(world, command, code, message):
    """The status is what a shell has for it."""
    (world.work / "text").write_text("")
    assert message in world.record(command, code=code).err


def test_proxy_of_another_port_is_not_the_one_asked_for(world):
    """`--status` and `env` with a port look at that one alone."""
    with world.start("proxy", "--port", "0") as process:
        port = process.stderr.readline().split()[5].rpartition(":")[2]
        other = str(int(port) - 1)
        assert f"no proxy stands for this store on port {other}" in (
            world.tapes("proxy", "--status", "--port", other, code=1).err
        )
        assert f"on port {other}" in world.tapes("env", "--port", other, code=1).err
        assert port in world.tapes("proxy", "--status", "--port", port).out
        assert "no name for a session" in world.tapes("env", "--session", "a b", code=1).err
        assert "known are claude, codex" in world.tapes("env", "nonsense", code=1).err
        process.terminate()
