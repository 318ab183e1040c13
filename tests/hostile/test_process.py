"""Signals, limits, crowds and strange surroundings: items 18 to 23 of "Damaged store".

Signals and faults at every system call are in `tests/faults`; here is what needs no strace.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.faults import shim
from tests.faults.scenarios import make_transcript
from tests.hostile.conftest import SECONDS_MAX

STORAGE = 36
LOCKED = 11
INTERRUPTED = 130
MESSAGE_SIZE = 400
"""The limit for files holds for what standard error is sent to as well."""
TAPES = [sys.executable, "-m", "tapegit"]
NAMED = (0, STORAGE, LOCKED)
STOPPING = {
    "TERM": (signal.SIGTERM,),
    "HUP": (signal.SIGHUP,),
    "INT": (signal.SIGINT,),
    "INT twice": (signal.SIGINT, signal.SIGINT),
    "QUIT": (signal.SIGQUIT,),
    "KILL": (signal.SIGKILL,),
}


def start(target, *argv: str, **options) -> subprocess.Popen:
    """Start the real command in the folder of the store."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([*TAPES, *argv], cwd=target.folder, **{**pipes, **options})


def write_transcript(target, number: int, messages: int = 6) -> str:
    """Put a transcript beside the store; return its name."""
    name = f"{number}.jsonl"
    data = make_transcript(f"{number:08d}-7777", messages, size=2000)
    (target.folder / name).write_bytes(data)
    return name


@pytest.mark.parametrize("delay_ms", [60, 140, 220])
@pytest.mark.parametrize("name", STOPPING)
def test_a18_import_that_is_stopped_leaves_a_sound_store(target, name, delay_ms):
    """A18: stopped at any moment, by any signal: nothing old is lost, and no lock is stale."""
    source = write_transcript(target, 1, 400)
    process = start(target, "import", source)
    time.sleep(delay_ms / 1000)
    for number in STOPPING[name]:
        process.send_signal(number)
    _, error = process.communicate(timeout=10)
    # Before the program has begun it is the interpreter that is interrupted, and says so.
    is_early = b"KeyboardInterrupt" in error
    codes = {0, INTERRUPTED, *(-number for number in STOPPING[name]), *([1] if is_early else [])}
    assert process.returncode in codes, error
    assert b"Traceback" not in error or b"in _end" not in error
    target.check_old()
    target.ok("fsck", "--full")
    started = time.monotonic()
    target.ok("import", source)
    assert time.monotonic() - started < SECONDS_MAX


@pytest.mark.slow
def test_a18_stopped_writer_resumes_after_gc(target):
    """A18: SIGSTOP in the middle of an import, a gc meanwhile, SIGCONT: nothing is missing."""
    source = write_transcript(target, 1, 400)
    process = start(target, "import", source)
    time.sleep(0.25)
    process.send_signal(signal.SIGSTOP)
    collected = target.tapes.run("gc", "--prune=now", cwd=target.folder, timeout_s=40)
    assert collected.code in NAMED
    assert "Traceback" not in collected.error
    process.send_signal(signal.SIGCONT)
    _, error = process.communicate(timeout=20)
    assert process.returncode == 0, error
    target.ok("fsck", "--full")
    target.check_old()


@pytest.mark.parametrize(
    "argv",
    [
        ("cat-file", "--batch-all-objects", "--batch"),
        ("log", "--all"),
        ("log", "--all", "--json"),
        ("rev-list", "--all", "--objects"),
        ("help",),
    ],
    ids=" ".join,
)
def test_a18_closed_pipe_ends_quietly(target, argv):
    """A18: whoever read went away: no traceback, the code that a shell would give."""
    target.ok("import", write_transcript(target, 1, 200))
    reader, writer = os.pipe()
    process = start(target, *argv, stdout=writer)
    os.close(writer)
    os.close(reader)
    _, error = process.communicate(timeout=10)
    assert process.returncode in {141, -signal.SIGPIPE}, error
    assert error == b""


WRITERS = (
    ("hash-object", "-w", "--stdin"),
    ("update-ref", "refs/heads/new", "{tip}"),
    ("import", "1.jsonl"),
    ("gc",),
    ("pack-refs", "--all"),
    ("repack", "-a", "-d"),
    ("log", "--all"),
    ("fsck", "--full"),
)


def check_limited(target, limits: dict[str, int], word: str | None = None) -> int:
    """Run commands under limits of the system; return how many of them failed, all by name."""
    write_transcript(target, 1, 40)
    failed = 0
    for argv in WRITERS:
        words = [word.format(tip=target.facts.tape[0]) for word in argv]
        result = target.run(*words, stdin=b"x" * 5000, limits=limits)
        if result.code:
            failed += 1
            # What fsck says is a sum; a file that cannot be opened is one that it names.
            codes = range(1, 37) if argv[0] == "fsck" else {1, STORAGE, 12, *range(30, 36)}
            assert result.code in codes, (argv, result)
            is_mute = "RLIMIT_FSIZE" in limits and limits["RLIMIT_FSIZE"] < MESSAGE_SIZE
            assert is_mute or "tapes: error: " in result.error or argv[0] == "fsck", (argv, result)
            assert word is None or word in result.error.lower() or argv[0] == "fsck"
    left = [path.name for path in (target.root / "tmp").iterdir()]
    assert not left
    target.check_old()
    target.ok("fsck", "--full")
    return failed


@pytest.mark.parametrize("count", [3, 4, 5, 6, 8, 10, 12, 20])
def test_a19_few_descriptors_are_named(target, count):
    """A19: `ulimit -n`: too many open files is an error with a name, or it is enough."""
    check_limited(target, {"RLIMIT_NOFILE": count})


@pytest.mark.parametrize("size", [0, 1, 100, 4096])
def test_a19_file_size_limit_is_named(target, size):
    """A19: `ulimit -f`: what is too large is refused, and no part of it stays."""
    assert check_limited(target, {"RLIMIT_FSIZE": size}) > 0


@pytest.mark.parametrize("mib", [1, 2, 4, 8, 16, 64])
def test_a19_little_memory_is_named(target, mib):
    """A19: `ulimit -v`: out of memory is an error with a name, and no half-written file."""
    check_limited(target, {"RLIMIT_AS": mib << 20})


@pytest.fixture(scope="module")
def preloaded():
    """Give the process that runs `tapes` with faults in its writes."""
    with shim.start() as zygote:
        yield zygote


SHIMMED = WRITERS[:6]


@pytest.mark.parametrize("argv", SHIMMED, ids=lambda argv: argv[0])
@pytest.mark.parametrize("size", ["1", "13"])
def test_a20_short_writes_change_nothing(target, preloaded, argv, size):
    """A20: a system that takes a byte at a time gets them all."""
    write_transcript(target, 1, 8)
    words = [word.format(tip=target.facts.tape[0]) for word in argv]
    faults = {**os.environ, "FAULT_DIR": f"{target.folder}/", "SHORT_MAX": size}
    result = preloaded.run(*words, cwd=target.folder, stdin=b"new", env=faults)
    assert result.code == 0, result
    target.ok("fsck", "--full")
    target.check_old()


@pytest.mark.parametrize("argv", SHIMMED, ids=lambda argv: argv[0])
def test_a21_lying_write_is_caught(target, preloaded, argv):
    """A21: a write that says it is done and stores nothing, at each place in turn."""
    words = [word.format(tip=target.facts.tape[0]) for word in argv]
    write_transcript(target, 1, 8)
    template = target.folder.parent / "template"
    shutil.copytree(target.folder, template)
    for number in range(1, 12):
        faults = {**os.environ, "FAULT_DIR": f"{target.folder}/", "LIE_AT": str(number)}
        result = preloaded.run(*words, cwd=target.folder, stdin=b"new", env=faults)
        assert result.code == 0 or result.error.startswith("tapes: error: "), result
        target.ok("fsck", "--full")
        target.check_old()
        if result.code == 0 and "hash" in argv[0]:
            assert target.ok("cat-file", "-p", result.out.decode().strip()) == "new"
        shutil.rmtree(target.folder)
        shutil.copytree(template, target.folder)


@pytest.mark.slow
@pytest.mark.parametrize("count", [16, pytest.param(64, marks=pytest.mark.faults)])
def test_a22_many_imports_at_once_with_gc_and_fsck(target, count):
    """A22: every import that ended well is there, whole; gc and fsck meanwhile found no fault."""
    names = [write_transcript(target, number) for number in range(count)]
    running = [start(target, "import", name) for name in names]
    codes = []
    while any(process.poll() is None for process in running):
        for argv in (("gc", "--prune=now"), ("fsck",)):
            result = target.tapes.run(*argv, cwd=target.folder, timeout_s=60)
            assert "Traceback" not in result.error
            codes.append(result.code)
    assert set(codes) <= {0, LOCKED}, codes
    for process in running:
        out, error = process.communicate()
        assert process.returncode == 0, (out, error)
    refs = target.ok("for-each-ref", "--format=%(refname)", "refs/sessions/").split()
    assert len({name.split("/")[3] for name in refs}) == count
    target.ok("fsck", "--full")
    target.check_old()


SURROUNDINGS = {
    "hash seed": {"PYTHONHASHSEED": "12345"},
    "locale C": {"LC_ALL": "C"},
    "locale POSIX": {"LC_ALL": "POSIX"},
    "unknown locale": {"LC_ALL": "xx_XX.UTF-42"},
    "no LANG": {"LC_ALL": None, "LANG": None},
    "no HOME": {"HOME": None},
    "HOME is nowhere": {"HOME": "/nonexistent"},
    "HOME is relative": {"HOME": "."},
    "no PATH": {"PATH": ""},
    "nothing": dict.fromkeys(os.environ),
    "ASCII streams": {"PYTHONIOENCODING": "ascii"},
    "odd columns": {"COLUMNS": "-1"},
    "TZ": {"TZ": "No/Where"},
    "actor": {"TAPES_ACTOR": "a\x1b[31m\tb\n"},
    "optimised": {"PYTHONOPTIMIZE": "2"},
}


@pytest.mark.parametrize("name", SURROUNDINGS)
def test_a23_surroundings_change_no_id(target, name):
    """A23: hash seed, locale, missing variables: the same ids, and no traceback."""
    environment = dict(os.environ)
    for key, value in SURROUNDINGS[name].items():
        environment.pop(key, None)
        if value is not None:
            environment[key] = value
    environment["PYTHONPATH"] = os.getcwd()
    tip = str(target.facts.tape[-1])
    (target.folder / "é.txt").write_text("é\u2028\U0001f600\n", encoding="utf-8")
    expected = target.ok("hash-object", "é.txt")
    for argv, wanted in (
        (("hash-object", "-w", "é.txt"), expected),
        (("update-ref", "refs/heads/é", tip), ""),
        (("reflog", "show", "refs/heads/é"), None),
        (("log", "--all"), None),
    ):
        process = start(target, *argv, env=environment)
        out, error = process.communicate(timeout=20)
        assert b"Traceback" not in error, error
        assert process.returncode == 0, (argv, error)
        assert wanted is None or out.decode() == wanted
    target.check_old()


def test_a23_working_directory_that_is_gone_is_named(target):
    """A23: the shell stands in a folder that somebody deleted."""
    gone = target.folder / "gone"
    gone.mkdir()
    script = f'cd "{gone}" && rmdir "{gone}" && exec "$@"'
    for argv in (("log",), ("init",), ("status",), ("import", "x.jsonl"), ("version",)):
        done = subprocess.run(
            ["sh", "-c", script, "sh", *TAPES, *argv],
            env={**os.environ, "PYTHONPATH": os.getcwd()},
            capture_output=True,
            timeout=20,
            check=False,
        )
        gone.mkdir(exist_ok=True)
        assert b"Traceback" not in done.stderr, done.stderr
        assert argv == ("version",) or done.returncode != 0


def test_a23_closed_streams_do_no_harm(target):
    """A23: no standard input, output or error at all; a file is not taken for one of them."""
    for number in (0, 1, 2):
        process = subprocess.run(
            ["sh", "-c", f'exec "$@" {number}>&-', "sh", *TAPES, "hash-object", "-w", "1.jsonl"],
            cwd=target.folder if write_transcript(target, 1) else None,
            capture_output=True,
            timeout=20,
            check=False,
        )
        assert b"Traceback" not in process.stderr
    target.ok("fsck", "--full")
    target.check_old()


@pytest.mark.parametrize("kind", ["tmpfs", "overlay", "ext4"])
def test_a23_store_works_on_other_file_systems(target, kind, tmp_path):
    """A23: the same commands on a file system of another kind."""
    if os.geteuid() != 0:
        pytest.skip("mounting needs root")
    top = tmp_path / "top"
    words = _mount_words(kind, tmp_path, top)
    done = subprocess.run(["mount", *words, str(top)], capture_output=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"this machine does not mount {kind}")
    try:
        folder = top / "work"
        shutil.copytree(target.folder, folder, symlinks=True)
        target.folder, target.root = folder, folder / ".tapes"
        target.ok("import", write_transcript(target, 1))
        target.ok("gc", "--prune=now")
        target.ok("fsck", "--full")
        target.check_old()
    finally:
        # This process may still have packs mapped that it read.
        subprocess.run(["umount", "--lazy", str(top)], check=True)


def _mount_words(kind: str, tmp_path, top) -> list[str]:
    top.mkdir()
    if kind == "tmpfs":
        return ["-t", "tmpfs", "tmpfs"]
    if kind == "overlay":
        for name in ("lower", "upper", "work"):
            (tmp_path / name).mkdir()
        layers = ",".join(
            f"{key}={tmp_path / name}"
            for key, name in (("lowerdir", "lower"), ("upperdir", "upper"), ("workdir", "work"))
        )
        return ["-t", "overlay", "-o", layers, "overlay"]
    image = tmp_path / "image"
    with open(image, "wb") as file:
        file.truncate(64 << 20)
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("mkfs.ext4 is not here")
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    return ["-o", "loop", str(image)]


def test_errors_as_json_are_json(target):
    """Every hostile input can be met by a program too: the error is one JSON object."""
    target.put(target.facts.old, b"")
    result = target.run("show", "--json", str(target.facts.old))
    assert result.code == 33
    assert json.loads(result.error)["error"] == "truncated"
