"""The budget of `step`: any jump on a tape of 2,000 turns, of the size of real ones."""

from __future__ import annotations

import statistics
import time
from functools import partial
from typing import TYPE_CHECKING

from bench.budget import Figure
from bench.transcripts import Session
from bench.writing import make_store
from tapegit.graph.resolve import Resolver
from tapegit.graph.turns import TurnGraph
from tapegit.porcelain.step.step import open_tape
from tapegit.repository.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from bench.measure import Options
    from tapegit.porcelain.step.step import Tape

TURN_COUNT = 2_000
MESSAGES_PER_TURN = 0.6
LIMIT_MS = 200.0
SOUGHT = (
    ("error", ""),
    ("tool", "nothing"),
    ("file", "no/such.py"),
    ("role", "nobody"),
    ("decision", ""),
    ("text", "nowhere said"),
    ("text", "nowhere7|nobody7"),
)


def measure_stepping(options: Options) -> Iterator[Figure]:
    """Yield the longest of all jumps, by number and to what is not there: over the whole tape."""
    folder = options.folder / "step"
    source = options.folder / "step.jsonl"
    count = int(options.scale(TURN_COUNT))
    lines = Session(5).iter_lines(messages=int(count * MESSAGES_PER_TURN))
    source.write_bytes(b"".join(lines))
    make_store([source], folder)
    started = time.perf_counter()
    tape = _open(folder)
    opened = f"{(time.perf_counter() - started) * 1e3:.0f} ms to open"
    times = {f"#{n}": _time(partial(_go, tape, n)) for n in range(0, len(tape.oids), 97)}
    by_number = max(times.values())
    size = source.stat().st_size / 1e6
    what = f"step, {len(tape.oids):,} turns"
    yield Figure(f"{what}, to a number", by_number, LIMIT_MS, "ms", f"{opened}; {size:.0f} MB")
    for word, value in SOUGHT:
        runs = [_time(partial(_seek, tape, word, value)) for _ in range(options.count(5))]
        name = f"{what}, over all of it to {word} {value}".rstrip()
        yield Figure(name, statistics.median(runs), LIMIT_MS, "ms", "")


def _open(folder: Path) -> Tape:
    repository = Repository.open(folder / ".tapes")
    graph = TurnGraph(repository.objects)
    resolver = Resolver(repository.objects, repository.refs, graph)
    (tip,) = (ref.oid for ref in repository.refs.iter_refs("refs/sessions/"))
    return open_tape(repository, graph, resolver, None, tip)


def _go(tape: Tape, number: int) -> None:
    tape.go(number)
    list(tape.show().parts)


def _seek(tape: Tape, word: str, value: str) -> None:
    tape.go(0)
    tape.seek(word, value, 1)


def _time(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1e3
