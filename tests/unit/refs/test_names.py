"""Names of refs: what is one, what is none and why."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tapegit.errors import InvalidNameError
from tapegit.refs.names import (
    COMPONENT_SIZE_MAX_BYTES,
    HEAD,
    RefName,
    percent_decode_component,
    percent_encode_component,
)

GOOD = (
    "HEAD",
    "refs/heads/main",
    "refs/heads/a",
    "refs/heads/A",
    "refs/heads/feature/x_1.2+3=4@5",
    "refs/heads/é",
    "refs/heads/日本",
    "refs/heads/com10",
    "refs/heads/confuse",
    "refs/heads/auxiliary.txt",
    "refs/heads/x%20y",
    "refs/heads/a.b",
    "refs/heads/a{b}",
    "refs/heads/" + "0" * 39,
    "refs/heads/" + "0" * 41,
    "refs/heads/x/" + "0" * 40,
    "refs/sessions/claude-code/0b7e1c52-8d1f-4a47-9f0e-3f1d6f8f7a10/file/main",
    "refs/remotes/origin/HEAD",
    "refs/" + "a/" * 124 + "ab",
)
BAD_LEAVES = (
    "",
    "../x",
    "a..b",
    ".a",
    "a.lock",
    "a.LOCK",
    "a/b.lock/c",
    "a//b",
    "/a",
    "a/",
    "a b",
    "a\tb",
    "a\nb",
    "a\x00b",
    "a\x7f",
    "a\x1b[31m",
    "a\x85b",
    "@",
    "a/@/b",
    "@{1}",
    "x@{u}",
    "-x",
    "--help",
    "a/-b",
    "CON",
    "con",
    "nul.txt",
    "aux.tar.gz",
    "COM1",
    "lpt9.x",
    "com¹",
    "conin$",
    "a.",
    "a./b",
    "a ",
    "a:b",
    "a~1",
    "a^",
    "a?b",
    "a*",
    "a[b",
    "a\\b",
    "a#46",
    'a"b',
    "a<b",
    "a|b",
    unicodedata.normalize("NFD", "é"),
    "a\u200bb",
    "a\u200db",
    "a\u202eb",
    "a\u2066b",
    "a\u00adb",
    "a\ufeffb",
    "a\u2028b",
    "a\u00a0b",
    "a\U000e0041",
    "a\ue000",
    "\ud800",
    "HEAD",
    "0" * 40,
    "f" * 64,
    "ABCDEF0123" * 4,
    "a" * 300,
    "a/" * 2000 + "b",
)
BAD = (
    "",
    "main",
    "head",
    "refs",
    "refs/",
    "refs/heads",
    "refs/heads/",
    "refs//main",
    "/refs/heads/main",
    "FETCH_HEAD",
    "HEAD/x",
    "logs/HEAD",
    "objects/ab/cd",
    "refs/../HEAD",
    "refs/./heads/x",
    "Refs/heads/main",
    "-refs/heads/x",
)


@pytest.mark.parametrize("text", GOOD)
def test_a_name_that_keeps_the_rules_is_one(text):
    """Names of every folder, with dots, digits and letters of any script."""
    assert RefName.parse(text) == text
    assert RefName.try_parse(text) == text


@pytest.mark.parametrize("text", [*BAD, *(f"refs/heads/{leaf}" for leaf in BAD_LEAVES)])
def test_a_name_that_breaks_a_rule_is_refused_with_the_rule(text):
    """Each item of the list of bad names has exit code 14 and says which rule it breaks."""
    with pytest.raises(InvalidNameError) as caught:
        RefName.parse(text)

    assert RefName.try_parse(text) is None
    assert caught.value.exit_code == 14
    assert caught.value.fields["text"] == text
    assert caught.value.fields["rule"] in caught.value.message
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 600


@given(st.text(max_size=60) | st.text("refs/heads.@{}-lock~\\é%", max_size=40))
@example("refs/heads/com1")
@example("refs/tags/" + "a" * 40)
@example("refs/remotes/origin/@sessions/pi/@")
def test_the_quick_way_and_the_rules_agree(text):
    """What looks plain at one glance also keeps every rule, and no text raises another error."""
    from tapegit.refs.names import _broken_rule

    name = RefName.try_parse(text)

    assert (name is None) == (_broken_rule(text) is not None)


@given(st.text("@abcom1/lpt23_-.%0f", max_size=44).map(lambda text: f"refs/sessions/{text}"))
def test_the_quick_way_and_the_rules_agree_near_the_edge(text):
    """The same, for names of the shape that the quick way takes."""
    from tapegit.refs.names import _broken_rule

    assert (RefName.try_parse(text) is None) == (_broken_rule(text) is not None)


@pytest.mark.parametrize(
    ("text", "short"),
    [
        ("refs/heads/main", "main"),
        ("refs/tags/v1", "v1"),
        ("refs/remotes/origin/x", "origin/x"),
        ("refs/sessions/a/b", "sessions/a/b"),
        ("HEAD", "HEAD"),
    ],
)
def test_a_short_name_is_what_people_say(text, short):
    """The folder is left out where it is understood."""
    assert RefName.parse(text).short == short


def test_only_branches_are_branches():
    """HEAD and sessions are none."""
    assert RefName("refs/heads/x").is_branch
    assert not RefName("refs/sessions/x/y").is_branch
    assert not HEAD.is_branch


@pytest.mark.parametrize(
    ("text", "component"),
    [
        ("abc-1.2_3", "abc-1.2_3"),
        ("ABC", "%41%42%43"),
        ("a/b", "a%2fb"),
        ("..", "%2e%2e"),
        ("-x", "%2dx"),
        ("x.lock", "x%2elock"),
        ("x.", "x%2e"),
        ("con", "%63on"),
        ("com1.txt", "%63om1.txt"),
        ("é", "%c3%a9"),
        ("%", "%25"),
        ("a b", "a%20b"),
    ],
)
def test_an_id_becomes_one_part_of_a_name(text, component):
    """Each row, back and forth."""
    assert percent_encode_component(text) == component
    assert percent_decode_component(component) == text


@given(st.text(min_size=1, max_size=200))
@example(".lock")
@example("a..lock")
@example("@")
@example("\ud800")
@example("0" * 64)
def test_any_id_becomes_a_part_that_is_a_name_and_no_two_become_one(text):
    """Whatever a harness calls a session, its ref has a valid name, and the id comes back."""
    component = percent_encode_component(text)

    assert len(component) <= COMPONENT_SIZE_MAX_BYTES
    assert "/" not in component
    RefName.parse(f"refs/sessions/x/{component}/file/main")
    if "_" not in component[80:81] and text.isascii():
        assert percent_decode_component(component) == text


def test_long_ids_stay_different():
    """What is cut off still decides the name."""
    one, other = (percent_encode_component("x" * 500 + end) for end in "ab")

    assert one != other
    assert len(one) == len(other) <= COMPONENT_SIZE_MAX_BYTES


def test_an_empty_id_is_refused():
    """Nothing names nothing."""
    with pytest.raises(InvalidNameError):
        percent_encode_component("")
