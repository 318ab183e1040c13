"""JSON compared path by path."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.porcelain.diff.json_values import (
    DEPTH_MAX,
    NESTING_MAX,
    NO_JSON,
    diff_json,
    parse_json,
)

_values = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("xy"), inner, max_size=3),
    max_leaves=12,
)


def changes(old: str, new: str) -> list[tuple[str, str | None, str | None]]:
    """Return path, old and new value of each difference."""
    return [(each.path, each.old, each.new) for each in diff_json(old, new)]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('{"a":1}', '{ "a" : 1 }', []),
        ('{"a":1,"b":2}', '{"b":2,"a":1}', []),
        ('{"a":1}', '{"a":1.0}', [("a", "1", "1.0")]),
        ('{"a":1}', '{"a":"1"}', [("a", "1", '"1"')]),
        ('{"a":1}', '{"a":true}', [("a", "1", "true")]),
        ('{"a":null}', "{}", [("a", "null", None)]),
        ('{"a":{"b":[1,{"c":2}]}}', '{"a":{"b":[1,{"c":3}]}}', [("a.b[1].c", "2", "3")]),
        ("[1,2,3]", "[0,1,2,3]", [("[0]", None, "0")]),
        ("[1,2,3]", "[1,3]", [("[1]", "2", None)]),
        ('{"é x":1}', '{"é x":2}', [('"é x"', "1", "2")]),
        ('{"a":1e999}', '{"a":1e998}', [("a", "1e999", "1e998")]),
        ('{"a":' + "9" * 5000 + "}", '{"a":' + "9" * 5000 + "}", []),
        ("nonsense", "nonsense", []),
        ("nonsense", "{}", [("", '"nonsense"', '"{}"')]),
    ],
)
def test_differences(old, new, expected):
    """Only the paths that differ are named, with the values as they were written."""
    assert changes(old, new) == expected
    assert changes(new, old) == sorted(
        ((path, b, a) for path, a, b in expected), key=lambda each: each[0]
    )


@given(_values, _values)
def test_nothing_differs_if_and_only_if_the_values_are_equal(old, new):
    """No difference is missed and none is made up."""
    texts = [json.dumps(value, sort_keys=True) for value in (old, new)]

    assert (changes(*texts) == []) == (texts[0] == texts[1])


def test_strings_are_given_as_what_they_say():
    """So that they can be compared by lines."""
    (change,) = diff_json('{"a":"x\\ny"}', '{"a":"x\\nz"}')

    assert (change.old_text, change.new_text) == ("x\ny", "x\nz")


def test_nesting_is_bounded():
    """What is nested deeply is compared as a whole, what is nested too deeply as text."""

    def nest(depth: int, value: str) -> str:
        return "[" * depth + value + "]" * depth

    (change,) = diff_json(nest(DEPTH_MAX + 5, "1"), nest(DEPTH_MAX + 5, "2"))
    assert change.path == "[0]" * DEPTH_MAX
    for depth in (NESTING_MAX + 1, 100_000):
        assert parse_json(nest(depth, "1")) is NO_JSON
        (change,) = diff_json(nest(depth, "1"), nest(depth, "2"))
        assert (change.path, change.old_text) == ("", nest(depth, "1"))
