"""Revisions as text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.errors import InvalidNameError
from tapegit.graph.revision import (
    ALONE,
    ANCESTOR,
    BETWEEN,
    CHECKOUT,
    EXCLUDE,
    INCLUDE,
    LATEST,
    ORDINAL,
    PARENT,
    PARENTS,
    PEEL,
    REFLOG_DATE,
    REFLOG_ENTRY,
    SEARCH,
    SYMMETRIC,
    TEXT_LENGTH_MAX,
    UPSTREAM,
    WITHOUT,
    Selector,
    Step,
    parse_range,
    parse_revision,
)

REVISIONS = [
    ("HEAD", "HEAD", [], None),
    ("@", "HEAD", [], None),
    ("a@b", "a@b", [], None),
    ("refs/heads/a-b.c", "refs/heads/a-b.c", [], None),
    ("x~", "x", [Step(ANCESTOR, 1)], None),
    ("x~0", "x", [Step(ANCESTOR, 0)], None),
    ("x~12^^", "x", [Step(ANCESTOR, 14)], None),
    ("x^0", "x", [Step(ANCESTOR, 0)], None),
    ("x^2", "x", [Step(PARENT, 2)], None),
    ("x^2~3^4", "x", [Step(PARENT, 2), Step(ANCESTOR, 3), Step(PARENT, 4)], None),
    ("x#46", "x", [Step(ORDINAL, 46)], None),
    ("x#46~1#2", "x", [Step(ORDINAL, 46), Step(ANCESTOR, 1), Step(ORDINAL, 2)], None),
    ("x^{}", "x", [Step(PEEL)], None),
    ("x^{turn}^", "x", [Step(PEEL, text="turn"), Step(ANCESTOR, 1)], None),
    ("x^{/a b~^:#}", "x", [Step(SEARCH, text="a b~^:#")], None),
    ("x^{/!!a}", "x", [Step(SEARCH, text="!!a")], None),
    ("x@{3}", "x", [Step(REFLOG_ENTRY, 3)], None),
    ("x@{0}~", "x", [Step(REFLOG_ENTRY, 0), Step(ANCESTOR, 1)], None),
    ("x@{2 days ago}", "x", [Step(REFLOG_DATE, text="2 days ago")], None),
    ("x@{u}", "x", [Step(UPSTREAM, text="u")], None),
    ("@{1}", "", [Step(REFLOG_ENTRY, 1)], None),
    ("@{-2}", "", [Step(CHECKOUT, 2)], None),
    ("@{latest}~2", "", [Step(LATEST), Step(ANCESTOR, 2)], None),
    ("@{yesterday}", "", [Step(REFLOG_DATE, text="yesterday")], None),
    (":/fix: the ~bug", "", [Step(SEARCH, text="fix: the ~bug")], None),
    ("HEAD:turn", "HEAD", [], Selector("turn")),
    ("x~2:raw/0", "x", [Step(ANCESTOR, 2)], Selector("raw", 0)),
    ("x:part/17", "x", [], Selector("part", 17)),
    ("x:request", "x", [], Selector("request")),
    ("x:response", "x", [], Selector("response")),
    ("x:system", "x", [], Selector("system")),
    ("@{latest}:tools", "", [Step(LATEST)], Selector("tools")),
]


@pytest.mark.parametrize(("text", "name", "steps", "selector"), REVISIONS)
def test_revision_parses_to_name_steps_and_selector(text, name, steps, selector):
    """Each form of the page is read as what it says."""
    parsed = parse_revision(text)
    assert parsed.text == text
    assert (parsed.name, list(parsed.steps), parsed.selector) == (name, steps, selector)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "^",
        "~1",
        "#3",
        ":",
        ":raw/0",
        "x:",
        "x:nothing",
        "x:raw",
        "x:raw/",
        "x:turn/1",
        "x:raw/-1",
        "x:raw/1x",
        "x#",
        "x#-1",
        "x#a",
        "x@{",
        "x@{}",
        "x@{ }",
        "x@{-1}",
        "@{-0}",
        "x@{latest}",
        "x^{",
        "x^{tree}",
        "x^{/!a}",
        "x~1a",
        "x^2a",
        "x~9999999999999999",
        "x#9999999999999999",
        "x^^^^{",
        ":/!a",
        "x" * (TEXT_LENGTH_MAX + 1),
    ],
)
def test_revision_that_is_none_is_refused(text):
    """What is no revision is an error with its text and the rule it breaks."""
    with pytest.raises(InvalidNameError) as caught:
        parse_revision(text)
    assert caught.value.fields["text"] == text
    assert caught.value.fields["rule"]


RANGES = [
    ("a", INCLUDE, "a", None, 0),
    ("^a", EXCLUDE, "a", None, 0),
    ("a..b", BETWEEN, "a", "b", 0),
    ("..b", BETWEEN, "HEAD", "b", 0),
    ("a..", BETWEEN, "a", "HEAD", 0),
    ("a...b", SYMMETRIC, "a", "b", 0),
    ("...b", SYMMETRIC, "HEAD", "b", 0),
    ("a~2..b^2", BETWEEN, "a~2", "b^2", 0),
    ("a@{2.days.ago}", INCLUDE, "a@{2.days.ago}", None, 0),
    ("a@{1..2}..b", BETWEEN, "a@{1..2}", "b", 0),
    ("a^@", PARENTS, "a", None, 0),
    ("a^!", ALONE, "a", None, 0),
    ("a^-", WITHOUT, "a", None, 1),
    ("a^-3", WITHOUT, "a", None, 3),
    ("a^^!", ALONE, "a^", None, 0),
    (":/a..b", INCLUDE, ":/a..b", None, 0),
]


@pytest.mark.parametrize(("text", "form", "one", "other", "number"), RANGES)
def test_range_parses_to_its_form(text, form, one, other, number):
    """Each form of a range is read as what it says; dots in braces are none."""
    parsed = parse_range(text)
    assert parsed.form == form
    assert parsed.one.text == one
    assert (parsed.other and parsed.other.text) == other
    assert parsed.number == number


@pytest.mark.parametrize("text", ["..", "...", "^", "a..~", "^^@", "a^-0x", "", "a@{..b"])
def test_range_that_is_none_is_refused(text):
    """A range needs a revision, and each of its revisions must be one."""
    with pytest.raises(InvalidNameError):
        parse_range(text)


@given(st.text(alphabet="ab1~^@{}:/.-!# \u00e9\x00", max_size=24))
def test_any_text_is_a_revision_or_refused(text):
    """Nothing but a value or a named error comes of any text."""
    for parse in (parse_revision, parse_range):
        try:
            parse(text)
        except InvalidNameError:
            continue


def test_longest_revision_is_read_in_time():
    """A text of the largest size is read at once, and ten thousand steps back are one."""
    text = "x" + "^" * (TEXT_LENGTH_MAX - 1)
    assert parse_revision(text).steps == (Step(ANCESTOR, TEXT_LENGTH_MAX - 1),)
    many = parse_revision("x" + "^2" * (TEXT_LENGTH_MAX // 2 - 1))
    assert len(many.steps) == TEXT_LENGTH_MAX // 2 - 1
    with pytest.raises(InvalidNameError):
        parse_revision("x" + "@{" * (TEXT_LENGTH_MAX // 2 - 1))
