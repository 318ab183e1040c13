"""Which refs, and in which order."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.errors import UserError
from tapegit.porcelain.plumbing.for_each_ref import (
    common_prefix,
    fnmatch_path,
    matches_patterns,
    parse_sort_key,
)
from tests.strategies import ref_names

patterns = st.lists(
    ref_names
    | st.sampled_from(["refs/heads", "refs/heads/", "refs/*/a*", "refs/heads/[a-c]*", "main", "*"]),
    max_size=3,
)


@pytest.mark.parametrize(
    ("pattern", "name", "expected"),
    [
        ("refs/heads", "refs/heads/main", True),
        ("refs/heads/", "refs/heads/main", True),
        ("refs/head", "refs/heads/main", False),
        ("refs/heads/main", "refs/heads/main", True),
        ("refs/heads/main", "refs/heads/main2", False),
        ("refs/heads/*", "refs/heads/main", True),
        ("refs/heads/*", "refs/heads/a/b", False),
        ("refs/*/main", "refs/heads/main", True),
        ("refs/heads/m[a-c]in", "refs/heads/main", True),
        ("refs/heads/ma?n", "refs/heads/ma/n", False),
        ("main", "refs/heads/main", False),
    ],
)
def test_a_pattern_is_a_folder_a_name_or_a_glob(pattern, name, expected):
    """A pattern ends at a slash, and a star never crosses one."""
    assert matches_patterns(name, [pattern]) is expected


def test_no_pattern_matches_all():
    """Without patterns there is nothing to fail."""
    assert matches_patterns("refs/x/y", [])


@given(patterns, ref_names)
def test_common_prefix_loses_no_ref_that_matches(texts, name):
    """Only refs that begin with the prefix are read, so every match must begin with it."""
    if matches_patterns(name, texts):
        assert name.startswith(common_prefix(texts))


def test_common_prefix_saves_reading():
    """Refs of one folder are read alone."""
    assert common_prefix(["refs/heads/a", "refs/heads/b*"]) == "refs/heads/"
    assert common_prefix(["refs/heads", "refs/tags"]) == "refs/"
    assert common_prefix([]) == "refs/"


def test_fnmatch_path_needs_as_many_parts():
    """A pattern of two parts matches names of two parts."""
    assert not fnmatch_path("a/b/c", "a/*")
    assert fnmatch_path("a/b/c", "*/*/*")


@pytest.mark.parametrize("text", ["nope", "-", "version:nope", "refname:nope", "v:"])
def test_parse_sort_key_refuses_what_is_no_field(text):
    """A slip in a key is an error, not another order."""
    with pytest.raises(UserError):
        parse_sort_key(text)
