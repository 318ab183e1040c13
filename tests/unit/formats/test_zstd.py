"""Zstandard frames: what breaks a limit is refused before anything is allocated."""

from __future__ import annotations

import random
import tracemalloc

import pytest
import zstandard

from tapegit.errors import DataError, FormatError, IntegrityError, TruncatedError
from tapegit.formats import zstd
from tapegit.objects.kind import MIB

HERE = "here"
DATA = bytes(range(256)) * 40
FRAME = zstd.compress(DATA)


def decompress(frame, size_max=1 << 20):
    """Decompress under a limit."""
    return zstd.decompress(frame, size_max=size_max, where=HERE)


@pytest.mark.parametrize("data", [b"", b"a", DATA, bytes(1 << 20)])
def test_what_was_compressed_comes_back(data):
    """Also nothing at all."""
    assert decompress(zstd.compress(data)) == data
    assert decompress(zstd.make_long_distance_compressor(12, 24).compress(data)) == data


def test_the_limit_is_the_largest_size_allowed():
    """Exactly as much is fine."""
    assert decompress(FRAME, len(DATA)) == DATA
    with pytest.raises(FormatError):
        decompress(FRAME, len(DATA) - 1)


def test_a_bomb_is_refused_before_it_goes_off():
    """A frame of a few bytes that says it is a gigabyte allocates nothing."""
    bomb = zstandard.ZstdCompressor().compress(bytes(64 * MIB))
    assert len(bomb) < 10_000
    tracemalloc.start()
    try:
        with pytest.raises(FormatError, match="more than"):
            decompress(bomb)
        assert tracemalloc.get_traced_memory()[1] < MIB
    finally:
        tracemalloc.stop()


def test_a_frame_without_size_is_refused():
    """Its content could be of any size."""
    stream = zstandard.ZstdCompressor().compressobj()
    with pytest.raises(FormatError, match="no size"):
        decompress(stream.compress(DATA) + stream.flush())


def test_a_size_that_lies_is_refused():
    """More or less content than the header says."""
    for change in (-1, 1, 200):
        forged = bytearray(FRAME)
        assert FRAME[4] >> 6 == 1  # the size is in two bytes, less 256
        forged[5:7] = (len(DATA) - 256 + change).to_bytes(2, "little")
        with pytest.raises(DataError):
            decompress(bytes(forged))


@pytest.mark.parametrize("size", range(0, len(FRAME), 5))
def test_a_frame_that_is_cut_off_is_truncated(size):
    """Wherever it ends."""
    with pytest.raises((TruncatedError, FormatError)) as caught:
        decompress(FRAME[:size])
    assert isinstance(caught.value, TruncatedError) or size < 8


@pytest.mark.parametrize("tail", [b"\0", FRAME, b"\x50\x2a\x4d\x18\0\0\0\0"])
def test_bytes_after_the_frame_are_refused(tail):
    """A second frame, a skippable frame or rubbish."""
    with pytest.raises(FormatError):
        decompress(FRAME + tail)
    with pytest.raises(FormatError):
        decompress(zstd.compress(b"") + tail)


@pytest.mark.parametrize(
    "data", [b"\x50\x2a\x4d\x18\4\0\0\0abcd", b"PK\3\4", b"\0" * 20, b"\x28\xb5\x2f\xfe" * 5]
)
def test_what_is_no_frame_is_refused(data):
    """Skippable frames too."""
    with pytest.raises(FormatError):
        decompress(data)


def test_a_window_that_is_too_large_is_refused():
    """2^27 bytes is the most."""
    parameters = zstandard.ZstdCompressionParameters.from_level(
        19, window_log=28, enable_ldm=True, write_content_size=True
    )
    size = (1 << 28) + 1
    stream = zstandard.ZstdCompressor(compression_params=parameters).compressobj(size=size)
    head = stream.compress(bytes(1 << 20)) + stream.flush(zstandard.COMPRESSOBJ_FLUSH_BLOCK)
    with pytest.raises(FormatError, match="window"):
        zstd.decompress(head, size_max=1 << 30, where=HERE)


def test_a_frame_that_needs_a_dictionary_is_refused():
    """Nothing outside the file is needed to read it."""
    trained = zstandard.train_dictionary(
        1024, [DATA[i : i + 64] + bytes([i % 251]) * 8 for i in range(0, 9000, 9)]
    )
    frame = zstandard.ZstdCompressor(dict_data=trained).compress(DATA)
    with pytest.raises(FormatError, match="dictionary"):
        decompress(frame)


def test_any_changed_bit_is_found_or_harmless():
    """The checksum sees to it; what comes back is what was there."""
    for offset in range(len(FRAME)):
        for bit in (1, 16, 128):
            changed = bytearray(FRAME)
            changed[offset] ^= bit
            try:
                assert decompress(bytes(changed)) == DATA
            except DataError:
                continue


def decompress_into(buffer, frame):
    """Decompress into a buffer."""
    return zstd.decompress_into(buffer, memoryview(bytearray(frame)), where=HERE)


def test_a_buffer_is_used_again():
    """Frames of any size go into one, and what they leave behind is in no content."""
    buffer = memoryview(bytearray(len(DATA)))
    for data in (DATA, b"", DATA[:77], bytes(len(DATA)), DATA):
        assert decompress_into(buffer, zstd.compress(data)) == data
        assert decompress_into(buffer, zstandard.compress(data)) == data
    frame = zstd.make_long_distance_compressor(12, 24).compress(DATA)
    assert decompress_into(buffer, frame) == DATA


def test_a_buffer_takes_no_bad_frame():
    """None too large for it and none cut off; a changed bit may be seen, in bounds it is."""
    buffer = memoryview(bytearray(len(DATA)))
    with pytest.raises(FormatError):
        decompress_into(buffer[1:], FRAME)
    for size in range(len(FRAME)):
        with pytest.raises((TruncatedError, FormatError)):
            decompress_into(buffer, FRAME[:size])
    for offset in range(len(FRAME)):
        for bit in (1, 16, 128):
            changed = bytearray(FRAME)
            changed[offset] ^= bit
            try:
                assert len(decompress_into(buffer, changed)) <= len(DATA)
            except DataError:
                continue


def test_damage_is_told_from_a_short_file():
    """A frame of the right length with wrong bytes is damaged, not cut."""
    changed = bytearray(FRAME)
    changed[-1] ^= 1
    with pytest.raises(IntegrityError):
        decompress(bytes(changed))


def test_salvage_gives_what_comes_before_the_damage():
    """The blocks before the damaged one are had in full."""
    data = random.Random(1).randbytes(600_000)
    frame = bytearray(zstd.compress(data))
    assert zstd.salvage(bytes(frame), size_max=MIB, where=HERE) == data
    frame[400_000] ^= 0xFF
    got = zstd.salvage(bytes(frame[:500_000]), size_max=MIB, where=HERE)
    assert 256 * 1024 <= len(got) < len(data)
    assert data.startswith(got[: 256 * 1024])
