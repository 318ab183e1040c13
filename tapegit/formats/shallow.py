"""The `shallow` file: turns whose history was cut off, and what their commits need of it.

Rules: one line for each turn, ascending by its id, and a checksum of everything before it at
the end. A turn that is listed may lack its parents; one that is not may not.

    # tapes shallow 1
    <turn> <time> <commit of the first parent> ...
    # blake3 <hex>

Source: tapesformat-shallow(5).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tapegit.errors import FormatError, IntegrityError, TruncatedError, UnsupportedVersionError
from tapegit.objects.oid import ObjectId, hash_content

if TYPE_CHECKING:
    from collections.abc import Mapping

    Cut = tuple[int, tuple[bytes, ...]]
    """The committer's time of a turn's commit, in s, and the commits of the turn's parents."""

HEADER: Final = b"# tapes shallow 1\n"
SIZE_MAX_BYTES: Final = 1 << 28
_TRAILER_SIZE_BYTES: Final = len(b"# blake3 ") + 64 + 1
_WAY_OUT: Final = "'tapes fsck --salvage' writes it anew from its lines"
_HEADER_START: Final = b"# tapes shallow "
_RECORD: Final = re.compile(rb"([0-9a-f]{64}) (0|[1-9][0-9]{0,10})((?: [0-9a-f]{40})+)\n")


def encode_shallow(cuts: Mapping[ObjectId, Cut]) -> bytes:
    """Return the file of these turns."""
    lines = [HEADER]
    for oid in sorted(cuts):
        time_s, parents = cuts[oid]
        ids = " ".join(parent.hex() for parent in parents)
        lines.append(f"{oid} {time_s} {ids}\n".encode())
    data = b"".join(lines)
    return data + b"# blake3 %s\n" % hash_content(data).hex().encode()


def decode_sound_lines(data: bytes) -> dict[ObjectId, Cut]:
    """Return what the lines of a damaged file say that have the form of one, for repair."""
    cuts: dict[ObjectId, Cut] = {}
    for line in data.split(b"\n"):
        if (found := _RECORD.fullmatch(line + b"\n")) is not None:
            oid, cut = _decode_record(found)
            cuts[oid] = cut
    return cuts


def _decode_record(found: re.Match[bytes]) -> tuple[ObjectId, Cut]:
    parents = tuple(bytes.fromhex(each.decode()) for each in found[3].split())
    return ObjectId.fromhex(found[1].decode()), (int(found[2]), parents)


def decode_shallow(data: bytes, where: object = "shallow") -> dict[ObjectId, Cut]:
    """Return what a file says of each turn.

    Raises:
        DataError: It is damaged, or of another version.
    """
    if len(data) < len(HEADER) + _TRAILER_SIZE_BYTES:
        raise TruncatedError(
            f"cannot read '{where}': it is cut short", hint=_WAY_OUT, where=where, got=len(data)
        )
    if not data.startswith(_HEADER_START):
        raise FormatError(f"cannot read '{where}': it lists no turns", hint=_WAY_OUT, where=where)
    body, trailer = data[:-_TRAILER_SIZE_BYTES], data[-_TRAILER_SIZE_BYTES:]
    if trailer != b"# blake3 %s\n" % hash_content(body).hex().encode():
        raise IntegrityError(
            f"cannot read '{where}': its checksum does not match", hint=_WAY_OUT, where=where
        )
    if not body.startswith(HEADER):
        version = body[len(_HEADER_START) : body.index(b"\n")].decode("ascii", "replace")
        raise UnsupportedVersionError(
            f"cannot read '{where}': it has version {version!a}, known is 1",
            where=where,
            version=version,
        )
    cuts: dict[ObjectId, Cut] = {}
    offset = len(HEADER)
    before = b""
    for found in _RECORD.finditer(body, offset):
        if found.start() != offset or found[1] <= before:
            break
        before, offset = found[1], found.end()
        oid, cut = _decode_record(found)
        cuts[oid] = cut
    if offset != len(body):
        raise FormatError(
            f"cannot read '{where}': a line of it lists no turn", hint=_WAY_OUT, where=where
        )
    return cuts
