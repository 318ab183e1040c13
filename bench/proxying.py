"""Budgets of the proxy: what it adds to a direct connection, and whether recording is felt.

Rules: a direct run and a proxied one take turns, so that a slow moment of the machine hits both;
what counts is the median over the turns.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import statistics
import sys
import time
from typing import TYPE_CHECKING, NamedTuple

from bench.budget import Figure
from bench.measure import tapes
from bench.requests import iter_calls
from bench.traffic import Server, load, make_body, make_request

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from bench.measure import Options

LARGE = 80_000
ANSWER = "json 2000"
PACED = "paced 40 20"
STREAM_COUNT = 64
RUN_S = 1.0
SESSION_COUNT = 10
CALL_FIRST = 120
"""Where a request has reached 150 kB."""


class Way(NamedTuple):
    """One way to the upstream, and what was measured on it, in ms, of each turn."""

    port: int
    p50: list[float]
    p95: list[float]


def measure_proxy(options: Options) -> Iterator[Figure]:
    """Yield what the proxy adds to a request, to an event, and with recording on."""
    store = _make_store(options.folder / "proxy")
    upstream = Server("upstream")
    silent = Server("proxy", str(upstream.port))
    recording = Server("proxy", str(upstream.port), str(store), *recorder(store))
    try:
        yield from _measure_requests(upstream.port, silent.port, options.count(7))
        yield from _measure_streams(upstream.port, silent.port, recording.port, options.count(10))
    finally:
        recording.stop()
        silent.stop()
        upstream.stop()
    yield _measure_lag(options)


def recorder(store: Path) -> list[str]:
    """Return what starts a recorder on a store."""
    options = ["--tapes-dir", str(store), "recorder", "--scope", "bench"]
    return [sys.executable, "-P", "-m", "tapegit", *options, "--", "bench"]


def _measure_requests(direct: int, proxied: int, count: int) -> Iterator[Figure]:
    request = make_request(ANSWER, make_body(LARGE))
    for clients in (1, 16, 64):
        ways = [Way(direct, [], []), Way(proxied, [], [])]
        for _ in range(count):
            for way in ways:
                measured = asyncio.run(load(way.port, request, clients=clients, seconds=RUN_S))
                _note(way, measured.times)
        near, far = (statistics.median(way.p50) for way in ways)
        detail = f"direct {near:.2f} ms, proxied {far:.2f} ms"
        detail += f"; p95 {_median(ways[0].p95)} and {_median(ways[1].p95)} ms"
        if clients == 1:
            name = "added by the proxy to a request of 80 kB, p50, 1 client"
            added = [b - a for a, b in zip(ways[0].p50, ways[1].p50, strict=True)]
            yield Figure(name, statistics.median(added), 1.0, "ms", detail)
        else:
            name = f"p50 against a direct connection, 80 kB, {clients} clients"
            ratios = [b / a for a, b in zip(ways[0].p50, ways[1].p50, strict=True)]
            yield Figure(name, statistics.median(ratios), 8.0, "x", detail)


def _measure_streams(direct: int, silent: int, recording: int, count: int) -> Iterator[Figure]:
    request = make_request(PACED, make_body(8_000))
    ways = [Way(direct, [], []), Way(silent, [], []), Way(recording, [], [])]
    for turn in range(count):
        for way in ways if turn % 2 == 0 else reversed(ways):
            measured = asyncio.run(load(way.port, request, clients=STREAM_COUNT, seconds=RUN_S))
            _note(way, measured.delays)
    near, off, on = (statistics.median(way.p95) for way in ways)
    detail = f"direct {near:.2f} ms, proxied {off:.2f} ms, recorded {on:.2f} ms"
    detail += f"; p50 {', '.join(_median(way.p50) for way in ways)} ms"
    name = f"delay of an event, p95, {STREAM_COUNT} streams of 50 a second"
    yield Figure(f"{name}, recorded", on, 2.0, "ms", detail)
    ratios = [b / a for a, b in zip(ways[1].p95, ways[2].p95, strict=True)]
    yield Figure(f"{name}, recorded against not", statistics.median(ratios), 1.15, "x", detail)


def _measure_lag(options: Options) -> Figure:
    """Return how far a recorder falls behind at 50 calls a second, each of 150 kB."""
    folder = options.folder / "proxy"
    store = _make_store(folder)
    count = options.count(60)
    requests: list[list[bytes]] = []
    answers: list[str] = []
    for session in range(SESSION_COUNT):
        calls = list(iter_calls(CALL_FIRST + count, seed=session))[CALL_FIRST:]
        requests.append([])
        for request, response in calls:
            orders = f"call {len(answers)}"
            requests[-1].append(make_request(orders, request, scope=f"session-{session}"))
            answers.append(response.decode())
    path = folder / "answers.json"
    path.write_text(json.dumps(answers))
    upstream = Server("upstream", str(path))
    proxy = Server("proxy", str(upstream.port), str(store), *recorder(store))
    seconds = asyncio.run(_play(proxy.port, requests))
    lag, summary = proxy.stop().decode().splitlines()
    upstream.stop()
    size = statistics.mean(len(each) for one in requests for each in one) / 1000
    detail = f"{len(answers)} calls of {size:.0f} kB in {seconds:.1f} s; {summary}"
    return Figure("how far the recorder is behind, at most", float(lag), 2.0, "s", detail)


async def _play(port: int, sessions: Sequence[Sequence[bytes]]) -> float:
    """Send the calls of sessions, all together 50 a second; return how long it took."""
    started = time.monotonic()
    await asyncio.gather(*(_play_session(port, calls, n / 50) for n, calls in enumerate(sessions)))
    return time.monotonic() - started


async def _play_session(port: int, calls: Sequence[bytes], offset_s: float) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    due = time.monotonic() + offset_s
    for call in calls:
        await asyncio.sleep(due - time.monotonic())
        due += SESSION_COUNT / 50
        writer.write(call)
        head = await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(int(head.split(b"Content-Length: ")[1].split(b"\r")[0]))
    writer.close()


def _make_store(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tapes(folder, "init")
    return folder / ".tapes"


def _note(way: Way, seconds: list[float]) -> None:
    ordered = sorted(seconds)
    way.p50.append(ordered[len(ordered) // 2] * 1000)
    way.p95.append(ordered[int(len(ordered) * 0.95)] * 1000)


def _median(values: list[float]) -> str:
    return f"{statistics.median(values):.2f}"
