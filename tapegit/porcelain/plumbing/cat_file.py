"""`cat-file`: objects one by one, as they are or for reading.

A rope is to its bytes what git's tree is to its files: `-p` lists its entries, and asking for
it as a `blob` gives the bytes that its pieces join to. A turn is shown as indented JSON.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from tapegit.errors import FormatError, TapesError
from tapegit.objects.canonical import decode_canonical, type_encoder
from tapegit.objects.kind import Kind
from tapegit.objects.rope import decode_rope
from tapegit.objects.rope_reader import iter_content
from tapegit.objects.tag import decode_tag

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.objects.kind import Object
    from tapegit.objects.oid import ObjectId
    from tapegit.store.database import ObjectDatabase

PEEL_DEPTH_MAX: Final = 64
"""How many tags may name tags before a chain of them is taken for a mistake."""


def iter_typed(objects: ObjectDatabase, oid: ObjectId, wanted: Kind) -> Iterator[bytes]:
    """Yield the data of an object of the kind wanted, following tags and joining ropes.

    Raises:
        FormatError: The object is of another kind, and does not lead to one of the kind wanted.
    """
    found = objects.read(oid)
    for _ in range(PEEL_DEPTH_MAX):
        if found.kind is wanted or found.kind is not Kind.TAG:
            break
        oid = decode_tag(found.data).oid
        found = objects.read(oid)
    if found.kind is wanted:
        yield found.data
    elif found.kind is Kind.ROPE and wanted is Kind.BLOB:
        yield from iter_content(objects.find, oid)
    else:
        raise FormatError(
            f"'{oid}' is a {found.kind}, not a {wanted}",
            oid=oid,
            expected=str(wanted),
            actual=str(found.kind),
        )


def format_pretty(found: Object) -> bytes:
    """Return an object in the form for reading: blobs and tags as they are, ropes as a list."""
    if found.kind is Kind.ROPE:
        return _format_rope(found.data)
    if found.kind is Kind.TURN:
        return _format_turn(found.data)
    return found.data


def _format_rope(data: bytes) -> bytes:
    """Return one line per entry: kind, id and size, or a literal with its bytes spelled out."""
    node = decode_rope(data)
    kind = Kind.BLOB if node.level == 0 else Kind.ROPE
    lines: list[str] = []
    for entry in node.entries:
        if entry.oid is None:
            spelled = str(entry.literal)[2:-1]
            lines.append(f"literal {len(entry.literal)}\t{spelled}\n")
        else:
            lines.append(f"{kind} {entry.oid} {entry.size_bytes}\n")
    return "".join(lines).encode()


def _format_turn(data: bytes) -> bytes:
    try:
        value = decode_canonical(data, where="turn")
    except TapesError:
        return data  # written with --literally, say: shown as it is
    return (_indent(value, "") + "\n").encode()


def _indent(value: Any, margin: str) -> str:
    """Return a value of canonical JSON, at most 16 levels deep, over several lines."""
    inner = margin + "  "
    if isinstance(value, dict) and value:
        members = [f'{inner}"{key}": {_indent(member, inner)}' for key, member in value.items()]
        return "{\n" + ",\n".join(members) + f"\n{margin}}}"
    if isinstance(value, list) and value:
        members = [inner + _indent(member, inner) for member in value]
        return "[\n" + ",\n".join(members) + f"\n{margin}]"
    return type_encoder.encode(value).decode()
