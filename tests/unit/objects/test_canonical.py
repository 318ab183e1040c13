"""Canonical JSON, and what msgspec alone would let through."""

from __future__ import annotations

import json

import pytest

from tapegit.errors import FormatError
from tapegit.objects.canonical import (
    DEPTH_MAX,
    INTEGER_MAX,
    decode_canonical,
    encode_canonical,
    replace_surrogates_in_text,
)


def nested(depth: int) -> object:
    """Return arrays this deep in one another around a number."""
    value: object = 1
    for _ in range(depth):
        value = [value]
    return value


GOOD = {
    b'{"a":1,"b_2":["x",{"c":"d"}]}': {"b_2": ["x", {"c": "d"}], "a": 1},
    b'"\\b\\t\\n\\f\\r\\"\\\\/\x7f"': '\b\t\n\f\r"\\/\x7f',
    b'"\\u0000\\u001f\\u000b"': "\0\x1f\v",
    '"é\u2028😀\ufffd\uffff"'.encode(): "é\u2028😀\ufffd\uffff",
    b"[9007199254740991,-9007199254740991,0]": [INTEGER_MAX, -INTEGER_MAX, 0],
    b"1": 1,
}


@pytest.mark.parametrize(("data", "value"), GOOD.items())
def test_good_values_go_both_ways(data, value):
    """A value has one form, and that form gives the value."""
    assert encode_canonical(value) == data
    assert decode_canonical(data) == value


NOT_CANONICAL = [
    b"",
    b" ",
    b"{",
    b'{"a":1} ',
    b' {"a":1}',
    b'{"a": 1}',
    b'{"a":1}x',
    b'{"a":1}{"a":1}',
    b'\xef\xbb\xbf{"a":1}',
    b'{"a":1,"a":1}',
    b'{"a":1,"a":2}',
    b'[{"a":1,"b":2,"a":1}]',
    b'{"b":1,"a":1}',
    b'{"A":1}',
    b'{"":1}',
    b'{"a-b":1}',
    '{"é":1}'.encode(),
    b'{"\\u0061":1}',
    b"null",
    b"true",
    b"[false]",
    b'{"a":null}',
    b"1.0",
    b"1e3",
    b"[0.5]",
    b"-0",
    b"01",
    b"+1",
    b"NaN",
    b"Infinity",
    b"9007199254740992",
    b"-9007199254740992",
    b"1e400",
    b"9" * 5000,
    b"{}",
    b"[]",
    b'{"a":[]}',
    b'["",{}]',
    b'"\\/"',
    b'"\\u0041"',
    b'"\\u001F"',
    b'"\\u0009"',
    b'"\\ud83d\\ude00"',
    b'"\\ud800"',
    b'"\\udc00\\ud800"',
    b'"\n"',
    b'"\xff"',
    b'"\xc0\x80"',
    b'"\xed\xa0\x80"',
    b'"\xf4\x90\x80\x80"',
    b"'a'",
    b'{"a":1,}',
    b"[1,]",
    b"//\n1",
]


@pytest.mark.parametrize("data", NOT_CANONICAL)
def test_other_bytes_are_a_format_error(data):
    """JSON in any other form, or what is no JSON, is refused by name."""
    with pytest.raises(FormatError):
        decode_canonical(data)


@pytest.mark.parametrize(
    "data", [b"[" * 1_000_000, b'{"a":' * 200_000, b"[" * 17 + b"1" + b"]" * 17]
)
def test_deep_nesting_is_a_format_error(data):
    """Bytes do not decide how deep the program recurses."""
    with pytest.raises(FormatError):
        decode_canonical(data)


def test_depth_of_sixteen_is_the_last_allowed():
    """The outermost counts as one."""
    assert decode_canonical(encode_canonical(nested(DEPTH_MAX))) == nested(DEPTH_MAX)
    with pytest.raises(FormatError):
        encode_canonical(nested(DEPTH_MAX + 1))
    with pytest.raises(FormatError):
        encode_canonical(nested(100_000))


LOOP: list[object] = []
LOOP.append(LOOP)
NO_JSON = [None, True, 1.0, float("nan"), 1 << 53, 1 << 80, {}, [], {"a": ()}, b"x", {1}, object()]
NO_JSON += [{1: 1}, {"A": 1}, {"": 1}, {"\ud800": 1}, LOOP]


@pytest.mark.parametrize("value", NO_JSON, ids=lambda value: type(value).__name__)
def test_values_without_a_form_are_a_format_error(value):
    """What the form has no room for cannot be encoded."""
    with pytest.raises(FormatError):
        encode_canonical(value)


def test_surrogates_are_joined_or_replaced():
    """A pair becomes its character, a lone half U+FFFD, one for each; also deep inside."""
    assert replace_surrogates_in_text("a\ud83d\ude00\ud800\udc00\ude00\ud800") == (
        "a\U0001f600\U00010000\ufffd\ufffd"
    )
    value = {"a": ["\ud800", {"b": "\udfff\ud83d\ude00"}]}
    assert json.loads(encode_canonical(value)) == {"a": ["\ufffd", {"b": "\ufffd\U0001f600"}]}
