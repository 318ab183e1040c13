"""Fuzz canonical JSON."""

from __future__ import annotations

from tapegit.errors import DataError
from tapegit.objects.canonical import decode_canonical, encode_canonical
from tests.fuzz.driver import run, seeds_of

SEEDS = seeds_of("canonical", "turn")


def target(data: bytes) -> None:
    """Take any bytes."""
    try:
        value = decode_canonical(data)
    except DataError:
        return
    assert encode_canonical(value) == data


if __name__ == "__main__":
    run(target, SEEDS)
