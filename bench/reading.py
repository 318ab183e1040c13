"""Budgets of reading, at 1,000 and at 100,000 turns, packed and scattered."""

from __future__ import annotations

import json
import random
import shutil
import sys
from typing import TYPE_CHECKING, NamedTuple

from bench.budget import Figure
from bench.generate import write_long_session, write_short_sessions
from bench.gitside import count_objects, make_commit_repository, scatter
from bench.measure import Pair, compare, git, run, tapes
from bench.writing import make_store
from tapegit.objects.kind import Kind
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import read_content
from tapegit.objects.turn import RawPiece, Turn, decode_turn, encode_turn
from tapegit.refs.names import RefName
from tapegit.repository.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.measure import Options

PACK_COUNT = 200
LOOSE_COUNT = 6_000
RANDOM_COUNT = 5_000


class Stores(NamedTuple):
    """Ours and git's with as many turns as commits, and a git repository of as many objects."""

    ours: Path
    theirs: Path
    equal: Path
    turns: int
    objects: int


def measure_reading(options: Options) -> Iterator[Figure]:
    """Yield the figures of the read commands in both states."""
    small = options.folder / "read-1000"
    _make_ours(options, small, 1_000)
    stores = _make_both(options, int(options.scale(100_000)))
    tapes(small, "gc")
    tapes(stores.ours, "gc")
    yield from _measure_start(options, small, "1,000 turns, after gc")
    yield from _measure_start(options, stores.ours, f"{stores.turns:,} turns, after gc")
    yield from _measure_bulk(options, stores, "after gc")
    yield _measure_fsck(options, stores)
    _scatter_ours(options, stores.ours)
    scatter(stores.theirs, PACK_COUNT, LOOSE_COUNT)
    state = f"{PACK_COUNT} packs and {LOOSE_COUNT:,} loose objects"
    yield from _measure_start(options, stores.ours, f"{stores.turns:,} turns, {state}")
    yield from _measure_bulk(options, stores, state)


def _measure_start(options: Options, store: Path, state: str) -> Iterator[Figure]:
    click = [sys.executable, "-c", "import click"]
    for arguments in (("log", "-n", "20"), ("show",), ("status",)):
        pair = compare(
            lambda arguments=arguments: tapes(store, *arguments),
            lambda: run(click, store),
            count=options.count(21),
        )
        yield Figure(
            f"{' '.join(arguments)}, {state}",
            pair.ratio,
            2.2,
            "x import click",
            f"{pair.ours:.0f} ms; {pair.theirs:.0f} ms",
        )


def _measure_bulk(options: Options, stores: Stores, state: str) -> Iterator[Figure]:
    pair = compare(
        lambda: tapes(stores.ours, "log", "--oneline"),
        lambda: git(stores.theirs, "log", "--oneline", "main"),
        count=options.count(7),
    )
    yield _as_figure(f"log --oneline of {stores.turns:,} turns, {state}", pair, 3.0)
    ours = _choose_blobs(tapes(stores.ours, "cat-file", "--batch-all-objects", "--batch-check").out)
    theirs = _choose_blobs(
        git(stores.theirs, "cat-file", "--batch-all-objects", "--batch-check").out
    )
    pair = compare(
        lambda: tapes(stores.ours, "cat-file", "--batch", stdin=ours),
        lambda: git(stores.theirs, "cat-file", "--batch", stdin=theirs),
        count=options.count(7),
    )
    yield _as_figure(f"cat-file --batch of {RANDOM_COUNT:,} at random, {state}", pair, 3.0)


def _measure_fsck(options: Options, stores: Stores) -> Figure:
    pair = compare(
        lambda: tapes(stores.ours, "fsck", "--full"),
        lambda: git(stores.equal, "fsck", "--full", "--no-progress"),
        count=options.count(3),
    )
    return _as_figure(f"fsck --full of {stores.objects:,} objects", pair, 1.0)


def _as_figure(work: str, pair: Pair, limit: float) -> Figure:
    return Figure(work, pair.ratio, limit, "x git", f"{pair.ours:.0f} ms; git {pair.theirs:.0f} ms")


def _choose_blobs(listing: bytes) -> bytes:
    """Return random ids of blobs, a line each, in random order."""
    ids = [line.split()[0] for line in listing.splitlines() if b" blob " in line]
    chosen = random.Random(7).choices(ids, k=RANDOM_COUNT)
    return b"\n".join(chosen) + b"\n"


def _make_ours(options: Options, folder: Path, turns: int) -> None:
    session = write_long_session(options.folder / f"long-{turns}", messages=turns)
    make_store(sorted(session.glob("*.jsonl")), folder)
    tip = json.loads(tapes(folder, "for-each-ref", "--json", "refs/sessions").out.splitlines()[0])
    tapes(folder, "update-ref", "refs/heads/main", tip["oid"])


def _make_both(options: Options, turns: int) -> Stores:
    ours, theirs, equal = (options.folder / f"read-{name}" for name in ("tapes", "git", "equal"))
    _make_ours(options, ours, turns)
    messages = list(_read_messages(ours))
    make_commit_repository(messages, theirs)
    objects = tapes(ours, "rev-list", "--objects", "--all", "--count").out
    wanted = int(objects.split()[0])
    # A commit brings a tree and a blob: three objects, where ours has a turn and its bytes.
    make_commit_repository(_spread(messages, wanted // 3), equal)
    assert abs(count_objects(equal) / wanted - 1) < 0.05, "not as many objects on both sides"
    return Stores(ours, theirs, equal, len(messages), wanted)


def _spread(messages: list[tuple[str, bytes]], count: int) -> Iterator[tuple[str, bytes]]:
    """Yield `count` messages with all the bytes of the list and no content twice."""
    step = len(messages) / count
    for number in range(count):
        group = messages[int(number * step) : max(int(number * step) + 1, int((number + 1) * step))]
        yield group[0][0], b"".join(content for _, content in group) + b"%d\n" % number


def _read_messages(folder: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (subject, raw bytes) of the turns of main, oldest first."""
    repository = Repository.open(folder / ".tapes")
    ids = tapes(folder, "rev-list", "--reverse", "main").out.split()
    for _, found in repository.objects.read_many(ObjectId.parse(line.decode()) for line in ids):
        assert found is not None
        turn = decode_turn(found.data)
        raw = [read_content(repository.objects.find, ObjectId.parse(p.oid)) for p in turn.raw]
        yield f"{turn.role}: {turn.summary}", b"".join(raw)


def _scatter_ours(options: Options, folder: Path) -> None:
    """Add packs by imports, and loose turns on main as a recorder leaves them."""
    shorts = write_short_sessions(options.folder / "shorts", count=PACK_COUNT, messages=6)
    for path in sorted(shorts.glob("*.jsonl")):
        tapes(folder, "import", str(path))
    repository = Repository.open(folder / ".tapes")
    main = RefName.parse("refs/heads/main")
    for _ in range(10):
        tip = repository.refs.read(main)
        with repository.transaction(message="record") as transaction:
            for number in range(LOOSE_COUNT // 20):
                blob = transaction.write(Kind.BLOB, f"loose {tip} {number}\n".encode() * 20)
                turn = Turn(
                    role="user",
                    parents=(str(tip),),
                    dialect="claude-code@1",
                    raw=(RawPiece(str(blob)),),
                    summary=f"loose turn {number}",
                    time=1_760_000_000_000 + number,
                )
                tip = transaction.write(Kind.TURN, encode_turn(turn))
            transaction.update_ref(main, tip)


def drop(options: Options) -> None:
    """Remove the stores of this module."""
    for path in options.folder.glob("read-*"):
        shutil.rmtree(path)
