"""The budget of lists of sessions: 5,000 of them, with the refs packed and each in a file."""

from __future__ import annotations

import json
import shutil
import statistics
import uuid
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bench.budget import Figure
from bench.measure import tapes
from bench.writing import make_store
from tapegit.repository.repository import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.measure import Options

SESSION_COUNT = 5_000
MESSAGE_COUNT = 6
LIMIT_MS = 400.0
FIRST_S = 1_760_000_000
MODEL = "claude-opus-4-5-20251101"


def measure_listing(options: Options) -> Iterator[Figure]:
    """Yield the time of `sessions` from its index, and say how long it takes without."""
    count = int(options.scale(SESSION_COUNT))
    store = options.folder / "list"
    sources = options.folder / f"list-{count}"
    sources.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        _write_session(sources, number)
    make_store([sources], store)
    tapes(store, "gc")
    shutil.rmtree(store / ".tapes" / "index", ignore_errors=True)
    anew = tapes(store, "sessions")
    assert len(anew.out.splitlines()) == count
    without = f"{anew.wall_s * 1e3:.0f} ms without an index"
    yield _measure(options, store, f"sessions, {count:,}, packed refs", without)
    _unpack_refs(store)
    yield _measure(options, store, f"sessions, {count:,}, refs in files", without)


def _write_session(folder: Path, number: int) -> None:
    """Write a transcript of prompts and answers that state what they cost."""
    session = str(uuid.uuid5(uuid.NAMESPACE_OID, str(number)))
    lines = []
    for place in range(MESSAGE_COUNT):
        time_s = FIRST_S + 60 * number + place
        stamp = datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
        message: dict[str, object] = {"role": "user", "content": f"prompt {place} of {number}"}
        if place % 2:
            text = [{"type": "text", "text": f"answer {place} of {number}"}]
            usage = {"input_tokens": 5, "output_tokens": number, "cache_read_input_tokens": 100}
            message = {"id": f"msg_{number}_{place}", "model": MODEL, "content": text}
            message |= {"role": "assistant", "usage": usage}
        record = {
            "parentUuid": f"{session}-{place - 1}" if place else None,
            "sessionId": session,
            "cwd": f"/home/user/project-{number % 20}",
            "gitBranch": "main",
            "version": "2.1.0",
            "type": message["role"],
            "message": message,
            "uuid": f"{session}-{place}",
            "timestamp": stamp,
        }
        lines.append(json.dumps(record, separators=(",", ":")) + "\n")
    (folder / f"{session}.jsonl").write_text("".join(lines))


def _measure(options: Options, store: Path, work: str, detail: str) -> Figure:
    runs = [tapes(store, "sessions").wall_s * 1e3 for _ in range(options.count(11))]
    return Figure(work, statistics.median(runs), LIMIT_MS, "ms", detail)


def _unpack_refs(store: Path) -> None:
    """Put each ref into a file of its own, as recorders leave them."""
    root = store / ".tapes"
    refs = list(Repository.open(root, clock=lambda: 0, actor="bench").refs.iter_refs())
    for ref in refs:
        path = root / ref.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{ref.oid}\n")
    (root / "packed-refs").unlink()
