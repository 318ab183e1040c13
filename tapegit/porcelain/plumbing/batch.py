"""`cat-file --batch` and `--batch-check`: many objects, asked for by name on standard input.

Input is taken as it comes: whatever lines have arrived are answered together, so a program
that asks one by one gets each answer at once, and a file of ids is read in pack order. What a
name does not find is answered in place, `<name> missing` or `<name> ambiguous`, as git does; a
damaged object is `missing` too, and told about beside the answers.
"""

from __future__ import annotations

import re
import select
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import AmbiguousRevisionError, DataError, FormatError, TapesError, UserError
from tapegit.objects.kind import Kind, Object
from tapegit.objects.oid import ObjectId

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import BinaryIO

    from tapegit.store.database import ObjectDatabase

FORMAT_DEFAULT: Final = "%(objectname) %(objecttype) %(objectsize)"
MISSING: Final = "missing"
AMBIGUOUS: Final = "ambiguous"
DAMAGED: Final = "damaged"
CHUNK_COUNT: Final = 1 << 16
"""How many of all objects are asked for at once: one that is damaged makes its chunk slow."""
READ_SIZE_BYTES: Final = 1 << 20
_PIPE_SIZE_BYTES: Final = 1 << 16
_MORE_S: Final = 0.002
NAME_SIZE_MAX_BYTES: Final = 1 << 16

_ATOM = re.compile(r"%\(([^)]*)\)")
_ATOMS: Final = ("objectname", "objecttype", "objectsize", "deltabase", "rest")
_OUTPUT_SIZE_BYTES: Final = 1 << 17
_NO_BASE: Final = "0" * 64
_FULL_ID = re.compile(rb"[0-9a-f]{64}")


class Format(NamedTuple):
    """A format: a template with `%s` for each atom, and the places of those among all atoms."""

    template: str
    places: tuple[int, ...]

    @property
    def atoms(self) -> tuple[str, ...]:
        """The names of its atoms, in order."""
        return tuple(_ATOMS[place] for place in self.places)

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
        values = (oid.hex(), kind.value, size_bytes, _NO_BASE, rest)
        text = self.template % tuple([values[place] for place in self.places])
        return text.encode("utf-8", "surrogateescape")


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
    template = "%s".join(text.replace("%", "%%") for text in pieces[::2])
    return Format(template, tuple(map(_ATOMS.index, pieces[1::2])))


class Answer(NamedTuple):
    """The answer to one name.

    Attributes:
        name: The name, as it was asked for.
        rest: What stood after it on its line.
        oid: The object, if the name leads to one.
        state: Why there is no object to speak of: `missing`, `ambiguous` or `damaged`.
        data: Its data, if that was asked for.
    """

    name: bytes
    rest: bytes = b""
    oid: ObjectId | None = None
    state: str | None = None
    kind: Kind = Kind.BLOB
    size_bytes: int = 0
    data: bytes | None = None


class Batch:
    """The answers to many names.

    Args:
        objects: Where objects are read from.
        resolve: Turns any name but a whole id into an id.
        line_format: What to say of each object.
        with_data: Whether its data follows.
        end: What ends a record: a new-line, or NUL.
        on_damaged: Takes the error of each object that cannot be read.
    """

    def __init__(
        self,
        objects: ObjectDatabase,
        resolve: Callable[[str], ObjectId],
        line_format: Format,
        *,
        with_data: bool,
        end: bytes = b"\n",
        on_damaged: Callable[[DataError], None],
    ) -> None:
        self._objects = objects
        self._resolve = resolve
        self._format = line_format
        self._has_rest = line_format.has_rest
        self._with_data = with_data
        self._end = end
        self._on_damaged = on_damaged

    def answer(self, lines: Iterable[bytes]) -> Iterator[Answer]:
        """Yield an answer for each line, in their order."""
        asked = [self._find(line) for line in lines]
        found = self._iter_found([answer.oid for answer in asked if answer.oid is not None])
        for answer in asked:
            if answer.state is not None:
                yield answer
            else:
                yield self._complete(answer, next(found))

    def answer_all(self, oids: Iterable[ObjectId]) -> Iterator[Answer]:
        """Yield an answer for each object of the store; what asks for ids alone reads none."""
        if not self._with_data and self._format.is_of_names:
            for oid in oids:
                yield Answer(oid.hex().encode(), oid=oid)
            return
        for chunk in _iter_chunks(oids):
            for oid, found in zip(chunk, self._iter_found(chunk), strict=True):
                if not isinstance(found, Object | DataError):
                    continue  # deleted since it was listed
                yield self._complete(Answer(oid.hex().encode(), oid=oid), found)

    def format(self, answer: Answer) -> bytes:
        """Return an answer as git writes it; what is damaged counts as missing, as in git."""
        if answer.state is not None or answer.oid is None:
            state = b"ambiguous" if answer.state == AMBIGUOUS else b"missing"
            return answer.name + b" " + state + self._end
        text = answer.rest.decode("utf-8", "surrogateescape")
        head = self._format.expand(answer.oid, answer.kind, answer.size_bytes, text) + self._end
        if answer.data is None:
            return head
        return head + answer.data + self._end

    def iter_output(self, answers: Iterable[Answer]) -> Iterator[bytes]:
        """Yield answers as git writes them, many at a time; before an error those it came after."""
        parts: list[bytes] = []
        size_bytes = 0
        try:
            for answer in answers:
                parts.append(self.format(answer))
                size_bytes += len(parts[-1])
                if size_bytes >= _OUTPUT_SIZE_BYTES:
                    yield b"".join(parts)
                    parts, size_bytes = [], 0
        except TapesError:
            yield b"".join(parts)
            raise
        yield b"".join(parts)

    def _find(self, line: bytes) -> Answer:
        """Return the id that a line asks for, or why there is none."""
        name, rest = line, b""
        if self._has_rest:
            name, _, rest = line.partition(b" ")
        if _FULL_ID.fullmatch(name):
            return Answer(name, rest, ObjectId.fromhex(name.decode()))
        try:
            return Answer(name, rest, self._resolve(name.decode("utf-8", "surrogateescape")))
        except AmbiguousRevisionError:
            return Answer(name, rest, state=AMBIGUOUS)
        except UserError:
            return Answer(name, rest, state=MISSING)
        except DataError as error:
            self._on_damaged(error)
            return Answer(name, rest, state=DAMAGED)

    def _complete(self, answer: Answer, found: Object | DataError | None) -> Answer:
        if found is None:
            return answer._replace(state=MISSING)
        if isinstance(found, DataError):
            self._on_damaged(found)
            return answer._replace(state=DAMAGED)
        data = found.data if self._with_data else None
        return Answer(answer.name, answer.rest, answer.oid, None, found.kind, len(found.data), data)

    def _iter_found(self, oids: list[ObjectId]) -> Iterator[Object | DataError | None]:
        """Yield each object; what is damaged stops the reading of many, not that of the rest."""
        count = 0
        try:
            for _, found in self._objects.read_many(oids):
                count += 1
                yield found
        except DataError:
            for oid in oids[count:]:
                yield self._read(oid)

    def _read(self, oid: ObjectId) -> Object | DataError | None:
        try:
            return self._objects.find(oid)
        except DataError as error:
            return error


def _iter_chunks(oids: Iterable[ObjectId]) -> Iterator[list[ObjectId]]:
    waiting = iter(oids)
    while chunk := list(islice(waiting, CHUNK_COUNT)):
        yield chunk


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
