"""Fuzz reflogs."""

from __future__ import annotations

from tapegit.errors import DataError
from tapegit.formats.reflog import encode_line, iter_entries, iter_sound_entries, whole_size
from tests.fuzz.driver import run, seeds_of

SEEDS = seeds_of("reflog")


def target(data: bytes) -> None:
    """Take any bytes."""
    sound = list(iter_sound_entries(data))
    assert 0 <= whole_size(data) <= len(data)
    for entry in sound:
        again = list(iter_entries(encode_line(entry)))
        assert len(again) == 1
        assert again[0][:3] == entry[:3]
    try:
        entries = list(iter_entries(data))
    except DataError:
        return
    assert entries == sound[: len(entries)]


if __name__ == "__main__":
    run(target, SEEDS)
