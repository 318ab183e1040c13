"""Messages that tapes itself writes: what a merge brings over, and what mends a torn tape.

The raw bytes are one JSON object with the parts of the message, each as `show --json` prints it.

Source: tapesdialect-tapes-message(7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from tapegit.dialects.parts import AnyPart, Unknown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

NAME: Final = "tapes.message"
DIALECT: Final = "tapes.message@1"


class _Message(msgspec.Struct, frozen=True):
    parts: tuple[AnyPart, ...]


_DECODER: Final = msgspec.json.Decoder(_Message)


def encode_message(parts: Sequence[AnyPart]) -> bytes:
    """Return the raw bytes of a message of these parts.

    Raises:
        ValueError: A text has a lone surrogate.
    """
    return msgspec.json.encode(_Message(tuple(parts))) + b"\n"


def iter_parts(pieces: Iterable[bytes]) -> Iterator[AnyPart]:
    """Yield the parts of a message; bytes that are none are one unknown part."""
    data = b"".join(pieces)
    try:
        message: Any = _DECODER.decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        yield Unknown(type=NAME, raw=data.decode("utf-8", "backslashreplace"))
        return
    yield from message.parts
