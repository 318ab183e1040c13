"""Tags: git's text form, with one way to write each."""

from __future__ import annotations

import pytest

from tapegit.errors import FormatError
from tapegit.objects.kind import MIB, Kind
from tapegit.objects.oid import ObjectId
from tapegit.objects.tag import Tag, Tagger, decode_tag, encode_tag

OID = ObjectId(bytes(range(32)))
HEAD = f"object {OID}\ntype turn\ntag v1\n".encode()
FULL = HEAD + b"tagger Ada <ada@x.org> 1780000000000\n\nFirst.\n"


@pytest.mark.parametrize(
    ("data", "tag"),
    [
        (FULL, Tag(OID, Kind.TURN, "v1", Tagger("Ada <ada@x.org>", 1_780_000_000_000), "First.\n")),
        (HEAD + b"\n", Tag(OID, Kind.TURN, "v1", None, "")),
        (HEAD + b"tagger a -1\n\n\n", Tag(OID, Kind.TURN, "v1", Tagger("a", -1), "\n")),
        (HEAD + b"tagger 1 2 0\n\nx", Tag(OID, Kind.TURN, "v1", Tagger("1 2", 0), "x")),
        (HEAD + b"\ntagger a 1\n", Tag(OID, Kind.TURN, "v1", None, "tagger a 1\n")),
        (HEAD + "\né\0\r\n".encode(), Tag(OID, Kind.TURN, "v1", None, "é\0\r\n")),
    ],
)
def test_tags_go_both_ways(data, tag):
    """A tag has one form, and that form gives the tag."""
    assert decode_tag(data) == tag
    assert encode_tag(tag) == data


BAD = [
    b"",
    HEAD,
    HEAD[:-1],
    FULL.replace(b"object ", b"object  "),
    FULL.replace(b"object", b"Object"),
    FULL.replace(b"\n", b"\r\n"),
    FULL.replace(str(OID).encode(), str(OID).upper().encode()),
    FULL.replace(str(OID).encode(), str(OID).encode()[1:]),
    FULL.replace(b"turn", b"commit"),
    FULL.replace(b"tag v1", b"tag "),
    FULL.replace(b"tag v1", b"tag  v1"),
    FULL.replace(b"tag v1", b"tag v1\xc2\xa0"),
    FULL.replace(b"tag v1", b"tag v\x1b1"),
    FULL.replace(b"tag v1", "tag v\u202e1".encode()),
    FULL.replace(b"tag v1", b"tag \xff"),
    FULL.replace(b"tag v1", b"tag " + b"x" * 256),
    FULL.replace(b" 1780000000000", b""),
    FULL.replace(b" 1780000000000", b" 01"),
    FULL.replace(b" 1780000000000", b" -0"),
    FULL.replace(b" 1780000000000", b" +1"),
    FULL.replace(b" 1780000000000", b" 9007199254740992"),
    FULL.replace(b" 1780000000000", b" 1.5"),
    FULL.replace(b"Ada", b"x" * 1024),
    FULL.replace(b"Ada", b" Ada"),
    FULL.replace(b"tagger", b"extra 1\ntagger"),
    FULL + b"\xff",
    FULL + b"x" * MIB,
]


@pytest.mark.parametrize("data", BAD)
def test_other_bytes_are_a_format_error(data):
    """What breaks a rule of the page is refused."""
    with pytest.raises(FormatError):
        decode_tag(data)


@pytest.mark.parametrize(
    "change",
    [
        {"name": ""},
        {"name": "a\nb"},
        {"name": " a"},
        {"name": "a\ud800"},
        {"tagger": Tagger("", 1)},
        {"tagger": Tagger("a\ntagger b", 1)},
        {"tagger": Tagger("a", 1 << 53)},
        {"message": "\udc80"},
        {"message": "x" * MIB},
    ],
)
def test_tags_that_would_not_read_back_are_refused(change):
    """Nothing is written that a reader would refuse or read otherwise."""
    tag = Tag(OID, Kind.TURN, "v1", Tagger("Ada", 1), "m")._replace(**change)
    with pytest.raises(FormatError):
        encode_tag(tag)
