"""What a turn says: its raw bytes, the parts that its dialect makes of them, and their text."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.dialects.meaning.arguments import split_arguments
from tapegit.dialects.parts import (
    Compaction,
    Failure,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Unknown,
)
from tapegit.dialects.table import find_decoder
from tapegit.objects.oid import ObjectId
from tapegit.objects.rope_reader import iter_content

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.dialects.parts import AnyPart
    from tapegit.objects.rope_reader import Find
    from tapegit.objects.turn import Turn

UNKNOWN_SIZE_MAX_BYTES: Final = 1 << 20

_SPAWNING: Final = ("agent", "task")


def iter_pieces(find: Find, turn: Turn) -> Iterator[bytes]:
    """Yield the exact bytes that a turn was read from.

    Raises:
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    for piece in turn.raw:
        yield from iter_content(find, ObjectId.parse(piece.oid))


def iter_parts(find: Find, turn: Turn) -> Iterator[AnyPart]:
    """Yield the parts of a turn; of a dialect that nothing here reads, the bytes as unknown.

    Raises:
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    yield from decode_parts(turn, iter_pieces(find, turn))


def decode_parts(turn: Turn, pieces: Iterable[bytes]) -> Iterator[AnyPart]:
    """Yield the parts that the dialect of a turn makes of these bytes.

    A response that is no message, such as a count or a list, is one part as it is.
    """
    decode = find_decoder(turn.dialect)
    if decode is not None and turn.role == "event" and turn.call is not None:
        kept = list(pieces)
        parts = list(decode(kept))
        yield from parts or _iter_unknown("response", kept)
    elif decode is not None:
        yield from decode(pieces)
    elif turn.value is not None:
        yield Text(text=turn.value)
    else:
        yield from _iter_unknown(turn.dialect or "raw", pieces)


def _iter_unknown(kind: str, pieces: Iterable[bytes]) -> Iterator[AnyPart]:
    for piece in pieces:
        head = piece[:UNKNOWN_SIZE_MAX_BYTES].decode("utf-8", "backslashreplace")
        yield Unknown(type=kind, raw=head)


def may_spawn(turn: Turn) -> bool:
    """Return whether one of the tools that a turn called may have spawned an agent, by its name."""
    return any(map(is_spawning, turn.tools))


def is_spawning(tool: str) -> bool:
    """Return whether a tool may spawn agents, by its name."""
    name = tool.casefold()
    return any(sign in name for sign in _SPAWNING)


def iter_texts(part: AnyPart) -> Iterator[str]:
    """Yield what a part says, for searching: text, thinking, names and arguments, results.

    Of arguments each string is what it says, without JSON's escapes; of what is unknown
    nothing is searched.
    """
    if isinstance(part, Text | Thinking | ToolResult | Failure | Compaction):
        yield part.text
    elif isinstance(part, ToolCall):
        yield part.name
        arguments = split_arguments(part.arguments)
        if arguments is None:
            yield part.arguments
        else:
            yield from (f"{name}: {value}" for name, value in arguments)


def read_body(find: Find, turn: Turn) -> str:
    """Return the texts that were said in a turn, an empty line between them.

    Raises:
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    texts = (part.text.strip("\n") for part in iter_parts(find, turn) if isinstance(part, Text))
    return "\n\n".join(filter(None, texts))
