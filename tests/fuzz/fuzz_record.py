"""Fuzz records of a pack."""

from __future__ import annotations

from tapegit.errors import DataError
from tapegit.formats.records import (
    decode_references,
    encode_record,
    join_rope,
    join_turn,
    resolve_references,
    split_turn,
)
from tests.fuzz.driver import run, seeds_of

SECTION = (0, 3, 6, 9, 12, 0, 2, 0)
ORDINALS = {True: 5, False: 8}
SEEDS = seeds_of("turn", "rope", "varint")


def target(data: bytes) -> None:
    """Take any bytes."""
    try:
        references, start = decode_references(data)
        assert encode_record(references, data[start:]) == data
        for is_rope, ordinal in ORDINALS.items():
            for target in resolve_references(references, SECTION, ordinal=ordinal, is_rope=is_rope):
                assert -2 <= target < ordinal
        join_rope(data[start:], [bytes(32)] * len(references))
    except DataError:
        pass
    try:
        tokens, template = split_turn(data)
        assert join_turn(template, [b'"%s"' % token for token in tokens]) == data
    except DataError:
        pass


if __name__ == "__main__":
    run(target, SEEDS)
