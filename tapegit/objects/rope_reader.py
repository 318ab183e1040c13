"""From an id to the bytes it stands for: a blob's data, or a rope's pieces joined.

The caller passes a `find` that verifies each object (every ObjectSource does). On top of that
every statement of a rope is checked: each node's level and size against the entry that names
it, each blob's size, and the BLAKE3 of the whole against the root's. The walk keeps one node
per level, at most 13, and one blob.

Source: tapesformat-rope(5), "Checking".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.errors import FormatError, IntegrityError, ObjectNotFoundError
from tapegit.objects.kind import MIB, Kind, Object
from tapegit.objects.oid import ObjectId, content_hasher, hash_content
from tapegit.objects.rope import RopeEntry, RopeNode, decode_rope

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Find = Callable[[ObjectId], Object | None]

STREAM_SIZE_MAX_BYTES: Final = 1 << 40
READ_SIZE_MAX_BYTES: Final = 1024 * MIB


def iter_content(
    find: Find, oid: ObjectId, *, size_max_bytes: int = STREAM_SIZE_MAX_BYTES
) -> Iterator[bytes]:
    """Yield the bytes that a blob or a rope stands for, in order, in pieces of at most 16 MiB.

    That the whole is what the root states is known only at the end: who must not act on bytes
    before that uses `read_content`.

    Raises:
        ObjectNotFoundError: The object, or one below it, is missing.
        FormatError: A node breaks a rule, or the whole is larger than `size_max_bytes`.
        IntegrityError: The bytes are not those that the root states.
    """
    found = _read(find, oid)
    if found.kind is Kind.BLOB:
        _verify_size(oid, len(found.data), size_max_bytes)
        yield found.data
        return
    root = _decode_node(oid, found)
    _verify_size(oid, root.size_bytes, size_max_bytes)
    hasher = content_hasher()
    for entry in _iter_leaf_entries(find, root):
        piece = entry.literal if entry.oid is None else _read_blob(find, entry, oid)
        hasher.update(piece)
        yield piece
    if hasher.digest() != root.whole:
        raise IntegrityError(f"rope '{oid}' gives other bytes than it states", oid=oid)


def read_content(find: Find, oid: ObjectId, *, size_max_bytes: int = READ_SIZE_MAX_BYTES) -> bytes:
    """Return the bytes that a blob or a rope stands for, whole and verified.

    Raises:
        ObjectNotFoundError: The object, or one below it, is missing.
        FormatError: A node breaks a rule, or the whole is larger than `size_max_bytes`.
        IntegrityError: The bytes are not those that the root states.
    """
    return b"".join(iter_content(find, oid, size_max_bytes=size_max_bytes))


def read_digest(find: Find, oid: ObjectId) -> bytes:
    """Return the BLAKE3-256 of the bytes that a blob or a rope stands for, as a rope states it.

    Raises:
        ObjectNotFoundError: The object is missing.
        FormatError: It is neither, or breaks a rule.
    """
    found = _read(find, oid)
    return hash_content(found.data) if found.kind is Kind.BLOB else _decode_node(oid, found).whole


def iter_pieces(find: Find, oid: ObjectId) -> Iterator[RopeEntry]:
    """Yield the pieces of a rope's leaves in order, reading nodes only, no blob.

    Piece numbers, as in a turn's `call`, count these from 0.

    Raises:
        ObjectNotFoundError: A node is missing.
        FormatError: A node breaks a rule, or the id is not that of a rope.
    """
    yield from _iter_leaf_entries(find, _decode_node(oid, _read(find, oid)))


def _iter_leaf_entries(find: Find, root: RopeNode) -> Iterator[RopeEntry]:
    stack = [(root.level, iter(root.entries))]
    while stack:
        level, entries = stack[-1]
        if level == 0:
            yield from entries
            stack.pop()
            continue
        entry = next(entries, None)
        if entry is None:
            stack.pop()
        else:
            node = _read_child(find, entry, level - 1)
            stack.append((node.level, iter(node.entries)))


def _read_child(find: Find, entry: RopeEntry, level: int) -> RopeNode:
    if entry.oid is None:
        raise FormatError("rope has a literal above its leaves", where="rope")
    node = _decode_node(entry.oid, _read(find, entry.oid))
    if node.level != level:
        raise _mismatch(entry.oid, "level", level, node.level)
    if node.size_bytes != entry.size_bytes:
        raise _mismatch(entry.oid, "size", entry.size_bytes, node.size_bytes)
    return node


def _read_blob(find: Find, entry: RopeEntry, root: ObjectId) -> bytes:
    if entry.oid is None:
        raise FormatError("rope has no blob where one must be", where="rope", oid=root)
    found = _read(find, entry.oid)
    if found.kind is not Kind.BLOB:
        raise _mismatch(entry.oid, "kind", Kind.BLOB, found.kind)
    if len(found.data) != entry.size_bytes:
        raise _mismatch(entry.oid, "size", entry.size_bytes, len(found.data))
    return found.data


def _decode_node(oid: ObjectId, found: Object) -> RopeNode:
    if found.kind is not Kind.ROPE:
        raise _mismatch(oid, "kind", Kind.ROPE, found.kind)
    return decode_rope(found.data)


def _read(find: Find, oid: ObjectId) -> Object:
    found = find(oid)
    if found is None:
        raise ObjectNotFoundError(f"object '{oid}' is missing", oid=oid)
    return found


def _verify_size(oid: ObjectId, size_bytes: int, size_max_bytes: int) -> None:
    if size_bytes > size_max_bytes:
        raise FormatError(
            f"object '{oid}' stands for {size_bytes} bytes, the most allowed here is "
            f"{size_max_bytes}",
            where="rope",
            expected=size_max_bytes,
            actual=size_bytes,
        )


def _mismatch(oid: ObjectId, what: str, expected: object, actual: object) -> FormatError:
    return FormatError(
        f"object '{oid}' has {what} {actual}, what names it states {expected}",
        where="rope",
        oid=oid,
        expected=expected,
        actual=actual,
    )
