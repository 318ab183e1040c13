"""Budgets of writing: import, the size after gc, and what gc costs."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from bench.budget import Figure
from bench.generate import write_corpus
from bench.gitside import make_file_repository
from bench.measure import ROOT, folder_size, git, tapes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.measure import Options

REAL_DATA = ROOT.parent / "shared" / "data" / "claude-code"
PEAK_GC_MB = 300.0


def measure_import(options: Options) -> Iterator[Figure]:
    """Yield the figures of importing a corpus, and of its size after gc on both sides."""
    corpus = write_corpus(options.folder / "corpus", size_mb=options.scale(320))
    files = sorted(corpus.glob("*.jsonl"))
    raw = sum(path.stat().st_size for path in files)
    ours, theirs = options.folder / "import-tapes", options.folder / "import-git"
    ratios, walls = [], []
    for _ in range(options.count(3)):
        made = make_store(files, ours)
        runs = make_file_repository(files, theirs)
        git_s = sum(run.wall_s for run in runs)
        ratios.append(made.wall_s / git_s)
        walls.append((made.wall_s, git_s, made.peak_mb, max(run.peak_mb for run in runs)))
    middle = sorted(range(len(ratios)), key=lambda n: ratios[n])[len(ratios) // 2]
    ours_s, git_s, ours_mb, git_mb = walls[middle]
    yield Figure(
        f"import of {raw / 1e6:.0f} MB, durable, packed, against add + commit + repack -adf",
        ratios[middle],
        0.6,
        "x git",
        f"{ours_s:.1f} s, {raw / 1e6 / ours_s:.0f} MB/s, {ours_mb:.0f} MB;"
        f" git {git_s:.1f} s, {git_mb:.0f} MB",
    )
    yield from _measure_size(f"{raw / 1e6:.0f} MB of transcripts", ours, theirs, 0.85)


def measure_real(options: Options) -> Iterator[Figure]:
    """Yield the size of real transcripts after gc, where they are at hand."""
    # A folder of the data holds transcripts of another harness, for importers to tell apart.
    files = [path for path in sorted(REAL_DATA.rglob("*.jsonl")) if "codex" not in path.parts]
    if not files:
        return
    ours, theirs = options.folder / "real-tapes", options.folder / "real-git"
    make_store(files, ours)
    make_file_repository(files, theirs)
    raw = sum(path.stat().st_size for path in files)
    yield from _measure_size(f"{raw / 1e6:.1f} MB of real transcripts", ours, theirs, 1.0)


def measure_gc(options: Options) -> Iterator[Figure]:
    """Yield the peak memory of folding 1 GB raw that came in ten imports."""
    store = options.folder / "gc-tapes"
    shutil.rmtree(store, ignore_errors=True)
    store.mkdir(parents=True)
    tapes(store, "init")
    (store / ".tapes" / "config").write_text("[gc]\nauto = 0\n")
    raw = 0
    for part in range(10):
        corpus = write_corpus(
            options.folder / f"part-{part}", size_mb=options.scale(100), seed=100 + part
        )
        files = sorted(corpus.glob("*.jsonl"))
        raw += sum(path.stat().st_size for path in files)
        tapes(store, "import", *map(str, files))
    before = folder_size(store / ".tapes" / "objects")
    run = tapes(store, "gc")
    after = folder_size(store / ".tapes" / "objects")
    yield Figure(
        f"gc of {raw / 1e6:.0f} MB raw in ten packs",
        run.peak_mb,
        PEAK_GC_MB,
        "MB peak",
        f"{run.wall_s:.1f} s, {before / 1e6:.1f} MB to {after / 1e6:.1f} MB",
    )
    full = tapes(store, "repack", "-a", "-d", "-f")
    yield Figure(
        f"repack -a -d -f of {raw / 1e6:.0f} MB raw",
        full.peak_mb,
        PEAK_GC_MB,
        "MB peak",
        f"{full.wall_s:.1f} s, to {folder_size(store / '.tapes' / 'objects') / 1e6:.1f} MB",
    )


def make_store(files: list[Path], folder: Path):
    """Make a new store, import the files by one command and return that run."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tapes(folder, "init")
    (folder / ".tapes" / "config").write_text("[gc]\nauto = 0\n")
    return tapes(folder, "import", *map(str, files))


def _measure_size(what: str, ours: Path, theirs: Path, limit: float) -> Iterator[Figure]:
    collected = tapes(ours, "gc")
    aggressive = git(theirs, "gc", "--quiet", "--aggressive", "--prune=now")
    our_size = folder_size(ours / ".tapes" / "objects")
    git_size = folder_size(theirs / ".git" / "objects")
    yield Figure(
        f"size of {what} after gc, against gc --aggressive",
        our_size / git_size,
        limit,
        "x git",
        f"{our_size / 1e6:.2f} MB, gc {collected.wall_s:.1f} s, {collected.peak_mb:.0f} MB;"
        f" git {git_size / 1e6:.2f} MB, {aggressive.wall_s:.1f} s, {aggressive.peak_mb:.0f} MB",
    )
