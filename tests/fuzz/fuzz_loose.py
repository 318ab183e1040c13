"""Fuzz files of loose objects, also where the id is that of what they hold."""

from __future__ import annotations

from tapegit.errors import DataError
from tapegit.formats import zstd
from tapegit.formats.loose import CONTENT_SIZE_MAX_BYTES, decode_loose
from tapegit.objects.kind import object_id
from tapegit.objects.oid import ObjectId, hash_content
from tests.fuzz.driver import run, seeds_of

SEEDS = seeds_of("loose")


def target(data: bytes) -> None:
    """Take any bytes."""
    oids = [ObjectId(bytes(32))]
    try:
        content = zstd.decompress(data, size_max=CONTENT_SIZE_MAX_BYTES, where="fuzz")
        oids.append(ObjectId(hash_content(content)))
    except DataError:
        pass
    try:
        zstd.salvage(data, size_max=CONTENT_SIZE_MAX_BYTES, where="fuzz")
    except DataError:
        pass
    for oid in oids:
        try:
            found = decode_loose(data, oid, where="fuzz")
        except DataError:
            continue
        assert object_id(found.kind, found.data) == oid


if __name__ == "__main__":
    run(target, SEEDS)
