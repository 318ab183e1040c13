"""The journal of a rewriting of history: what is to go, and what takes its place.

Lines of ASCII; names of refs are UTF-8. The last line is a checksum of all before it.

    # tapes rewriting 1
    reason <reason>
    time <ms>
    drop <id>
    map <old id> <new id>
    name <old ref> <new ref>
    delete <ref>
    mark <id>
    # blake3 <64 digits>

Source: tapesformat-rewriting(5).
"""

from __future__ import annotations

from typing import Final, NamedTuple

from tapegit.errors import FormatError, IntegrityError
from tapegit.formats.tombstones import EXPIRED, FORGOTTEN, REDACTED
from tapegit.objects.oid import OID_HEX_LENGTH, ObjectId, hash_content

HEAD_LINE: Final = "# tapes rewriting 1"
_CHECK: Final = "# blake3 "
_WAY_OUT: Final = "remove it, and run the command again that was stopped"
_REASONS: Final = (REDACTED, FORGOTTEN, EXPIRED)


class Rewriting(NamedTuple):
    """What a rewriting does.

    Attributes:
        reason: Why, as a tombstone has it.
        time_ms: When it began, in ms since the epoch.
        dropped: Objects that go without anything in their place.
        successors: Objects that go, with what takes the place of each.
        renamed: Refs that get another name.
        deleted: Refs that go.
        marks: Ids that get a tombstone without being those of an object.
    """

    reason: str
    time_ms: int
    dropped: frozenset[ObjectId] = frozenset()
    successors: dict[ObjectId, ObjectId] = {}  # noqa: RUF012 - never changed
    renamed: dict[str, str] = {}  # noqa: RUF012
    deleted: tuple[str, ...] = ()
    marks: tuple[ObjectId, ...] = ()

    def find_successor(self, oid: ObjectId) -> ObjectId | None:
        """Return what is in an object's place afterwards, itself where it stays."""
        if oid in self.successors:
            return self.successors[oid]
        return None if oid in self.dropped else oid

    def find_doomed(self) -> frozenset[ObjectId]:
        """Return every object that goes."""
        return self.dropped | self.successors.keys()


def encode_rewriting(rewriting: Rewriting) -> bytes:
    """Return the file of a rewriting."""
    lines = [HEAD_LINE, f"reason {rewriting.reason}", f"time {rewriting.time_ms}"]
    lines += [f"drop {oid}" for oid in sorted(rewriting.dropped)]
    lines += [f"map {old} {new}" for old, new in rewriting.successors.items()]
    lines += [f"name {old} {new}" for old, new in rewriting.renamed.items()]
    lines += [f"delete {name}" for name in rewriting.deleted]
    lines += [f"mark {oid}" for oid in rewriting.marks]
    data = "".join(f"{line}\n" for line in lines).encode()
    return data + f"{_CHECK}{hash_content(data).hex()}\n".encode()


def decode_rewriting(data: bytes, *, where: object) -> Rewriting:
    """Return the rewriting that a file holds.

    Raises:
        FormatError: It is no such file.
        IntegrityError: Its checksum does not match.
    """
    body = data[: data.rfind(b"\n", 0, -1) + 1]
    if not body.startswith(HEAD_LINE.encode() + b"\n"):
        raise FormatError(
            f"cannot read '{where}': no rewriting of version 1", hint=_WAY_OUT, where=where
        )
    if data != body + f"{_CHECK}{hash_content(body).hex()}\n".encode():
        raise IntegrityError(
            f"cannot read '{where}': its checksum does not match", hint=_WAY_OUT, where=where
        )
    try:
        rewriting = _read_lines(body.decode().split("\n")[1:-1])
    except ValueError as error:
        raise FormatError(f"cannot read '{where}': {error}", hint=_WAY_OUT, where=where) from error
    if encode_rewriting(rewriting) != data:
        raise FormatError(
            f"cannot read '{where}': lines are not in their order", hint=_WAY_OUT, where=where
        )
    return rewriting


def _read_lines(lines: list[str]) -> Rewriting:
    reason, time_ms = "", 0
    dropped: list[ObjectId] = []
    marks: list[ObjectId] = []
    deleted: list[str] = []
    renamed: dict[str, str] = {}
    successors: dict[ObjectId, ObjectId] = {}
    for line in lines:
        word, *rest = line.split(" ")
        match word, rest:
            case "reason", [reason]:
                pass
            case "time", [text] if text.isdecimal():
                time_ms = int(text)
            case "drop", [text]:
                dropped.append(_oid(text))
            case "mark", [text]:
                marks.append(_oid(text))
            case "delete", [text]:
                deleted.append(text)
            case "name", [old, new]:
                renamed[old] = new
            case "map", [old, new]:
                successors[_oid(old)] = _oid(new)
            case _:
                raise ValueError(f"no line of a rewriting: '{line[:80]}'")
    if reason not in _REASONS:
        raise ValueError(f"no reason: '{reason[:40]}'")
    return Rewriting(
        reason, time_ms, frozenset(dropped), successors, renamed, tuple(deleted), tuple(marks)
    )


def _oid(text: str) -> ObjectId:
    if len(text) != OID_HEX_LENGTH:
        raise ValueError(f"no object id: '{text[:80]}'")
    return ObjectId.fromhex(text)
