"""Fuzz turns."""

from __future__ import annotations

from tapegit.errors import DataError
from tapegit.objects.canonical import decode_canonical
from tapegit.objects.turn import (
    decode_links,
    decode_step,
    decode_subject,
    decode_turn,
    encode_turn,
    verify_turn,
)
from tests.fuzz.driver import run, seeds_of

READERS = (decode_turn, decode_subject, decode_links, decode_step)
SEEDS = seeds_of("turn")


def target(data: bytes) -> None:
    """Take any bytes."""
    for read in READERS:
        try:
            read(data)
        except DataError:
            pass
    try:
        turn = verify_turn(data)
    except DataError:
        return
    decode_canonical(data)
    assert decode_turn(data) == turn
    # Keys that are not known are gone now, and with them parts that had no others.
    verify_turn(encode_turn(turn))
    assert decode_links(data).parents == turn.parent_ids
    assert decode_subject(data).summary == turn.summary


if __name__ == "__main__":
    run(target, SEEDS)
