"""Object ids: text, prefixes and hashes."""

from __future__ import annotations

import pytest
from blake3 import blake3

from tapegit.errors import InvalidNameError
from tapegit.objects.oid import (
    ZERO_OID,
    ObjectId,
    OidPrefix,
    content_hasher,
    hash_content,
    hash_framed,
)

HEX = "c9a94c1a9145087554f265dc47aecd93fd8fe3bbac49d768cf69c6a816bf51ce"


def test_parse_hex_and_str_are_inverse():
    """An id reads back from its text and is its 32 bytes."""
    oid = ObjectId.parse(HEX)

    assert str(oid) == HEX
    assert oid == bytes.fromhex(HEX)
    assert len(oid) == 32
    assert f"{oid}" == HEX
    assert oid.short() == HEX[:8]
    assert repr(oid) == f"ObjectId({HEX})"


@pytest.mark.parametrize(
    "text",
    [
        "",
        HEX[:-1],
        HEX + "0",
        HEX.upper(),
        HEX[:-1] + "g",
        " " + HEX[1:],
        HEX + "\n",
        "\u0661" * 64,
        HEX[:62] + "\ud800x",
    ],
)
def test_parse_other_text_is_an_invalid_name(text):
    """Anything but 64 lower-case digits is refused, with the text in the fields."""
    with pytest.raises(InvalidNameError) as caught:
        ObjectId.parse(text)

    assert caught.value.fields["text"] == text


def test_ids_sort_and_hash_as_bytes():
    """Ids order by their bytes and are equal to the same bytes as a key."""
    low, high = ObjectId(bytes(31) + b"\1"), ObjectId(b"\xff" * 32)

    assert sorted([high, low, ZERO_OID]) == [ZERO_OID, low, high]
    assert {low: 1}[bytes(31) + b"\1"] == 1


def test_prefix_find_folds_case_and_refuses_the_rest():
    """4 to 64 hex digits are a prefix, in either case; nothing else is."""
    assert OidPrefix.find("C9A9") == "c9a9"
    assert OidPrefix.find(HEX) == HEX
    for text in ("", "c9a", HEX + "0", "c9ag", "c9a9 ", "c9a9\n", "\u0130aaaa", "K" * 4):
        assert OidPrefix.find(text) is None


def test_prefix_bounds_enclose_exactly_what_begins_with_it():
    """An odd prefix bounds ids at half a byte."""
    low, high = OidPrefix("abcde").bounds()

    assert low.hex() == "abcde" + "0" * 59
    assert high.hex() == "abcde" + "f" * 59


def test_hashes_are_blake3_of_the_bytes():
    """Framed, whole and piecewise hashing agree with BLAKE3."""
    hasher = content_hasher()
    hasher.update(b"blob 6\0")
    hasher.update(b"hello\n")

    assert hash_framed(b"blob 6\0", b"hello\n").hex() == HEX
    assert hasher.digest().hex() == HEX
    assert hash_content(memoryview(b"xhello")[1:]) == blake3(b"hello").digest()
