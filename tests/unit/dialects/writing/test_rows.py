"""Rows of files of clients: taken apart at the top, written as lines that are one for all."""

from __future__ import annotations

import json

import pytest

from tapegit.dialects.parts import Unknown
from tapegit.dialects.tapes.resume import iter_parts
from tapegit.dialects.writing.rows import (
    decode_json,
    decode_member,
    decode_row,
    decode_text,
    encode_row,
)


def test_what_is_inside_stays_as_it_is():
    """Numbers, order, spaces and escapes of members are those of the row."""
    data = rb'{"a": {"z":1.50,"b" : "\u00e9"}, "n": 123456789012345678901234567890}'
    row = decode_row(data)
    assert encode_row(
        row
    ) == rb'{"a":{"z":1.50,"b" : "\u00e9"},"n":123456789012345678901234567890}' + (b"\n")


@pytest.mark.parametrize("data", [b"", b"[]", b"3", b"{", b'"x"', b"null", b'{"a":1}}', b"\xff"])
def test_what_is_no_object_is_none(data):
    """Whatever else it is."""
    assert decode_row(data) is None


def test_members_are_read_as_what_they_are():
    """A text that is none, and what is no JSON, is None."""
    row = decode_row(b'{"a":"x","b":3,"c":[1]}')
    assert [decode_text(row.get(name)) for name in "abcd"] == ["x", None, None, None]
    assert decode_member(row["c"]) == [1]
    assert decode_member("x") is None
    assert decode_json("{") is decode_json(b"[" * 100_000) is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\u2028b\u2029c", "a\u2028b\u2029c"),
        ("a\0b\0", "ab"),
        ("\\u0000", "\\u0000"),
        ("\\\0", "\\"),
        ("a\nb\rc", "a\nb\rc"),
    ],
)
def test_a_line_is_one_for_every_reader(text, expected):
    """Nothing in it ends a line but its end; NUL characters are gone, and nothing else."""
    line = encode_row({"text": text})
    assert len(line.decode().splitlines()) == 1
    assert b"\\u0000" not in line.replace(b"\\\\", b"")
    assert json.loads(line) == {"text": expected}


def test_records_that_repeat_say_nothing():
    """How many there are, and no words that could be found."""
    (part,) = iter_parts([b'{"a":', b"1}\n{}\n"])
    assert part == Unknown(type="2 records that repeat the turns before", raw="")
