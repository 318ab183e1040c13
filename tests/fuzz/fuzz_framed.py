"""Fuzz framed objects."""

from __future__ import annotations

from tapegit.errors import DataError
from tapegit.formats.loose import parse_framed
from tapegit.objects.kind import format_framing
from tests.fuzz.driver import run, seeds_of

SEEDS = seeds_of("framed")


def target(data: bytes) -> None:
    """Take any bytes."""
    try:
        kind, content = parse_framed(data, where="fuzz")
    except DataError:
        return
    assert format_framing(kind, len(content)) + content == data


if __name__ == "__main__":
    run(target, SEEDS)
