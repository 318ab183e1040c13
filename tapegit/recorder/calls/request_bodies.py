"""Bodies of requests: without their secrets, cut into messages, each looked at once.

A client sends its whole conversation again with every call. So what is known of a part of a
body (that it holds no secret, what the message in it says) is remembered by the id of its
bytes, and a request costs what is new in it.

Rules: secrets are looked for in each element of an array and in each part between two, and
numbered within it, so that a message reads the same in every request that repeats it.

Source: tapeswire(7), "Bodies"; tapesredaction(7), "On the wire".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.syntax.bodies import Members, read_members
from tapegit.objects.cutter import BLOB_SIZE_MIN_BYTES, Member, cut, find_members
from tapegit.objects.kind import SIZE_MAX_BYTES, Kind, object_id
from tapegit.objects.rope_builder import iter_content_objects
from tapegit.recorder.calls.message_keys import NO_FACTS, MessageFacts, read_message
from tapegit.redact.placeholders import Numbering

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Protocol

    from tapegit.objects.cutter import Span
    from tapegit.objects.oid import ObjectId
    from tapegit.redact.redactor import Redactor

    class ObjectSink(Protocol):
        """Where objects go."""

        def contains(self, oid: ObjectId) -> bool:
            """Return whether an object need not be written."""
            ...

        def write(self, kind: Kind, data: bytes) -> ObjectId:
            """Store an object and return its id."""
            ...


MESSAGES: Final = frozenset({b"messages", b"input", b"contents", b"prompt"})
"""Members that hold the conversation; a string is one message of the user."""
MEMO_COUNT_MAX: Final = 1 << 16
SECRET_SIZE_MIN_BYTES: Final = 8

Counts = tuple[tuple[str, int], ...]


class Element(NamedTuple):
    """One message of a request: where it is in the body, and what it says."""

    start: int
    end: int
    facts: MessageFacts
    counts: Counts = ()


class RequestBody(NamedTuple):
    """The body of a request as it is stored.

    Attributes:
        data: Its bytes, without secrets.
        fields: Its members, none where it is no JSON object.
        arrays: The same with their places; none where it is not cut.
        elements: The messages in it.
        counts: How many secrets were replaced outside of the messages, by rule.
        dialect: What it is written in; None where nothing here reads it.
    """

    data: bytes
    fields: Members
    arrays: tuple[Member, ...]
    elements: tuple[Element, ...]
    counts: Counts
    spans: list[Span]
    blobs: Mapping[tuple[int, int], ObjectId]
    dialect: str | None = None

    def piece_numbers(self, name: bytes) -> tuple[int, ...]:
        """Return which pieces of the rope hold the elements of an array, and nothing else."""
        places = [each.elements for each in self.arrays if each.name == name and each.elements]
        if not places or len(self.spans) == 1:
            return ()
        start, end = places[-1][0][0], places[-1][-1][1]
        return tuple(
            number
            for number, span in enumerate(self.spans)
            if span.start < end and span.end > start and not span.is_literal
        )


class _Part(NamedTuple):
    """What is known of some bytes: what to store in their place, if not them, and its secrets."""

    data: bytes | None
    counts: Counts


_CLEAN: Final = _Part(None, ())


class RequestReader:
    """Reads bodies, and remembers what it saw.

    Args:
        redactor: Finds secrets; another can be set at any time.
    """

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self._parts: dict[bytes, _Part] = {}
        self._facts: dict[tuple[str, bytes], MessageFacts] = {}

    def set_redactor(self, redactor: Redactor) -> None:
        """Look for other secrets from now on; what was looked at is stored, and stays as it is."""
        self._redactor = redactor

    def read(self, data: bytes, dialect: str | None) -> RequestBody:
        """Return a body without its secrets, and the messages in it."""
        members = find_members(data)
        oids: dict[tuple[int, int], ObjectId] = {}
        parts = [self._look(data, start, end, oids) for start, end in _segments(members, data)]
        if any(part.data is not None for _, _, part in parts):
            pieces = [data[s:e] if p.data is None else p.data for s, e, p in parts]
            data = b"".join(pieces)
            members = find_members(data)
            counted = [part.counts for _, _, part in parts]
            oids = {}
        else:
            counted = []
        fields = read_members(data) if members else Members()
        elements, rest = self._elements(data, members, counted, dialect, oids)
        spans = cut(data, members)
        return RequestBody(data, fields, tuple(members), elements, rest, spans, oids, dialect)

    def _look(
        self, data: bytes, start: int, end: int, oids: dict[tuple[int, int], ObjectId]
    ) -> tuple[int, int, _Part]:
        """Return a part of a body with what is known of it."""
        if end - start <= SECRET_SIZE_MIN_BYTES:
            return start, end, _CLEAN
        piece = data[start:end]
        key: bytes = piece
        if BLOB_SIZE_MIN_BYTES <= end - start <= SIZE_MAX_BYTES[Kind.BLOB]:
            oid = object_id(Kind.BLOB, piece)
            oids[start, end] = oid
            key = oid
        known = self._parts.get(key)
        if known is None:
            known = self._redact(piece)
            if len(self._parts) >= MEMO_COUNT_MAX:
                self._parts.clear()
            self._parts[key] = known
        return start, end, known

    def _redact(self, piece: bytes) -> _Part:
        # A part between two elements is no JSON, but what strings are in it are whole.
        secrets = self._redactor.find(piece, is_json=b'"' in piece)
        if not secrets:
            return _CLEAN
        numbering = Numbering()
        data = numbering.replace(piece, secrets)
        return _Part(data, tuple(sorted(numbering.counts.items())))

    def _elements(
        self,
        data: bytes,
        members: list[Member],
        counted: list[Counts],
        dialect: str | None,
        oids: dict[tuple[int, int], ObjectId],
    ) -> tuple[tuple[Element, ...], Counts]:
        """Return the messages of a body, and what was replaced outside of them."""
        places = set(_iter_message_places(members, data))
        elements = []
        rest: dict[str, int] = {}
        segments = _segments(members, data)
        for number, (start, end) in enumerate(segments):
            counts = counted[number] if number < len(counted) else ()
            if (start, end) in places:
                facts = self._read_facts(data[start:end], dialect, oids.get((start, end)))
                elements.append(Element(start, end, facts, counts))
                continue
            for rule, count in counts:
                rest[rule] = rest.get(rule, 0) + count
        return tuple(elements), tuple(sorted(rest.items()))

    def _read_facts(self, piece: bytes, dialect: str | None, oid: ObjectId | None) -> MessageFacts:
        if dialect is None:
            return NO_FACTS
        key = (dialect, oid if oid is not None else piece)
        facts = self._facts.get(key)
        if facts is None:
            facts = read_message(dialect, piece)
            if len(self._facts) >= MEMO_COUNT_MAX:
                self._facts.clear()
            self._facts[key] = facts
        return facts


def write_body(body: RequestBody, sink: ObjectSink) -> ObjectId:
    """Store the body of a request and return its id."""
    known = {place: oid for place, oid in body.blobs.items() if sink.contains(oid)}
    root: ObjectId | None = None
    for built in iter_content_objects(body.data, body.spans, known):
        root = built.oid
        if not sink.contains(root):
            sink.write(built.kind, built.data)
    assert root is not None, "no bytes are a blob too"
    return root


def write_element(body: RequestBody, element: Element, sink: ObjectSink) -> list[ObjectId]:
    """Store one message and return the ids of its pieces: those that the body has, if any."""
    pieces = [
        span
        for span in body.spans
        if element.start <= span.start and span.end <= element.end and not span.is_literal
    ]
    if not pieces or pieces[0].start != element.start or pieces[-1].end != element.end:
        return [write_bytes(body.data[element.start : element.end], sink)]
    found = []
    for span in pieces:
        oid = body.blobs.get((span.start, span.end))
        if oid is None or not sink.contains(oid):
            oid = sink.write(Kind.BLOB, body.data[span.start : span.end])
        found.append(oid)
    return found


def write_bytes(data: bytes, sink: ObjectSink) -> ObjectId:
    """Store any bytes and return the id."""
    root: ObjectId | None = None
    for built in iter_content_objects(data):
        root = sink.write(built.kind, built.data)
    assert root is not None, "no bytes are a blob too"
    return root


def _iter_message_places(members: list[Member], data: bytes) -> Iterator[tuple[int, int]]:
    for member in members:
        if member.name in MESSAGES:
            if member.elements:
                yield from member.elements
            elif data[member.start : member.start + 1] == b'"':
                yield member.start, member.end


def _segments(members: list[Member], data: bytes) -> list[tuple[int, int]]:
    """Return the elements of a body, and what is between them: all bytes in order."""
    places: list[tuple[int, int]] = []
    for member in members:
        if member.elements:
            places += member.elements
        elif member.name in MESSAGES and data[member.start : member.start + 1] == b'"':
            places.append((member.start, member.end))
    segments: list[tuple[int, int]] = []
    position = 0
    for start, end in places:
        if position < start:
            segments.append((position, start))
        segments.append((start, end))
        position = end
    if position < len(data):
        segments.append((position, len(data)))
    return segments
