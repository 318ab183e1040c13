"""Fuzz heads of bundles."""

from __future__ import annotations

from tapegit.errors import DataError
from tapegit.formats.bundle import decode_header, encode_header
from tests.fuzz.driver import run, seeds_of

SEEDS = seeds_of("bundlehead", "bundle")


def target(data: bytes) -> None:
    """Take any bytes."""
    try:
        head, end = decode_header(data)
    except DataError:
        return
    again, end_again = decode_header(encode_header(head))
    assert again.refs == head.refs
    assert end_again <= end


if __name__ == "__main__":
    run(target, SEEDS)
