"""The `packed-refs` file: many refs in one sorted file.

Rules: lines are sorted by name, bytewise, and end with a checksum of everything before it;
one lookup is a binary search and parses two lines; a changed file is built by splicing, so
lines that stay are copied unread.

    # tapes packed-refs 1 sorted
    <hex> <name>
    ^<hex>
    # blake3 <hex>

Source: tapesformat-packedrefs(5).
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import FormatError, IntegrityError, TruncatedError, UnsupportedVersionError
from tapegit.objects.oid import ObjectId, hash_content

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

HEADER: Final = b"# tapes packed-refs 1 sorted\n"
PACKED_REFS_SIZE_MAX_BYTES: Final = 1 << 28
TRAILER_SIZE_BYTES: Final = len(b"# blake3 ") + 64 + 1
_HEX_LENGTH: Final = 64
_NAME_OFFSET: Final = _HEX_LENGTH + 1
_WAY_OUT: Final = "'tapes fsck --salvage' writes it anew from its lines and the reflogs"

_HEADER_LINE: Final = re.compile(rb"# tapes packed-refs ([0-9]{1,9}) sorted\n")
_TRAILER: Final = re.compile(rb"# blake3 ([0-9a-f]{64})\n")
_JOINED: Final = re.compile(rb"(?<=.{70}).(?=[0-9a-f]{64} refs/)", re.DOTALL)
_RECORD: Final = re.compile(
    rb"([0-9a-f]{64}) ([^\x00-\x20\x7f]+)\n(?:\^([0-9a-f]{64})\n)?",
)


class PackedRef(NamedTuple):
    """One record; `peeled` is what the tag at `oid` ends at, None where `oid` is no tag."""

    name: str
    oid: ObjectId
    peeled: ObjectId | None = None


class PackedRefs:
    """A whole `packed-refs` file, verified when it is made."""

    def __init__(self, data: bytes, *, where: str = "packed-refs") -> None:
        """Verify the frame of the file: header, trailer and checksum.

        Raises:
            FormatError: It is not such a file.
            UnsupportedVersionError: It is of another version.
            TruncatedError: It ends without its checksum line.
            IntegrityError: The checksum does not match.
        """
        self._data = data
        self._where = where
        self._start = len(HEADER)
        self._end = _verify_frame(data, where)

    def find(self, name: str) -> PackedRef | None:
        """Return the record of a name, or None.

        Raises:
            FormatError: A line that the search meets is no record.
        """
        offset = self._lower_bound(name.encode())
        record = self._record(offset) if offset < self._end else None
        return _packed_ref(record) if record and record[2] == name.encode() else None

    def iter_refs(self, prefix: str = "") -> Iterator[PackedRef]:
        """Yield the records whose names begin with `prefix`, ascending by name.

        Raises:
            FormatError: A line is no record, or the names do not ascend.
        """
        wanted = prefix.encode()
        offset = self._lower_bound(wanted)
        last = b""
        for record in _RECORD.finditer(self._data, offset, self._end):
            name = record[2]
            if not name.startswith(wanted):
                return
            if record.start() != offset or name <= last:
                raise self._broken(offset)
            offset, last = record.end(), name
            yield _packed_ref(record)
        if offset != self._end:
            raise self._broken(offset)

    def names(self) -> list[str]:
        """Return all names, ascending; the quick way for checks against many names.

        Raises:
            FormatError: A name is not UTF-8.
        """
        lines = self._data[self._start : self._end].split(b"\n")
        found = [line[_NAME_OFFSET:] for line in lines if line and line[:1] != b"^"]
        try:
            return b"\n".join(found).decode().split("\n") if found else []
        except UnicodeDecodeError as error:
            raise self._broken(self._start) from error

    @cached_property
    def is_ascii(self) -> bool:
        """Whether every name is plain ASCII."""
        return self._data.isascii()

    def find_other_case(self, name: str) -> str | None:
        """Return a name, or a folder of names, that differs from this only by the case of letters.

        For files and names that are ASCII. Nothing is parsed, so this is quick in any file.
        """
        for end in (b"\n", b"/"):
            exact = b" " + name.encode() + end
            folded = exact.lower()
            at = self._start
            if self._lowered.count(folded) == self._data.count(exact):
                continue
            while (at := self._lowered.find(folded, at)) >= 0:
                found = self._data[at : at + len(exact)]
                if found != exact:
                    return found[1:-1].decode()
                at += len(exact)
        return None

    @cached_property
    def _lowered(self) -> bytes:
        return self._data.lower()

    def splice(self, changes: Mapping[str, PackedRef | None]) -> bytes:
        """Return the bytes of a file with some records put in, replaced or (None) left out.

        Raises:
            FormatError: A line that the search meets is no record.
        """
        pieces = [HEADER]
        offset = self._start
        for name in sorted(changes, key=str.encode):
            start = self._lower_bound(name.encode())
            pieces.append(self._data[offset:start])
            offset = start
            if start < self._end and (record := self._record(start))[2] == name.encode():
                offset = record.end()
            if (change := changes[name]) is not None:
                pieces.append(_format_record(change))
        pieces.append(self._data[offset : self._end])
        return _seal(pieces)

    def verify(self) -> None:
        """Check every line.

        Raises:
            FormatError: A line is no record, or the names do not ascend.
        """
        for _ in self.iter_refs():
            pass

    def _lower_bound(self, name: bytes) -> int:
        """Return the offset of the first record whose name is not below `name`."""
        low, high = self._start, self._end
        while low < high:
            middle = self._line_start((low + high) // 2, low)
            record = self._record(middle)
            if record[2] < name:
                low = record.end()
            else:
                high = middle
        return low

    def _line_start(self, offset: int, floor: int) -> int:
        """Return where the record around an offset begins; never before `floor`."""
        start = self._data.rfind(b"\n", floor, offset) + 1 or floor
        if self._data[start : start + 1] == b"^" and start > floor:
            start = self._data.rfind(b"\n", floor, start - 1) + 1 or floor
        return start

    def _record(self, offset: int) -> re.Match[bytes]:
        record = _RECORD.match(self._data, offset, self._end)
        if record is None:
            raise self._broken(offset)
        return record

    def _broken(self, offset: int) -> FormatError:
        number = self._data.count(b"\n", 0, offset) + 1
        return FormatError(
            f"'{self._where}' is damaged: line {number} is no ref, or out of order",
            hint=_WAY_OUT,
            where=self._where,
            line=number,
            expected="'<hex> <name>', ascending",
            actual=self._data[offset : offset + 80],
        )


def iter_any_lines(data: bytes) -> Iterator[tuple[str, str]]:
    """Yield (digits, name) of each line of a damaged file that may be a record, for repair.

    Nothing is vouched for: the digits need be none, and the name need not be one.
    """
    for line in data.split(b"\n"):
        joined = _JOINED.search(line)  # the end of a line between two records was damaged
        parts = [line] if joined is None else [line[: joined.start()], line[joined.start() + 1 :]]
        for part in parts:
            digits, name = part[:_HEX_LENGTH], part[_NAME_OFFSET:]
            if name and not part.startswith((b"#", b"^")):
                yield digits.decode("ascii", "replace"), name.decode("utf-8", "replace")


def _verify_frame(data: bytes, where: str) -> int:
    """Return the offset of the trailer."""
    header = _HEADER_LINE.match(data)
    if header is None:
        raise FormatError(
            f"'{where}' is not a packed-refs file", hint=_WAY_OUT, where=where, actual=data[:40]
        )
    if header[0] != HEADER:
        version = header[1].decode()
        raise UnsupportedVersionError(
            f"'{where}' is of version {version}, this program reads 1",
            hint="use a newer release of tapes",
            where=where,
            version=version,
        )
    end = len(data) - TRAILER_SIZE_BYTES
    trailer = _TRAILER.fullmatch(data, max(end, 0))
    if trailer is None or end < len(HEADER):
        raise TruncatedError(
            f"'{where}' ends without its checksum line", hint=_WAY_OUT, where=where
        )
    if hash_content(data[:end]).hex().encode() != trailer[1]:
        raise IntegrityError(
            f"'{where}' does not match its checksum",
            hint=_WAY_OUT,
            where=where,
        )
    return end


def _packed_ref(record: re.Match[bytes]) -> PackedRef:
    oid, name, peeled = record.groups()
    try:
        text = name.decode()
    except UnicodeDecodeError as error:
        raise FormatError("a name in packed-refs is not UTF-8", actual=name[:80]) from error
    return PackedRef(
        text,
        ObjectId.fromhex(oid.decode()),
        ObjectId.fromhex(peeled.decode()) if peeled else None,
    )


def _format_record(ref: PackedRef) -> bytes:
    line = b"%s %s\n" % (ref.oid.hex().encode(), ref.name.encode())
    return line + b"^%s\n" % ref.peeled.hex().encode() if ref.peeled else line


def _seal(pieces: list[bytes]) -> bytes:
    data = b"".join(pieces)
    return data + b"# blake3 %s\n" % hash_content(data).hex().encode()


EMPTY_FILE: Final = _seal([HEADER])
"""The bytes of a file without refs."""
