"""Fuzz tags."""

from __future__ import annotations

from tapegit.errors import DataError
from tapegit.objects.tag import decode_tag, encode_tag
from tests.fuzz.driver import run, seeds_of

SEEDS = seeds_of("tag")


def target(data: bytes) -> None:
    """Take any bytes."""
    try:
        tag = decode_tag(data)
    except DataError:
        return
    assert encode_tag(tag) == data


if __name__ == "__main__":
    run(target, SEEDS)
