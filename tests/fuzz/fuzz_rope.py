"""Fuzz nodes of ropes, whole and as records of a pack."""

from __future__ import annotations

from tapegit.errors import DataError
from tapegit.formats.records import join_rope, split_rope
from tapegit.objects.rope import decode_rope, encode_rope
from tests.fuzz.driver import run, seeds_of

SEEDS = seeds_of("rope")


def target(data: bytes) -> None:
    """Take any bytes."""
    try:
        ids, template = split_rope(data)
        assert join_rope(template, ids) == data
    except DataError:
        ids = None
    try:
        node = decode_rope(data)
    except DataError:
        return
    assert encode_rope(node.level, node.whole, node.entries) == data
    assert ids == [entry.oid for entry in node.entries if entry.oid is not None]


if __name__ == "__main__":
    run(target, SEEDS)
