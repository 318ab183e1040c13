"""What fuzz targets share: seeds from the vectors, mutations, and the loop of atheris.

Each `fuzz_<what>.py` of this folder has a `target(data)` that must return for any bytes: it
catches TapesError alone, and asserts what must hold of bytes that are good. `SEEDS` are bytes
to begin with. `make fuzz` runs them under atheris, which is no dependency of the project; the
test suite runs them over seeds mutated with a fixed seed.
"""

from __future__ import annotations

import random
import sys
import tempfile  # no store is near
from pathlib import Path
from typing import TYPE_CHECKING

from tests.vectors.vector import iter_vectors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Target = Callable[[bytes], None]

SEED_SIZE_MAX_BYTES = 1 << 13
EDIT_COUNT_MAX = 6
INTERESTING = [
    b"\0",
    b"\xff",
    b"\x7f",
    b"\x80",
    b"\n",
    b" ",
    b'"',
    b"\\",
    b"[",
    b"{}",
    b"-1",
    b"0" * 64,
]
INTERESTING += [
    b"\xff" * 4,
    b"\xff" * 8,
    b"\0" * 8,
    b"\xed\xa0\x80",
    b"\\ud800",
    b"9" * 30,
    b"/",
    b"..",
]


def seeds_of(*formats: str) -> list[bytes]:
    """Return the bytes of the vectors of some formats, but for large ones."""
    found = [vector.data for name in formats for vector in iter_vectors(name)]
    return [data for data in found if len(data) <= SEED_SIZE_MAX_BYTES]


def iter_mutants(seeds: list[bytes], count: int, seed: str) -> Iterator[bytes]:
    """Yield the seeds, and then as many changed copies of them; always the same ones."""
    yield from seeds
    rng = random.Random(seed)
    for _ in range(count):
        data = bytearray(rng.choice(seeds))
        for _ in range(rng.randint(1, EDIT_COUNT_MAX)):
            _edit(rng, data, rng.choice(seeds))
        yield bytes(data)


def _edit(rng: random.Random, data: bytearray, other: bytes) -> None:
    place = rng.randrange(len(data) + 1)
    end = min(place + rng.choice([1, 1, 2, 4, 8, 40]), len(data))
    choice = rng.randrange(7)
    if choice == 0 and place < len(data):
        data[place] ^= 1 << rng.randrange(8)
    elif choice == 1:
        data[place:end] = rng.choice(INTERESTING)
    elif choice == 2:
        data[place:place] = rng.choice(INTERESTING)
    elif choice == 3:
        del data[place:end]
    elif choice == 4:
        data[place:place] = data[place:end] * rng.choice([1, 2, 50])
    elif choice == 5:
        start = rng.randrange(len(other) + 1)
        data[place:end] = other[start : start + rng.choice([4, 32, 66, 400])]
    else:
        del data[place:]


def run(target: Target, seeds: list[bytes]) -> None:
    """Fuzz a target with atheris, whose options are the arguments of the program."""
    import atheris

    with tempfile.TemporaryDirectory() as folder:
        for number, data in enumerate(seeds):
            (Path(folder) / f"{number:04}").write_bytes(data)
        # The package is loaded already: what is instrumented here is what it calls.
        atheris.instrument_all()
        atheris.Setup([*sys.argv, folder], target)
        atheris.Fuzz()
