"""Fuzz revisions and ranges."""

from __future__ import annotations

from tapegit.errors import TapesError
from tapegit.graph.dates import parse_date
from tapegit.graph.revision import parse_range, parse_revision
from tests.fuzz.driver import run

SEEDS = [
    b"HEAD~3^2",
    b"main@{1}",
    b"a..b",
    b"a...b",
    b":/text",
    b"x:raw/3",
    b"x#46",
    b"^x",
    b"x^{turn}",
    b"x^@",
    b"@{latest}",
    b"x^!",
    b"2026-01-02T03:04:05Z",
    b"3.days.ago",
    b"yesterday",
]


def target(data: bytes) -> None:
    """Take any bytes."""
    text = data.decode("utf-8", "surrogateescape")
    for parse in (parse_revision, parse_range, lambda date: parse_date(date, 1_780_000_000_000)):
        try:
            parse(text)
        except TapesError:
            pass


if __name__ == "__main__":
    run(target, SEEDS)
