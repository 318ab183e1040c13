"""Varints: one spelling for each number."""

from __future__ import annotations

import pytest

from tapegit.errors import FormatError, TruncatedError
from tapegit.objects.varint import VARINT_MAX, decode_varint, encode_varint

CASES = [(0, "00"), (1, "01"), (127, "7f"), (128, "8001"), (300, "ac02"), (16383, "ff7f")]
CASES += [(16384, "808001"), (VARINT_MAX, "ffffffffffffff0f")]


@pytest.mark.parametrize(("number", "digits"), CASES)
def test_numbers_have_one_spelling(number, digits):
    """Encoding and decoding agree, and the offset after is returned."""
    data = bytes.fromhex(digits)

    assert encode_varint(number) == data
    assert decode_varint(b"\xff" + data + b"\x7f", 1) == (number, 1 + len(data))


@pytest.mark.parametrize(
    "digits", ["8000", "ff00", "80808000", "ffffffffffffff10", "ff" * 8 + "01"]
)
def test_other_spellings_and_large_numbers_are_refused(digits):
    """A padded varint, and one of 2^53 or more, is a FormatError."""
    with pytest.raises(FormatError):
        decode_varint(bytes.fromhex(digits), 0)


@pytest.mark.parametrize("digits", ["", "80", "ffff", "ffffffffffffff"])
def test_cut_varints_are_truncated(digits):
    """Data that ends inside a number is a TruncatedError."""
    with pytest.raises(TruncatedError):
        decode_varint(bytes.fromhex(digits), 0)


@pytest.mark.parametrize("number", [-1, VARINT_MAX + 1])
def test_encoding_a_number_out_of_range_is_a_mistake_of_the_caller(number):
    """Numbers that no varint holds are a ValueError, not a TapesError."""
    with pytest.raises(ValueError):
        encode_varint(number)
