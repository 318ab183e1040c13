"""A remote that lies: each lie is refused with the ref named, and nothing of it is installed."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.builders import make_repo, make_tape, set_ref, write_bytes, write_turn
from tests.command import Runner, run_here
from tests.remotes import GitServer

if TYPE_CHECKING:
    from collections.abc import Callable

BIG = 17 << 20
CALL = (
    b'{"messages":['
    + b",".join(b'{"content":"%s"}' % (b"%03d " % n * 30) for n in range(90))
    + b"]}"
)


class Liar:
    """A repository with a good tape on `good`, and tools to forge another on `bad`."""

    def __init__(self, server: GitServer) -> None:
        self.server = server
        self.good = server.git("rev-parse", "refs/tapes/heads/good").strip()

    def store(self, kind: str, data: bytes) -> str:
        """Store any object, valid or not."""
        command = ["git", "-C", str(self.server.path), "hash-object", "-w", "--literally"]
        done = subprocess.run(
            [*command, "-t", kind, "--stdin"], input=data, capture_output=True, check=True
        )
        return done.stdout.decode().strip()

    def read(self, kind: str, name: str) -> bytes:
        """Return an object's data."""
        command = ["git", "-C", str(self.server.path), "cat-file", kind, name]
        return subprocess.run(command, capture_output=True, check=True).stdout

    def publish(self, git_id: str, name: str = "refs/tapes/heads/bad") -> None:
        """Let a ref point to an object, whatever git thinks of it."""
        path = self.server.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{git_id}\n")

    def change_commit(self, change: Callable[[bytes], bytes]) -> None:
        """Publish the good tape's tip with its commit changed."""
        self.publish(self.store("commit", change(self.read("commit", self.good))))

    def change_tree(self, change: Callable[[list[tuple[bytes, bytes, bytes]]], None]) -> None:
        """Publish the tip with another tree."""
        tree = self.server.git("rev-parse", f"{self.good}^{{tree}}").strip()
        entries = self.list_entries(tree)
        change(entries)
        forged = self.store_tree(entries)
        self.change_commit(lambda commit: commit.replace(tree.encode(), forged.encode(), 1))

    def list_entries(self, tree: str) -> list[tuple[bytes, bytes, bytes]]:
        """Return the entries of a tree."""
        entries = []
        data = self.read("tree", tree)
        while data:
            head, _, rest = data.partition(b"\0")
            mode, _, name = head.partition(b" ")
            entries.append((mode, name, rest[:20]))
            data = rest[20:]
        return entries

    def store_tree(self, entries: list[tuple[bytes, bytes, bytes]]) -> str:
        """Store a tree."""
        return self.store("tree", b"".join(b"%b %b\0%b" % entry for entry in entries))

    def change_file(self, name: bytes, change: Callable[[bytes], bytes]) -> None:
        """Publish the tip with other data in the file whose name begins so."""

        def change_entries(entries: list[tuple[bytes, bytes, bytes]]) -> None:
            for number, (mode, own, git_id) in enumerate(entries):
                if own.startswith(name):
                    data = change(self.read("blob", git_id.hex()))
                    entries[number] = (mode, own, bytes.fromhex(self.store("blob", data)))

        self.change_tree(change_entries)


def _drop_parent(commit: bytes) -> bytes:
    return b"".join(line for line in commit.splitlines(True) if not line.startswith(b"parent "))


LIES: dict[str, Callable[[Liar], None]] = {
    "no parent": lambda liar: liar.change_commit(_drop_parent),
    "a parent twice": lambda liar: liar.change_commit(
        lambda commit: commit.replace(b"parent ", commit[46:94] + b"parent ", 1)
    ),
    "another date": lambda liar: liar.change_commit(
        lambda commit: commit.replace(b" +0000", b" +0100")
    ),
    "another zero in a date": lambda liar: liar.change_commit(
        lambda commit: commit.replace(b"> 1", b"> 01", 1)
    ),
    "a signature": lambda liar: liar.change_commit(
        lambda commit: commit.replace(b"\n\n", b"\ngpgsig -----BEGIN PGP\n x\n\n", 1)
    ),
    "another parent": lambda liar: liar.change_commit(
        lambda commit: commit.replace(
            commit[46:94], b"parent " + liar.server.git("rev-parse", f"{liar.good}~2").encode(), 1
        )
    ),
    "a forged trailer": lambda liar: liar.change_commit(
        lambda commit: commit.replace(b"Tape-Turn: ", b"Tape-Turn: 0", 1)
    ),
    "another author": lambda liar: liar.change_commit(
        lambda commit: commit.replace(b"author tapes", b"author eve", 1)
    ),
    "another subject": lambda liar: liar.change_commit(
        lambda commit: commit.replace(b"assistant: ", b"user: ", 1)
    ),
    "one more header": lambda liar: liar.change_commit(
        lambda commit: commit.replace(b"\n\n", b"\nencoding latin1\n\n", 1)
    ),
    "one more byte": lambda liar: liar.change_commit(lambda commit: commit + b"\n"),
    "a blob": lambda liar: liar.publish(liar.store("blob", b"hello")),
    "a tree": lambda liar: liar.publish(
        liar.server.git("rev-parse", f"{liar.good}^{{tree}}").strip()
    ),
    "one more file": lambda liar: liar.change_tree(
        lambda entries: entries.append(
            (b"100644", b"zzz", bytes.fromhex(liar.store("blob", b"more")))
        )
    ),
    "a link": lambda liar: liar.change_tree(
        lambda entries: entries.append(
            (b"120000", b"zzz", bytes.fromhex(liar.store("blob", b"/etc/passwd")))
        )
    ),
    "a program": lambda liar: liar.change_tree(
        lambda entries: entries.__setitem__(0, (b"100755", *entries[0][1:]))
    ),
    "a module": lambda liar: liar.change_tree(
        lambda entries: entries.append((b"160000", b"zzz", bytes.fromhex(liar.good)))
    ),
    "a name of git's": lambda liar: liar.change_tree(
        lambda entries: entries.insert(
            0, (b"100644", b".git", bytes.fromhex(liar.store("blob", b"x")))
        )
    ),
    "a file less": lambda liar: liar.change_tree(lambda entries: entries.pop(0)),
    "no turn": lambda liar: liar.change_tree(lambda entries: entries.pop()),
    "another order": lambda liar: liar.change_tree(lambda entries: entries.reverse()),
    "a file twice": lambda liar: liar.change_tree(lambda entries: entries.insert(0, entries[0])),
    "other content": lambda liar: liar.change_file(b"blob-", lambda _: b"forged"),
    "a bomb": lambda liar: liar.change_file(b"blob-", lambda _: bytes(BIG)),
    "a turn that is none": lambda liar: liar.change_file(b"turn", lambda _: b"{}"),
    "a turn that is not canonical": lambda liar: liar.change_file(
        b"turn", lambda data: data.replace(b":", b": ", 1)
    ),
    "a turn of megabytes": lambda liar: liar.change_file(b"turn", lambda _: bytes(2 << 20)),
    "a deep turn": lambda liar: liar.change_file(b"turn", lambda _: b"[" * 500_000),
}


@pytest.fixture
def liar(repository, tapes, tmp_path):
    """Give a server with a good tape on it, and what can forge."""
    server = GitServer(tmp_path / "server.git")
    chain = make_tape(repository, 3)
    tapes("push", server.path, "main:good")
    assert chain
    return Liar(server)


@pytest.fixture
def victim(tmp_path, liar):
    """Give what runs tapes in an empty store with the server as its origin."""
    folder = tmp_path / "victim"
    folder.mkdir()
    make_repo(folder / ".tapes")
    run = Runner(run_here, folder)
    run("remote", "add", "origin", liar.server.path)
    return run


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_lie_is_refused_and_the_truth_taken(lie, liar, victim, tapes):
    """The ref is named, the other one is there, and the store holds what that one needs alone."""
    lie(liar)
    result = victim("fetch", code=41)
    assert " ! [rejected]" in result.err
    assert "refs/tapes/heads/bad" in result.err or "bad" in result.err
    assert victim("branch", "-r").lines == ["  origin/good"]
    theirs = victim("rev-list", "--objects", "--all").lines
    every = victim("cat-file", "--batch-check", "--batch-all-objects").lines
    assert sorted(line.split()[0] for line in theirs) == sorted(line.split()[0] for line in every)
    assert victim("fsck", "--full").code == 0
    assert "[rejected]" in victim("fetch", code=41).err


def test_ropes_that_lie_are_refused(repository, tapes, tmp_path):
    """A piece that is missing, another piece, and a node that is none."""
    server = GitServer(tmp_path / "server.git")
    rope = write_bytes(repository, CALL)
    set_ref(repository, "refs/heads/main", write_turn(repository, "call", raw=[rope]))
    tapes("push", server.path, "main:good")
    liar = Liar(server)
    victim = tmp_path / "victim"
    victim.mkdir()
    make_repo(victim / ".tapes")
    run = Runner(run_here, victim)
    run("remote", "add", "origin", server.path)
    tree = server.git("rev-parse", f"{liar.good}:rope-{rope}").strip()
    whole = liar.list_entries(tree)
    rest = [entry for entry in whole if entry[1] != b"node"]
    (mode, name, one), (_, _, two) = rest[:2]
    node = (b"100644", b"node", bytes.fromhex(liar.store("blob", b"\1\0\0")))
    own = [entry for entry in whole if entry[1] == b"node"]
    lies = [
        [*own, *rest[1:]],
        [*own, (mode, name, two), *rest[1:]],
        rest,
        [node, *rest],
        [*own, (mode, b"rope-" + b"0" * 64, one), *rest],
    ]
    for lie in lies:
        forged = bytes.fromhex(liar.store_tree(lie))

        def change(entries, forged=forged):
            for number, (mode, name, _) in enumerate(entries):
                if name.startswith(b"rope-"):
                    entries[number] = (mode, name, forged)

        liar.change_tree(change)
        assert "[rejected]" in run("fetch", code=41).err
        assert run("branch", "-r").lines == ["  origin/good"]


def test_names_that_no_store_could_hold_are_refused(liar, victim):
    """They are named, escaped, and the others are taken."""
    for name in ("CON", "-x", "a#b", "@sessions/x", "e\u0301"):
        liar.publish(liar.good, f"refs/tapes/heads/{name}")
    result = victim("fetch", code=41)
    assert result.err.count("[rejected]") == 5
    assert victim("branch", "-r").lines == ["  origin/good"]


def test_a_session_that_lies_is_refused(repository, tapes, tmp_path):
    """A list of tapes that is not that of its parents."""
    server = GitServer(tmp_path / "server.git")
    make_tape(repository, 2, name="refs/sessions/codex/0199-aa/file/main")
    make_tape(repository, 2, name="refs/heads/good", label="g")
    tapes("push", server.path, "0199-aa", "good")
    liar = Liar(server)
    session = server.git("rev-parse", "refs/tapes/sessions/codex/0199-aa").strip()
    commit = liar.read("commit", session)
    refs = liar.read("blob", f"{session}:refs")
    victim = tmp_path / "victim"
    victim.mkdir()
    make_repo(victim / ".tapes")
    run = Runner(run_here, victim)
    run("remote", "add", "origin", server.path)
    for changed in (refs * 2, b"", refs.replace(b"file/main", b"../../x"), refs + b"x"):
        blob = liar.store("blob", changed)
        tree = liar.store("tree", b"100644 refs\0" + bytes.fromhex(blob))
        forged = liar.store("commit", b"tree " + tree.encode() + commit[45:])
        liar.publish(forged, "refs/tapes/sessions/codex/0199-aa")
        assert "[rejected]" in run("fetch", code=41).err
        assert run("branch", "-r").lines == ["  origin/good"]


def test_a_remote_with_too_many_refs_is_refused(liar, victim, monkeypatch):
    """A list of refs has a limit."""
    packed = "".join(f"{liar.good} refs/tapes/heads/b{number}\n" for number in range(100_001))
    (liar.server.path / "packed-refs").write_text(
        "# pack-refs with: peeled fully-peeled sorted\n"
        + "".join(sorted(packed.splitlines(True), key=lambda line: line[41:]))
    )
    result = victim("fetch", code=41)
    assert "more than 100000 refs" in result.err


def test_a_stranger_is_no_remote(victim, tmp_path):
    """A folder that is no repository, a file and nothing at all are told as such."""
    (tmp_path / "file").write_text("hello")
    for path in (tmp_path / "file", tmp_path, tmp_path / "nothing"):
        result = victim("ls-remote", path, code=40)
        assert result.err.startswith("tapes: error: ")
