"""What the proxy saw, as bytes on a pipe to the recorder, and back.

Rules: pure. A frame is its kind (1 byte), the size of its members and of its body (4 bytes each,
big-endian), its members as JSON, its body. The pipe leads from a process to its own child: a
frame that is not valid is a fault of ours.

Source: tapesproxy(7), "The recorder".
"""

from __future__ import annotations

import json
import struct
from collections import Counter
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import TruncatedError
from tapegit.wire.capture import (
    CapturedFrames,
    CapturedRequest,
    CapturedResponse,
    RecordingSummary,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_HEAD: Final = struct.Struct(">BII")
_KINDS: Final = {CapturedRequest: 1, CapturedResponse: 2, CapturedFrames: 3}
_START: Final = 10
_END: Final = 11


class Start(NamedTuple):
    """The first frame; `recording` names the mark of this recording, empty where it has none."""

    recording: str


class End(NamedTuple):
    """The last frame: nothing was cut off; `lost` calls never came onto the pipe."""

    lost: int


Frame = CapturedRequest | CapturedResponse | CapturedFrames | Start | End


def encode_carried(carried: Frame) -> tuple[bytes, bytes]:
    """Return the bytes of one frame, all but its body, and its body."""
    if isinstance(carried, Start):
        return _encode(_START, list(carried), b"")
    if isinstance(carried, End):
        return _encode(_END, list(carried), b"")
    if isinstance(carried, CapturedFrames):
        return _encode(3, list(carried._replace(data=b"")), carried.data)
    return _encode(_KINDS[type(carried)], list(carried._replace(body=b"")), carried.body)


def iter_carried(read: Callable[[int], bytes]) -> Iterator[Frame]:
    """Yield what is on a pipe until it ends.

    Args:
        read: Gives so many bytes, fewer only at the end.

    Raises:
        TruncatedError: It ends within a frame.
    """
    while head := read(_HEAD.size):
        kind, members_size, body_size = _HEAD.unpack(_whole(head, _HEAD.size))
        members = json.loads(_whole(read(members_size), members_size))
        body = _whole(read(body_size), body_size)
        yield _decode(kind, members, body)


def _encode(kind: int, members: list[object], body: bytes) -> tuple[bytes, bytes]:
    coded = json.dumps(members, default=_no_bytes, separators=(",", ":")).encode()
    return _HEAD.pack(kind, len(coded), len(body)) + coded, body


def _no_bytes(value: object) -> None:
    """Write the place of the body, which follows."""
    assert value == b""


def _whole(data: bytes, size: int) -> bytes:
    if len(data) != size:
        raise TruncatedError("the pipe of a recording ends early", wanted=size, got=len(data))
    return data


def _decode(kind: int, members: list[object], body: bytes) -> Frame:
    if kind == _START:
        return Start._make(members)
    if kind == _END:
        return End._make(members)
    if kind == _KINDS[CapturedRequest]:
        request = CapturedRequest._make(members)
        return request._replace(headers=_pairs(request.headers), body=body)
    if kind == _KINDS[CapturedResponse]:
        response = CapturedResponse._make(members)
        return response._replace(headers=_pairs(response.headers), body=body)
    assert kind == _KINDS[CapturedFrames]
    return CapturedFrames._make(members)._replace(data=body)


def _pairs(headers: object) -> tuple[tuple[str, str], ...]:
    assert isinstance(headers, list)
    return tuple((name, value) for name, value in headers)


def encode_summary(summary: RecordingSummary) -> list[object]:
    """Return a summary as what JSON can say."""
    return list(summary)


def decode_summary(members: list[object]) -> RecordingSummary:
    """Return what `encode_summary` was given."""
    summary = RecordingSummary._make(members)
    redacted = tuple((rule, count) for rule, count in summary.redacted)
    return summary._replace(redacted=redacted, folders=tuple(summary.folders))


def add_summaries(one: RecordingSummary, other: RecordingSummary) -> RecordingSummary:
    """Return what two recorders recorded, one after the other; a session of both counts once."""
    folders = tuple(dict.fromkeys(one.folders + other.folders))
    unnamed = one.sessions + other.sessions - len(one.folders) - len(other.folders)
    redacted = Counter(dict(one.redacted)) + Counter(dict(other.redacted))
    return RecordingSummary(
        sessions=len(folders) + unnamed,
        calls=one.calls + other.calls,
        side_calls=one.side_calls + other.side_calls,
        errors=one.errors + other.errors,
        lost=one.lost + other.lost,
        redacted=tuple(sorted(redacted.items())),
        reason=other.reason or one.reason,
        folders=folders,
    )
