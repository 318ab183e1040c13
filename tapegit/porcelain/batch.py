"""`cat-file --batch` and `--batch-check`: many objects, asked for by name on standard input.

Input is taken as it comes: whatever lines have arrived are answered together, so a program
that asks one by one gets each answer at once, and a file of ids is read in pack order. What a
name does not find is answered in place, `<name> missing` or `<name> ambiguous`, as git does.
"""

from __future__ import annotations

import re
import select
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import AmbiguousRevisionError, FormatError, UserError
from tapegit.objects.kind import Kind
from tapegit.objects.oid import ObjectId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

    from tapegit.store.database import ObjectDatabase

FORMAT_DEFAULT: Final = "%(objectname) %(objecttype) %(objectsize)"
READ_SIZE_BYTES: Final = 1 << 18
_PIPE_SIZE_BYTES: Final = 1 << 16
_MORE_S: Final = 0.002
NAME_SIZE_MAX_BYTES: Final = 1 << 16

_ATOM = re.compile(r"%\(([^)]*)\)")
_ATOMS: Final = ("objectname", "objecttype", "objectsize", "deltabase", "rest")
_NO_BASE: Final = "0" * 64
_FULL_ID = re.compile(rb"[0-9a-f]{64}")


class Format(NamedTuple):
    """A format cut into texts and the atoms between them: texts is one longer than atoms."""

    texts: tuple[str, ...]
    atoms: tuple[str, ...]

    @property
    def has_rest(self) -> bool:
        """Whether a line's text after the name is part of the output."""
        return "rest" in self.atoms

    @property
    def is_of_names(self) -> bool:
        """Whether it says nothing that needs the object itself."""
        return not {"objecttype", "objectsize"}.intersection(self.atoms)

    def expand(self, oid: ObjectId, kind: Kind, size_bytes: int, rest: str) -> bytes:
        """Return the format with an object's facts in place of its atoms."""
        values = {
            "objectname": str(oid),
            "objecttype": kind.value,
            "objectsize": str(size_bytes),
            "deltabase": _NO_BASE,
            "rest": rest,
        }
        parts = [self.texts[0]]
        for atom, text in zip(self.atoms, self.texts[1:], strict=True):
            parts += (values[atom], text)
        return "".join(parts).encode("utf-8", "surrogateescape")


def parse_format(text: str) -> Format:
    """Return a format of git's `cat-file`.

    Raises:
        UserError: It has an atom that is not known; packs are solid, so an object has no
            size on disk of its own.
    """
    pieces = _ATOM.split(text)
    for atom in pieces[1::2]:
        if atom not in _ATOMS:
            raise UserError(
                f"unknown format element: %({atom})",
                hint="one of " + ", ".join(f"%({name})" for name in _ATOMS),
                actual=atom,
            )
    return Format(tuple(pieces[::2]), tuple(pieces[1::2]))


class Batch:
    """The answers to many names.

    Args:
        objects: Where objects are read from.
        resolve: Turns any name but a whole id into an id.
        line_format: What to say of each object.
        with_data: Whether its data follows.
        end: What ends a record: a new-line, or NUL.
    """

    def __init__(
        self,
        objects: ObjectDatabase,
        resolve: Callable[[str], ObjectId],
        line_format: Format,
        *,
        with_data: bool,
        end: bytes = b"\n",
    ) -> None:
        self._objects = objects
        self._resolve = resolve
        self._format = line_format
        self._with_data = with_data
        self._end = end

    def answer(self, lines: Iterable[bytes]) -> Iterator[bytes]:
        """Yield an answer for each line, in their order."""
        asked = [self._find(line) for line in lines]
        found = self._iter_found([oid for oid, _, _ in asked if oid is not None])
        for oid, name, rest in asked:
            if oid is None:
                yield name + self._end
                continue
            record = next(found)
            if record is None:
                yield name + b" missing" + self._end
            else:
                yield self._format_record(oid, *record, rest)

    def answer_all(self, oids: Iterable[ObjectId]) -> Iterator[bytes]:
        """Yield an answer for each object of the store; what asks for ids alone reads none."""
        if not self._with_data and self._format.is_of_names:
            for oid in oids:
                yield self._format_record(oid, Kind.BLOB, 0, None, b"")
            return
        for oid, found in self._objects.read_many(oids):
            if found is not None:
                size = len(found.data)
                yield self._format_record(oid, found.kind, size, found.data, b"")

    def _find(self, line: bytes) -> tuple[ObjectId | None, bytes, bytes]:
        """Return the id that a line asks for, the name it used, and the text after it.

        Without an id, the second is the whole answer.
        """
        name, rest = line, b""
        if self._format.has_rest:
            name, _, rest = line.partition(b" ")
        if _FULL_ID.fullmatch(name):
            return ObjectId.fromhex(name.decode()), name, rest
        try:
            return self._resolve(name.decode("utf-8", "surrogateescape")), name, rest
        except AmbiguousRevisionError:
            return None, name + b" ambiguous", rest
        except UserError:
            return None, name + b" missing", rest

    def _iter_found(
        self, oids: Iterable[ObjectId]
    ) -> Iterator[tuple[Kind, int, bytes | None] | None]:
        for _, found in self._objects.read_many(oids):
            if found is None:
                yield None
            else:
                yield found.kind, len(found.data), found.data if self._with_data else None

    def _format_record(
        self, oid: ObjectId, kind: Kind, size_bytes: int, data: bytes | None, rest: bytes
    ) -> bytes:
        text = rest.decode("utf-8", "surrogateescape")
        head = self._format.expand(oid, kind, size_bytes, text) + self._end
        if not self._with_data or data is None:
            return head
        return head + data + self._end


def iter_stored(objects: ObjectDatabase) -> Iterator[ObjectId]:
    """Yield the id of every object once, in the order in which reading them is fastest."""
    seen: set[ObjectId] = set()
    for pack in objects.packs:
        for position in pack.index.positions:
            oid = pack.index.oid_at(position)
            if oid not in seen:
                seen.add(oid)
                yield oid
    for oid in objects.loose.iter_oids():
        if oid not in seen:
            yield oid


def iter_line_batches(stream: BinaryIO, *, end: bytes = b"\n") -> Iterator[list[bytes]]:
    """Yield the lines of a stream, those together that have arrived together.

    Raises:
        FormatError: A line is longer than any name.
    """
    left = b""
    while arrived := _read_arrived(stream):
        *lines, left = (left + arrived).split(end)
        if len(left) > NAME_SIZE_MAX_BYTES:
            raise FormatError(
                f"standard input has a line of more than {NAME_SIZE_MAX_BYTES} bytes",
                where="standard input",
            )
        if lines:
            yield lines
    if left:
        yield [left]


def _read_arrived(stream: BinaryIO) -> bytes:
    """Return what has arrived; where a pipe was full, also what its writer waited to add."""
    arrived: bytes = stream.read1(READ_SIZE_BYTES)  # type: ignore[attr-defined]
    while _PIPE_SIZE_BYTES <= len(arrived) < READ_SIZE_BYTES and _has_more(stream):
        more: bytes = stream.read1(READ_SIZE_BYTES - len(arrived))  # type: ignore[attr-defined]
        if not more:
            break
        arrived += more
    return arrived


def _has_more(stream: BinaryIO) -> bool:
    try:
        return bool(select.select([stream], [], [], _MORE_S)[0])
    except OSError:
        return False  # no file, so nobody who is still writing
