"""Fuzz packs, also with their checksum made right."""

from __future__ import annotations

from tapegit.errors import DataError
from tapegit.objects.kind import object_id
from tapegit.objects.oid import hash_content
from tapegit.store.index_builder import build_index
from tests.fuzz.driver import run, seeds_of
from tests.vectors.formats import PackBytes, decode_index

SEEDS = seeds_of("pack")


def target(data: bytes) -> None:
    """Take any bytes."""
    for pack in (data, data[:-32] + hash_content(data[:-32])):
        oids = []

        def visit(ordinal, oid, found, oids=oids):
            assert object_id(found.kind, found.data) == oid
            oids.append(oid.hex())

        try:
            built = build_index(PackBytes(pack), visit=visit)
        except DataError:
            continue
        assert decode_index(built.encode(), {})["ids"] == oids


if __name__ == "__main__":
    run(target, SEEDS)
