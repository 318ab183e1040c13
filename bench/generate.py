"""Write generated transcripts: `python -m bench.generate --mb 300 --out DIR`.

Rules: the files are a pure function of the options, so a folder that is already complete (it
holds `.complete` with the same options) is left as it is.
"""

from __future__ import annotations

import argparse
import shutil
import zlib
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random
from typing import NamedTuple

from bench.transcripts import FULL, LEAN, Scale, Session

SESSION_MEDIAN_BYTES = 700_000
SESSIONS_PER_PROJECT = 120
RESUMED_EVERY = 7
"""One session in this many begins with a copy of another's history under its old uuids."""

SESSION_SPREAD = 1.1
"""Sizes of sessions are log-normal around the median; the mean is the real 1.3 MB."""


class Plan(NamedTuple):
    """What one session is: its luck, its scale, the project and how old that is, and its end."""

    seed: int
    scale: Scale
    project: int = 0
    age: int = 0
    size: int | None = None
    messages: int | None = None
    resumed: Plan | None = None


def _write_session(path: Path, plan: Plan) -> int:
    session = Session(plan.seed, plan.scale, project=plan.project, age=plan.age)
    written = 0
    target = path / f"{session.session_id}.jsonl"
    with target.open("wb") as file:
        if plan.resumed is not None:
            written += file.write(_copy_history(plan.resumed, session.session_id))
        for line in session.iter_lines(plan.size, plan.messages):
            written += file.write(line)
    return written


def _copy_history(earlier: Plan, session_id: str) -> bytes:
    """Return another session's records under a new session id, as a resumed session begins."""
    session = Session(earlier.seed, earlier.scale, project=earlier.project, age=earlier.age)
    lines = b"".join(session.iter_lines(earlier.size))
    return lines.replace(session.session_id.encode(), session_id.encode())


def write_corpus(out: Path, *, size_mb: float, seed: int = 1, jobs: int = 2) -> Path:
    """Write sessions of the real sizes until they are `size_mb` million bytes in all."""
    options = f"corpus mb={size_mb} seed={seed}"
    if not _begin(out, options):
        return out
    random = Random(seed)
    left = int(size_mb * 1e6)
    sizes = []
    while left > 0:
        size = int(SESSION_MEDIAN_BYTES * random.lognormvariate(0, SESSION_SPREAD))
        sizes.append(min(left, max(4_000, min(size, 12_000_000))))
        left -= sizes[-1]
    plans = [
        Plan(
            seed * 1_000_003 + n,
            FULL,
            project=seed + n // SESSIONS_PER_PROJECT,
            age=n % SESSIONS_PER_PROJECT,
            size=size,
        )
        for n, size in enumerate(sizes)
    ]
    for n in range(RESUMED_EVERY, len(plans), RESUMED_EVERY):
        plans[n] = plans[n]._replace(resumed=plans[n - 1]._replace(resumed=None))
    with ProcessPoolExecutor(jobs) as pool:
        futures = [pool.submit(_write_session, out, plan) for plan in plans]
        for future in futures:
            future.result()
    _end(out, options)
    return out


def write_long_session(out: Path, *, messages: int, seed: int = 2) -> Path:
    """Write one session of many short messages: for what depends on the number of turns."""
    options = f"long messages={messages} seed={seed}"
    if _begin(out, options):
        _write_session(out, Plan(seed, LEAN, messages=messages))
        _end(out, options)
    return out


def write_short_sessions(out: Path, *, count: int, messages: int, seed: int = 3) -> Path:
    """Write many small sessions: for a store of many packs."""
    options = f"short count={count} messages={messages} seed={seed}"
    if _begin(out, options):
        for n in range(count):
            _write_session(out, Plan(seed * 1_000_003 + n, LEAN, age=n, messages=messages))
        _end(out, options)
    return out


def _sign(options: str) -> str:
    """Return the options with a checksum of the generator, so that a change makes new files."""
    folder = Path(__file__).parent
    sources = [folder / name for name in ("generate.py", "material.py", "transcripts.py")]
    return f"{options} generator={zlib.crc32(b''.join(p.read_bytes() for p in sources)):08x}"


def _begin(out: Path, options: str) -> bool:
    marker = out / ".complete"
    if marker.exists() and marker.read_text() == _sign(options):
        return False
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    return True


def _end(out: Path, options: str) -> None:
    (out / ".complete").write_text(_sign(options))


def main() -> None:
    """Parse the options and write what they ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--mb", type=float, default=300)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--messages", type=int, help="one long session of this many messages")
    options = parser.parse_args()
    if options.messages:
        write_long_session(options.out, messages=options.messages, seed=options.seed)
    else:
        write_corpus(options.out, size_mb=options.mb, seed=options.seed)


if __name__ == "__main__":
    main()
