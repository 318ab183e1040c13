"""A remote that does not speak as git does: every lie ends in one line, and nothing is installed.

The liar is a git daemon that says what it was told to say, whatever it is asked.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import socket
import subprocess
import threading
import zlib

import pytest

from tapegit.errors import TransportError
from tapegit.remote import receiving
from tapegit.remote.connection import Connection
from tapegit.remote.packet_line import DELIMITER, FLUSH, encode_line
from tests.builders import make_repo, make_tape
from tests.command import Runner, run_here
from tests.remotes import GitServer

COMMIT = "1" * 40
GREETING = b"".join(map(encode_line, [b"version 2\n", b"agent=liar\n", b"ls-refs\n", b"fetch\n"]))
HEAD = "refs/tapes/heads/main"
EVIL = b"\x1b]52;c;cm0K\x07\x1b[2Jgone\rgood\x9b31m\xe2\x80\xae\x08\x7f"
EVIL_LETTERS = "\x1b\x07\r\x9b\u202e\x08\x7f"
REFUSED = (40, 41, 42)


class LyingDaemon(contextlib.AbstractContextManager["LyingDaemon"]):
    """Answers each connection with the same bytes, and hangs up when the client does."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"git://127.0.0.1:{self._listener.getsockname()[1]}/liar.git"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                with client, contextlib.suppress(OSError):
                    client.sendall(self._answer)
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(1 << 16):
                        pass

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


def lines(*data: bytes | str) -> bytes:
    """Return packet lines, and a flush."""
    encoded = [each.encode() if isinstance(each, str) else each for each in data]
    return b"".join(map(encode_line, encoded)) + FLUSH


def greet(*more: bytes) -> bytes:
    """Return what a server of the second version begins with."""
    return GREETING + lines(*more)


def listing(*refs: bytes | str) -> bytes:
    """Return a greeting and a list of refs."""
    return greet() + lines(*refs)


def sending(pack: bytes, *, refs: tuple[str, ...] = (f"{COMMIT} {HEAD}\n",)) -> bytes:
    """Return a list of refs, and a pack."""
    parts = [b"\1" + pack[start : start + 60_000] for start in range(0, len(pack), 60_000)]
    return listing(*refs) + encode_line(b"packfile\n") + lines(*parts)


def packed(count: int, body: bytes = b"", version: int = 2) -> bytes:
    """Return the beginning of a pack, and something after it."""
    return b"PACK" + version.to_bytes(4, "big") + count.to_bytes(4, "big") + body


TALK = {
    "nothing": b"",
    "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "a length of letters": b"zzzz",
    "a length below four": b"0003",
    "a signed length": b"-010aaaaaaaaaaaa",
    "a length with a blank": b" 010aaaaaaaaaaaa",
    "a length and nothing": b"fff0",
    "an error": encode_line(b"ERR " + EVIL),
    "no version": lines(b"hello"),
    "control characters": greet(EVIL) + lines(EVIL),
    "sha-256": greet(b"object-format=sha256\n"),
    "sha-256 as it was": lines(f"{'1' * 40} {HEAD}\0object-format=sha256"),
    "an id of sha-256": listing(f"{'1' * 64} {HEAD}\n"),
    "an id that is none": listing(f"{'x' * 40} {HEAD}\n"),
    "an id alone": listing(f"{COMMIT}\n"),
    "a name that is no text": listing(COMMIT.encode() + b" refs/tapes/heads/\xff\xfe\n"),
    "an unborn HEAD": listing("unborn HEAD symref-target:HEAD\n"),
    "no end": GREETING + encode_line(b"x"),
    "no pack": listing(f"{COMMIT} {HEAD}\n") + lines(b"wait"),
    "a delimiter for a pack": listing(f"{COMMIT} {HEAD}\n") + DELIMITER,
    "a fatal error": listing(f"{COMMIT} {HEAD}\n")
    + encode_line(b"packfile\n")
    + lines(b"\3" + EVIL),
    "a band that is none": listing(f"{COMMIT} {HEAD}\n")
    + encode_line(b"packfile\n")
    + lines(b"\7x"),
    "an empty line of a band": listing(f"{COMMIT} {HEAD}\n")
    + encode_line(b"packfile\n")
    + lines(b""),
    "an empty pack": sending(b""),
    "no beginning of a pack": sending(b"PACK\0\0"),
    "another file": sending(b"hello, this is no pack\n"),
    "another version of packs": sending(packed(1, version=9)),
    "a pack of no objects": sending(packed(0)),
    "four billion objects": sending(packed(0xFFFFFFFF)),
    "a million objects that are not there": sending(packed(1_000_000)),
    "a terabyte in an object": sending(
        packed(1, b"\xbf\xff\xff\xff\xff\x7f" + b"x\x9c" + b"\0" * 64)
    ),
    "a delta of nothing": sending(packed(1, b"\x7f\x01" + b"\x11" * 20 + b"x\x9c\x03\0\0\0\0\1")),
    "a pack cut off": sending(packed(3, b"\x31x\x9c")),
}


@pytest.fixture
def victim(work):
    """Give what runs tapes in a store with one tape."""
    make_tape(make_repo(work / ".tapes"), 2)
    return Runner(run_here, work)


@pytest.mark.parametrize("answer", TALK.values(), ids=TALK)
def test_nonsense_is_refused(answer, victim):
    """In one line without control characters, for each command; the store is as it was."""
    before = victim("cat-file", "--batch-check", "--batch-all-objects").out
    with LyingDaemon(answer) as liar:
        victim("remote", "add", "origin", liar.url)
        commands = ("fetch",), ("push", "origin", "main"), ("clone", liar.url, "copy")
        results = [victim(*command, code=None) for command in commands]
        listed = victim("ls-remote", "origin", code=None)
    for result in (*results, listed):
        assert not set(EVIL_LETTERS) & set(result.err + result.out)
        if result is not listed or result.code:  # of a list there may be nothing wrong
            assert result.code in (*REFUSED, 1, 20), (result.code, result.err)
            assert result.err.count("tapes: error: ") == 1
    assert victim("cat-file", "--batch-check", "--batch-all-objects").out == before
    assert victim("branch", "-r").out == ""
    assert list((victim.cwd / ".tapes" / "tmp").iterdir()) == []
    if (victim.cwd / "copy").exists():
        assert "refused" in results[-1].err
        assert victim("-C", "copy", "cat-file", "--batch-check", "--batch-all-objects").out == ""


def test_what_it_says_meanwhile_is_cleaned(victim):
    """Text on the second band is shown as `remote:` lines."""
    answer = (
        listing(f"{COMMIT} {HEAD}\n") + encode_line(b"packfile\n") + lines(b"\2" + EVIL + b"\n")
    )
    with LyingDaemon(answer) as liar:
        victim("remote", "add", "origin", liar.url)
        result = victim("fetch", code=41)
    assert "remote: ?]52;c;cm0K??[2Jgone\n" in result.err
    assert not set(EVIL_LETTERS) & set(result.err)


@pytest.fixture
def good(tmp_path):
    """Give the commit of a tape of another store, and a pack with all it needs."""
    folder = tmp_path / "theirs"
    folder.mkdir()
    make_tape(make_repo(folder / ".tapes"), 2)
    server = GitServer(tmp_path / "server.git")
    Runner(run_here, folder)("push", server.path, "main")
    commit = server.refs[HEAD]
    done = subprocess.run(
        ["git", "-C", str(server.path), "pack-objects", "--revs", "--stdout", "-q"],
        input=f"{commit}\n".encode(),
        capture_output=True,
        check=True,
    )
    return commit, done.stdout


NAMES = (
    "refs/tapes/heads/../../../x",
    "refs/tapes/heads/a..b",
    "refs/tapes/heads//a",
    "refs/tapes/heads/a/",
    "refs/tapes/heads/.a",
    "refs/tapes/heads/a.lock",
    "refs/tapes/heads/a\x1b[31m",
    "refs/tapes/heads/-x",
    "refs/tapes/heads/CON",
    "refs/tapes/heads/a\u202eb",
    "refs/tapes/heads/@{1}",
    f"refs/tapes/heads/{'a' * 300}",
    f"refs/tapes/heads/{'a/' * 1500}b",
    "refs/tapes/tags/../heads/x",
    "refs/tapes/sessions/codex",
    "refs/tapes/sessions/codex/../../x",
    "refs/tapes/notes/..",
)


def test_names_that_git_would_not_have_are_refused(good, victim):
    """Each is told of, escaped; the tape with a good name is there, and nothing else."""
    commit, pack = good
    refs = tuple(f"{commit} {name}\n" for name in (*NAMES, HEAD))
    before = set((victim.cwd / ".tapes").rglob("*"))
    with LyingDaemon(sending(pack, refs=refs)) as liar:
        victim("remote", "add", "origin", liar.url)
        result = victim("fetch", code=41)
    assert result.err.count(" ! [rejected]") == len(NAMES), result.err
    assert not set(EVIL_LETTERS) & set(result.err)
    assert victim("branch", "-r").lines == ["  origin/main"]
    new = set((victim.cwd / ".tapes").rglob("*")) - before
    assert not any(path.name == "x" for path in new), new
    assert victim("fsck", "--full").code == 0


@pytest.mark.parametrize("pair", [("a", "a/b"), ("a", "A"), ("\u00e9", "e\u0301")])
def test_names_that_are_in_each_others_way(pair, good, victim):
    """A name below another, or one that differs in case or form alone: one is there at most."""
    commit, pack = good
    refs = tuple(f"{commit} refs/tapes/heads/{name}\n" for name in pair)
    with LyingDaemon(sending(pack, refs=refs)) as liar:
        victim("remote", "add", "origin", liar.url)
        result = victim("fetch", code=None)
    assert (result.code, len(victim("branch", "-r").lines)) == (41, 1)
    assert " ! [rejected]" in result.err
    assert victim("fsck", "--full").code == 0


def test_a_ref_twice_is_there_once(good, victim):
    """A list that names a ref twice does no harm."""
    commit, pack = good
    refs = (f"{COMMIT} {HEAD}\n", f"{commit} {HEAD}\n")
    with LyingDaemon(sending(pack, refs=refs)) as liar:
        victim("remote", "add", "origin", liar.url)
        victim("fetch", code=None)
    assert victim("fsck", "--full").code == 0


def test_a_ref_to_what_did_not_come_is_refused(good, victim):
    """The other one is taken."""
    commit, pack = good
    refs = (f"{COMMIT} refs/tapes/heads/bad\n", f"{commit} {HEAD}\n")
    with LyingDaemon(sending(pack, refs=refs)) as liar:
        victim("remote", "add", "origin", liar.url)
        assert "[rejected]" in victim("fetch", code=41).err
    assert victim("branch", "-r").lines == ["  origin/main"]


@pytest.mark.parametrize("change", ["last byte", "cut", "more"])
def test_a_damaged_pack_is_refused_whole(change, good, victim):
    """A wrong checksum, a missing end, and something after it."""
    commit, pack = good
    wrong = {"last byte": pack[:-1] + bytes([pack[-1] ^ 1]), "cut": pack[:-30], "more": pack + b"x"}
    with LyingDaemon(sending(wrong[change], refs=(f"{commit} {HEAD}\n",))) as liar:
        victim("remote", "add", "origin", liar.url)
        assert "damaged" in victim("fetch", code=41).err
    assert victim("branch", "-r").out == ""


def test_a_pack_that_grows_too_large_is_given_up(good, victim, monkeypatch):
    """Bytes are counted as they come."""
    commit, pack = good
    monkeypatch.setattr(receiving, "PACK_SIZE_MAX_BYTES", len(pack) - 1)
    with LyingDaemon(sending(pack, refs=(f"{commit} {HEAD}\n",))) as liar:
        victim("remote", "add", "origin", liar.url)
        assert "sent more than" in victim("fetch", code=41).err
    assert list((victim.cwd / ".tapes" / "tmp").iterdir()) == []


def delta_bomb(count: int, copies: int) -> bytes:
    """Return a pack of some kilobytes: a blob, and deltas that copy all of it several times."""
    base = bytes(0xFFFFFF)
    entries = [_entry_head(3, len(base)) + zlib.compress(base)]
    base_id = hashlib.sha1(b"blob %d\0" % len(base) + base).digest()
    for number in range(count):
        delta = _varint(len(base)) + _varint(len(base) * copies + 4)
        delta += b"\xf0\xff\xff\xff" * copies + b"\x04" + number.to_bytes(4, "big")
        entries.append(_entry_head(7, len(delta)) + base_id + zlib.compress(delta))
    body = packed(count + 1, b"".join(entries))
    return body + hashlib.sha1(body).digest()


def test_a_deep_tree_is_refused(victim):
    """Folders in folders, thirty thousand deep."""
    entries, git_id = [], bytes(20)
    for number in range(30_000):
        name = b"rope-" + b"0" * 64 if number else b"x"
        tree = (b"40000 " if number > 1 else b"100644 ") + name + b"\0" + git_id
        data = tree if number else b"x"
        kind = b"tree" if number else b"blob"
        git_id = hashlib.sha1(b"%b %d\0" % (kind, len(data)) + data).digest()
        entries.append(_entry_head(2 if number else 3, len(data)) + zlib.compress(data))
    who = b"tapes <tapes@tapes.invalid> 0 +0000"
    data = b"tree %b\nauthor %b\ncommitter %b\n\nx\n" % (git_id.hex().encode(), who, who)
    commit = hashlib.sha1(b"commit %d\0" % len(data) + data).hexdigest()
    entries.append(_entry_head(1, len(data)) + zlib.compress(data))
    body = packed(len(entries), b"".join(entries))
    pack = body + hashlib.sha1(body).digest()
    with LyingDaemon(sending(pack, refs=(f"{commit} {HEAD}\n",))) as liar:
        victim("remote", "add", "origin", liar.url)
        assert "[rejected]" in victim("fetch", code=41).err
    assert victim("branch", "-r").out == ""


def _varint(value: int) -> bytes:
    data = bytearray()
    while value > 0x7F:
        data.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*data, value])


def _entry_head(kind: int, size: int) -> bytes:
    more = _varint(size >> 4) if size >> 4 else b""
    return bytes([kind << 4 | size & 15 | (0x80 if more else 0)]) + more


@pytest.mark.parametrize(
    ("count", "copies", "reason"), [(400, 12, "takes too long"), (1, 120, "damaged")]
)
def test_deltas_that_stand_for_gigabytes_are_given_up(count, copies, reason, victim, monkeypatch):
    """Eighty gigabytes of work; two gigabytes of memory."""
    monkeypatch.setattr(receiving, "CPU_MIN_S", 1)
    pack = delta_bomb(count, copies)
    assert len(pack) < 50_000
    with LyingDaemon(sending(pack)) as liar:
        victim("remote", "add", "origin", liar.url)
        assert reason in victim("fetch", code=41).err
    assert list((victim.cwd / ".tapes" / "tmp").iterdir()) == []


def test_a_remote_that_dribbles_is_given_up():
    """A line has to come within the time, however its bytes are spread."""
    theirs, ours = socket.socketpair()
    stop = threading.Event()

    def dribble() -> None:
        with contextlib.suppress(OSError):
            while not stop.wait(0.01):
                theirs.send(b"0")

    thread = threading.Thread(target=dribble)
    thread.start()
    try:
        connection = Connection(ours.fileno(), os.dup(ours.fileno()), 0.2)
        with pytest.raises(TransportError, match="no answer within"):
            connection.read(1 << 20)
        connection.end()
    finally:
        stop.set()
        thread.join()
        theirs.close()
        ours.close()


def reporting(*report: bytes, features: bytes = b"report-status side-band-64k") -> bytes:
    """Return what a server of pushes says: that it has nothing, and its report in a band."""
    inner = lines(*report)
    said = encode_line(b"\1" + inner) if inner else b""
    return lines(b"0" * 40 + b" capabilities^{}\0" + features) + said + FLUSH


_OK = (b"unpack ok\n", b"ok " + HEAD.encode() + b"\n", b"ok refs/tapes/meta\n")
REPORTS = {
    "nothing": (reporting(), "the remote did not say what became of the pack"),
    "half a word": (reporting(b"unpack")[:-8], "the remote"),
    "no refs": (reporting(b"unpack ok\n"), "did not say what became of it"),
    "another ref": (reporting(b"unpack ok\n", b"ok refs/tapes/heads/x\n"), "did not say what"),
    "a pack that it lost": (
        reporting(b"unpack " + EVIL + b"\n", *_OK[1:]),
        "could not take the pack: ?]52;c;cm0K??[2Jgone",
    ),
    "a refusal": (
        reporting(_OK[0], b"ng " + HEAD.encode() + b" " + EVIL + b"\n", _OK[2]),
        " ! [remote rejected] main -> main (?]52;c;cm0K??[2Jgone",
    ),
    "a refusal without words": (
        reporting(_OK[0], b"ng " + HEAD.encode() + b"\n", _OK[2]),
        " ! [remote rejected] main -> main (refused)",
    ),
    "no report that can be had": (
        reporting(*_OK, features=b"side-band-64k"),
        "the remote does not say what becomes of refs",
    ),
    "a report for people alone": (
        lines(b"0" * 40 + b" capabilities^{}\0report-status side-band-64k")
        + encode_line(b"\2" + lines(*_OK))
        + FLUSH,
        "the remote's report ends early",
    ),
    "a name of a ref that is no text": (
        reporting(_OK[0], b"ok refs/tapes/heads/\xff\n", _OK[2]),
        "did not say what became of it",
    ),
}


@pytest.mark.parametrize(("answer", "reason"), REPORTS.values(), ids=REPORTS)
def test_a_report_that_is_none_is_no_success(answer, reason, victim):
    """Nothing is taken to be there that the remote did not say is there, by name."""
    with LyingDaemon(answer) as liar:
        victim("remote", "add", "origin", liar.url)
        result = victim("push", "-u", "origin", "main", code=None)
    assert result.code in REFUSED, result
    assert reason in result.err
    assert not set(EVIL_LETTERS) & set(result.err)
    assert victim("branch", "-r").out == ""
    assert "upstream" not in victim("branch", "--json").records[0]


def test_a_report_that_is_one_is_taken(victim):
    """So what is said above is what makes the difference."""
    with LyingDaemon(reporting(*_OK)) as liar:
        victim("remote", "add", "origin", liar.url)
        victim("push", "-u", "origin", "main")
    assert victim("branch", "-r").lines == ["  origin/main"]
