"""Responses of models: without their secrets, and what they say.

Secrets are looked for in the bytes, and in the texts that the events of a stream build: one
that came in two pieces is replaced in the first, and the rest of it goes.

Rules: fails closed. Where a secret is still found after all were replaced, nothing is stored.

Source: tapeswire(7), "Bodies"; tapesredaction(7), "On the wire".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.exchange import Response
from tapegit.dialects.parts import Failure, Text, Unknown
from tapegit.dialects.syntax.delta_texts import find_pieces, iter_payloads, join_texts
from tapegit.dialects.wire_parts import decode_answer, is_stream
from tapegit.dialects.wire_table import WIRE_DIALECTS
from tapegit.recorder.calls.message_keys import NO_FACTS, MessageFacts, facts_of
from tapegit.redact.placeholders import Numbering

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.dialects.syntax.delta_texts import Piece
    from tapegit.redact.redactor import Redactor

NOT_CLEAN: Final = "a secret could not be removed"
_BLANKS: Final = b" \t\r\n"


class Answer(NamedTuple):
    """A response as it is stored.

    Attributes:
        data: Its bytes, without secrets.
        response: What it says; nothing where no dialect is known.
        facts: The message in it.
        counts: How many secrets were replaced, by rule.
        is_stream: Whether it came as events.
        reason: Why nothing of it is stored, or None.
    """

    data: bytes
    response: Response
    facts: MessageFacts
    counts: tuple[tuple[str, int], ...] = ()
    is_stream: bool = False
    reason: str | None = None

    @property
    def is_message(self) -> bool:
        """Whether the model said something."""
        parts = self.response.parts
        return any(not isinstance(part, Failure | Unknown) for part in parts)


def read_answer(redactor: Redactor, dialect: str | None, data: bytes) -> Answer:
    """Return a response without its secrets, and what it says."""
    numbering = Numbering()
    clean = redact_answer(redactor, data, numbering)
    reason = None
    if clean is None:
        clean, reason = b"", NOT_CLEAN
    counts = tuple(sorted(numbering.counts.items()))
    wire = WIRE_DIALECTS.get(dialect or "")
    if wire is None:
        return Answer(clean, Response(dialect=""), NO_FACTS, counts, reason=reason)
    response = decode_answer(wire, clean)
    facts = facts_of(wire.name, "assistant", response.parts)
    return Answer(clean, response, facts, counts, _came_as_events(clean), reason)


def first_words(answer: Answer) -> str | None:
    """Return the first text or error of an answer."""
    for part in answer.response.parts:
        if isinstance(part, Text | Failure) and part.text.strip():
            return part.text
    return None


def redact_answer(redactor: Redactor, data: bytes, numbering: Numbering) -> bytes | None:
    """Return a response without its secrets, or None where they could not be removed."""
    if not _came_as_events(data):
        is_json = data.lstrip(_BLANKS).startswith((b"{", b"["))
        return redactor.redact(data, numbering, is_json=is_json)
    if not has_secret(redactor, data):
        return data
    data = _redact_pieces(redactor, data, numbering)
    data = b"".join(_iter_redacted_lines(redactor, data, numbering))
    return None if has_secret(redactor, data) else data


def has_secret(redactor: Redactor, data: bytes) -> bool:
    """Return whether there is a secret in the bytes of a stream, or in what its events build."""
    if redactor.find(data, is_json=False):
        return True
    joined = join_texts(data)
    # Nearly always one search tells that there is none; else which of the texts has it.
    return bool(redactor.find(b"\n\n".join(joined), is_json=False)) and any(
        redactor.find(text, is_json=False) for text in joined
    )


def _redact_pieces(redactor: Redactor, data: bytes, numbering: Numbering) -> bytes:
    """Replace what the events of a stream build together."""
    texts: dict[tuple[object, ...], list[tuple[int, int]]] = {}
    for start, end, is_json in iter_payloads(data):
        pieces: list[Piece] = find_pieces(data[start:end]) if is_json else []
        for piece in pieces:
            texts.setdefault(piece.text, []).append((start + piece.start, start + piece.end))
    changes: list[tuple[int, int, bytes]] = []
    for places in texts.values():
        if len(places) > 1:
            changes += _iter_changes(redactor, data, places, numbering)
    parts = []
    position = 0
    for start, end, text in sorted(changes):
        parts += [data[position:start], text]
        position = end
    return b"".join([*parts, data[position:]])


def _iter_changes(
    redactor: Redactor, data: bytes, places: list[tuple[int, int]], numbering: Numbering
) -> Iterator[tuple[int, int, bytes]]:
    """Yield what of the bytes to replace by what, so that the pieces of one text are clean."""
    joined = b"".join(data[start:end] for start, end in places)
    for secret in redactor.find(joined, is_json=False):
        text = numbering.name(secret.rule, secret.value)
        position = 0
        for start, end in places:
            first = max(secret.start - position, 0)
            last = min(secret.end - position, end - start)
            if first < last:
                yield start + first, start + last, text
                text = b""
            position += end - start


def _iter_redacted_lines(redactor: Redactor, data: bytes, numbering: Numbering) -> Iterator[bytes]:
    position = 0
    for start, end, is_json in iter_payloads(data):
        yield data[position:start]
        yield redactor.redact(data[start:end], numbering, is_json=is_json)
        position = end
    yield data[position:]


def _came_as_events(data: bytes) -> bool:
    """Return whether bytes are a stream: events, or several lines of JSON."""
    if is_stream(data):
        return True
    head, _, rest = data.lstrip(_BLANKS).partition(b"\n")
    return head.startswith(b"{") and head.rstrip().endswith(b"}") and rest.startswith(b"{")
