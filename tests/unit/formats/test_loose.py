"""The file of a loose object: exactly one frame of framing and data."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.errors import DataError, FormatError, IntegrityError
from tapegit.formats import zstd
from tapegit.formats.loose import (
    CONTENT_SIZE_MAX_BYTES,
    FILE_SIZE_MAX_BYTES,
    decode_loose,
    encode_loose,
    parse_framed,
)
from tapegit.objects.kind import MIB, Kind, Object, object_id
from tapegit.objects.oid import ObjectId, hash_content
from tests.vectors.vector import read_man_examples

(EXAMPLE,) = read_man_examples("tapesformat-loose.5.md")
HERE = "here"


def decode(file, kind=Kind.BLOB, data=b""):
    """Decode a file under the id of an object."""
    return decode_loose(file, object_id(kind, data), where=HERE)


def test_the_example_of_the_page_decodes():
    """It is the blob that all pages have as their example."""
    oid = ObjectId.parse("c9a94c1a9145087554f265dc47aecd93fd8fe3bbac49d768cf69c6a816bf51ce")
    assert decode_loose(EXAMPLE, oid, where=HERE) == Object(Kind.BLOB, b"hello\n")


@given(st.sampled_from(list(Kind)), st.binary(max_size=3000))
def test_an_object_comes_back(kind, data):
    """Of any kind, also an empty one."""
    assert decode(encode_loose(kind, data), kind, data) == (kind, data)


def test_the_largest_object_fits():
    """A blob of 16 MiB that cannot be compressed is within the limit of files."""
    data = os.urandom(MIB) * 16
    file = encode_loose(Kind.BLOB, data, compress=lambda raw: zstd.compress(raw, level=-5))
    assert len(file) <= FILE_SIZE_MAX_BYTES
    assert decode(file, Kind.BLOB, data).data == data


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"blob",
        b"blob 3",
        b"blob 3abc",
        b"blob  3\0abc",
        b"blob 03\0abc",
        b"blob +3\0abc",
        b"blob -0\0",
        b"blob 2\0abc",
        b"blob 4\0abc",
        b"Blob 3\0abc",
        b"tree 3\0abc",
        b" blob 3\0abc",
        b"blob 9999999999\0abc",
        b"blob \xd9\xa3\0abc",
    ],
)
def test_framing_that_breaks_a_rule_is_refused(content):
    """One spelling of kind and size, and a size that is true."""
    with pytest.raises(FormatError):
        parse_framed(content, where=HERE)


@pytest.mark.parametrize("kind", [Kind.ROPE, Kind.TURN, Kind.TAG])
def test_an_object_larger_than_its_kind_is_refused(kind):
    """The limit is that of the kind, also where the file is within its own."""
    content = b"%s %d\0" % (kind.encode(), MIB + 1) + bytes(MIB + 1)
    with pytest.raises(FormatError):
        decode_loose(zstd.compress(content), ObjectId(hash_content(content)), where=HERE)


def test_the_object_of_another_name_is_refused():
    """A file that was swapped with another is not of this id."""
    with pytest.raises(IntegrityError) as caught:
        decode(encode_loose(Kind.BLOB, b"other"))
    assert caught.value.fields["oid"] == object_id(Kind.BLOB, b"")


def test_a_frame_that_says_too_much_is_refused():
    """More content than any object has is not decompressed."""
    with pytest.raises(FormatError):
        decode(zstd.compress(bytes(CONTENT_SIZE_MAX_BYTES + 1)))


def test_no_file_but_the_whole_one_is_taken():
    """Each shorter or longer one is an error, each changed bit too or the same object."""
    file = encode_loose(Kind.BLOB, b"some data " * 9)
    stored = (Kind.BLOB, b"some data " * 9)
    for size in range(len(file)):
        with pytest.raises(DataError):
            decode(file[:size], *stored)
    for tail in (b"\0", file):
        with pytest.raises(DataError):
            decode(file + tail, *stored)
    for offset in range(len(file)):
        changed = bytearray(file)
        changed[offset] ^= 8
        try:
            assert decode(bytes(changed), *stored) == stored
        except DataError:
            continue
