"""Kinds, framing and the limits of size."""

from __future__ import annotations

import pytest

from tapegit.errors import FormatError
from tapegit.objects.kind import (
    KIND_NUMBERS,
    MIB,
    SIZE_MAX_BYTES,
    Kind,
    format_framing,
    object_id,
    parse_kind,
)


def test_framing_is_kind_size_and_nul():
    """The framing is git's."""
    assert format_framing(Kind.TURN, 0) == b"turn 0\0"
    assert format_framing(Kind.BLOB, 16777216) == b"blob 16777216\0"


def test_ids_of_the_page_hold():
    """The two ids in tapesformat-object(5) are what `object_id` gives."""
    assert str(object_id(Kind.BLOB, b"hello\n")).startswith("c9a94c1a9145")
    assert str(object_id(Kind.BLOB, b"")).startswith("4a0b6603381c")


def test_equal_data_of_two_kinds_has_two_ids():
    """The kind is part of what is hashed."""
    assert len({object_id(kind, b"x") for kind in Kind}) == 4


@pytest.mark.parametrize(("kind", "size"), SIZE_MAX_BYTES.items())
def test_object_id_of_too_much_data_is_refused(kind, size):
    """A kind's largest size has an id, one byte more has none."""
    assert size == (16 * MIB if kind is Kind.BLOB else MIB)
    object_id(kind, bytes(size))
    with pytest.raises(FormatError) as caught:
        object_id(kind, bytes(size + 1))

    assert caught.value.fields["expected"] == size


def test_kinds_have_the_numbers_of_the_page():
    """Numbers are those of tapesformat-object(5), in the order of a pack."""
    assert KIND_NUMBERS == {"blob": 1, "rope": 2, "turn": 3, "tag": 4}


def test_parse_kind_takes_the_four_words_only():
    """Another word, or another spelling, is a FormatError."""
    assert [parse_kind(word) for word in ("blob", "rope", "turn", "tag")] == list(Kind)
    for word in ("", "commit", "Blob", "blob ", "BLOB"):
        with pytest.raises(FormatError):
            parse_kind(word)
