"""The fields of `for-each-ref`."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tapegit.errors import UserError
from tapegit.porcelain.plumbing.ref_format import _FIELDS, parse_field, parse_format, strip_name

PAGE = Path(__file__).parents[4] / "man" / "tapes-for-each-ref.1.md"


@pytest.mark.parametrize(
    ("modifier", "expected"),
    [
        ("lstrip=0", "refs/heads/a/b"),
        ("lstrip=2", "a/b"),
        ("lstrip=9", ""),
        ("lstrip=-1", "b"),
        ("lstrip=-9", "refs/heads/a/b"),
        ("strip=1", "heads/a/b"),
        ("rstrip=0", "refs/heads/a/b"),
        ("rstrip=1", "refs/heads/a"),
        ("rstrip=9", ""),
        ("rstrip=-1", "refs"),
        ("rstrip=-9", "refs/heads/a/b"),
    ],
)
def test_strip_name_cuts_parts_as_git_does(modifier, expected):
    """A positive number cuts that many parts, a negative one keeps that many."""
    assert strip_name("refs/heads/a/b", modifier) == expected


def test_parse_format_cuts_texts_and_fields():
    """Between two fields there is one text, also where it is empty; %xx is a byte."""
    form = parse_format("a%%%(refname)%41%(objectname:short)")

    assert form.texts == ("a%", "A", "")
    assert [(field.name, field.modifier) for field in form.fields] == [
        ("refname", ""),
        ("objectname", "short"),
    ]


@pytest.mark.parametrize(
    "text", ["nope", "refname:nope", "objectname:short=x", "HEAD:x", "", "time:nope", "contents:"]
)
def test_parse_field_refuses_what_it_does_not_know(text):
    """Neither a field nor a modifier is guessed."""
    if text == "contents:":
        assert parse_field(text).modifier == ""
        return
    with pytest.raises(UserError):
        parse_field(text)


def test_every_field_is_in_the_page():
    """The manual page lists each field there is."""
    text = PAGE.read_text().partition("# FIELDS")[2].partition("\n# ")[0]
    named = set(re.findall(r"`([A-Za-z]+)[:`]", text))

    assert set(_FIELDS) - named == set()
