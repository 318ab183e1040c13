"""Finding secrets: recall and false positives over a corpus, and the time that a scan takes."""

from __future__ import annotations

import time
from collections import Counter
from typing import TYPE_CHECKING

from bench.budget import Figure
from tapegit.recorder.calls.answers import redact_answer
from tapegit.redact.placeholders import Numbering
from tapegit.redact.redactor import default_redactor
from tests.secret_corpus import FORMATS, iter_harmless, iter_planted

if TYPE_CHECKING:
    from bench.measure import Options

SCANNED_BYTES = 10_000_000
SCAN_LIMIT_S = 5.0
RECALL_MIN = 1.0


def measure_finding(_options: Options) -> list[Figure]:
    """Return recall, false positives, and the time to scan 10 MB of records."""
    redactor = default_redactor()
    planted = list(iter_planted())
    missed = []
    for each in planted:
        clean = redact_answer(redactor, each.text, Numbering())
        if each.is_left(clean):
            missed.append(each)
    by_wrapping = Counter(each.wrapping for each in missed)
    detail = ", ".join(f"{count} of {name}" for name, count in sorted(by_wrapping.items()))
    harmless = list(iter_harmless())
    taken = sum(bool(redactor.find(record, is_json=True)) for record in harmless)
    records = [*harmless, *(each.text for each in planted if each.wrapping == "json")]
    size = sum(map(len, records))
    started = time.process_time()
    for _ in range(-(-SCANNED_BYTES // size)):
        for record in records:
            redactor.find(record, is_json=False)
    elapsed_s = time.process_time() - started
    count = f"{len(planted)} texts of {len(FORMATS)} formats"
    recall = 1 - len(missed) / len(planted)
    return [
        Figure(
            "secrets: recall", recall, RECALL_MIN, "", f"{count}; missed {detail or 'none'}", True
        ),
        Figure("secrets: false positives", taken, 0, "", f"in {len(harmless)} records"),
        Figure("secrets: 10 MB", elapsed_s, SCAN_LIMIT_S, "s", "a third of it holds secrets"),
    ]
