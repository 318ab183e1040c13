"""Fuzz varints."""

from __future__ import annotations

from tapegit.errors import DataError
from tapegit.objects.varint import decode_varint, encode_varint
from tests.fuzz.driver import run, seeds_of

SEEDS = seeds_of("varint")


def target(data: bytes) -> None:
    """Take any bytes."""
    try:
        number, end = decode_varint(data, 0)
    except DataError:
        return
    assert encode_varint(number) == data[:end]


if __name__ == "__main__":
    run(target, SEEDS)
