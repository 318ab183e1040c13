"""The strings in events of a stream, and which of them go on with one another.

A text comes in pieces, a few letters in each event. Strings at the same place of events, in
the same block, are pieces of one text; to whoever looks for a secret they must read as one.

Source: tapesredaction(7), "On the wire".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

_INDEXES: Final = ("index", "output_index", "content_index", "summary_index", "item_id")
_INDEX_SET: Final = frozenset(_INDEXES)
_STRING: Final = re.compile(rb'"([^"\\]*+(?:\\.[^"\\]*+)*+)"(\s*+:)?', re.DOTALL)
_LINE: Final = re.compile(rb"(?:data:[ ]?)?([^\r\n]*)(?:\r\n|\r|\n|\Z)")
_decoder: Final = msgspec.json.Decoder()
_BRACKETS: Final = b"{["
DEPTH_MAX: Final = 64


class Piece(NamedTuple):
    """A string in an event: the text it is a piece of, and where its content is, still escaped."""

    text: tuple[object, ...]
    start: int
    end: int


def iter_payloads(data: bytes) -> Iterator[tuple[int, int, bool]]:
    """Yield each line of a stream without its field name and end, and whether it is JSON."""
    position = 0
    if b"\r" not in data:  # nearly always; what is below says the same of any line
        while position < len(data):
            end = data.find(b"\n", position)
            end = end if end >= 0 else len(data)
            start = position
            if data.startswith(b"data:", start, end):
                start += 6 if data.startswith(b" ", start + 5, end) else 5
            if start < end:
                yield start, end, data[start] in _BRACKETS
            position = end + 1
        return
    while position < len(data):
        line = _LINE.match(data, position)
        if line is None or line.end() == position:
            return
        start, end = line.span(1)
        if start < end:
            yield start, end, data[start] in _BRACKETS
        position = line.end()


def read_texts(payload: bytes) -> list[tuple[tuple[object, ...], str]]:
    """Return each string of an event with the text that it is a piece of."""
    texts: list[tuple[tuple[object, ...], str]] = []
    try:
        _walk(_decoder.decode(payload), (), 0, texts)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return []
    return texts


def join_texts(data: bytes) -> list[bytes]:
    """Return the texts that a stream brings in more than one piece, each as one."""
    texts: dict[tuple[object, ...], list[str]] = {}
    for start, end, is_json in iter_payloads(data):
        if is_json:
            for key, text in read_texts(data[start:end]):
                pieces = texts.get(key)
                if pieces is None:
                    texts[key] = [text]
                else:
                    pieces.append(text)
    return [
        "".join(pieces).encode("utf-8", "surrogatepass")
        for pieces in texts.values()
        if len(pieces) > 1
    ]


def find_pieces(payload: bytes) -> list[Piece]:
    """Return the same with their places; where these cannot be told they are all one text."""
    keys = [key for key, _ in read_texts(payload)]
    spans = [found.span(1) for found in _STRING.finditer(payload) if found[2] is None]
    if len(keys) != len(spans):
        keys = [("?",)] * len(spans)
    return [Piece(key, *span) for key, span in zip(keys, spans, strict=True)]


def _walk(
    value: Any, path: tuple[object, ...], depth: int, texts: list[tuple[tuple[object, ...], str]]
) -> None:
    if isinstance(value, str):
        texts.append((path, value))
    elif depth >= DEPTH_MAX:
        return
    elif isinstance(value, dict):
        marks = path
        if not _INDEX_SET.isdisjoint(value):
            for key in _INDEXES:
                if key in value and isinstance(value[key], (int, str)):
                    marks = (*marks, value[key])
        for key, item in value.items():
            if isinstance(item, str):
                texts.append(((*marks, key), item))
            elif isinstance(item, (dict, list)):
                _walk(item, (*marks, key), depth + 1, texts)
    elif isinstance(value, list):
        for item in value:
            _walk(item, (*path, 0), depth + 1, texts)
