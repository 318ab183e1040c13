"""Content codings of what was captured, undone under a limit.

Rules: what comes out has at most 64 MiB, however small what goes in is; a body that was cut is
decoded as far as it came. What cannot be decoded is told with a reason, and not stored: nobody
could look for secrets in it.

Source: tapeswire(7), "Bodies".
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final, NamedTuple

import brotli

from tapegit.dialects.syntax.bodies import BODY_SIZE_MAX_BYTES
from tapegit.errors import DataError
from tapegit.formats.zstd import iter_stream

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Decode = Callable[[bytes], Iterator[bytes]]

TOO_LARGE: Final = "too large"
DAMAGED: Final = "damaged coding"
UNKNOWN_CODING: Final = "unknown coding"
CODING_COUNT_MAX: Final = 4
_STEP_BYTES: Final = 1 << 16


class Decoded(NamedTuple):
    """A body without its coding; `reason` says why there is none, or not all of it."""

    data: bytes
    coding: str | None = None
    reason: str | None = None


def undo_codings(data: bytes, header: str | None) -> Decoded:
    """Return a body without its content codings.

    Args:
        data: As it went over the wire, perhaps cut.
        header: The value of `Content-Encoding`, or None.
    """
    names = [name.strip().lower() for name in (header or "").split(",")]
    codings = [name for name in names if name not in {"", "identity"}]
    if not codings or not data:
        reason = TOO_LARGE if len(data) > BODY_SIZE_MAX_BYTES else None
        return Decoded(b"" if reason else data, ", ".join(codings) or None, reason)
    coding = ", ".join(codings)[:100]
    if len(codings) > CODING_COUNT_MAX or any(name not in _DECODERS for name in codings):
        return Decoded(b"", coding, UNKNOWN_CODING)
    reason = None
    for name in reversed(codings):
        data, reason = _undo(_DECODERS[name], data)
        if reason is not None:
            break
    return Decoded(b"" if reason == TOO_LARGE else data, coding, reason)


def _undo(decode: Decode, data: bytes) -> tuple[bytes, str | None]:
    parts: list[bytes] = []
    size = 0
    try:
        for part in decode(data):
            size += len(part)
            if size > BODY_SIZE_MAX_BYTES:
                return b"", TOO_LARGE
            parts.append(part)
    except (zlib.error, brotli.error, DataError):
        return b"".join(parts), DAMAGED
    return b"".join(parts), None


def _iter_zlib(data: bytes, window_bits: int) -> Iterator[bytes]:
    rest = data
    while rest:
        decoder = zlib.decompressobj(window_bits)
        while rest and not decoder.eof:
            yield decoder.decompress(rest, _STEP_BYTES)
            rest = decoder.unconsumed_tail
        yield decoder.flush() if decoder.eof else b""
        rest = decoder.unused_data  # a gzip body may have several members


def _iter_gzip(data: bytes) -> Iterator[bytes]:
    return _iter_zlib(data, zlib.MAX_WBITS | 16)


def _iter_deflate(data: bytes) -> Iterator[bytes]:
    """Yield what `deflate` gives: with the header of zlib, or bare, as some servers send it."""
    has_header = len(data) > 1 and data[0] & 0x0F == 8 and int.from_bytes(data[:2], "big") % 31 == 0
    return _iter_zlib(data, zlib.MAX_WBITS if has_header else -zlib.MAX_WBITS)


def _iter_brotli(data: bytes) -> Iterator[bytes]:
    decoder = brotli.Decompressor()
    yield decoder.process(data, output_buffer_limit=_STEP_BYTES)
    while not decoder.is_finished() and not decoder.can_accept_more_data():
        yield decoder.process(b"", output_buffer_limit=_STEP_BYTES)


def _iter_zstd(data: bytes) -> Iterator[bytes]:
    return iter_stream([data], where="body")


_DECODERS: Final[dict[str, Decode]] = {
    "gzip": _iter_gzip,
    "x-gzip": _iter_gzip,
    "deflate": _iter_deflate,
    "br": _iter_brotli,
    "zstd": _iter_zstd,
}
