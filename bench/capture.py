"""Budgets of what a recorder writes: requests as ropes, and many recorders at once."""

from __future__ import annotations

import base64
import gzip
import json
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from bench.budget import Figure
from bench.measure import ROOT, environment, folder_size, fsync_ms, tapes
from bench.requests import iter_calls
from tapegit.objects.kind import Kind
from tapegit.objects.rope_reader import iter_pieces, read_content
from tapegit.objects.turn import Call, RawPiece, Turn, encode_turn
from tapegit.refs.names import RefName
from tapegit.repository.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.run import Options
    from tapegit.objects.oid import ObjectId

REAL_WIRE = ROOT.parent / "shared" / "data" / "anthropic-wire"
PROCESS_COUNT = 16
WINDOW = 40


class Recorder:
    """Writes calls as turns of one session, each in a durable transaction of its own."""

    def __init__(self, root: Path, name: str) -> None:
        self._repository = Repository.open(root)
        self._ref = RefName.parse(f"refs/sessions/bench/{name}/wire/main")
        self._tip: ObjectId | None = None
        self._count = 0

    def record(self, request: bytes, response: bytes) -> ObjectId:
        """Store one call as a turn and return the id of its request."""
        with self._repository.transaction(message="record") as transaction:
            asked = transaction.write_bytes(request)
            answered = transaction.write_bytes(response)
            self._count += 1
            turn = Turn(
                role="assistant",
                parents=(str(self._tip),) if self._tip else (),
                dialect="anthropic.messages@1",
                raw=(RawPiece(str(answered)),),
                summary=f"answer {self._count}",
                time=1_760_000_000_000 + self._count,
                call=Call(request=str(asked), response=str(answered), status=200, outcome="ok"),
            )
            tip = transaction.write(Kind.TURN, encode_turn(turn))
            transaction.update_ref(self._ref, tip)
        self._tip = tip
        return asked


def measure_wire(options: Options) -> Iterator[Figure]:
    """Yield the size of 17 real requests and responses with everything, where they are at hand."""
    calls = [_read_call(path) for path in sorted(REAL_WIRE.rglob("request.json"))]
    if not calls:
        return
    store = _make_store(options.folder / "wire-tapes")
    recorder = Recorder(store / ".tapes", "real")
    for request, response in calls:
        recorder.record(request, response)
    loose = folder_size(store / ".tapes" / "objects")
    tapes(store, "gc")
    size = folder_size(store / ".tapes" / "objects")
    raw = sum(len(request) + len(response) for request, response in calls)
    yield Figure(
        f"{len(calls)} real requests and responses after gc",
        size / 1e3,
        100,
        "kB",
        f"{raw / 1e6:.2f} MB raw, {loose / 1e3:.0f} kB loose",
    )


def _read_call(path: Path) -> tuple[bytes, bytes]:
    """Return the bodies of one recorded exchange as a recorder stores them: content decoded."""
    request = base64.b64decode(json.loads(path.read_bytes())["body_b64"])
    response = path.with_name("response.sse").read_bytes()
    is_gzip = response.startswith(b"\x1f\x8b")
    return request, gzip.decompress(response) if is_gzip else response


def measure_long_session(options: Options) -> Iterator[Figure]:
    """Yield the growth of a recorded session, its size after gc, and rebuilding its requests."""
    count = int(options.scale(2_000))
    store = _make_store(options.folder / "calls-tapes")
    recorder = Recorder(store / ".tapes", "long")
    objects = store / ".tapes" / "objects"
    raw, sizes, last = 0, {}, None
    marks = {count // 4 - WINDOW, count // 4, count - WINDOW, count}
    for number, (request, response) in enumerate(iter_calls(count), 1):
        last = recorder.record(request, response)
        raw += len(request) + len(response)
        if number in marks:
            sizes[number] = folder_size(objects)
    early = (sizes[count // 4] - sizes[count // 4 - WINDOW]) / WINDOW
    late = (sizes[count] - sizes[count - WINDOW]) / WINDOW
    tapes(store, "gc")
    packed = folder_size(objects)
    yield Figure(
        f"a recorded session of {count:,} calls after gc, against raw",
        packed / raw,
        0.005 if count >= 2_000 else 0.05,
        "x raw",
        f"{raw / 1e6:.0f} MB raw, {sizes[count] / 1e6:.1f} MB loose, {packed / 1e6:.2f} MB packed",
    )
    yield Figure(
        f"bytes per call at call {count:,}, against call {count // 4}",
        late / early,
        1.2,
        "x",
        f"{early:.0f} and {late:.0f} bytes, loose",
    )
    assert last is not None
    yield _measure_rebuild(store / ".tapes", last)


def _measure_rebuild(root: Path, request: ObjectId) -> Figure:
    """Return the time to rebuild one request, warm, against what its pieces and frames allow."""
    repository = Repository.open(root)
    find = repository.objects.find
    pieces = sum(1 for _ in iter_pieces(find, request))
    read_content(find, request)
    started = time.perf_counter()
    data = read_content(find, request)
    taken_s = time.perf_counter() - started
    frames = 2  # at least one of ropes and one of blobs: what the budget grants is never less
    allowed_s = pieces * 10e-6 + frames * 5e-3
    return Figure(
        "rebuilding a recorded request, warm, against 10 us per piece + 5 ms per frame",
        taken_s / allowed_s,
        1.0,
        "x budget",
        f"{taken_s * 1e3:.1f} ms for {pieces:,} pieces, {len(data) / 1e6:.2f} MB",
    )


def measure_recorders(options: Options) -> Iterator[Figure]:
    """Yield how many turns a second 16 processes record durably in one store."""
    store = _make_store(options.folder / "many-tapes")
    sync_ms = fsync_ms(store)
    seconds = options.scale(10)
    workers = [
        subprocess.Popen(
            [sys.executable, "-m", "bench.capture", str(store), str(number), str(seconds)],
            cwd=ROOT,
            env=environment(),
            stdout=subprocess.PIPE,
        )
        for number in range(PROCESS_COUNT)
    ]
    rates = [float(worker.communicate()[0]) for worker in workers]
    yield Figure(
        f"durable capture, {PROCESS_COUNT} processes",
        sum(rates),
        200,
        "turns/s",
        f"fsync {sync_ms:.2f} ms on this disk",
        is_floor=True,
    )


def _make_store(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tapes(folder, "init")
    (folder / ".tapes" / "config").write_text("[gc]\nauto = 0\n")
    return folder


def _work(store: Path, name: str, seconds: float) -> float:
    """Record short calls for a while; return turns a second."""
    recorder = Recorder(store / ".tapes", name)
    calls = list(iter_calls(20, seed=int(name)))
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        request, response = calls[count % len(calls)]
        recorder.record(request + b"\n" * (count // len(calls)), response)
        count += 1
    return count / (time.perf_counter() - started)


if __name__ == "__main__":
    print(_work(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
