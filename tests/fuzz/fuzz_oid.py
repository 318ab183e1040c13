"""Fuzz ids, prefixes and names of kinds."""

from __future__ import annotations

from tapegit.errors import TapesError
from tapegit.objects.kind import parse_kind
from tapegit.objects.oid import ObjectId, OidPrefix
from tests.fuzz.driver import run

SEEDS = [b"c9a94c1a", b"0" * 64, b"blob", b"f" * 4, b"turn"]


def target(data: bytes) -> None:
    """Take any bytes."""
    text = data.decode("utf-8", "surrogateescape")
    prefix = OidPrefix.find(text)
    if prefix is not None:
        low, high = prefix.bounds()
        assert low <= high
        assert low.hex().startswith(prefix)
    for parse in (ObjectId.parse, parse_kind):
        try:
            assert str(parse(text)) == text
        except TapesError:
            pass


if __name__ == "__main__":
    run(target, SEEDS)
