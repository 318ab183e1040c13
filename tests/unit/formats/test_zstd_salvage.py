"""What a damaged frame still gives."""

from __future__ import annotations

import time

import pytest
import zstandard
from blake3 import blake3

from tapegit.errors import FormatError
from tapegit.formats import zstd

BLOCK = 1 << 17
DATA = blake3(b"data").digest(5 * BLOCK).hex().encode()
FRAME = zstd.compress(DATA)


def flip(frame: bytes, offset: int) -> bytes:
    """Return a frame with one wrong byte."""
    return frame[:offset] + bytes([frame[offset] ^ 1]) + frame[offset + 1 :]


@pytest.mark.parametrize("part", range(1, 10))
def test_blocks_before_the_damage_are_given(part):
    """Every whole block before the wrong byte, to the last bit."""
    offset = len(FRAME) * part // 10

    content = zstd.salvage(flip(FRAME, offset), size_max=1 << 24, where="x")

    whole_blocks = len(DATA) * part // 10 // BLOCK * BLOCK
    assert content[: whole_blocks - BLOCK] == DATA[: max(whole_blocks - BLOCK, 0)]
    assert len(content) >= whole_blocks - BLOCK


def test_wrong_checksum_costs_nothing():
    """The last four bytes are only the checksum."""
    assert zstd.salvage(flip(FRAME, len(FRAME) - 2), size_max=1 << 24, where="x") == DATA


def test_highly_compressible_blocks_are_given_too():
    """Many blocks lie within one step of reading: those before the damage are not lost."""
    data = b"".join(bytes([n]) * BLOCK for n in range(40))
    frame = zstd.compress(data)
    assert len(frame) < 4096

    content = zstd.salvage(flip(frame, len(frame) // 2), size_max=1 << 24, where="x")

    assert len(content) >= 10 * BLOCK
    assert content[: 10 * BLOCK] == data[: 10 * BLOCK]


def test_cut_frame_gives_what_is_there():
    """Up to the last whole block."""
    content = zstd.salvage(FRAME[: len(FRAME) // 2], size_max=1 << 24, where="x")

    assert len(content) >= 4 * BLOCK
    assert DATA.startswith(content)


def test_damaged_header_gives_an_error():
    """Nothing can be told from it."""
    with pytest.raises(FormatError):
        zstd.salvage(flip(FRAME, 0), size_max=1 << 24, where="x")


@pytest.mark.parametrize("size", [1, 200, 255, 256, 300, 65_791, 65_792, 70_000, 3 * BLOCK])
@pytest.mark.parametrize(
    "compress",
    [
        zstd.compress,
        zstd.make_compressor(12).compress,
        zstd.make_long_distance_compressor(12, 27).compress,
        zstd.make_long_distance_compressor(3, 12).compress,
    ],
    ids=["level 3", "level 12", "long", "small window"],
)
def test_damaged_header_is_written_anew_where_the_size_is_known(size, compress):
    """A wrong byte anywhere in it costs nothing."""
    data = DATA[:size]
    frame = compress(data)
    header_size = zstandard.frame_header_size(frame)

    for offset in range(header_size):
        content = zstd.salvage(
            flip(frame, offset), size_max=1 << 24, where="x", content_size=len(data)
        )
        assert content == data, offset


def test_frame_that_gives_more_than_it_states_is_cut_off():
    """A bomb is not let off: what is read stays near what the header states."""
    bomb = bytearray(zstandard.ZstdCompressor(write_content_size=True).compress(bytes(1 << 28)))
    header = zstandard.get_frame_parameters(bytes(bomb))
    assert header.content_size == 1 << 28
    bomb[6:10] = (1000).to_bytes(4, "little")
    started = time.monotonic()

    content = zstd.salvage(bytes(bomb), size_max=1 << 24, where="x")

    assert len(content) <= 1000
    assert time.monotonic() - started < 5
