r"""A reflog: one line for each move of a ref, oldest first.

Rules: a line is appended in one write and carries its own checksum; the last line may be
torn by a crash and is then no line at all; any other line that does not check is damage.

    <old> <new> <time ms> <who>\t<message>\t<check>\n

Source: tapesformat-reflog(5).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import IntegrityError
from tapegit.objects.oid import ObjectId, hash_content

if TYPE_CHECKING:
    from collections.abc import Iterator

LINE_SIZE_MAX_BYTES: Final = 4096
WHO_SIZE_MAX_BYTES: Final = 256
CHECK_LENGTH: Final = 8
TIME_MS_MAX: Final = (1 << 53) - 1
NOBODY: Final = "-"

_LINE: Final = re.compile(
    rb"([0-9a-f]{64}) ([0-9a-f]{64}) ([0-9]{1,16}) ([^\x00-\x20\x7f]+)\t([^\t\n]*)\t([0-9a-f]{8})"
)
# Patterns of messages are compiled when one is read or written: most runs do neither.
_ESCAPE: Final = "[\\\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]"
_ESCAPED: Final = r"\\(?:u([0-9a-f]{4})|([\\ntr]))"
_SHORT: Final = {"\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}
_LONG: Final = {"\\": "\\", "n": "\n", "t": "\t", "r": "\r"}
_WHO_KEPT: Final = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._@+")
_PERCENT: Final = rb"%([0-9a-f]{2})"


class ReflogEntry(NamedTuple):
    """One move: `old` or `new` is `ZERO_OID` where the ref did not exist; time in ms.

    `who` is empty where nobody is named.
    """

    old: ObjectId
    new: ObjectId
    time_ms: int
    who: str
    message: str


def encode_line(entry: ReflogEntry) -> bytes:
    """Return the line of an entry; who and message are cut to what fits into 4096 bytes."""
    time_ms = min(max(entry.time_ms, 0), TIME_MS_MAX)
    head = f"{entry.old.hex()} {entry.new.hex()} {time_ms} {_format_who(entry.who)}\t".encode()
    message = _format_message(entry.message, LINE_SIZE_MAX_BYTES - len(head) - CHECK_LENGTH - 2)
    line = head + message
    return line + b"\t" + _check(line) + b"\n"


def _check(line: bytes) -> bytes:
    return hash_content(line).hex()[:CHECK_LENGTH].encode()


def _format_who(who: str) -> str:
    if not who:
        return NOBODY
    kept: list[str] = []
    left_bytes = WHO_SIZE_MAX_BYTES
    for byte in who.encode("utf-8", "replace"):
        piece = chr(byte) if byte in _WHO_KEPT else f"%{byte:02x}"
        left_bytes -= len(piece)
        if left_bytes < 0:
            break
        kept.append(piece)
    return "".join(kept)


def _parse_who(text: bytes) -> str:
    if text == NOBODY.encode():
        return ""
    plain = re.sub(_PERCENT, lambda match: bytes.fromhex(match[1].decode()), text)
    return plain.decode("utf-8", "replace")


def _format_message(message: str, size_max_bytes: int) -> bytes:
    if not re.search(_ESCAPE, message):
        encoded = message.encode()
        if len(encoded) <= size_max_bytes:
            return encoded
    pieces: list[bytes] = []
    left_bytes = size_max_bytes
    for character in message:
        piece = re.sub(_ESCAPE, _escape, character).encode()
        left_bytes -= len(piece)
        if left_bytes < 0:
            break
        pieces.append(piece)
    return b"".join(pieces)


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return _SHORT.get(character) or f"\\u{ord(character):04x}"


def _unescape(match: re.Match[str]) -> str:
    return chr(int(match[1], 16)) if match[1] else _LONG[match[2]]


def decode_line(line: bytes) -> ReflogEntry | None:
    """Return the entry of a line without its newline, or None where it does not check."""
    match = _LINE.fullmatch(line)
    if match is None or len(line) >= LINE_SIZE_MAX_BYTES:
        return None
    if _check(line[: -CHECK_LENGTH - 1]) != match[6]:
        return None
    try:
        message = match[5].decode()
    except UnicodeDecodeError:
        return None
    return ReflogEntry(
        ObjectId.fromhex(match[1].decode()),
        ObjectId.fromhex(match[2].decode()),
        int(match[3]),
        _parse_who(match[4]),
        re.sub(_ESCAPED, _unescape, message),
    )


def iter_entries(data: bytes, *, where: str = "reflog") -> Iterator[ReflogEntry]:
    """Yield the entries of a whole reflog, oldest first; a torn last line is passed over.

    Raises:
        IntegrityError: A line other than the last does not check; it is named by number.
    """
    start = 0
    number = 0
    size_bytes = whole_size(data)
    while start < size_bytes:
        end = data.find(b"\n", start)
        number += 1
        entry = decode_line(data[start:end]) if end >= 0 else None
        if entry is None:
            raise IntegrityError(
                f"'{where}' is damaged: line {number} does not match its checksum",
                hint="'tapes fsck --salvage' keeps the other lines",
                where=where,
                line=number,
            )
        yield entry
        start = end + 1


def iter_sound_entries(data: bytes) -> Iterator[ReflogEntry]:
    """Yield the entries that check, oldest first, passing over every line that does not."""
    for line in data.split(b"\n"):
        if (entry := decode_line(line)) is not None:
            yield entry


def whole_size(data: bytes) -> int:
    """Return how many bytes of a reflog are to be kept: where the next line belongs.

    A last line that does not check was torn by a crash and is not counted. One that begins
    with a whole line was not torn but damaged, and is: then the last byte may be no newline.
    """
    start = data.rfind(b"\n", 0, max(len(data) - 1, 0)) + 1
    last = data[start:]
    match = _LINE.match(last)
    if match is None or match.end() == len(last):
        return start
    return len(data) if _check(match[0][: -CHECK_LENGTH - 1]) == match[6] else start
