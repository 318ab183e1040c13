"""Fuzz bytes to cut, against the second reading of the page."""

from __future__ import annotations

from tapegit.objects.cutter import cut
from tests.fuzz.driver import run, seeds_of
from tests.vectors.reference import cut_by_page

SEEDS = seeds_of("cutter", "turn", "canonical")


def target(data: bytes) -> None:
    """Take any bytes."""
    for body in (data, b'{"messages":[' + data):
        padded = body.ljust(4096)
        found = [[s.start, s.end, "literal" if s.is_literal else "blob"] for s in cut(padded)]
        assert found == cut_by_page(padded)


if __name__ == "__main__":
    run(target, SEEDS)
