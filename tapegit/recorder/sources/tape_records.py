"""The records of turns that were stored: their numbers in the source and their exact bytes.

The way back from a tape to its source: a turn's pieces, placed by `at` after the last record
of its parent, and cut into records again.

Source: tapesdialect-claude-code(7), "Turns".
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from tapegit.dialects.syntax.json_records import read_raw_records
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import iter_content

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.dialects.syntax.json_records import Record, RecordReader
    from tapegit.objects.rope_reader import Find
    from tapegit.objects.turn import Turn


class PlacedRecord(NamedTuple):
    """A record of a tape: its number, relative to whatever the first `before` counts from."""

    number: int
    data: bytes
    reason: str | None


class PlacedRun(NamedTuple):
    """Pieces of a turn that follow one another: the number of the first record, their ids."""

    first: int
    oids: tuple[ObjectId, ...]


def is_document_turn(turn: Turn) -> bool:
    """Return whether a turn names a whole document: its piece, and only such a one, is at 0."""
    return turn.role == "event" and len(turn.raw) == 1 and turn.raw[0].at == 0


def place_runs(turn: Turn, before: int) -> list[PlacedRun]:
    """Return the runs of a turn, pieces that directly follow one another joined.

    Args:
        turn: The turn.
        before: The number of the last record of its parent, or 0.
    """
    runs: list[PlacedRun] = []
    for piece in turn.raw:
        oid = ObjectId.parse(piece.oid)
        if piece.at is None and runs:
            runs[-1] = PlacedRun(runs[-1].first, (*runs[-1].oids, oid))
        else:
            runs.append(PlacedRun(before + (1 if piece.at is None else piece.at), (oid,)))
    return runs


def iter_turn_records(
    find: Find, turn: Turn, before: int, *, is_whole: bool
) -> Iterator[PlacedRecord]:
    """Yield the records of a turn, in the order of its pieces.

    Args:
        find: Finds objects.
        turn: The turn.
        before: The number of the last record of its parent, or 0.
        is_whole: Whether numbers count from the beginning of the source.

    Raises:
        ObjectNotFoundError: A piece is missing.
        DataError: A piece is damaged.
    """
    for first, oids in place_runs(turn, before):
        reader = read_raw_records(is_whole=is_whole and first == 1)
        for record in _read_run(find, reader, oids):
            yield PlacedRecord(first + record.number - 1, record.data, record.reason)


def _read_run(
    find: Find, reader: RecordReader[bytes], oids: tuple[ObjectId, ...]
) -> Iterator[Record[bytes]]:
    yield from reader.read_all(chain.from_iterable(iter_content(find, oid) for oid in oids))
