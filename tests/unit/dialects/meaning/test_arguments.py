"""Arguments of tool calls, one by one."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.dialects.meaning.arguments import split_arguments

plain = st.text(alphabet=st.characters(exclude_categories=["Cs"]))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ('{"command":"a\\nb"}', [("command", "a\nb")]),
        (
            '{"n":1.0,"l":[1, 2],"o":{"a":null},"t":true}',
            [("n", "1.0"), ("l", "[1, 2]"), ("o", '{"a":null}'), ("t", "true")],
        ),
        (' {"a" : "b" } ', [("a", "b")]),
        ('{"a":"1","a":"2"}', [("a", "2")]),
        ('{"big":123456789012345678901234567890}', [("big", "123456789012345678901234567890")]),
        ("{}", None),
        ("[1]", None),
        ('"text"', None),
        ("", None),
        ('{"a":', None),
        ('{"a":"\\ud800"}', None),
        ("*** Begin Patch", None),
    ],
)
def test_arguments_are_split(arguments, expected):
    """A string is what it says, any other value the JSON that it is; what is no object is None."""
    assert split_arguments(arguments) == expected


@given(st.text() | st.binary().map(lambda data: data.decode("utf-8", "surrogateescape")))
def test_any_text_is_split_or_not(arguments):
    """Whatever a source has for arguments, nothing is raised."""
    split = split_arguments(arguments)
    assert split is None or split


@given(st.dictionaries(plain, plain, min_size=1))
def test_texts_come_back(members):
    """Arguments that are texts are read as they were."""
    assert split_arguments(json.dumps(members)) == list(members.items())


def test_deep_arguments_are_borne():
    """Nesting without end is no object to read."""
    deep = '{"a":' * 100_000
    assert split_arguments(deep) is None
    assert split_arguments('{"a":' + "[" * 100_000 + "]" * 100_000 + "}") is None
