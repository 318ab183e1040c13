"""Fuzz files of packed refs, also with their checksum made right."""

from __future__ import annotations

from tapegit.errors import DataError
from tapegit.formats.packedrefs import PackedRefs
from tapegit.objects.oid import hash_content
from tests.fuzz.driver import run, seeds_of

TRAILER_SIZE_BYTES = 74
SEEDS = seeds_of("packedrefs")


def target(data: bytes) -> None:
    """Take any bytes."""
    body = data[:-TRAILER_SIZE_BYTES]
    for file in (data, body + b"# blake3 %s\n" % hash_content(body).hex().encode()):
        try:
            packed = PackedRefs(file)
        except DataError:
            continue
        for name in ("refs/heads/main", "", "refs/tags/v1", "\U0010ffff"):
            try:
                packed.find(name)
                list(packed.iter_refs(name))
                packed.splice({name: None})
            except DataError:
                pass
        try:
            packed.names()
        except DataError:
            pass
        try:
            refs = list(packed.iter_refs())
        except DataError:
            continue
        assert [packed.find(ref.name) for ref in refs] == refs
        assert [ref.name for ref in refs] == packed.names()
        assert (
            PackedRefs(packed.splice({ref.name: ref for ref in refs[:1]})).names() == packed.names()
        )


if __name__ == "__main__":
    run(target, SEEDS)
