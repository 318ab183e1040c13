"""A second cutter and tree builder, written from tapesformat-rope(5) alone: slow and plain.

Nothing here is shared with `tapegit.objects`, so that vectors and property tests compare two
readings of the page and not one with itself.
"""

from __future__ import annotations

import zlib
from functools import lru_cache
from itertools import pairwise

from blake3 import blake3

SPACE = b" \t\n\r"
NAMES = (b"messages", b"input", b"contents", b"tools", b"system")
MIB = 1 << 20


class NotCutError(Exception):
    """The bytes do not fit the grammar."""


class Scanner:
    """Walks over bytes by the grammar of section "Cutter", one byte at a time."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.brackets = 0
        self.elements: list[tuple[int, int]] = []

    def byte(self) -> bytes:
        """Return the byte here, or none at the end."""
        return self.data[self.at : self.at + 1]

    def space(self) -> None:
        """Pass over white space."""
        while self.at < len(self.data) and self.data[self.at] in SPACE:
            self.at += 1

    def take(self, wanted: bytes) -> None:
        """Pass one byte that must be here."""
        if self.byte() != wanted:
            raise NotCutError
        self.at += 1

    def string(self) -> bytes:
        """Pass a string and return what is between its quotes."""
        self.take(b'"')
        start = self.at
        while self.byte() != b'"':
            self.at += 2 if self.byte() == b"\\" else 1
            if self.at >= len(self.data):
                raise NotCutError
        self.at += 1
        return self.data[start : self.at - 1]

    def group(self) -> None:
        """Pass everything up to the bracket that closes the one here."""
        depth = 0
        while True:
            byte = self.byte()
            if not byte:
                raise NotCutError
            if byte == b'"':
                self.string()
                continue
            self.at += 1
            if byte in b"{}[]":
                self.brackets += 1
                if self.brackets > 1 << 22:
                    raise NotCutError
                depth += 1 if byte in b"{[" else -1
                if depth == 0:
                    return

    def value(self) -> None:
        """Pass a string, a group or an atom."""
        if self.byte() == b'"':
            self.string()
        elif self.byte() in (b"{", b"["):
            self.group()
        else:
            start = self.at
            while self.byte() and self.byte() not in b'"{}[],:' + SPACE:
                self.at += 1
            if self.at == start:
                raise NotCutError

    def list(self) -> None:
        """Pass a list and note where its elements are."""
        self.take(b"[")
        self.space()
        if self.byte() == b"]":
            self.at += 1
            return
        while True:
            start = self.at
            self.value()
            self.elements.append((start, self.at))
            self.space()
            if self.byte() != b",":
                self.take(b"]")
                return
            self.at += 1
            self.space()

    def object(self) -> None:
        """Pass the whole of the bytes."""
        self.space()
        self.take(b"{")
        self.space()
        members = 0
        while members or self.byte() != b"}":
            name = self.string()
            self.space()
            self.take(b":")
            self.space()
            if name in NAMES and self.byte() == b"[":
                self.list()
            else:
                self.value()
            members += 1
            self.space()
            if self.byte() != b",":
                break
            self.at += 1
            self.space()
        self.take(b"}")
        self.space()
        if self.at != len(self.data) or members > 100_000 or len(self.elements) > 100_000:
            raise NotCutError


@lru_cache(maxsize=2)
def cut_by_page(data: bytes) -> list[list]:
    """Return `[start, end, "literal" or "blob"]` of each piece."""
    if 4096 <= len(data) <= 64 * MIB:
        pieces = _cut_json(data)
        if sum(kind == "blob" for _, _, kind in pieces) >= 2:
            return pieces
    if len(data) <= 16 * MIB:
        return [[0, len(data), "blob"]]
    return _cut_lines(data, 0, len(data))


def _cut_json(data: bytes) -> list[list]:
    scanner = Scanner(data)
    try:
        scanner.object()
    except NotCutError:
        return []
    edges = [0, *(edge for element in scanner.elements for edge in element), len(data)]
    pieces: list[list] = []
    for start, end in pairwise(edges):
        if start == end:
            continue
        if end - start > MIB:
            pieces += _cut_lines(data, start, end)
        elif end - start >= 64:
            pieces.append([start, end, "blob"])
        elif pieces and pieces[-1][2] == "literal" and end - pieces[-1][0] <= 255:
            pieces[-1][1] = end
        else:
            pieces.append([start, end, "literal"])
    return pieces if scanner.elements else []


def _cut_lines(data: bytes, start: int, end: int) -> list[list]:
    pieces: list[list] = []
    while end - start > MIB:
        cut = _line_cut(data, start, end)
        pieces.append([start, cut, "blob"])
        start = cut
    if start < end:
        pieces.append([start, end, "blob"])
    return pieces


def _line_cut(data: bytes, start: int, end: int) -> int:
    window = start + MIB // 4
    window_end = min(start + MIB // 4 + MIB, end)
    best, best_end = None, 0
    at = window
    for _ in range(16_384):
        feed = data.find(b"\n", at, window_end)
        if feed < 0:
            break
        check = zlib.crc32(data[at:feed])
        if best is None or check < best:
            best, best_end = check, feed + 1
        at = feed + 1
    if best is not None:
        return best_end
    limit = min(start + 4 * MIB, end)
    feed = data.find(b"\n", window_end, limit)
    return limit if feed < 0 else feed + 1


def object_id(kind: str, data: bytes) -> bytes:
    """Return the id of an object, as tapesformat-object(5) says."""
    return blake3(f"{kind} {len(data)}\0".encode() + data).digest()


def varint(number: int) -> bytes:
    """Return a number as tapesformat-rope(5) says."""
    out = bytearray()
    while number > 127:
        out.append(number % 128 + 128)
        number //= 128
    return bytes([*out, number])


def build_by_page(data: bytes) -> list[tuple[str, bytes, bytes]]:
    """Return (kind, id, data) of the objects that hold the bytes, each once, the root last."""
    pieces = cut_by_page(data)
    if len(pieces) == 1:
        return [("blob", object_id("blob", data), data)]
    built: dict[bytes, tuple[str, bytes, bytes]] = {}
    entries = []
    for start, end, kind in pieces:
        piece = data[start:end]
        if kind == "literal":
            entries.append((None, b"\0" + varint(len(piece)) + piece, start, end))
        else:
            oid = object_id("blob", piece)
            built.setdefault(oid, ("blob", oid, piece))
            entries.append((oid, b"\1" + oid + varint(len(piece)), start, end))
    level = 0
    while True:
        nodes = _nodes(data, level, entries)
        built |= {node[1]: node for node, _, _ in nodes if node[1] not in built}
        if len(nodes) == 1:
            return list(built.values())
        entries = [
            (node[1], b"\2" + node[1] + varint(end - start), start, end)
            for node, start, end in nodes
        ]
        level += 1


def _nodes(data: bytes, level: int, entries: list[tuple]) -> list[tuple]:
    nodes = []
    held: list[tuple] = []
    for place, entry in enumerate(entries):
        held.append(entry)
        ids = sum(oid is not None for oid, *_ in held)
        oid = entry[0]
        is_last = place == len(entries) - 1
        closes = oid is not None and (ids == 64 or (ids >= 4 and oid[-1] % 16 == 0))
        if closes or len(held) == 256 or is_last:
            start, end = held[0][2], held[-1][3]
            whole = blake3(data[start:end]).digest()
            node = bytes([1, level]) + varint(end - start) + whole
            node += b"".join(encoded for _, encoded, _, _ in held)
            nodes.append((("rope", object_id("rope", node), node), start, end))
            held = []
    return nodes
