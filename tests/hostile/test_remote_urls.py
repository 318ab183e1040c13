"""Addresses, settings and repositories that would have something run: nothing is."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.builders import make_repo, make_tape
from tests.command import Runner, run_here
from tests.remotes import GitServer

BAD = [
    "ext::sh -c touch% {marker}",
    "ext::touch {marker}",
    "fd::3",
    "transport::https://host/a.git",
    "--upload-pack=touch {marker}",
    "--receive-pack=touch {marker}",
    "-u",
    "ssh://-oProxyCommand=touch${{IFS}}{marker}/a",
    "ssh://host@-oProxyCommand=touch/a",
    "ssh://-oProxyCommand=x@host/a",
    "-oProxyCommand=touch:a",
    "git@-oProxyCommand=touch:a",
    "host:-oProxyCommand=touch",
    "https://host\n/a.git",
    "https://host/a%0ab.git",
    "https://host%0d/a.git",
    "https://user%0apassword@host/a.git",
    "ssh://host/a%00b",
    "https://ho\x1b]0;x\x07st/a.git",
    "./a\nb",
    "/srv/a\rb.git",
    "file:///srv/a%0ab",
    "file://host/srv/a",
    "https://host\u202e/a",
    "gopher://host/a",
    "http:///a",
]
PROGRAMS = ("git", "ssh", "sh", "touch")


@pytest.fixture
def tripwire(tmp_path, monkeypatch):
    """Let nothing be found on the PATH but programs that leave a mark; return where."""
    folder = tmp_path / "bin"
    folder.mkdir()
    marker = tmp_path / "marker"
    for name in PROGRAMS:
        program = folder / name
        program.write_text(f"#!{shutil.which('sh')}\necho {name} >> {marker}\n")
        program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return marker


@pytest.mark.parametrize("bad", BAD)
def test_nothing_is_run_for_a_bad_address(bad, tripwire, work):
    """Not where it is named, added, nor where the settings of a store have it."""
    make_tape(make_repo(work / ".tapes"), 1)
    tapes = Runner(run_here, work)
    url = bad.format(marker=tripwire)
    runs = [
        ("push", "--", url, "main"),
        ("fetch", "--", url),
        ("pull", "--", url),
        ("ls-remote", "--", url),
        ("clone", "--", url, "copy"),
        ("remote", "add", "--", "x", url),
    ]
    for args in runs:
        result = tapes(*args, code=None)
        assert result.code not in (0, None)
        assert result.err.startswith("tapes: error: "), result.err
        assert result.err.replace("\n", "").isprintable(), result.err
    escaped = url.encode("ascii", "backslashreplace").decode().encode("unicode_escape").decode()
    text = escaped.replace("\\\\", "\\").replace("\\x", "\\u00").replace('"', '\\"')
    (work / ".tapes" / "config").write_text(f'[remote.origin]\nurl = "{text}"\n')
    for args in (
        ("push",),
        ("fetch",),
        ("pull",),
        ("fetch", "--all"),
        ("remote", "show", "origin"),
    ):
        assert tapes(*args, code=None).code != 0
    assert not tripwire.exists()
    assert not (work / "copy").exists()


@pytest.mark.parametrize("setting", ["push", "fetch"])
def test_a_password_is_neither_kept_nor_shown(setting, work):
    """In no output, and in no file of the store."""
    make_tape(make_repo(work / ".tapes"), 1)
    tapes = Runner(run_here, work)
    url = "http://ada:secret99@127.0.0.1:1/a.git"
    refused = tapes("remote", "add", "origin", url, code=15)
    args = (url, "main") if setting == "push" else (url,)
    failed = tapes("push" if setting == "push" else "ls-remote", *args, code=40)
    assert "secret99" not in refused.err + failed.err + failed.out
    for path in (work / ".tapes").rglob("*"):
        assert path.is_dir() or b"secret99" not in path.read_bytes()


HOSTILE_SETTINGS = """
[core]
\trepositoryformatversion = 0
\tsshCommand = touch {marker}; false
\tfsmonitor = touch {marker}
\tpager = touch {marker}
\thooksPath = {hooks}
\taskPass = touch {marker}
[credential]
\thelper = !touch {marker}
[uploadpack]
\tpackObjectsHook = touch {marker}
[http]
\tproxy = http://127.0.0.1:1
\tsslVerify = false
[url "ext::touch {marker} "]
\tinsteadOf = https://
\tinsteadOf = ssh://
\tinsteadOf = git://
[protocol]
\tallow = always
[push]
\tgpgSign = true
[gpg]
\tprogram = touch {marker}
"""


@pytest.mark.parametrize("transport", ["path", "ssh", "https", "daemon"])
def test_settings_of_the_repository_around_are_not_read(transport, servers, tmp_path, monkeypatch):
    """A store in somebody else's checkout: nothing that its settings name is run."""
    server = servers.make()
    place = servers.place(transport, server)
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    checkout = tmp_path / "checkout"
    GitServer(checkout / ".git")
    marker, hooks = tmp_path / "marker", tmp_path / "hooks"
    hooks.mkdir()
    for name in ("pre-push", "post-index-change", "reference-transaction", "fsmonitor-watchman"):
        (hooks / name).write_text(f"#!/bin/sh\ntouch {marker}\n")
        (hooks / name).chmod(0o755)
    settings = HOSTILE_SETTINGS.format(marker=marker, hooks=hooks)
    (checkout / ".git" / "config").write_text(settings)
    make_tape(make_repo(checkout / ".tapes"), 2)
    tapes = Runner(run_here, checkout)
    tapes("remote", "add", "origin", place.url)
    tapes("push", "origin", "main")
    tapes("fetch")
    tapes("clone", "-q", place.url, "copy")
    server.verify()
    assert not marker.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_path_of_somebody_else_is_not_opened(work, tmp_path):
    """As git does not: its hooks and settings would be run."""
    make_tape(make_repo(work / ".tapes"), 1)
    server = GitServer(tmp_path / "server.git")
    for path in (server.path, *server.path.rglob("*")):
        os.chown(path, 12345, 12345)
    result = Runner(run_here, work)("push", server.path, "main", code=40)
    first, *hints = result.err.splitlines()
    assert first.startswith("tapes: error: detected dubious ownership in repository at")
    assert "git config --global --add safe.directory" in hints[-1]
    assert not (server.path / "refs" / "tapes").exists()


def test_a_host_that_begins_like_an_option_stays_a_host(work, tmp_path, monkeypatch):
    """What ssh is given: the host as one word, and the path quoted for the shell over there."""
    make_tape(make_repo(work / ".tapes"), 1)
    said = tmp_path / "said"
    program = tmp_path / "ssh"
    program.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {said}\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("GIT_SSH", str(program))
    tapes = Runner(run_here, work)
    tapes("push", "me@host:a';touch x;'b", "main", code=40)
    *options, host, command = said.read_text().splitlines()
    assert host == "me@host"
    assert options == ["-o", "BatchMode=yes"]
    assert command == """git-receive-pack 'a'"'"';touch x;'"'"'b'"""


@pytest.mark.parametrize("kind", ["path", "https"])
def test_a_repository_of_sha256_is_refused(kind, servers, work, monkeypatch):
    """In words, for every command."""
    server = servers.make()
    place = servers.place(kind, server)
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    shutil.rmtree(server.path)
    command = ["git", "init", "-q", "--bare", "--object-format=sha256", str(server.path)]
    subprocess.run(command, check=True)
    tree = server.git("hash-object", "-w", "-t", "tree", "--stdin").strip()
    commit = server.git("commit-tree", "-m", "x", tree).strip()
    server.git("update-ref", "refs/tapes/heads/main", commit)
    make_tape(make_repo(work / ".tapes"), 1)
    tapes = Runner(run_here, work)
    tapes("remote", "add", "origin", place.url)
    for args in (("push", "origin", "main"), ("fetch",), ("ls-remote",), ("clone", place.url, "c")):
        result = tapes(*args, code=41)
        assert "ids of another kind: object-format=sha256" in result.err
    assert not (work / "c").exists()
