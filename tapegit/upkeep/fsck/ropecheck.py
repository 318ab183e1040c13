"""Whether ropes are what they state: level, size and hash of the bytes below every node.

Rules: consecutive ropes share nearly all their nodes, so the bytes below a node are kept for a
while; what is too large to keep is hashed piece by piece. Memory is bounded whatever the size.
What is missing or damaged below a rope is reported by whoever reads that object, not here. A
rope that stands for vastly more than is stored below it is not followed: a few kilobytes can
name the same node again and again, level by level, and so stand for petabytes.

Source: tapesformat-rope(5), "Checking".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.errors import DataError, FormatError, TapesError
from tapegit.objects.kind import MIB, Kind
from tapegit.objects.oid import content_hasher, hash_content
from tapegit.objects.rope import decode_rope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tapegit.objects.kind import Object
    from tapegit.objects.oid import ObjectId
    from tapegit.objects.rope import RopeEntry, RopeNode

_KEPT_SIZE_MAX_BYTES: Final = 24 * MIB
_ITEM_SIZE_MAX_BYTES: Final = 4 * MIB
_REPEATED_SIZE_MAX_BYTES: Final = 64 * MIB
_REPEATS_MAX: Final = 1000


class RopeChecker:
    """Checks ropes; `find` returns an object from anywhere in the store, verified, or None."""

    def __init__(self, find: Callable[[ObjectId], Object | None]) -> None:
        self._find = find
        self._kept: dict[ObjectId, tuple[int, bytes]] = {}
        self._kept_bytes = 0

    def find_error(self, oid: ObjectId, node: RopeNode) -> str | None:
        """Return what is wrong with a rope, or None: also where something below cannot be read."""
        try:
            if node.size_bytes > _REPEATED_SIZE_MAX_BYTES and self._is_bomb(node):
                return f"it stands for more than {_REPEATS_MAX} times what is stored below it"
            if node.size_bytes <= _ITEM_SIZE_MAX_BYTES:
                data = b"".join(self._iter_node(node))
                self._keep(oid, node.level, data)
                digest = hash_content(data)
            else:
                hasher = content_hasher()
                for piece in self._iter_node(node):
                    hasher.update(piece)
                digest = hasher.digest()
        except _UnreadableError:
            return None
        except DataError as error:
            return str(error)
        return None if digest == node.whole else "it gives other bytes than it states"

    def _is_bomb(self, node: RopeNode) -> bool:
        """Return whether too little is stored below a node; of a sound one, little is read."""
        wanted_bytes = node.size_bytes // _REPEATS_MAX
        seen: set[ObjectId] = set()
        stack = [node]
        while stack and wanted_bytes > 0:
            node = stack.pop()
            for entry in node.entries:
                if entry.oid is None:
                    wanted_bytes -= len(entry.literal)
                elif entry.oid not in seen:
                    seen.add(entry.oid)
                    if node.level:
                        stack.append(self._read_node(entry, entry.oid, node.level - 1))
                    else:
                        wanted_bytes -= len(self._read_blob(entry, entry.oid))
                if wanted_bytes <= 0:
                    return False
        return wanted_bytes > 0

    def _iter_node(self, node: RopeNode) -> Iterator[bytes]:
        stack = [(node.level, iter(node.entries))]
        while stack:
            level, entries = stack[-1]
            entry = next(entries, None)
            if entry is None:
                stack.pop()
            elif entry.oid is None:
                yield entry.literal
            elif level == 0:
                yield self._read_blob(entry, entry.oid)
            elif (kept := self._kept.get(entry.oid)) is not None:
                _verify(entry, "level", level - 1, kept[0])
                _verify(entry, "size", entry.size_bytes, len(kept[1]))
                yield kept[1]
            else:
                child = self._read_node(entry, entry.oid, level - 1)
                stack.append((child.level, iter(child.entries)))

    def _read_blob(self, entry: RopeEntry, oid: ObjectId) -> bytes:
        data = self._read(oid, Kind.BLOB)
        _verify(entry, "size", entry.size_bytes, len(data))
        return data

    def _read_node(self, entry: RopeEntry, oid: ObjectId, level: int) -> RopeNode:
        data = self._read(oid, Kind.ROPE)
        try:
            node = decode_rope(data)
        except DataError as error:
            raise _UnreadableError from error
        _verify(entry, "level", level, node.level)
        _verify(entry, "size", entry.size_bytes, node.size_bytes)
        return node

    def _read(self, oid: ObjectId, kind: Kind) -> bytes:
        try:
            found = self._find(oid)
        except TapesError as error:
            raise _UnreadableError from error
        if found is None or found.kind is not kind:
            raise _UnreadableError
        return found.data

    def _keep(self, oid: ObjectId, level: int, data: bytes) -> None:
        if oid in self._kept:
            return
        self._kept[oid] = level, data
        self._kept_bytes += len(data)
        while self._kept_bytes > _KEPT_SIZE_MAX_BYTES:
            oldest = next(iter(self._kept))
            self._kept_bytes -= len(self._kept.pop(oldest)[1])


class _UnreadableError(Exception):
    """Something below a rope cannot be read; its own finding says so."""


def _verify(entry: RopeEntry, what: str, expected: int, actual: int) -> None:
    if expected != actual:
        raise FormatError(
            f"it states {what} {expected} of '{entry.oid}', which has {actual}",
            where="rope",
            expected=expected,
            actual=actual,
        )
