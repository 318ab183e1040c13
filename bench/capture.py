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
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import iter_pieces, read_content
from tapegit.objects.turn import decode_turn
from tapegit.redact.redactor import default_redactor
from tapegit.refs.names import RefName
from tapegit.repository.repository import Repository
from tapegit.wire.capture import CapturedRequest, CapturedResponse
from tapegit.wire.recording.calls import CallRecorder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.measure import Options

REAL_WIRE = ROOT.parent / "shared" / "data" / "anthropic-wire"
PROCESS_COUNT = 16
WINDOW_SHARE = 5
"""A window is a fifth of all calls: a node above the leaves is written anew with each call until it
closes, some 200 calls later, so that fewer calls tell how full it is, not how much a call takes."""
PACED_SIZE = 150_000
PACED_CALLS = 50
PACED_BATCH = 25
"""While one batch is made durable the next one gathers: the recorder is half a second behind."""
HEADERS = (
    ("user-agent", "claude-cli/2.1.197 (external, cli)"),
    ("content-type", "application/json"),
    ("anthropic-version", "2023-06-01"),
    ("x-api-key", "sk-ant-" + "q3V8kM9x7Cz6N1bW0r8Ty6U4pS3d7Fg5H0j2LaE6"),
)
ANSWER = (("content-type", "text/event-stream"), ("request-id", "req_011CV"))


class Recorder:
    """Records calls of one session as a proxy does, each half of a call durable in its turn."""

    def __init__(self, root: Path, name: str) -> None:
        self.repository = Repository.open(root)
        self._recorder = CallRecorder(self.repository, default_redactor())
        self._name = name
        self._count = 0
        self.ref = RefName.parse(f"refs/sessions/claude-code/{name}/wire/main")

    def record(self, request: bytes, response: bytes, *, more: bool = False) -> None:
        """Store one call: what was asked, then what came back; with `more` not yet for good."""
        self._count += 1
        asked_ms = 1_760_000_000_000 + 1000 * self._count
        headers = (*HEADERS, ("x-claude-code-session-id", self._name))
        url = "https://api.anthropic.com/v1/messages"
        target = "/v1/messages"
        self._recorder.take(
            CapturedRequest(
                self._count, self._name, 1, "POST", target, url, headers, request, asked_ms
            ),
            more=more,
        )
        self._recorder.take(
            CapturedResponse(
                self._count, "ok", 200, ANSWER, response, asked_ms + 300, asked_ms + 900
            ),
            more=more,
        )

    def last_request(self) -> ObjectId:
        """Return the id of the body of the newest request."""
        turn = decode_turn(self.repository.objects.read(self.repository.refs.read(self.ref)).data)
        assert turn.call is not None
        assert turn.call.request is not None
        return ObjectId.parse(turn.call.request)


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
    raw, sizes = 0, {}
    window = count // WINDOW_SHARE
    marks = {count // 4 - window, count // 4, count - window, count}
    for number, (request, response) in enumerate(iter_calls(count), 1):
        recorder.record(request, response)
        raw += len(request) + len(response)
        if number in marks:
            sizes[number] = folder_size(objects)
    early = (sizes[count // 4] - sizes[count // 4 - window]) / window
    late = (sizes[count] - sizes[count - window]) / window
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
        f"bytes per call at call {count:,} and {count // 4}, the larger against the smaller",
        max(late / early, early / late),
        1.2,
        "x",
        f"{early:.0f} and {late:.0f} bytes, loose, {window} calls each",
    )
    yield _measure_rebuild(store / ".tapes", recorder.last_request())
    yield _measure_pace(options)


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


def _measure_pace(options: Options) -> Figure:
    """Return how long the calls of one second take, each a request of 150 kB."""
    store = _make_store(options.folder / "paced-tapes")
    recorder = Recorder(store / ".tapes", "paced")
    calls = [call for call in iter_calls(190) if len(call[0]) >= PACED_SIZE][:PACED_CALLS]
    recorder.record(*calls[0])
    started = time.perf_counter()
    for number, (request, response) in enumerate(calls[1:], 1):
        recorder.record(request, response, more=number % PACED_BATCH != 0)
    taken_s = (time.perf_counter() - started) * PACED_CALLS / (len(calls) - 1)
    return Figure(
        f"recording {PACED_CALLS} calls of 150 kB, against the second in which they come",
        taken_s,
        1.0,
        "x",
        f"{taken_s / PACED_CALLS * 1e3:.1f} ms each",
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
    calls = list(iter_calls(400, seed=int(name)))
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < seconds:
        recorder.record(*calls[count % len(calls)])
        count += 1
    return 2 * count / (time.perf_counter() - started)  # a message and its answer


if __name__ == "__main__":
    print(_work(Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])))
