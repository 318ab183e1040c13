"""What the matrix found: one line per case, printed when the run ends.

Rules: lines go to the file named by `TAPES_FAULTS_EVIDENCE` as they arise, by append, so that
several workers may share it; each is `case<tab>runs<tab>bad<tab>note`.
"""

from __future__ import annotations

import os

VARIABLE = "TAPES_FAULTS_EVIDENCE"


def record(case: str, runs: int, bad: int, note: str = "") -> None:
    """Add the outcome of one case."""
    path = os.environ.get(VARIABLE)
    if path is None:
        return
    line = f"{case}\t{runs}\t{bad}\t{note}\n".encode()
    number = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(number, line)
    os.close(number)


def format_table(text: str) -> str:
    """Return recorded lines as an aligned table, ordered by case."""
    rows = sorted(line.split("\t") for line in text.splitlines())
    width = max((len(row[0]) for row in rows), default=0)
    return "\n".join(
        f"{case:<{width}}  {runs:>5} runs  {bad:>3} bad  {note}" for case, runs, bad, note in rows
    )
