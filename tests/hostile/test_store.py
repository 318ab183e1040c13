"""The folders, times and settings of a store: items 15 to 17 of "Damaged store"."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from tests.hostile.conftest import DATA_CODES

STORAGE = 36
UNSAFE = 16
CONFIG = 15
VERSION = 31
FORMAT = 30


def test_a15_fanout_that_is_a_link_is_refused(target, tmp_path):
    """A15: `objects/ab` leads elsewhere: nothing is read from there, nothing written."""
    oid = target.facts.tape[0]
    folder = target.path_of(oid).parent
    outside = tmp_path / "outside"
    folder.rename(outside)
    folder.symlink_to(outside)
    before = sorted(outside.iterdir())
    target.refused("cat-file", "-p", str(oid), codes=UNSAFE)
    target.refused("gc", codes={UNSAFE, *DATA_CODES, 12})
    target.run("hash-object", "-w", "--stdin", stdin=b"x")
    assert target.run("fsck").code != 0
    assert sorted(outside.iterdir()) == before
    assert str(target.facts.tape[-1]) in target.ok("rev-parse", "refs/heads/old")


@pytest.fixture
def mount(target):
    """Give a function that mounts something inside of the store; root only."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    mounted = []

    def mount(*words: str, at: str) -> None:
        path = target.root / at
        done = subprocess.run(["mount", *words, str(path)], capture_output=True, check=False)
        if done.returncode != 0:
            pytest.skip("this machine may not mount")
        mounted.append(path)

    yield mount
    for path in mounted:
        subprocess.run(["umount", str(path)], check=True)


def test_a15_tmp_on_another_device_is_named(target, mount):
    """A15: no rename leads from there into the store; nothing is half done."""
    mount("-t", "tmpfs", "tmpfs", at="tmp")
    tip = str(target.facts.tape[0])
    for argv in (("hash-object", "-w", "--stdin"), ("update-ref", "refs/heads/x", tip), ("gc",)):
        said = target.refused(*argv, stdin=b"new", codes=STORAGE)
        assert "cross-device" in said.lower() or "another" in said.lower()
    assert not list((target.root / "tmp").iterdir())
    target.check_old()
    assert target.run("fsck").code == 0


@pytest.mark.parametrize("place", ["objects", ".", "refs"])
def test_a15_read_only_store_says_so_and_is_read(target, mount, place):
    """A15: EROFS is named; every reader works."""
    path = target.root / place
    mount("--bind", str(path), at=place)
    subprocess.run(["mount", "-o", "remount,ro,bind", str(path)], check=True)
    tip = str(target.facts.tape[0])
    failed = 0
    for argv in (("hash-object", "-w", "--stdin"), ("update-ref", "refs/heads/x", tip), ("gc",)):
        result = target.run(*argv, stdin=b"new")
        if result.code:
            failed += 1
            assert result.code == STORAGE, result
            assert "read-only" in result.error or place != "."
    assert failed
    target.check_old()
    for argv in (("log", "--all"), ("fsck", "--full"), ("for-each-ref",), ("status",)):
        target.ok(*argv)


def test_a15_store_without_permission_says_so(target):
    """A15: EACCES is named; root is not bound by modes."""
    folders = [target.root / "objects", *(target.root / "objects").iterdir()]
    folders = [folder for folder in folders if folder.is_dir()]
    for folder in folders:
        folder.chmod(0o500)
    try:
        if os.access(target.root / "objects", os.W_OK):
            pytest.skip("root may write everywhere")
        said = target.refused("hash-object", "-w", "--stdin", stdin=b"new", codes=STORAGE)
        assert "permission" in said
        target.check_old()
    finally:
        for folder in folders:
            folder.chmod(0o700)


@pytest.mark.parametrize("seconds", [4_070_908_800, 0, 1, -1_000_000], ids=str)
def test_a16_gc_keeps_what_has_a_strange_time(target, seconds):
    """A16: of 2099 or of 1970: what refs need is kept; what is of the future counts as new."""
    unneeded = target.ok("hash-object", "-w", "--stdin", stdin=b"unneeded").strip()
    for path in target.root.rglob("*"):
        if path.is_file():
            os.utime(path, (seconds, seconds))
    target.ok("gc")
    target.check_old()
    if seconds > 0 and seconds > 10**9:
        target.ok("cat-file", "-e", unneeded)
    target.ok("fsck", "--full")


@pytest.mark.parametrize("date", ["0", "-1", "4070908800000", "99999999999999999999", "soon", ""])
def test_a16_clock_that_jumps_does_no_harm(target, date):
    """A16: the system says any time at all."""
    environment = {**os.environ, "TAPES_DATE": date}
    tip = str(target.facts.tape[0])
    for argv in (
        ("update-ref", "refs/heads/x", tip),
        ("reflog", "show", "x"),
        ("gc",),
        ("reflog", "expire", "--all"),
        ("log", "--all"),
    ):
        result = target.run(*argv, env=environment)
        assert result.code == 0 or "tapes: error: " in result.error, (argv, result)
    target.check_old()


MARKERS = {
    "version 2": (b"2\n", VERSION),
    "version 999999999": (b"999999999\n", VERSION),
    "unknown feature": (b"1\nrequires reftable\n", VERSION),
    "empty": (b"", FORMAT),
    "no line end": (b"1", FORMAT),
    "CRLF": (b"1\r\n", FORMAT),
    "10 MiB": (b"1\n" * (5 << 20), FORMAT),
    "words": (b"[core]\n", FORMAT),
    "requires nothing": (b"1\nrequires \n", FORMAT),
    "escape": (b"\x1b[31m\n", FORMAT),
    "not ASCII": ("١\n".encode(), FORMAT),
}


@pytest.mark.parametrize("name", MARKERS)
def test_a17_format_that_is_not_known_is_refused(target, name):
    """A17: nothing is read or written in a store whose format is not known, and it is said why."""
    data, code = MARKERS[name]
    path = target.root / "format"
    path.write_bytes(data)
    before = {path: path.stat().st_mtime_ns for path in target.root.rglob("*")}
    for argv in (
        ("log",),
        ("cat-file", "-p", str(target.facts.old)),
        ("hash-object", "-w", "--stdin"),
        ("gc",),
        ("fsck",),
    ):
        said = target.refused(*argv, stdin=b"x", codes=code)
        assert "\x1b" not in said
    if name == "unknown feature":
        assert "reftable" in said
    assert before == {path: path.stat().st_mtime_ns for path in target.root.rglob("*")}
    path.write_bytes(b"1\n")
    target.check_old()


CONFIGS = {
    "not TOML": b"[core\n",
    "NUL bytes": bytes(100),
    "not UTF-8": b'[user]\nname = "\xff"\n',
    "10 MiB": b"# comment\n" * (1 << 20),
    "deep": b"a = " + b"[" * 100_000 + b"]" * 100_000 + b"\n",
    "deep tables": b"a = " + b"{a = " * 100_000 + b"1" + b"}" * 100_000 + b"\n",
    "huge number": b"[gc]\nauto = " + b"9" * 100_000 + b"\n",
    "negative": b"[gc]\nauto = -5\n",
    "a table for a number": b"[gc.auto]\nx = 1\n",
    "key twice": b"[gc]\nauto = 1\nauto = 2\n",
    "million keys": b"".join(b"k%d = 1\n" % n for n in range(100_000)),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_a17_damaged_config_is_named(target, name):
    """A17: whoever needs settings says which file is wrong; the rest goes on."""
    path = target.root / "config"
    path.write_bytes(CONFIGS[name])
    for argv in (("config", "--list"), ("gc",), ("log", "old"), ("config", "gc.auto", "1")):
        result = target.run(*argv)
        assert result.code in {0, CONFIG, *DATA_CODES}, (argv, result)
        assert result.code == 0 or result.error.startswith("tapes: error: ")
    path.write_bytes(b"")
    target.check_old()


VALUES = ["x\r", "\r", " x ", '"', "\\", "a\nb", "\t", "#", "é", "\u2028", "[gc]\nauto = 1", "'''"]


@pytest.mark.parametrize("value", VALUES, ids=ascii)
def test_a17_values_survive_being_written_and_read(target, value):
    """A17: a carriage return at the end is not lost, and nothing becomes another key."""
    target.ok("config", "user.name", value)
    assert target.run("config", "--get", "user.name").out.decode() in {value + "\n", value}
    assert len(target.ok("config", "--list").splitlines()) >= 1
    target.ok("config", "gc.auto", "7")
    assert target.run("config", "--get", "user.name").out.decode() in {value + "\n", value}


def test_a17_config_with_windows_line_ends_is_read(target):
    """A17: the value is what stands before the line end."""
    (target.root / "config").write_bytes(b"[gc]\r\nauto = 7\r\n")
    assert target.ok("config", "--get", "gc.auto") == "7\n"


def test_a17_no_setting_runs_anything(target, tmp_path):
    """A17: settings and hooks that git would obey start no program."""
    mark = tmp_path / "ran"
    script = tmp_path / "evil"
    script.write_text(f"#!/bin/sh\ntouch {mark}\n")
    script.chmod(0o755)
    keys = ("core.pager", "core.editor", "core.fsmonitor", "core.sshCommand", "core.hooksPath")
    lines = [f'{key} = "{script}"' for key in keys]
    lines += [f'alias.log = "!{script}"', f'filter.x.clean = "{script}"']
    (target.root / "config").write_text("\n".join(lines) + "\n")
    hooks = target.root / "hooks"
    hooks.mkdir()
    for name in ("post-import", "pre-gc", "post-checkout", "reference-transaction"):
        shutil.copy(script, hooks / name)
    for argv in (("log", "old"), ("gc",), ("update-ref", "refs/heads/x", "old"), ("status",)):
        target.run(*argv)
    assert not mark.exists()
