"""Fuzz bytes to store and to read back."""

from __future__ import annotations

from tapegit.objects.kind import Object
from tapegit.objects.rope_builder import iter_content_objects
from tapegit.objects.rope_reader import read_content
from tapegit.objects.verify import verify_object
from tests.fuzz.driver import run, seeds_of

SEEDS = seeds_of("content")


def target(data: bytes) -> None:
    """Take any bytes."""
    body = data.ljust(4096)
    stored = {}
    for oid, kind, content in iter_content_objects(body):
        verify_object(kind, content)
        stored[oid] = Object(kind, content)
        root = oid
    assert read_content(stored.get, root) == body


if __name__ == "__main__":
    run(target, SEEDS)
