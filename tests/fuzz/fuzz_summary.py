"""Fuzz texts that become summaries."""

from __future__ import annotations

from tapegit.objects.turn import Turn, clean_summary, encode_turn
from tests.fuzz.driver import run, seeds_of

SEEDS = seeds_of("summary", "canonical")


def target(data: bytes) -> None:
    """Take any bytes."""
    text = data.decode("utf-8", "surrogateescape")
    summary = clean_summary(text)
    assert len(summary) <= 120
    assert summary == summary.strip(" ")
    if summary:
        encode_turn(Turn(role="user", summary=summary))


if __name__ == "__main__":
    run(target, SEEDS)
