"""Ref files: one line, an id or a name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.errors import FormatError
from tapegit.formats.reffile import decode_ref_file, encode_oid, encode_symbolic
from tapegit.objects.oid import ObjectId
from tests.vectors.vector import read_man_examples

OID = ObjectId.fromhex("c9a94c1a9145087554f265dc47aecd93fd8fe3bbac49d768cf69c6a816bf51ce")
CASES = (
    (OID, OID.hex().encode() + b"\n"),
    ("refs/heads/main", b"ref: refs/heads/main\n"),
    ("refs/heads/é", "ref: refs/heads/é\n".encode()),
)
BROKEN = (
    b"",
    b"\n",
    OID.hex().encode(),
    OID.hex().encode()[:32] + b"\n",
    OID.hex().upper().encode() + b"\n",
    OID.hex().encode() + b"\r\n",
    OID.hex().encode() + b" \n",
    OID.hex().encode() + b"\n\n",
    b"\0" * 65,
    b"ref:refs/heads/main\n",
    b"ref: \n",
    b"ref: refs/heads/main",
    b"ref: refs/heads/a b\n",
    b"ref: refs/heads/\x7f\n",
    b"ref: refs/heads/\xff\n",
    b"ref: a\nref: b\n",
)


@pytest.mark.parametrize(("value", "data"), CASES)
def test_every_row_holds_in_both_directions(value, data):
    """What is encoded is decoded to the same value."""
    encode = encode_oid if isinstance(value, ObjectId) else encode_symbolic

    assert data == encode(value)
    assert value == decode_ref_file(data)


@pytest.mark.parametrize(("value", "data"), CASES)
def test_every_cut_and_every_addition_is_refused(value, data):
    """A ref file that lost its end, or has one byte more, is no ref file."""
    for end in range(len(data)):
        with pytest.raises(FormatError):
            decode_ref_file(data[:end])
    with pytest.raises(FormatError):
        decode_ref_file(data + b"x")


@pytest.mark.parametrize("data", BROKEN)
def test_anything_else_is_refused_with_its_place(data):
    """A broken ref file is an error that names the file and hints at the reflog."""
    with pytest.raises(FormatError) as caught:
        decode_ref_file(data, where="refs/heads/x")

    assert "refs/heads/x" in caught.value.message
    assert "reflog" in caught.value.hint


@given(st.binary(max_size=100))
def test_any_bytes_are_a_value_or_a_format_error(data):
    """No bytes make the decoder raise anything else, and what it takes encodes to the same."""
    try:
        value = decode_ref_file(data)
    except FormatError:
        return
    assert data == (encode_oid(value) if isinstance(value, ObjectId) else encode_symbolic(value))


def test_the_examples_of_the_page_decode():
    """The bytes in tapesformat-refs(5) and of LATEST in tapesformat-store(5) say what they say."""
    oid, symbolic = read_man_examples("tapesformat-refs.5.md")
    latest = read_man_examples("tapesformat-store.5.md")[1]

    assert decode_ref_file(oid) == OID
    assert decode_ref_file(symbolic) == "refs/heads/main"
    assert decode_ref_file(latest) == "refs/sessions/claude-code/0b7e1c52/file/main"
