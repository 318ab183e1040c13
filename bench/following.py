"""Budgets of coming back: importing an unchanged tree again, and watching a file that grows."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from bench.budget import Figure
from bench.measure import TAPES, environment, tapes

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.measure import Options

FILE_COUNT = 1000
PROMPT_COUNT = 30
AGAIN_MAX_S = 1.0
WATCH_MAX_S = 2.0
WAIT_MAX_S = 30.0


def measure_following(options: Options) -> Iterator[Figure]:
    """Yield the figures of importing again, and of how soon a watch has what was written."""
    folder = options.folder / "following"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    count = int(options.scale(FILE_COUNT))
    files = [folder / "sessions" / f"s{session}.jsonl" for session in range(count)]
    files[0].parent.mkdir()
    for session, path in enumerate(files):
        path.write_text("".join(_lines(folder, n, f"s{session}") for n in range(PROMPT_COUNT)))
    tapes(folder, "init")
    (folder / ".tapes" / "config").write_text("[gc]\nauto = 0\n")
    time.sleep(0.3)  # the times of the last files have to settle
    first = tapes(folder, "import", "sessions")
    before = _look(folder / ".tapes")
    runs = [tapes(folder, "import", "sessions") for _ in range(options.count(9))]
    changed = len(before.items() ^ _look(folder / ".tapes").items())
    raw = sum(path.stat().st_size for path in files)
    yield Figure(
        f"import of {len(files)} unchanged files, again",
        statistics.median(run.wall_s for run in runs),
        AGAIN_MAX_S,
        "s",
        f"{raw / 1e6:.0f} MB; the first time {first.wall_s:.1f} s",
    )
    yield Figure("files and folders changed by it", changed, 0, "", "times counted")
    for size_mb in (1, 20):
        delays = _measure_watch(folder / f"watch-{size_mb}", size_mb, options.count(15))
        yield Figure(
            f"from a line in a session of {size_mb} MB to its turn, watched",
            max(delays),
            WATCH_MAX_S,
            "s",
            f"median {statistics.median(delays):.2f} s of {len(delays)}",
        )


def _look(store: Path) -> dict[str, tuple[int, ...]]:
    """Return what every file and folder of a store looks like."""
    return {
        str(path): (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        for path in [store, *store.rglob("*")]
        for status in [path.lstat()]
    }


def _measure_watch(folder: Path, size_mb: int, count: int) -> list[float]:
    """Return how long it took from each line that closes a message until a ref had it."""
    home = folder / "home"
    place = home / ".claude/projects" / str(folder).replace("/", "-").replace(".", "-")
    place.mkdir(parents=True)
    tapes(folder, "init")
    path = place / "s.jsonl"
    number = 0
    with path.open("w") as file:
        while file.tell() < size_mb << 20:
            file.write(_lines(folder, number))
            number += 1
    delays = []
    with _watching(folder, home):
        tip = _wait_for_tip(folder, "")
        for _ in range(count):
            with path.open("a") as file:
                file.write(_lines(folder, number))
            number += 1
            begun_s = time.perf_counter()
            tip = _wait_for_tip(folder, tip)
            delays.append(time.perf_counter() - begun_s)
    return delays


def _lines(folder: Path, number: int, session: str = "s") -> str:
    """Return a prompt and its answer as lines of a transcript."""
    own = {"sessionId": session, "cwd": str(folder), "timestamp": "2026-01-01T00:00:00Z"}
    text = f"{session} {number} " + "what was said in this place, at some length. " * 40
    ask = {"type": "user", "uuid": f"u{number}", "message": {"role": "user", "content": text}}
    if number:
        ask["parentUuid"] = f"a{number - 1}"
    block = [{"type": "text", "text": text}]
    message = {"id": f"m{number}", "role": "assistant", "content": block}
    say = {"type": "assistant", "uuid": f"a{number}", "parentUuid": f"u{number}"}
    records = ({**own, **ask}, {**own, **say, "message": message})
    return "".join(json.dumps(record) + "\n" for record in records)


@contextmanager
def _watching(folder: Path, home: Path) -> Iterator[None]:
    process = subprocess.Popen(
        [*TAPES, "watch"],
        cwd=folder,
        env={**environment(), "HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait()


def _wait_for_tip(folder: Path, before: str) -> str:
    """Return what the ref of the session holds as soon as that is another id."""
    end_s = time.perf_counter() + WAIT_MAX_S
    ref = folder / ".tapes/refs/sessions/claude-code/s/file/main"
    packed = folder / ".tapes/packed-refs"
    while time.perf_counter() < end_s:
        for source in (ref, packed):
            if not os.path.exists(source):
                continue
            words = source.read_text().split()
            tip = next((word for word in words if len(word) == 64), before)
            if tip != before:
                return tip
        time.sleep(0.01)
    raise RuntimeError("the watch did not import what was written")
