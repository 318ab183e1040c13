"""Putting another text into one part of a message, in the records that hold it.

Rules: no dialect is asked where a part stands. Every string of the records that could be it is
replaced in turn and the records are decoded again: what changed this part, and no other, is
where it stands. All else of the bytes stays as it was, and the result is decoded and compared
before anybody gets it.

A model's signed thinking vouches for the words that follow it. So what a model said cannot be
replaced without the signed thinking of the same message: that goes, and how much of it is told.

Source: tapes-amend(1), "WHAT IS WRITTEN".
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from tapegit.dialects.parts import Compaction, Text, Thinking, ToolCall, ToolResult
from tapegit.errors import FormatError, UserError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tapegit.dialects.parts import AnyPart
    from tapegit.dialects.table import Decode

CANDIDATE_COUNT_MAX: Final = 512
"""More strings than a message has that could be one part of it."""

_STRING: Final = re.compile(rb'"(?:[^"\\\x00-\x1f]|\\.)*"', re.DOTALL)
_SENTINEL: Final = "\ue000tapes\ue001"
_EDITABLE: Final = (Text, ToolResult, ToolCall, Compaction)


class Edited(NamedTuple):
    """The pieces with another text in them.

    Attributes:
        pieces: As many as there were; one may have become empty.
        before: The text that was replaced.
        thinking_count: How many signed thinking parts went with it.
    """

    pieces: tuple[bytes, ...]
    before: str
    thinking_count: int


class _Place(NamedTuple):
    """A span of bytes of one piece; `inner` leads on, in a string that holds JSON itself."""

    piece: int
    start: int
    end: int
    inner: tuple[int, int] | None = None


def part_text(part: AnyPart) -> str:
    """Return the text of a part that can be replaced; of a call its arguments.

    Raises:
        UserError: Parts of this kind are not replaced.
    """
    if isinstance(part, ToolCall):
        return part.arguments
    if isinstance(part, (Text, ToolResult, Compaction)):
        return part.text
    raise UserError(
        f"a part of the kind '{part_kind(part)}' cannot be replaced",
        hint="a prompt, an answer, a tool's result and the arguments of a call can",
    )


def part_kind(part: AnyPart) -> str:
    """Return the word for what a part is, as in JSON."""
    return str(type(part).__struct_config__.tag)


def is_editable(part: AnyPart) -> bool:
    """Return whether a part has a text that can be replaced; what a harness put in has none."""
    return isinstance(part, _EDITABLE) and not (isinstance(part, Text) and part.injected)


def replace_part(
    pieces: Sequence[bytes], decode: Decode, number: int, text: str, *, is_answer: bool
) -> Edited:
    """Put another text into the part of this number, counted from 0.

    Args:
        pieces: The raw bytes of a turn.
        decode: What reads them.
        number: Which part.
        text: The new text; of a call JSON.
        is_answer: The message is the model's own: signed thinking goes.

    Raises:
        UserError: There is no such part, it is of a kind that cannot be replaced, or the text
            is no JSON where it must be.
        FormatError: The records do not hold it in a way that can be written.
    """
    parts = list(decode(pieces))
    if number >= len(parts):
        raise UserError(f"the turn has {len(parts)} parts, counted from 0, and no part {number}")
    before = part_text(parts[number])
    if isinstance(parts[number], ToolCall):
        verify_json(text)
        edited = _replace_arguments(pieces, decode, parts, number, text)
    else:
        edited = _replace_string(pieces, decode, parts, number, text)
    count = 0
    if is_answer:
        edited, count = _drop_thinking(edited, decode)
    return Edited(edited, before, count)


def verify_json(text: str) -> None:
    """Check that a text can be the arguments of a call.

    Raises:
        UserError: It is no JSON.
    """
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UserError(
            f"the arguments of a call must be JSON: {error}",
            hint="'tapes amend' without a text opens them in the editor, as they are",
        ) from error


def _replace_string(
    pieces: Sequence[bytes], decode: Decode, parts: list[AnyPart], number: int, text: str
) -> tuple[bytes, ...]:
    """Replace the strings that are the part, or that it is made of.

    A harness may write a text twice, once for the model and once for its own screen: the copy
    is replaced as well. So all strings that have the text are tried together first, and then
    those that touch no other part.
    """
    before = part_text(parts[number])
    same = list(_find_strings(pieces, before))
    alone = [place for place in same if _is_in(pieces, decode, parts, number, [place])]
    inner = list(_find_inner(pieces, before))
    made_of = [place for place in inner if _is_in(pieces, decode, parts, number, [place])]
    for places in (same, alone, made_of[:1]):
        edited = _put_texts(pieces, [(place, text) for place in places])
        if places and _holds(edited, decode, parts, number, text):
            return edited
    if len(made_of) > 1 and all(place.inner is None for place in made_of):
        blocks = [(_enclosing(pieces, place), b"") for place in made_of[1:]]
        edited = _put(pieces, [(made_of[0], msgspec.json.encode(text)), *blocks])
        if _holds(edited, decode, parts, number, text):
            return edited
    raise FormatError(
        f"part {number} cannot be replaced: the records hold it in a way that is not known",
        where=f"part {number}",
    )


def _is_in(
    pieces: Sequence[bytes],
    decode: Decode,
    parts: list[AnyPart],
    number: int,
    places: list[_Place],
) -> bool:
    """Return whether what stands at some places is found in this part, and in no other."""
    edited = _put_texts(pieces, [(place, _SENTINEL) for place in places])
    if _changes(edited, decode, parts) != {number}:
        return False
    now = list(decode(edited))[number]
    return type(now) is type(parts[number]) and _SENTINEL in part_text(now)


def _replace_arguments(
    pieces: Sequence[bytes], decode: Decode, parts: list[AnyPart], number: int, text: str
) -> tuple[bytes, ...]:
    """Replace the arguments of a call, which are an object or a string that holds one."""
    before = part_text(parts[number])
    compact = msgspec.json.format(text.encode(), indent=-1)
    object_token = msgspec.json.encode(msgspec.Raw(compact))
    wanted = before.encode("utf-8", "surrogatepass")
    places = [
        _Place(index, found.start(), found.end())
        for index, piece in enumerate(pieces)
        for found in re.finditer(re.escape(wanted), piece)
    ][:CANDIDATE_COUNT_MAX]
    for candidates, token, value in (
        (places, object_token, compact.decode()),
        (list(_find_strings(pieces, before)), msgspec.json.encode(text), text),
    ):
        chosen = [
            place
            for place in candidates
            if place.inner is None
            and _changes(_put(pieces, [(place, token)]), decode, parts) == {number}
        ]
        if chosen:
            edited = _put(pieces, [(place, token) for place in chosen])
            if _holds(edited, decode, parts, number, value):
                return edited
        elif _same_json(before, text):
            return tuple(pieces)
    raise FormatError(
        f"part {number} cannot be replaced: the records hold it in a way that is not known",
        where=f"part {number}",
    )


def _same_json(one: str, other: str) -> bool:
    try:
        return bool(msgspec.json.decode(one) == msgspec.json.decode(other))
    except (msgspec.DecodeError, RecursionError):
        return False


def _changes(pieces: Sequence[bytes], decode: Decode, parts: list[AnyPart]) -> set[int] | None:
    """Return the numbers of the parts that are others now; None where they do not line up."""
    try:
        now = list(decode(pieces))
    except FormatError:
        return None
    if len(now) != len(parts):
        return None
    return {index for index, (old, new) in enumerate(zip(parts, now, strict=True)) if old != new}


def _holds(
    pieces: Sequence[bytes], decode: Decode, parts: list[AnyPart], number: int, text: str
) -> bool:
    """Return whether the records say the new text, and all else as before."""
    changed = _changes(pieces, decode, parts)
    if changed is None or not changed <= {number}:
        return False
    now = list(decode(pieces))[number]
    return type(now) is type(parts[number]) and part_text(now) == text


def _find_strings(pieces: Sequence[bytes], text: str) -> Iterator[_Place]:
    """Yield the strings that have exactly this text; keys of objects are none."""
    found = (place for place, inner in _iter_strings(pieces, len(text) + 2) if inner == text)
    yield from islice(found, CANDIDATE_COUNT_MAX)


def _find_inner(pieces: Sequence[bytes], text: str) -> Iterator[_Place]:
    """Yield the strings whose text is found within this one."""
    found = (place for place, inner in _iter_strings(pieces, 3) if inner and inner in text)
    yield from islice(found, CANDIDATE_COUNT_MAX)


def _iter_strings(pieces: Sequence[bytes], size_min: int) -> Iterator[tuple[_Place, str]]:
    """Yield all strings but keys, and those in strings that are JSON objects."""
    for index, piece in enumerate(pieces):
        for start, end, text in _iter_tokens(piece, size_min):
            yield _Place(index, start, end), text
            if text.startswith("{") and text.endswith("}"):
                for inner_start, inner_end, inner in _iter_tokens(_encode(text), size_min):
                    yield _Place(index, start, end, (inner_start, inner_end)), inner


def _iter_tokens(data: bytes, size_min: int) -> Iterator[tuple[int, int, str]]:
    for found in _STRING.finditer(data):
        start, end = found.span()
        if end - start < size_min or data[end : end + 8].lstrip(b" \t\r\n").startswith(b":"):
            continue
        text = _decode_string(found[0])
        if text is not None:
            yield start, end, text


def _encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _put_texts(pieces: Sequence[bytes], values: Sequence[tuple[_Place, str]]) -> tuple[bytes, ...]:
    """Return the pieces with other strings at some places."""
    tokens: dict[_Place, bytes] = {}
    for place, text in sorted(values, reverse=True):
        token = msgspec.json.encode(text)
        if place.inner is None:
            tokens[place] = token
            continue
        outer = place._replace(inner=None)
        string = tokens.get(outer, pieces[place.piece][place.start : place.end])
        data = _encode(msgspec.json.decode(string, type=str))
        data = data[: place.inner[0]] + token + data[place.inner[1] :]
        tokens[outer] = msgspec.json.encode(data.decode("utf-8", "surrogatepass"))
    return _put(pieces, list(tokens.items()))


def _decode_string(token: bytes) -> str | None:
    try:
        return msgspec.json.decode(token, type=str)
    except (msgspec.DecodeError, UnicodeError):
        return None


def _put(pieces: Sequence[bytes], values: Sequence[tuple[_Place, bytes]]) -> tuple[bytes, ...]:
    """Return the pieces with other bytes at some places, which do not overlap."""
    edited = list(pieces)
    for place, token in sorted(values, reverse=True):
        piece = edited[place.piece]
        edited[place.piece] = piece[: place.start] + token + piece[place.end :]
    return tuple(edited)


def _drop_thinking(pieces: tuple[bytes, ...], decode: Decode) -> tuple[tuple[bytes, ...], int]:
    """Take out what a model signed, one after the other; return how many went."""
    count = 0
    while True:
        parts = list(decode(pieces))
        signed = [part for part in parts if is_signed(part)]
        if not signed:
            return pieces, count
        for place in _iter_enclosing(pieces, signed[0]):
            rest = _put(pieces, [(place, b"")])
            now = list(decode(rest))
            if same_words(now, parts) and sum(map(is_signed, now)) < len(signed):
                pieces = rest
                break
        else:
            raise FormatError(
                "the signed thinking of the message cannot be taken out of its records",
                where="thinking",
            )
        count += 1


def is_signed(part: AnyPart) -> bool:
    """Return whether a part is thinking that vouches for the words that follow it."""
    return isinstance(part, Thinking) and (part.is_signed or part.is_redacted)


def same_words(now: list[AnyPart], before: list[AnyPart]) -> bool:
    """Return whether all but thinking is the same, wherever its records are counted."""
    one, other = (
        [msgspec.structs.replace(part, record=1) for part in parts if not _is_thinking(part)]
        for parts in (now, before)
    )
    return one == other


def _is_thinking(part: AnyPart) -> bool:
    return isinstance(part, Thinking)


def _iter_enclosing(pieces: Sequence[bytes], part: AnyPart) -> Iterator[_Place]:
    """Yield what holds a part of this kind, smaller spans first: objects, then whole records."""
    spans: list[tuple[int, _Place]] = []
    for index, piece in enumerate(pieces):
        for start, end in _iter_objects(piece):
            spans.append((end - start, _with_comma(piece, index, start, end)))
        start = 0
        for line in piece.splitlines(keepends=True):
            spans.append((len(line), _Place(index, start, start + len(line))))
            start += len(line)
    text = msgspec.json.encode(part.text)[1:-1] if isinstance(part, Thinking) else b""
    spans.sort(key=lambda span: span[0])
    for _, place in spans[:CANDIDATE_COUNT_MAX]:
        if text in pieces[place.piece][place.start : place.end]:
            yield place


def _enclosing(pieces: Sequence[bytes], place: _Place) -> _Place:
    """Return the smallest object around a string, with the comma of an array's element."""
    spans = [
        (start, end)
        for start, end in _iter_objects(pieces[place.piece])
        if start < place.start and place.end < end
    ]
    if not spans:
        return place
    start, end = max(spans)
    return _with_comma(pieces[place.piece], place.piece, start, end)


def _with_comma(piece: bytes, index: int, start: int, end: int) -> _Place:
    """Return the span of an array's element with the comma that goes with it."""
    after = re.compile(rb"[ \t\r\n]*,[ \t\r\n]*").match(piece, end)
    if after is not None:
        return _Place(index, start, after.end())
    before = re.search(rb",[ \t\r\n]*$", piece[:start])
    return _Place(index, before.start() if before is not None else start, end)


def _iter_objects(piece: bytes) -> Iterator[tuple[int, int]]:
    """Yield the spans of all objects in JSON, or in lines of JSON, but the outermost."""
    stack: list[int] = []
    for found in re.finditer(rb'"(?:[^"\\\x00-\x1f]|\\.)*"|[{}]', piece, re.DOTALL):
        if found[0] == b"{":
            stack.append(found.start())
        elif found[0] == b"}" and stack:
            start = stack.pop()
            if stack:
                yield start, found.end()
