"""Refs, packed refs and reflogs that are damaged, and holes in a chain: items 12 to 14."""

from __future__ import annotations

import os
import socket
from typing import TYPE_CHECKING

import pytest

from tapegit.objects.oid import hash_content
from tests.hostile.conftest import DATA_CODES

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hostile.conftest import Target

ID = "ab" * 32
NOT_FOUND = 12
UNSAFE = 16
MILLION = 1_000_000

BAD_CONTENTS = {
    "empty": b"",
    "newline": b"\n",
    "NUL bytes": bytes(65),
    "10 MiB": b"a" * (10 << 20),
    "10 MiB after an id": ID.encode() + b"\n" + b"a" * (10 << 20),
    "half an id": ID[:32].encode() + b"\n",
    "no newline": ID.encode(),
    "upper case": ID.upper().encode() + b"\n",
    "two ids": f"{ID}\n{ID}\n".encode(),
    "CRLF": ID.encode() + b"\r\n",
    "spaces": b"  " + ID.encode() + b"\n",
    "other digits": ("٤" * 64).encode() + b"\n",
    "escape": b"\x1b]0;owned\x07\n",
    "ref: to nowhere legal": b"ref: ../../etc/passwd\n",
    "ref: to an option": b"ref: --help\n",
    "ref: empty": b"ref: \n",
    "ref: 1 MiB": b"ref: refs/heads/" + b"a" * (1 << 20) + b"\n",
}


def check_named(target: Target, *, fsck: bool = True, codes=DATA_CODES | {14, UNSAFE, 36}) -> None:
    """Check that a ref `bad` is named by whoever needs it, and hurts nobody else."""
    for argv in (("rev-parse", "refs/heads/bad"), ("log", "bad")):
        said = target.refused(*argv, codes=codes)
        assert "bad" in said
    assert "\x1b" not in said
    for argv in (("for-each-ref",), ("log", "--all"), ("show-ref",), ("status",), ("gc",)):
        result = target.run(*argv)
        assert result.code == 0 or "tapes: error: " in result.error, (argv, result)
        assert b"\x1b" not in result.out + result.err
    if fsck:
        assert target.run("fsck").code & 8
    target.check_old()


@pytest.mark.parametrize("name", BAD_CONTENTS)
def test_a12_ref_file_with_bad_contents_is_named(target, name):
    """A12: empty, zeros, too long, half an id and so on; the other refs are as readable as ever."""
    (target.root / "refs/heads/bad").write_bytes(BAD_CONTENTS[name])
    check_named(target)


@pytest.mark.parametrize("length", [1, 2, 3, 50])
def test_a12_symbolic_refs_in_a_circle_are_named(target, length):
    """A12: a ref that leads back to itself, by one step or many."""
    names = ["bad", *(f"bad{n}" for n in range(1, length))]
    for name, following in zip(names, [*names[1:], "bad"], strict=True):
        (target.root / "refs/heads" / name).write_bytes(f"ref: refs/heads/{following}\n".encode())
    check_named(target, codes=DATA_CODES | {NOT_FOUND, 14}, fsck=False)


def _make(path: Path, what: str, tmp_path: Path) -> None:
    if what == "link out":
        path.symlink_to("/etc/passwd")
    elif what == "link to a ref":
        path.symlink_to("old")
    elif what == "link to nothing":
        path.symlink_to("nothing-here")
    elif what == "FIFO":
        os.mkfifo(path)
    elif what == "socket":
        with socket.socket(socket.AF_UNIX) as end:
            end.bind(str(path))
    elif what == "device":
        try:
            os.mknod(path, 0o20666, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("only root may make a device")
    elif what == "folder":
        path.mkdir()


@pytest.mark.parametrize("what", ["link out", "link to a ref", "FIFO", "socket", "device"])
@pytest.mark.parametrize("place", ["refs/heads/bad", "packed-refs", "HEAD", "logs/refs/heads/old"])
def test_a12_special_files_are_refused_and_never_opened(target, tmp_path, place, what):
    """A12: links, FIFOs, sockets and devices in the place of files of refs."""
    path = target.root / place
    path.unlink(missing_ok=True)
    _make(path, what, tmp_path)
    secret = b"root:"
    for argv in (
        ("rev-parse", "refs/heads/bad"),
        ("log",),
        ("for-each-ref",),
        ("reflog", "show", "old"),
        ("update-ref", "refs/heads/old", str(target.facts.tape[-2])),
        ("update-ref", "refs/heads/old", str(target.facts.tape[-1])),
        ("gc",),
        ("pack-refs", "--all"),
        ("symbolic-ref", "HEAD"),
        ("fsck",),
    ):
        result = target.run(*argv)
        named = result.error.startswith("tapes: error: ")
        assert result.code == 0 or named or argv[0] == "fsck", (argv, result)
        assert secret not in result.out + result.err
    assert target.run("fsck").code & 8 or not os.path.lexists(path) or path.is_file()
    target.check_old(refs=place != "packed-refs")


def test_a12_folder_in_the_place_of_a_ref_is_no_ref(target):
    """A12: a folder has the name; nothing hangs, and a ref of that name is not there."""
    (target.root / "refs/heads/bad").mkdir()
    target.refused("rev-parse", "refs/heads/bad", codes={NOT_FOUND, UNSAFE, *DATA_CODES})
    target.ok("for-each-ref")
    target.ok("update-ref", "refs/heads/bad", str(target.facts.tape[0]))
    target.check_old()


def test_a12_unreadable_ref_is_named(target):
    """A12: a mode that forbids reading; root is not bound by it."""
    path = target.root / "refs/heads/bad"
    path.write_bytes(f"{target.facts.tape[0]}\n".encode())
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("root may read every file")
    check_named(target, codes=36)


@pytest.mark.parametrize("place", ["refs", "refs/heads", "logs", "objects", "objects/pack", "tmp"])
def test_a12_linked_folders_of_the_store_are_not_followed_out_of_it(target, tmp_path, place):
    """A12: a folder of the store is a link to somewhere else: nothing is written there."""
    outside = tmp_path / "outside"
    outside.mkdir()
    path = target.root / place
    path.rename(target.root / "moved")
    path.symlink_to(outside)
    for argv in (
        ("update-ref", "refs/heads/new", str(target.facts.tape[0])),
        ("hash-object", "-w", "--stdin"),
        ("gc",),
        ("pack-refs", "--all"),
        ("fsck",),
        ("log",),
    ):
        result = target.run(*argv, stdin=b"new bytes")
        named = result.error.startswith("tapes: error: ")
        assert result.code == 0 or named or argv[0] == "fsck", (argv, result)
    assert not list(outside.iterdir()), "something was written outside of the store"
    path.unlink()
    (target.root / "moved").rename(path)
    target.check_old()


def packed(*lines: str, seal: bool = True, head: str = "# tapes packed-refs 1 sorted") -> bytes:
    """Return a packed-refs file with these lines, with a true last line if wanted."""
    body = "".join(f"{line}\n" for line in (head, *lines)).encode()
    return body + b"# blake3 %s\n" % hash_content(body).hex().encode() if seal else body


PACKED = {
    "empty": lambda tip: b"",
    "no last line": lambda tip: packed(f"{tip} refs/heads/old", seal=False),
    "torn last line": lambda tip: packed(f"{tip} refs/heads/old")[:-20],
    "wrong last line": lambda tip: packed(f"{tip} refs/heads/old")[:-3] + b"00\n",
    "bytes after it": lambda tip: packed(f"{tip} refs/heads/old") + b"x\n",
    "CRLF": lambda tip: packed(f"{tip} refs/heads/old").replace(b"\n", b"\r\n"),
    "CRLF inside": lambda tip: packed(f"{tip} refs/heads/old\r"),
    "version 2": lambda tip: packed(f"{tip} refs/heads/old", head="# tapes packed-refs 2 sorted"),
    "no header": lambda tip: packed(f"{tip} refs/heads/old", head="# pack-refs with: peeled"),
    "NUL bytes": lambda tip: bytes(4096),
    "a flipped bit": lambda tip: packed(f"{tip} refs/heads/old").replace(b"heads", b"hesds"),
}
SEALED = {
    "names twice": lambda tip: packed(f"{tip} refs/heads/old", f"{tip} refs/heads/old"),
    "not sorted": lambda tip: packed(f"{tip} refs/heads/z", f"{tip} refs/heads/a"),
    "bad id": lambda tip: packed(f"{tip[:30]} refs/heads/old"),
    "bad name": lambda tip: packed(f"{tip} refs/heads/../../x"),
    "option": lambda tip: packed(f"{tip} --help"),
    "control characters": lambda tip: packed(f"{tip} refs/heads/\x1b[31mred"),
    "peel without a ref": lambda tip: packed(f"^{tip}", f"{tip} refs/heads/old"),
    "peel twice": lambda tip: packed(f"{tip} refs/tags/a", f"^{tip}", f"^{tip}"),
    "no space": lambda tip: packed(f"{tip}refs/heads/old"),
    "empty line": lambda tip: packed("", f"{tip} refs/heads/old"),
    "HEAD in it": lambda tip: packed(f"{tip} HEAD"),
    "not UTF-8": lambda tip: _reseal(packed(f"{tip} refs/heads/x").replace(b"/x", b"/\xff")),
    "one line of 1 MiB": lambda tip: packed(f"{tip} refs/heads/" + "a" * (1 << 20)),
}


def _reseal(data: bytes) -> bytes:
    body = data[: data.rindex(b"# blake3 ")]
    return body + b"# blake3 %s\n" % hash_content(body).hex().encode()


REF_COMMANDS = (
    ("rev-parse", "refs/heads/missing"),
    ("for-each-ref",),
    ("log", "--all"),
    ("show-ref",),
    ("update-ref", "refs/heads/brand/new", "{tip}"),
    ("update-ref", "-d", "refs/heads/brand/new"),
    ("pack-refs", "--all"),
    ("gc",),
    ("status",),
)


@pytest.mark.parametrize("name", [*PACKED, *SEALED])
def test_a13_damaged_packed_refs_are_named(target, name):
    """A13: torn, doubled, unsorted, with strange line ends: named, and never guessed at."""
    tip = str(target.facts.tape[-1])
    data = {**PACKED, **SEALED}[name](tip)
    (target.root / "packed-refs").write_bytes(data)
    results = []
    for argv in REF_COMMANDS:
        result = target.run(*(word.format(tip=tip) for word in argv))
        assert result.code == 0 or result.error.startswith("tapes: error: "), (argv, result)
        assert b"\x1b" not in result.out + result.err
        results.append(result)
    if name in PACKED:
        assert results[0].code in DATA_CODES
        assert results[1].code in DATA_CODES
        assert (target.root / "packed-refs").read_bytes() == data, "what is damaged is kept"
        assert target.run("fsck").code & 8
    target.check_old()


def test_a13_a_million_packed_refs_are_searched_not_read(target):
    """A13: a lookup, a miss, a new ref and a part of a million refs are quick and small."""
    tip = str(target.facts.tape[-1])
    name = "refs/sessions/x/{:07d}/file/main"
    (target.root / "packed-refs").write_bytes(
        packed(*(f"{tip} {name.format(n)}" for n in range(MILLION)))
    )
    assert target.ok("rev-parse", name.format(777_777)).strip() == tip
    target.refused("rev-parse", "refs/heads/none", codes=NOT_FOUND)
    target.ok("update-ref", "refs/heads/new", tip)
    target.refused("update-ref", "refs/sessions/X/new", tip, codes=14)
    shown = target.ok("for-each-ref", "--format=%(refname)", "refs/heads/")
    assert "refs/heads/new" in shown.split()
    target.check_old()


REFLOGS = {
    "torn last line": lambda log: log + log[:50],
    "zeros at the end": lambda log: log + bytes(200),
    "CRLF": lambda log: log.replace(b"\n", b"\r\n"),
    "flipped bit in the middle": lambda log: log[:70] + bytes([log[70] ^ 1]) + log[71:],
    "empty lines": lambda log: b"\n\n\n" + log,
    "10 MiB line": lambda log: b"a" * (10 << 20) + b"\n" + log,
    "NUL bytes": lambda log: bytes(1000) + b"\n" + log,
    "same line twice": lambda log: log + log,
    "empty": lambda log: b"",
    "escape": lambda log: b"\x1b]0;owned\x07\n" + log,
    "not UTF-8": lambda log: b"\xff" * 100 + b"\n" + log,
}
HARMLESS = {"torn last line", "zeros at the end", "same line twice", "empty"}


@pytest.mark.parametrize("name", REFLOGS)
def test_a13_damaged_reflogs_are_named_by_line_and_the_ref_is_read(target, name):
    """A13: a torn last line is none; other damage is named, with the number of its line."""
    for oid in (target.facts.tape[0], target.facts.tape[-1]):
        target.ok("update-ref", "refs/heads/old", str(oid))
    path = target.root / "logs/refs/heads/old"
    path.write_bytes(REFLOGS[name](path.read_bytes()))
    shown = target.run("reflog", "show", "refs/heads/old")
    assert shown.code in {0, *DATA_CODES}
    assert b"\x1b" not in shown.out + shown.err
    if name not in HARMLESS:
        found = target.run("fsck")
        assert found.code & 8
        assert "line " in found.out.decode() or ":" in found.out.decode()
    target.check_old()
    moved = target.run("update-ref", "refs/heads/old", str(target.facts.tape[0]))
    assert moved.code == 0, moved
    target.ok("update-ref", "refs/heads/old", str(target.facts.tape[-1]))
    collected = target.run("gc")
    assert collected.code == 0 or collected.error.startswith("tapes: error: ")
    target.check_old()


def test_a14_hole_in_a_chain_is_named_and_gc_stops(target):
    """A14: log shows what there is and names what is not; gc deletes nothing."""
    tape = target.facts.tape
    unneeded = target.ok("hash-object", "-w", "--stdin", stdin=b"unneeded").strip()
    target.path_of(tape[2]).unlink()
    shown = target.run("log", "--oneline", "old")
    assert shown.code in {NOT_FOUND, *DATA_CODES}
    assert str(tape[2])[:7] in shown.error
    assert len(shown.out.splitlines()) == 3
    files = sorted(path for path in target.root.rglob("*") if path.is_file())
    said = target.refused("gc", "--prune=now", codes={NOT_FOUND, *DATA_CODES})
    assert str(tape[2])[:7] in said
    target.refused("prune", "--expire=now", codes={NOT_FOUND, *DATA_CODES})
    still = {path for path in target.root.rglob("*") if path.is_file()}
    assert {path for path in files if "objects" in str(path)} <= still
    target.ok("cat-file", "-e", unneeded)
    found = target.run("fsck")
    assert found.code & 2
    assert str(tape[2]) in found.out.decode()
    assert target.ok("rev-parse", "old").strip() == str(tape[-1])


def test_a14_missing_target_of_a_ref_is_named(target):
    """A14: a ref to an object that nobody has."""
    (target.root / "refs/heads/gone").write_bytes(f"{ID}\n".encode())
    said = target.refused("log", "gone", codes={NOT_FOUND, *DATA_CODES})
    assert ID[:7] in said
    target.refused("gc", codes={NOT_FOUND, *DATA_CODES})
    target.refused("update-ref", "refs/heads/x", ID, codes={NOT_FOUND, *DATA_CODES})
    found = target.run("fsck")
    assert found.code & 8
    assert ID in found.out.decode()
    target.check_old()
