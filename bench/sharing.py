"""Budgets of remotes: a bare repository at a path, pushed to, fetched from and cloned."""

from __future__ import annotations

import random
import shutil
import statistics
import sysconfig
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.budget import Figure
from bench.measure import TAPES, compare, git, own_peak_mb, tapes
from tapegit.objects.kind import Kind
from tapegit.objects.turn import Call, RawPiece, Session, Turn, encode_turn
from tapegit.refs.names import RefName
from tapegit.repository.init import init_store
from tapegit.repository.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.measure import Options, Run
    from tapegit.objects.oid import ObjectId

TURN_COUNT = 100_000
TAPE_COUNT = 400
SESSION_COUNT = 20_000
MESSAGE_COUNT_MAX = 200
START_MS = 1_700_000_000_000


def measure_sharing(options: Options) -> Iterator[Figure]:
    """Yield what the design says of pushes, fetches and clones of 100,000 turns."""
    count = int(options.scale(TURN_COUNT))
    folder = _prepare(options.folder / "sharing", count, TAPE_COUNT)
    server, store = folder / "server.git", folder / "store"
    full = tapes(store, "push", "--all", str(server))
    what = f"{count} turns, a tape in ten with calls as ropes"
    yield Figure("full push", full.wall_s, 90.0, "s", f"{what}, {_cost(full)}")
    yield Figure("full push, memory", full.peak_mb, 250.0, "MB", "peak of the process")
    copy = folder / "copy"
    cloned = tapes(folder, "clone", "-q", str(server), str(copy))
    yield Figure("clone", cloned.wall_s, 60.0, "s", _cost(cloned))
    tapes(store, "remote", "add", "origin", str(server))
    tapes(store, "fetch")
    # Git's check of what came passes by all that is younger on the remote.
    yield from _measure_turn(options, store, copy, "b0", "", is_new=True)
    yield from _measure_turn(options, store, copy, "b1", ", said before all others", is_new=False)
    yield from _measure_sessions(options)


def _measure_turn(
    options: Options, store: Path, copy: Path, branch: str, what: str, *, is_new: bool
) -> Iterator[Figure]:
    """Yield what it costs to share one turn more."""
    pushes, fetches = [], []
    for number in range(options.count(5)):
        _extend(store / ".tapes", branch, number, is_new=is_new)
        pushes.append(tapes(store, "push", "origin", branch))
        fetches.append(tapes(copy, "fetch"))
    _extend(store / ".tapes", branch, len(pushes), is_new=is_new)
    push_mb = own_peak_mb([*TAPES, "push", "origin", branch], store)
    fetch_mb = own_peak_mb([*TAPES, "fetch"], copy)
    for verb, runs, peak_mb in (("push", pushes, push_mb), ("fetch", fetches, fetch_mb)):
        wall_s = statistics.median(each.wall_s for each in runs)
        cpu_s = statistics.median(each.cpu_s for each in runs)
        yield Figure(f"{verb} of 1 turn{what}", wall_s, 0.6, "s", f"{cpu_s:.2f} s of CPU")
        yield Figure(f"{verb} of it, memory", peak_mb, 150.0, "MB", "peak, without git's")


def _measure_sessions(options: Options) -> Iterator[Figure]:
    """Yield the figures of 20,000 sessions, with git's own on the same refs beside them."""
    count = int(options.scale(SESSION_COUNT))
    folder = _prepare(options.folder / "sharing-sessions", 3 * count, count, is_sessions=True)
    server, store, mirror = folder / "server.git", folder / "store", folder / "mirror.git"
    tapes(store, "remote", "add", "origin", str(server))
    pushed = tapes(store, "push", "--sessions", "origin")
    what = f"{count} sessions, {3 * count} turns"
    yield Figure("full push of sessions", pushed.wall_s, 90.0, "s", f"{what}, {_cost(pushed)}")
    cloned = tapes(folder, "clone", "-q", str(server), str(folder / "copy"))
    yield Figure("clone of sessions", cloned.wall_s, 60.0, "s", f"{what}, {_cost(cloned)}")
    git(folder, "init", "-q", "--bare", str(mirror))
    refs = "refs/tapes/*:refs/tapes/*"
    git(mirror, "fetch", "-q", str(server), refs)
    for name, ours, theirs in (
        ("fetch", ("fetch", "origin"), ("fetch", "-q", str(server), refs)),
        ("push", ("push", "--sessions", "origin"), ("push", "-q", str(server), refs)),
    ):
        pair = compare(
            lambda ours=ours: tapes(store, *ours),
            lambda theirs=theirs: git(mirror, *theirs),
            count=options.count(5),
        )
        detail = f"{pair.ours:.0f} ms, git {pair.theirs:.0f} ms, {count} refs"
        yield Figure(f"{name} of nothing", pair.ratio, 2.0, "x git", detail)


def _cost(done: Run) -> str:
    return f"{done.cpu_s:.0f} s of CPU, {done.peak_mb:.0f} MB"


def _prepare(folder: Path, count: int, tapes_count: int, *, is_sessions: bool = False) -> Path:
    """Make a store of so many turns on so many branches, and an empty repository."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "--bare", str(folder / "server.git"))
    root = folder / "store" / ".tapes"
    root.parent.mkdir()
    init_store(root)
    repository = Repository.open(root)
    library = Path(sysconfig.get_paths()["stdlib"])
    text = b"".join(path.read_bytes() for path in sorted(library.glob("*.py"))[:150])
    luck = random.Random(1)
    tips = {}
    with repository.transaction("bench", bulk=True) as transaction:
        for number in range(tapes_count):
            parent: ObjectId | None = None
            messages: list[bytes] = []
            for turn in range(count // tapes_count):
                start = luck.randrange(len(text) - 9000)
                raw = text[start : start + luck.randrange(400, 6000)] + b"%d %d" % (number, turn)
                call = None
                if number % 10 == 0:
                    messages.append(b'{"role":"user","content":"%s"}' % raw[:200].hex().encode())
                    if turn % 4 == 3:
                        body = b",".join(messages[-MESSAGE_COUNT_MAX:])
                        request = transaction.write_bytes(b'{"messages":[' + body + b"]}")
                        call = Call(request=str(request))
                blob = transaction.write(Kind.BLOB, raw)
                data = encode_turn(
                    Turn(
                        role=("user", "assistant")[turn % 2] if parent else "session",
                        time=START_MS + number * 1_000_000 + turn * 1000,
                        summary=f"tape {number} turn {turn} says something of some length",
                        dialect="codex@1",
                        raw=(RawPiece(str(blob)),),
                        parents=(str(parent),) if parent else (),
                        session=None if parent else _session(number, root),
                        call=call,
                    )
                )
                parent = transaction.write(Kind.TURN, data)
            assert parent is not None
            name = f"sessions/codex/{number:08d}/file/main" if is_sessions else f"heads/b{number}"
            tips[f"refs/{name}"] = parent
    with repository.ref_transaction("bench") as moves:
        for name, oid in tips.items():
            moves.update(RefName.parse(name), oid)
    return folder


def _session(number: int, root: Path) -> Session:
    return Session(harness="codex", id=f"{number:08d}", cwd=str(root.parent))


def _extend(root: Path, branch: str, number: int, *, is_new: bool) -> None:
    """Add a turn to a branch, said now, or not later than the one before it."""
    repository = Repository.open(root)
    name = RefName(f"refs/heads/{branch}")
    tip = repository.refs.read(name)
    time_ms = time.time_ns() // 1_000_000 if is_new else START_MS
    turn = Turn(role="user", summary=f"more {number}", parents=(str(tip),), time=time_ms)
    with repository.transaction("bench") as transaction:
        transaction.update_ref(name, transaction.write(Kind.TURN, encode_turn(turn)), tip)
