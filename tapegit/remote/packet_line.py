"""Packet lines: how git frames what both sides of a connection say.

Four hexadecimal digits of length, themselves counted, then the data; 0000 ends a message,
0001 separates its parts, 0002 ends a response over http.

Source: gitprotocol-common(5).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tapegit.errors import ProtocolError, RefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Read = Callable[[int], bytes]

FLUSH: Final = b"0000"
DELIMITER: Final = b"0001"
RESPONSE_END: Final = b"0002"
DATA_SIZE_MAX_BYTES: Final = 65516
_LENGTH_SIZE_BYTES: Final = 4
_LENGTH: Final = re.compile(b"[0-9a-f]{4}")
_ERROR: Final = b"ERR "
BAND_DATA: Final = 1
BAND_TEXT: Final = 2
BAND_ERROR: Final = 3


def encode_line(data: bytes) -> bytes:
    """Return one packet line."""
    assert len(data) <= DATA_SIZE_MAX_BYTES, "lines are cut by the caller"
    return b"%04x" % (len(data) + _LENGTH_SIZE_BYTES) + data


def read_line(read: Read) -> bytes | None:
    """Return the data of the next packet line, or None for a flush, delimiter or end.

    Args:
        read: Returns exactly so many bytes.

    Raises:
        ProtocolError: It is no packet line.
        RefusedError: The other side says that it will not.
    """
    head = read(_LENGTH_SIZE_BYTES)
    if head in (FLUSH, DELIMITER, RESPONSE_END):
        return None
    try:
        size = int(head, 16) - _LENGTH_SIZE_BYTES
    except ValueError as error:
        raise ProtocolError(
            f"the remote does not speak git's protocol: {repr(head[:4])[1:]}",
            hint="is the address that of a git repository?",
        ) from error
    if size < 0 or head != head.strip():
        raise ProtocolError(f"the remote sent a line of a length that cannot be: {repr(head)[1:]}")
    data = read(size)
    if data.startswith(_ERROR):
        raise RefusedError(f"the remote says: {clean_text(data[4:]).strip()}")
    return data


def split_lines(data: bytes, start: int) -> tuple[list[bytes], int]:
    """Return the data of the lines that are whole in bytes from a place on, and where they end.

    From what is no line with data on, all is left to `read_line`, which says what it is.
    """
    lines: list[bytes] = []
    sizes: dict[bytes, int] = {}  # there are few, and many lines
    while True:
        head = data[start : start + _LENGTH_SIZE_BYTES]
        size = sizes.get(head)
        if size is None:
            size = int(head, 16) if _LENGTH.fullmatch(head) else 0
            sizes[head] = size
        end = start + size
        if size <= _LENGTH_SIZE_BYTES or end > len(data):
            break
        line = data[start + _LENGTH_SIZE_BYTES : end]
        if line.startswith(_ERROR):
            break
        lines.append(line)
        start = end
    return lines, start


def iter_lines(read: Read) -> Iterator[bytes]:
    """Yield the data of packet lines, without line ends, up to the next flush.

    Raises:
        ProtocolError: Something is no packet line.
        RefusedError: The other side says that it will not.
    """
    while (data := read_line(read)) is not None:
        yield data.removesuffix(b"\n")


def iter_band(read: Read, tell: Callable[[str], None]) -> Iterator[bytes]:
    """Yield the data of the first band of a side band, up to the flush.

    Args:
        read: Returns exactly so many bytes.
        tell: Takes text of the other side, cleaned.

    Raises:
        ProtocolError: Something is no packet line of a side band.
        RefusedError: The other side reports a fatal error.
    """
    while (data := read_line(read)) is not None:
        band = data[0] if data else 0
        if band == BAND_DATA:
            yield data[1:]
        elif band == BAND_TEXT:
            tell(clean_text(data[1:]))
        elif band == BAND_ERROR:
            raise RefusedError(f"the remote says: {clean_text(data[1:]).strip()}")
        else:
            raise ProtocolError("the remote sent a band that does not exist")


def clean_text(data: bytes) -> str:
    """Return text of the other side: of it printable characters, tabs and line ends."""
    text = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n")
    return "".join(each if each in "\n\t" or each.isprintable() else "?" for each in text)
