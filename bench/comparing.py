"""The budget of `diff`: two tapes of 1,000 turns, cold."""

from __future__ import annotations

import re
import statistics
import uuid
from typing import TYPE_CHECKING

from bench.budget import Figure
from bench.measure import tapes
from bench.transcripts import FULL, Session
from bench.writing import make_store

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.measure import Options

TURN_COUNT = 1_000
MESSAGE_COUNT = 700
_DRAWN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


def measure_diff(options: Options) -> Iterator[Figure]:
    """Yield the time of comparisons: of two runs of one script, and of two unrelated sessions."""
    folder = options.folder / "diff"
    sources = options.folder / "diff-sources"
    sources.mkdir(parents=True, exist_ok=True)
    texts = {seed: _write(seed) for seed in (1, 2)}
    runs = {
        "first": texts[1],
        "again": _draw_anew(texts[1]),
        "changed": _change(_draw_anew(texts[1], "changed")),
        "unrelated": texts[2],
    }
    for name, text in runs.items():
        (sources / f"{name}.jsonl").write_text(text)
    make_store(sorted(sources.glob("*.jsonl")), folder)
    tapes(folder, "gc")
    tips = {name: f"{_session_of(text)}#{TURN_COUNT - 1}" for name, text in runs.items()}
    for other in ("again", "changed", "unrelated"):
        yield _measure(options, folder, tips["first"], tips[other], other)


def _measure(options: Options, folder: Path, one: str, other: str, name: str) -> Figure:
    found = [tapes(folder, "diff", one, other) for _ in range(options.count(9))]
    taken = statistics.median(run.wall_s for run in found)
    printed_mb = len(found[0].out) / 1e6
    peak_mb = max(run.peak_mb for run in found)
    return Figure(
        f"diff of two tapes of {TURN_COUNT:,} turns, {name}",
        taken,
        1.0,
        "s",
        f"{printed_mb:.2f} MB printed, {peak_mb:.0f} MB peak",
    )


def _write(seed: int) -> str:
    return b"".join(Session(seed, FULL).iter_lines(messages=MESSAGE_COUNT)).decode()


def _draw_anew(text: str, label: str = "again") -> str:
    """Return a transcript with other uuids, as another run of its script would have."""
    return _DRAWN.sub(lambda found: str(uuid.uuid5(uuid.NAMESPACE_OID, label + found[0])), text)


def _change(text: str) -> str:
    """Return a transcript of which one line in twenty says something else."""
    lines = text.splitlines(keepends=True)
    for number in range(0, len(lines), 20):
        lines[number] = lines[number].replace(" the ", " another ", 2)
    return "".join(lines)


def _session_of(text: str) -> str:
    found = re.search(r'"sessionId":"([^"]+)"', text)
    assert found is not None
    return found[1]
