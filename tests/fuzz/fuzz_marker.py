"""Fuzz format markers."""

from __future__ import annotations

from tapegit.errors import DataError
from tapegit.formats.marker import decode_marker, encode_marker, verify_supported
from tests.fuzz.driver import run, seeds_of

SEEDS = seeds_of("marker")


def target(data: bytes) -> None:
    """Take any bytes."""
    try:
        marker = decode_marker(data)
        assert encode_marker(marker) == data
        verify_supported(marker)
    except DataError:
        pass


if __name__ == "__main__":
    run(target, SEEDS)
