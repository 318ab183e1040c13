"""What a replay of a long session takes: before the first answer, and for each call."""

from __future__ import annotations

import http.client
import shutil
import statistics
import time
from typing import TYPE_CHECKING

from bench.budget import Figure
from bench.capture import HEADERS, Recorder
from bench.measure import tapes
from bench.requests import iter_calls
from tapegit.graph.resolve import Resolver
from tapegit.graph.turns import TurnGraph
from tapegit.porcelain.replay.replay import Replay, Rules
from tapegit.repository.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.measure import Options

CALL_COUNT = 2_000
OPEN_LIMIT_S = 10.0
CALL_LIMIT_MS = 200.0
LAST = 100


def measure_replaying(options: Options) -> Iterator[Figure]:
    """Yield the time to open a tape, and that of its last calls, which are its largest."""
    count = int(options.scale(CALL_COUNT))
    folder = options.folder / "replay"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tapes(folder, "init")
    recorder = Recorder(folder / ".tapes", "long")
    for number, (request, response) in enumerate(iter_calls(count), 1):
        recorder.record(request, response, more=number < count)
    repository = Repository.open(folder / ".tapes")
    graph = TurnGraph(repository.objects)
    resolver = Resolver(repository.objects, repository.refs, graph)
    started = time.perf_counter()
    replay = Replay(repository, resolver, graph, [str(recorder.ref)], Rules())
    origin = replay.start()
    opened_s = time.perf_counter() - started
    times, size = _ask(origin, count)
    report = replay.stop()
    assert report.verdict == "followed"
    what = f"replay of {count:,} calls"
    yield Figure(f"{what}, until it serves", opened_s, OPEN_LIMIT_S, "s", "")
    last = statistics.median(times[-LAST:]) * 1e3
    total = f"{sum(times):.0f} s for all, {size / 1e6:.0f} MB of requests"
    yield Figure(f"{what}, each of the last {LAST}", last, CALL_LIMIT_MS, "ms", total)


def _ask(origin: str, count: int) -> tuple[list[float], int]:
    """Ask all of it as another run would; return the time of each call, and how much was sent."""
    connection = http.client.HTTPConnection("127.0.0.1", int(origin.rpartition(":")[2]))
    headers = {**dict(HEADERS), "x-claude-code-session-id": "another"}
    times, size = [], 0
    for request, response in iter_calls(count):
        started = time.perf_counter()
        connection.request("POST", "/v1/messages", request, headers)
        assert connection.getresponse().read() == response
        times.append(time.perf_counter() - started)
        size += len(request)
    connection.close()
    return times, size
