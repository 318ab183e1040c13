"""Fuzz indexes of packs, with their checksum made right, verified and not."""

from __future__ import annotations

from tapegit.errors import DataError
from tapegit.formats.packindex import PackIndex
from tapegit.objects.oid import OidPrefix, hash_content
from tests.fuzz.driver import run, seeds_of
from tests.vectors.formats import decode_index, encode_index

SEEDS = seeds_of("packindex")


def target(data: bytes) -> None:
    """Take any bytes."""
    sealed = data[:-32] + hash_content(data[:-32])
    try:
        value = decode_index(sealed, {})
    except DataError:
        value = None
    if value is not None:
        assert decode_index(encode_index(value), {}) == value
    try:
        index = PackIndex(memoryview(sealed), where="fuzz")
    except DataError:
        return
    for oid in (data[:32].ljust(32), index.id_at(0).ljust(32)):
        index.find_position(oid)
        index.find_neighbours(oid)
    index.match_prefix(OidPrefix("abcd"), 3)
    for turn in range(index.header.turn_count):
        try:
            index.parents_at(turn)
        except DataError:
            pass


if __name__ == "__main__":
    run(target, SEEDS)
