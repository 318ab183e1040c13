"""Fuzz ref files."""

from __future__ import annotations

from tapegit.errors import DataError
from tapegit.formats.reffile import decode_ref_file, encode_oid, encode_symbolic
from tapegit.objects.oid import ObjectId
from tests.fuzz.driver import run, seeds_of

SEEDS = seeds_of("reffile")


def target(data: bytes) -> None:
    """Take any bytes."""
    try:
        found = decode_ref_file(data)
    except DataError:
        return
    encoded = encode_oid(found) if isinstance(found, ObjectId) else encode_symbolic(found)
    assert encoded == data


if __name__ == "__main__":
    run(target, SEEDS)
