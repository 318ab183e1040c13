"""Measure every budget: `python -m bench`, or only those whose names are given.

Rules: exits 1 where a budget is exceeded, so that a script can tell; nothing is compared with
figures of another machine.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from bench.budget import Figure, format_figures
from bench.capture import measure_long_session, measure_recorders, measure_wire
from bench.comparing import measure_diff
from bench.finding import measure_finding
from bench.following import measure_following
from bench.listing import measure_listing
from bench.measure import ROOT, Options, fsync_ms, git
from bench.proxying import measure_proxy
from bench.reading import measure_reading
from bench.replaying import measure_replaying
from bench.rewriting import measure_rewriting
from bench.searching import measure_search
from bench.sharing import measure_sharing
from bench.stepping import measure_stepping
from bench.writing import measure_gc, measure_import, measure_real

PARTS = {
    "import": measure_import,
    "real": measure_real,
    "gc": measure_gc,
    "rewrite": measure_rewriting,
    "read": measure_reading,
    "diff": measure_diff,
    "list": measure_listing,
    "step": measure_stepping,
    "replay": measure_replaying,
    "follow": measure_following,
    "search": measure_search,
    "secrets": measure_finding,
    "share": measure_sharing,
    "wire": measure_wire,
    "calls": measure_long_session,
    "capture": measure_recorders,
    "proxy": measure_proxy,
}


def main() -> int:
    """Measure and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], help="which; all by default")
    parser.add_argument("--folder", type=Path, default=ROOT / ".bench")
    parser.add_argument("--quick", action="store_true", help="a tenth of the data")
    arguments = parser.parse_args()
    options = Options(arguments.folder.resolve(), 0.1 if arguments.quick else 1.0)
    options.folder.mkdir(parents=True, exist_ok=True)
    print(
        f"{os.cpu_count()} processors, python {sys.version.split()[0]},"
        f" {git(options.folder, '--version').out.decode().strip()},"
        f" fsync {fsync_ms(options.folder):.2f} ms"
    )
    figures: list[Figure] = []
    for name in arguments.parts or PARTS:
        started = time.perf_counter()
        for figure in PARTS[name](options):
            figures.append(figure)
            print(format_figures([figure]), flush=True)
        print(f"# {name}: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    print()
    print(format_figures(figures))
    return 0 if all(figure.is_met for figure in figures) else 1


if __name__ == "__main__":
    sys.exit(main())
