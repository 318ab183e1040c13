"""The format file: a version, and features that a reader must know."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.errors import FormatError, UnsupportedVersionError
from tapegit.formats.marker import Marker, decode_marker, encode_marker, verify_supported
from tests.vectors.vector import read_man_examples

CASES = (
    (Marker(1), b"1\n"),
    (Marker(12), b"12\n"),
    (Marker(1, ("shallow", "x-2")), b"1\nrequires shallow\nrequires x-2\n"),
)
BROKEN = (
    b"",
    b"\n",
    b"1",
    b"01\n",
    b"0\n",
    b"-1\n",
    b"1\r\n",
    b"1 \n",
    b"\xb9\n",
    b"1\nrequires\n",
    b"1\nrequires A\n",
    b"1\nrequires -a\n",
    b"1\nrequires a\nrequires a\n",
    b"1\n\n",
    b"1\nrequires a",
    b"9999999999\n",
)


@pytest.mark.parametrize(("marker", "data"), CASES)
def test_every_row_holds_in_both_directions(marker, data):
    """What is encoded is decoded to the same value."""
    assert data == encode_marker(marker)
    assert marker == decode_marker(data)


@pytest.mark.parametrize("data", BROKEN)
def test_anything_else_is_refused(data):
    """A damaged format file is an error that says how to mend it."""
    with pytest.raises(FormatError) as caught:
        decode_marker(data, where="f")

    assert "'f'" in caught.value.message
    assert "'1'" in caught.value.hint


def test_version_1_without_features_is_supported():
    """The store of this release is one this release reads."""
    verify_supported(Marker(1))


@pytest.mark.parametrize(("marker", "named"), [(Marker(2), "2"), (Marker(1, ("moon",)), "moon")])
def test_what_is_not_known_is_refused_by_name(marker, named):
    """A version or feature of the future is named, with the way out."""
    with pytest.raises(UnsupportedVersionError) as caught:
        verify_supported(marker)

    assert named in caught.value.message
    assert "newer release" in caught.value.hint


@given(st.binary(max_size=60) | st.text("1requis \n", max_size=30).map(str.encode))
def test_any_bytes_are_a_marker_or_a_format_error(data):
    """No bytes make the decoder raise anything else, and what it takes encodes to the same."""
    try:
        marker = decode_marker(data)
    except FormatError:
        return
    assert data == encode_marker(marker)


def test_the_example_of_the_page_decodes():
    """The first example in tapesformat-store(5) is the file of a new store."""
    assert Marker(1) == decode_marker(read_man_examples("tapesformat-store.5.md")[0])
