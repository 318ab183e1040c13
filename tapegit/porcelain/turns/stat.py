"""What is in a turn, in numbers: parts, bytes, tool calls, and the files that calls name.

Source: tapes-log(1), "STATISTICS".
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from tapegit.dialects.meaning.named_files import iter_files
from tapegit.dialects.parts import ToolCall
from tapegit.porcelain.turns.parts import decode_parts, iter_pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.objects.rope_reader import Find
    from tapegit.objects.turn import Turn


class TurnStat(NamedTuple):
    """The numbers of one turn.

    Attributes:
        parts: How many parts its raw bytes were decoded to.
        size_bytes: How long these are.
        calls: How often it called each tool, by name in the order of the calls.
        files: Which tools it called on each file, and how often, in the order of the calls.
    """

    parts: int
    size_bytes: int
    calls: Counter[str]
    files: dict[str, Counter[str]]


def measure(find: Find, turn: Turn) -> TurnStat:
    """Return the numbers of a turn.

    Raises:
        ObjectNotFoundError: An object that it was read from is missing.
        DataError: Such an object is damaged.
    """
    parts = size_bytes = 0
    calls: Counter[str] = Counter()
    files: dict[str, Counter[str]] = {}

    def counted() -> Iterator[bytes]:
        nonlocal size_bytes
        for piece in iter_pieces(find, turn):
            size_bytes += len(piece)
            yield piece

    for part in decode_parts(turn, counted()):
        parts += 1
        if isinstance(part, ToolCall):
            calls[part.name] += 1
            for path in dict.fromkeys(iter_files(part)):
                files.setdefault(path, Counter())[part.name] += 1
    return TurnStat(parts, size_bytes, calls, files)
