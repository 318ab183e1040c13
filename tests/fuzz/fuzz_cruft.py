"""Fuzz cruft files, also with their checksum made right."""

from __future__ import annotations

from tapegit.errors import DataError
from tapegit.formats.cruft import decode_cruft, encode_cruft
from tapegit.objects.oid import hash_content
from tests.fuzz.driver import run, seeds_of

SEEDS = seeds_of("cruft")


def target(data: bytes) -> None:
    """Take any bytes."""
    for file in (data, data[:-32] + hash_content(data[:-32])):
        pack, count = file[16:48], int.from_bytes(file[8:12], "little")
        try:
            times = decode_cruft(file, pack_checksum=pack, count=count, where="fuzz")
        except DataError:
            continue
        assert encode_cruft(pack, times) == file


if __name__ == "__main__":
    run(target, SEEDS)
