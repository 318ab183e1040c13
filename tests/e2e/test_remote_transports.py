"""Sharing over real servers on this machine: the same over each of them."""

from __future__ import annotations

import sys
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tapegit.objects.turn import decode_turn
from tests.builders import make_repo, make_tape, set_ref, write_tag, write_turn
from tests.command import Runner, run_here
from tests.git_servers import TRANSPORTS, UNSHARED
from tests.remotes import GitServer

CONVERSATION = ["user: turn 4", "assistant: turn 3", "user: turn 2", "session: turn 1"]


@pytest.fixture(params=TRANSPORTS)
def place(request, servers, monkeypatch):
    """Give a repository on a server of each kind, with the environment that reaches it."""
    server = servers.make()
    place = servers.place(request.param, server)
    for name, value in place.env.items():
        monkeypatch.setenv(name, value)
    return place, server


@pytest.fixture
def stores(tmp_path):
    """Give two stores, and what runs tapes in each."""
    made = []
    for name in ("one", "two"):
        folder = tmp_path / name
        folder.mkdir()
        made.append((make_repo(folder / ".tapes"), Runner(run_here, folder)))
    return made


def test_everything_goes_there_and_comes_back(place, stores, tmp_path):
    """Branches, sessions, tags and notes; forward, forced and deleted; git finds nothing wrong."""
    (url, *_), server = place
    (repository, one), (_, two) = stores
    one("remote", "add", "origin", url)
    chain = make_tape(repository, 4)
    session = make_tape(repository, 3, name="refs/sessions/codex/0199-aa/file/main", label="s")
    set_ref(repository, "refs/tags/v1", write_tag(repository, chain[1]))
    one("notes", "add", "-m", "said", "main")
    one("push", "-u", "--all", "--tags", "--notes", "origin", "0199-aa")
    server.verify()
    two("clone", url, "copy")
    copy = Runner(run_here, two.cwd / "copy")
    assert copy("rev-parse", "HEAD").oid == str(chain[-1])
    assert copy("rev-parse", "v1^{turn}").oid == str(chain[1])
    assert "said" in copy("notes", "show", "HEAD").out
    assert str(session[-1]) in copy("show-ref").out
    assert copy("fsck", "--full").code == 0
    more = make_tape(repository, 2, start=chain[-1], label="more")
    set_ref(repository, "refs/heads/fork", chain[1])
    one("push", "--all", "origin")
    assert "Fast-forward 'main'" in copy("pull").out
    assert copy("rev-parse", "HEAD").oid == str(more[-1])
    own = copy("notes", "add", "-m", "x", "HEAD~1", code=None)
    assert own.code == 0
    assert "Everything up-to-date" in copy("push").err
    set_ref(repository, "refs/heads/main", chain[2])
    assert "(behind, non-fast-forward)" in one("push", "origin", "main", code=21).err
    one("push", "--force-with-lease", "origin", "main")
    assert "forced update" in copy("fetch").err
    one("push", "origin", ":fork", ":refs/tags/v1", ":refs/notes/main")
    assert copy("fetch", "--prune").code == 0
    gone = {"refs/tapes/heads/fork", "refs/tapes/tags/v1", "refs/tapes/notes/main"}
    assert not gone & server.refs.keys()
    server.verify()


def test_a_second_machine_pushes_the_same_commits(place, stores, servers, tmp_path):
    """What one pushed another pushes elsewhere: the same ids, which git alone can read."""
    (url, *_), server = place
    (repository, one), (copied, two) = stores
    chain = make_tape(repository, 4)
    set_ref(repository, "refs/tags/v1", write_tag(repository, chain[1]))
    for each in (repository, copied):
        make_tape(each, 2, name="refs/sessions/codex/0199-aa/file/main", label="s")
    one("notes", "add", "-m", "said", "main")
    one("push", "--all", "--tags", "--notes", url, "0199-aa")
    two("remote", "add", "origin", url)
    two("pull", code=None)
    two("branch", "main", "origin/main", code=None)
    elsewhere = servers.make()
    two("push", "--all", "--tags", "--notes", elsewhere.path, "0199-aa")
    assert len(server.refs) == 5
    assert elsewhere.refs == server.refs
    clone = GitServer(tmp_path / "plain.git")
    clone.git("fetch", "-q", url, "refs/tapes/*:refs/tapes/*")
    assert clone.refs == server.refs
    subjects = clone.git("log", "--format=%s", "refs/tapes/heads/main").splitlines()
    assert subjects == CONVERSATION


def test_what_a_server_refuses_is_told(place, stores):
    """The ref, and the server's own words; other refs go on."""
    (url, *_), server = place
    (repository, one), _ = stores
    one("remote", "add", "origin", url)
    chain = make_tape(repository, 2)
    set_ref(repository, "refs/heads/side", chain[0])
    server.hook("update", 'case $1 in */side) printf "no \\033]0;x\\007\\n"; exit 1;; esac')
    result = one("push", "--all", "origin", code=42)
    assert "remote: no ?]0;x?" in result.err
    assert " ! [remote rejected] side -> side (hook declined)" in result.err
    assert " * [new branch]      main -> main" in result.err
    assert "refs/tapes/heads/side" not in server.refs


def test_who_is_not_there_is_told(place, stores, monkeypatch):
    """A repository that does not exist is an error of the remote, with what git says."""
    (url, *_), _ = place
    _, (_, two) = stores
    result = two("ls-remote", url.replace("server.git", "nothing.git"), code=None)
    assert result.code in (40, 41, 42)
    assert result.err.startswith("tapes: error: ")


def test_an_unknown_host_key_is_refused(servers, stores, monkeypatch, tmp_path):
    """Nothing is sent to a host that only claims to be the one."""
    server = servers.make()
    (repository, one), _ = stores
    make_tape(repository, 1)
    place = servers.place("ssh", server)
    (tmp_path / "known").write_text("")
    command = f"{place.env['GIT_SSH_COMMAND']}{UNSHARED} -o UserKnownHostsFile={tmp_path}/known"
    monkeypatch.setenv("GIT_SSH_COMMAND", command)
    result = one("push", place.url, "main", code=40)
    assert "Host key verification failed" in result.err
    assert server.refs == {}


def test_a_wrong_certificate_is_refused(servers, stores):
    """A server with a certificate that nobody vouches for gets nothing."""
    server = servers.make()
    (repository, one), _ = stores
    make_tape(repository, 1)
    result = one("push", servers.place("https", server).url, "main", code=40)
    assert "certificate" in result.err.lower()
    assert server.refs == {}


def test_merges_and_old_content_over_a_border(place, stores):
    """A merge of a turn that is there with one that is not; a blob of an old turn used again."""
    (url, *_), server = place
    (repository, one), (_, two) = stores
    one("remote", "add", "origin", url)
    chain = make_tape(repository, 4)
    one("push", "origin", "main")
    two("clone", "-q", url, "copy")
    side = make_tape(repository, 2, start=chain[1], name=None, label="side")
    merge = write_turn(repository, "merge", parents=[chain[2], side[-1]])
    old = repository.objects.read(chain[0]).data
    blob = decode_turn(old).raw[0].oid
    tip = write_turn(repository, "again", parents=[merge], raw=[blob])
    set_ref(repository, "refs/heads/joined", tip)
    one("push", "origin", "joined")
    server.verify()
    copy = Runner(run_here, two.cwd / "copy")
    copy("fetch")
    assert copy("rev-parse", "origin/joined").oid == str(tip)
    assert copy("fsck", "--full").code == 0
    set_ref(repository, "refs/heads/known", chain[1])
    one("push", "origin", "known", "joined:main2/below")
    result = one("push", "origin", "known:main/below", code=42)
    assert "[remote rejected]" in result.err
    server.verify()


OLD = """#!{python}
import os, subprocess, sys
os.environ.pop("GIT_PROTOCOL", None)
server = subprocess.Popen(sys.argv[-1], shell=True, stdout=subprocess.PIPE)
while data := os.read(server.stdout.fileno(), 1 << 16):
    for name in (b"side-band", b"ofs-delta", b"no-progress", b"quiet"):
        data = data.replace(name, b"x" * len(name))
    while data:
        data = data[os.write(1, data):]
"""
"""An ssh to a server that knows the first version of the protocol, and of it the least."""


def test_a_server_that_can_do_little_will_do(servers, stores, tmp_path, monkeypatch):
    """One without side bands: what it says is the pack, and the report, and nothing else."""
    server = servers.make()
    server.hook("update", 'case "$1" in */closed) echo "not that one" >&2; exit 1; esac')
    ssh = tmp_path / "ssh"
    ssh.write_text(OLD.format(python=sys.executable))
    ssh.chmod(0o755)
    monkeypatch.setenv("GIT_SSH", str(ssh))
    (repository, one), (_, two) = stores
    one("remote", "add", "origin", f"ssh://host{server.path}")
    chain = make_tape(repository, 4)
    refused = one("push", "origin", "main", "main:closed", code=42).err
    assert " * [new branch]      main -> main\n" in refused
    assert " ! [remote rejected] main -> closed (hook declined)\n" in refused
    server.verify()
    two("remote", "add", "origin", f"ssh://host{server.path}")
    two("fetch", "--depth", "2")
    assert two("rev-list", "--count", "origin/main").out == "2\n"
    two("fetch", "--unshallow")
    make_tape(repository, 1, start=chain[-1])
    one("push", "origin", "main")
    two("fetch")
    assert two("rev-list", "--count", "origin/main").out == "5\n"
    assert two("fsck", "--full").code == 0
    one("push", "--delete", "origin", "main")
    assert server.refs.keys() == {"refs/tapes/meta"}


class Files(SimpleHTTPRequestHandler):
    """Gives out files, and says nothing of it."""

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_files_behind_http_are_refused_in_words(servers, stores, tmp_path, monkeypatch):
    """They have no second version of the protocol; a mirror that git makes is as good a remote."""
    server = servers.make()
    (repository, one), (_, two) = stores
    make_tape(repository, 2)
    one("push", server.path, "main")
    server.git("update-server-info")
    handler = partial(Files, directory=str(server.path.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{http.server_address[1]}/{server.path.name}"
        two("remote", "add", "origin", url)
        commands = ("fetch",), ("fetch", "--depth", "1"), ("ls-remote",), ("clone", url)
        refused = [two(*command, code=41).err for command in commands]
        http.shutdown()
    for said in refused:
        assert "error: the remote does not speak version 2 of git's protocol over http" in said
        assert "'git clone --mirror' makes a copy" in said
    assert [path.name for path in two.cwd.iterdir()] == [".tapes"]
