"""Budgets of search: time, indexing, the size of the index and the memory it takes."""

from __future__ import annotations

import shutil
import statistics
from typing import TYPE_CHECKING

from bench.budget import Figure
from bench.generate import write_corpus
from bench.measure import folder_size, tapes
from bench.writing import make_store
from tapegit.graph.turns import TurnGraph
from tapegit.graph.walk import walk
from tapegit.repository.repository import Repository
from tapegit.search.documents import read_document

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.measure import Options

QUERIES = ("error test", "def", "role:tool def", '"return value"', "import NOT test")
LIMIT_MS = 200.0


def measure_search(options: Options) -> Iterator[Figure]:
    """Yield what the design says of search over 300 MB of transcripts."""
    corpus = write_corpus(options.folder / "corpus", size_mb=options.scale(320))
    store = options.folder / "search-tapes"
    files = sorted(corpus.glob("*.jsonl"))
    make_store(files, store)
    tapes(store, "gc")
    raw_mb = sum(path.stat().st_size for path in files) / 1e6
    text_mb = _text_size(store) / 1e6
    index = store / ".tapes" / "index"
    runs = []
    for _ in range(options.count(3)):
        shutil.rmtree(index, ignore_errors=True)
        runs.append(tapes(store, "search", "-n", "1", "error"))
    seconds = statistics.median(run.wall_s for run in runs)
    size_mb = folder_size(index) / 1e6
    yield Figure(
        f"indexing of {raw_mb:.0f} MB",
        raw_mb / seconds,
        15.0,
        "MB/s",
        f"{seconds:.1f} s, {text_mb:.0f} MB of text",
        is_floor=True,
    )
    peak = max(run.peak_mb for run in runs)
    yield Figure("indexing, memory", peak, 300.0, "MB", "peak of the process")
    yield Figure("index", size_mb / text_mb, 0.6, "x text", f"{size_mb:.0f} MB")
    for query in QUERIES:
        times = [
            tapes(store, "search", "-n", "20", query).wall_s * 1e3 for _ in range(options.count(9))
        ]
        yield Figure(f"search, cold: {query}", statistics.median(times), LIMIT_MS, "ms", "20 turns")


def _text_size(store: Path) -> int:
    """Return the bytes of all texts that are searched."""
    repository = Repository.open(store / ".tapes", clock=lambda: 0, actor="bench")
    graph = TurnGraph(repository.objects)
    tips = [ref.oid for ref in repository.refs.iter_refs("refs/sessions/")]
    return sum(
        len(text.encode("utf-8", "surrogatepass"))
        for oid in walk(graph, tips)
        for text in read_document(repository.objects.find, graph.read_turn(oid)).texts
    )
