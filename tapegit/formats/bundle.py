"""The header of a bundle: the text before its pack.

Rules: bytes in, values out; the pack that follows is not looked at here. Lines come in one
order, so a header has one encoding and a reader can stop at the first wrong line.

Source: tapesformat-bundle(5).
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from tapegit.errors import FormatError, TruncatedError, UnsupportedVersionError
from tapegit.objects.oid import ObjectId

SIGNATURE: Final = b"# v1 tapes bundle\n"
HEADER_SIZE_MAX_BYTES: Final = 16 << 20
LINE_SIZE_MAX_BYTES: Final = 4096
COMMENT_LENGTH_MAX: Final = 120

_ANY_SIGNATURE: Final = re.compile(rb"# v([0-9]{1,9}) tapes bundle\n")
_REQUIRES: Final = re.compile(r"@requires ([a-z0-9-]+)")
_PREREQUISITE: Final = re.compile(r"-([0-9a-f]{64})(?: (.{1,120}))?", re.ASCII)
_REF: Final = re.compile(r"([0-9a-f]{64}) (\S+)", re.ASCII)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


class Prerequisite(NamedTuple):
    """An object the receiving store must have; the comment is for people."""

    oid: ObjectId
    comment: str


class BundleRef(NamedTuple):
    """A ref of a bundle and the object it points to."""

    name: str
    oid: ObjectId


class BundleHeader(NamedTuple):
    """What a bundle says of itself: prerequisites ascending by id, refs ascending by name."""

    prerequisites: tuple[Prerequisite, ...]
    refs: tuple[BundleRef, ...]


def encode_header(header: BundleHeader) -> bytes:
    """Return the bytes of a header, with its empty line; both lists are put in order.

    Comments are cut to their limit and lose their control characters.
    """
    lines = []
    for oid, comment in sorted(header.prerequisites):
        shown = _CONTROL.sub(" ", comment).strip()[:COMMENT_LENGTH_MAX].strip()
        lines.append(f"-{oid} {shown}\n" if shown else f"-{oid}\n")
    refs = sorted(header.refs, key=lambda ref: ref.name.encode())
    lines.extend(f"{ref.oid} {ref.name}\n" for ref in refs)
    return SIGNATURE + "".join(lines).encode() + b"\n"


def decode_header(data: bytes | memoryview) -> tuple[BundleHeader, int]:
    """Return the header at the start of `data`, and the offset of the pack behind it.

    Raises:
        FormatError: A line is not what may stand there; the field where has its number.
        TruncatedError: The data ends before the empty line.
        UnsupportedVersionError: Another version, or a feature that is not known.
    """
    head = bytes(data[:HEADER_SIZE_MAX_BYTES])
    offset = _check_signature(head)
    prerequisites: list[Prerequisite] = []
    refs: list[BundleRef] = []
    number = 1
    while True:
        number += 1
        line, offset = _take_line(head, offset, number)
        if not line:
            break
        if line.startswith("@"):
            _check_feature(line, number, is_first=not (prerequisites or refs))
        elif line.startswith("-"):
            _add_prerequisite(line, number, prerequisites, is_late=bool(refs))
        else:
            _add_ref(line, number, refs)
    if not refs:
        raise _wrong("a bundle without refs", number)
    return BundleHeader(tuple(prerequisites), tuple(refs)), offset


def _check_signature(head: bytes) -> int:
    if head.startswith(SIGNATURE):
        return len(SIGNATURE)
    if match := _ANY_SIGNATURE.match(head):
        version = int(match[1])
        raise UnsupportedVersionError(
            f"bundle version {version} is not known", where="bundle", version=version
        )
    if SIGNATURE.startswith(head):
        raise _truncated(head)
    raise FormatError(
        "not a bundle: the first line is not '# v1 tapes bundle'",
        where="bundle line 1",
        expected=SIGNATURE,
        actual=head[:40],
    )


def _take_line(head: bytes, offset: int, number: int) -> tuple[str, int]:
    end = head.find(b"\n", offset, offset + LINE_SIZE_MAX_BYTES)
    if end < 0:
        if len(head) - offset >= LINE_SIZE_MAX_BYTES:
            raise _wrong(f"a line of more than {LINE_SIZE_MAX_BYTES} bytes", number)
        if len(head) >= HEADER_SIZE_MAX_BYTES:
            raise _wrong(f"a header of more than {HEADER_SIZE_MAX_BYTES} bytes", number)
        raise _truncated(head)
    try:
        line = head[offset:end].decode()
    except UnicodeDecodeError as error:
        raise _wrong("bytes that are not UTF-8", number) from error
    if _CONTROL.search(line):
        raise _wrong("a control character", number)
    return line, end + 1


def _check_feature(line: str, number: int, *, is_first: bool) -> None:
    match = _REQUIRES.fullmatch(line)
    if match is None or not is_first:
        raise _wrong(f"'{line[:80]}' where it may not stand", number)
    raise UnsupportedVersionError(
        f"the bundle requires '{match[1]}', which is not known", where="bundle", version=match[1]
    )


def _add_prerequisite(
    line: str, number: int, prerequisites: list[Prerequisite], *, is_late: bool
) -> None:
    match = _PREREQUISITE.fullmatch(line)
    if match is None or is_late:
        raise _wrong(f"'{line[:80]}' where a prerequisite may stand", number)
    oid = ObjectId.parse(match[1])
    if prerequisites and oid <= prerequisites[-1].oid:
        raise _wrong("a prerequisite out of order", number)
    prerequisites.append(Prerequisite(oid, match[2] or ""))


def _add_ref(line: str, number: int, refs: list[BundleRef]) -> None:
    match = _REF.fullmatch(line)
    if match is None:
        raise _wrong(f"'{line[:80]}' where a ref may stand", number)
    name = match[2]
    if refs and name.encode() <= refs[-1].name.encode():
        raise _wrong("a ref out of order", number)
    refs.append(BundleRef(name, ObjectId.parse(match[1])))


def _wrong(what: str, number: int) -> FormatError:
    return FormatError(
        f"bundle header has {what} (line {number})", where=f"bundle line {number}", actual=what
    )


def _truncated(head: bytes) -> TruncatedError:
    return TruncatedError(
        "the bundle ends within its header",
        where="bundle",
        wanted=len(head) + 1,
        got=len(head),
    )
