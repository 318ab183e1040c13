"""Cutting bytes into records: every byte in one record, whatever is wrong."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.dialects.syntax import json_records
from tapegit.dialects.syntax.json_records import (
    CUT_OFF,
    NOT_JSON,
    NOT_UTF8,
    TOO_DEEP,
    TOO_LONG,
    find_value_end,
    is_too_deep,
    is_utf8,
    iter_elements,
    read_raw_records,
)

MIB = 1 << 20


def read(data: bytes, *, size: int = MIB) -> list[tuple[int, int, bytes, str | None]]:
    """Return records as (number, line, bytes, reason)."""
    reader = read_raw_records()
    records = []
    for start in range(0, len(data), size):
        records += reader.feed(data[start : start + size])
    records += reader.finish()
    return [(record.number, record.line, record.data, record.reason) for record in records]


CASES = {
    "lines": (b'{"a":1}\n{"b":2}\n', [(1, 1, b'{"a":1}\n', None), (2, 2, b'{"b":2}\n', None)]),
    "no last LF": (b"{}\n{}", [(1, 1, b"{}\n", None), (2, 2, b"{}", None)]),
    "CRLF": (b"{}\r\n{}\r\n", [(1, 1, b"{}\r\n", None), (2, 2, b"{}\r\n", None)]),
    "glued": (b'{"a":1}{"b":2}\n', [(1, 1, b'{"a":1}', None), (2, 1, b'{"b":2}\n', None)]),
    "glued with blanks": (b"{} [1] \n", [(1, 1, b"{}", None), (2, 1, b" [1] \n", None)]),
    "glued with rubbish": (
        b"{} x\n{}",
        [(1, 1, b"{}", None), (2, 1, b" x\n", NOT_JSON), (3, 2, b"{}", None)],
    ),
    "byte order mark": (b"\xef\xbb\xbf{}\n", [(1, 1, b"\xef\xbb\xbf{}\n", None)]),
    "mark inside": (
        b"{}\n\xef\xbb\xbf{}\n",
        [(1, 1, b"{}\n", None), (2, 2, b"\xef\xbb\xbf{}\n", NOT_JSON)],
    ),
    "blank lines": (b"\n\n{}\n", [(1, 3, b"\n\n{}\n", None)]),
    "blanks at the end": (b"{}\n \n", [(1, 1, b"{}\n", None), (2, 2, b" \n", None)]),
    "cut off": (b'{}\n{"a', [(1, 1, b"{}\n", None), (2, 2, b'{"a', CUT_OFF)]),
    "cut inside a character": (b'{}\n"\xc3', [(1, 1, b"{}\n", None), (2, 2, b'"\xc3', CUT_OFF)]),
    "not UTF-8": (b'"\xff"\n', [(1, 1, b'"\xff"\n', NOT_UTF8)]),
    "NUL": (b"\0\n", [(1, 1, b"\0\n", NOT_JSON)]),
    "lone surrogate": (b'"\\ud800"\n', [(1, 1, b'"\\ud800"\n', None)]),
    "duplicate keys": (b'{"a":1,"a":2}\n', [(1, 1, b'{"a":1,"a":2}\n', None)]),
    "large numbers": (
        b"[1e999,123456789012345678901234567890]\n",
        [(1, 1, b"[1e999,123456789012345678901234567890]\n", None)],
    ),
    "NaN": (b"NaN\n", [(1, 1, b"NaN\n", NOT_JSON)]),
    "too deep": (
        b"[" * 513 + b"]" * 513 + b"\n",
        [(1, 1, b"[" * 513 + b"]" * 513 + b"\n", TOO_DEEP)],
    ),
    "deep enough": (
        b"[" * 512 + b"]" * 512 + b"\n",
        [(1, 1, b"[" * 512 + b"]" * 512 + b"\n", None)],
    ),
    "UTF-16": (
        "{}\n".encode("utf-16"),
        [(1, 1, b"\xff\xfe{\0}\0\n", NOT_UTF8), (2, 2, b"\0", CUT_OFF)],
    ),
    "nothing": (b"", []),
}


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("size", [1, 3, MIB])
def test_records_of_a_source(name, size):
    """Each oddity gives the records of the page, however the bytes arrive."""
    data, expected = CASES[name]
    assert read(data, size=size) == expected


@given(
    st.lists(
        st.sampled_from(
            [b"{", b"}", b"[", b"]", b'"', b"\\", b"\n", b" ", b"1", b"\xc3", b"\xa9", b",", b":"]
        )
    ),
    st.integers(1, 5),
)
def test_every_byte_is_in_one_record_however_it_is_fed(parts, size):
    """Records concatenate to the bytes, and do not depend on the chunks."""
    data = b"".join(parts)
    records = read(data)
    assert b"".join(record[2] for record in records) == data
    assert [record[0] for record in records] == list(range(1, len(records) + 1))
    assert read(data, size=size) == records


@given(st.binary())
def test_any_bytes_are_records(data):
    """No bytes make the reader fail or lose one."""
    assert b"".join(record[2] for record in read(data)) == data


def test_long_line_is_unreadable_in_pieces(monkeypatch):
    """A line longer than the limit comes in pieces of a fixed size, and the next is read again."""
    monkeypatch.setattr(json_records, "LINE_SIZE_MAX_BYTES", 64)
    monkeypatch.setattr(json_records, "LONG_PIECE_SIZE_BYTES", 16)
    data = b'"' + b"a" * 70 + b'"\n{}\n'
    for size in (1, 10, MIB):
        records = read(data, size=size)
        assert [record[2] for record in records] == [
            *(data[n : n + 16] for n in range(0, 64, 16)),
            data[64:73],
            b"{}\n",
        ]
        assert [record[3] for record in records] == [TOO_LONG] * 5 + [None]
        assert records[-1][1] == 2


def test_many_blanks_are_records_of_their_own():
    """Each whole MiB of blanks is a record, so that a file of blanks needs no memory."""
    data = b" " * (2 * MIB + 5) + b"{}\n"
    assert [len(record[2]) for record in read(data, size=100_000)] == [MIB, MIB, 8]


@given(st.binary(max_size=300).map(lambda data: data * 3))
def test_is_utf8_is_what_decoding_says(data):
    """The check agrees with Python's decoder."""
    try:
        data.decode()
    except UnicodeDecodeError:
        assert not is_utf8(data)
    else:
        assert is_utf8(data)


@given(st.integers(500, 530), st.integers(0, 40), st.booleans())
def test_depth_is_counted_exactly(depth, width, is_object):
    """512 levels are allowed and 513 are not, whatever stands beside them."""
    opening, closing = (b'{"[":', b"}") if is_object else (b"[", b"]")
    data = b"[" + b"[[[]]]," * width + opening * (depth - 1) + b"1" + closing * (depth - 1) + b"]"
    assert is_too_deep(data) == (depth > 512)
    msgspec.json.decode(data)


def test_millions_of_small_values_are_passed_over_quickly():
    """The end of a value of a million values is found without looking at each."""
    array = b'{"a":[' + b'{"b":"}"},' * 300_000 + b"{}]}"
    assert find_value_end(array + b"   {}", 0) == len(array)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
)


@given(st.lists(json_values, max_size=6), st.sampled_from([None, 1]))
def test_elements_of_an_array_are_those_that_json_has(values, indent):
    """The scanner cuts an array where a JSON reader does."""
    data = json.dumps(values, indent=indent).encode()
    assert [json.loads(bytes(element)) for element in iter_elements(memoryview(data))] == values


@given(json_values, st.sampled_from([b"", b" ", b"{}", b"]"]))
def test_end_of_a_value_is_where_json_ends(value, more):
    """The end of an array or object is found, whatever follows; other values have none."""
    data = json.dumps(value).encode()
    expected = len(data) if data[:1] in (b"{", b"[") else None
    assert find_value_end(data + more, 0) == expected
