"""The cruft file: its page, both directions, and every way to be damaged."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tapegit.errors import (
    DataError,
    FormatError,
    IntegrityError,
    TruncatedError,
    UnsupportedVersionError,
)
from tapegit.formats.cruft import cruft_size, decode_cruft, encode_cruft

CHECKSUM = bytes(range(32))
TIMES = [1_767_323_045_678, 1_767_409_445_678, 0]
PAGE = Path(__file__).parents[3] / "man" / "tapesformat-cruft.5.md"


def decode(data: bytes, *, checksum: bytes = CHECKSUM, count: int = 3) -> list[int]:
    """Return the times that a file says."""
    return list(decode_cruft(data, pack_checksum=checksum, count=count, where="a.cruft"))


def test_page_example_is_what_is_written_and_read():
    """The worked example of the page is the file of the times that it speaks of."""
    (block,) = re.findall(r"```hex\n(.*?)```", PAGE.read_text(), re.DOTALL)
    data = bytes.fromhex(block)
    assert decode(data) == TIMES
    assert encode_cruft(CHECKSUM, TIMES) == data


@pytest.mark.parametrize("times", [[], [0], [-1, 2**63 - 1, -(2**63)]])
def test_times_survive(times):
    """Every 64-bit time is read as it was written, also none at all."""
    data = encode_cruft(CHECKSUM, times)
    assert len(data) == cruft_size(len(times))
    assert decode(data, count=len(times)) == times


def test_cut_at_any_length_is_truncated():
    """A file that is cut short says so, wherever it is cut."""
    data = encode_cruft(CHECKSUM, TIMES)
    for size in range(len(data)):
        with pytest.raises(TruncatedError) as info:
            decode(data[:size])
        assert info.value.fields["got"] == size


def test_any_flipped_bit_is_an_error():
    """No bit can be wrong without an error that names the file."""
    data = encode_cruft(CHECKSUM, TIMES)
    for bit in range(8 * len(data)):
        wrong = bytearray(data)
        wrong[bit // 8] ^= 1 << bit % 8
        with pytest.raises(DataError, match=r"a\.cruft"):
            decode(bytes(wrong))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        (lambda data: b"TPCK" + data[4:], FormatError),
        (lambda data: data[:4] + b"\2" + data[5:], UnsupportedVersionError),
        (lambda data: data[:12] + b"\1" + data[13:], FormatError),
        (lambda data: data + b"\0", FormatError),
        (lambda data: data[:50] + bytes([data[50] ^ 1]) + data[51:], IntegrityError),
    ],
    ids=["magic", "version", "zeros", "rubbish after it", "time"],
)
def test_damage_has_its_class(change, error):
    """Each kind of damage has the error of its kind."""
    with pytest.raises(error):
        decode(change(encode_cruft(CHECKSUM, TIMES)))


@pytest.mark.parametrize(("checksum", "count"), [(bytes(32), 3), (CHECKSUM, 2), (CHECKSUM, 4)])
def test_file_of_another_pack_is_refused(checksum, count):
    """A sound file beside the wrong pack is refused, by checksum and by count."""
    with pytest.raises(FormatError, match="another pack"):
        decode(encode_cruft(CHECKSUM, TIMES), checksum=checksum, count=count)
