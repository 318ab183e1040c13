"""YAML that nobody vouches for: what it says, and what is refused before it can do harm."""

from __future__ import annotations

import json

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from tapegit.dialects.vcr.yaml_values import decode_yaml, iter_scalars
from tapegit.errors import FormatError

BOMB = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join(['*' + chr(97 + n)] * 10)}]\n" for n in range(9)
)
LONG_BOMB = f"a: &a {'x' * 1_000_000}\nb: [{', '.join(['*a'] * 400)}]\n"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1", {"a": 1}),
        ("a: '1'", {"a": "1"}),
        ("a: -7\nb: 1.5\nc: 1.0e+3", {"a": -7, "b": 1.5, "c": 1000.0}),
        ("a: null\nb: ~\nc:\nd: ''", {"a": None, "b": None, "c": None, "d": ""}),
        ("a: true\nb: false\nc: yes", {"a": True, "b": False, "c": "yes"}),
        ("a: 2026-01-01", {"a": "2026-01-01"}),
        ("a: !!binary aGk=", {"a": b"hi"}),
        ("a: !binary |-\n  aGk=\n", {"a": b"hi"}),
        ("a: !!str 1", {"a": "1"}),
        ("- &x [1]\n- *x", [[1], [1]]),
        ("a: 'x\n  y'", {"a": "x y"}),
        ("a: |\n  x\n  y\n", {"a": "x\ny\n"}),
        ("1: a\n2.5: b\n~: c", {"1": "a", "2.5": "b", "None": "c"}),
        ("a: 1\na: 2", {"a": 2}),
        ("<<: {a: 1}", {"<<": {"a": 1}}),
        ("99999999999999999999", "99999999999999999999"),
        ("\ufeffa: 1", {"a": 1}),
    ],
)
def test_values_are_plain(text, value):
    """Strings, numbers, bytes, lists and objects; no dates, and nothing merged."""
    assert decode_yaml(text.encode()) == value


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (BOMB.encode(), "too many values"),
        (LONG_BOMB.encode(), "too many values"),
        (b"[" * 100, "nested too deep"),
        (b"[" * 1_000_000, "nested too deep"),
        (b"- " * 200 + b"x", "nested too deep"),
        (b"&a [*a]", "an alias that stands for nothing, or for what it is in"),
        (b"&a {b: &b [*a]}", "an alias that stands for nothing, or for what it is in"),
        (b"*nothing", "an alias that stands for nothing, or for what it is in"),
        (b"a: 1\n---\nb: 2\n", "more than one document"),
        (b"", "nothing in it"),
        (b"# only this", "nothing in it"),
        (b"a: \xff", "not UTF-8"),
        ("a: 1".encode("utf-16"), "not UTF-8"),
        (b"a: 'open", "no YAML"),
        (b"a: \x00", "no YAML"),
        (b"a: b: c", "no YAML"),
        (b"? [a]\n: b", "a key that is no text"),
        (b"a: !!binary abc", "what should be base64 is not"),
    ],
)
def test_what_could_do_harm_is_refused(data, reason):
    """Depth, aliases, size: each is told, and found before anything has grown."""
    with pytest.raises(FormatError) as found:
        decode_yaml(data)
    assert found.value.fields["reason"] == reason


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['touch /tmp/x']",
        "a: !!python/name:os.system",
        "a: !!python/object/new:type [a]",
    ],
)
def test_tags_make_nothing(text):
    """What a tag names is not looked for."""
    value = decode_yaml(text.encode())
    assert json.dumps(value)


_texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=40)
_values = st.recursive(
    _texts | st.integers(-(10**12), 10**12) | st.booleans() | st.none() | st.binary(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_texts, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=150)
@given(_values, st.sampled_from([None, "'", '"', "|"]), st.integers(20, 120))
def test_what_was_dumped_is_read(value, style, width):
    """Whatever the library writes, in any style and folded anywhere, comes back."""
    text = yaml.safe_dump(value, default_style=style, width=width, allow_unicode=True)
    if style is None:
        assert decode_yaml(text.encode()) == value
    else:
        decode_yaml(text.encode())


@settings(max_examples=100)
@given(st.lists(_texts, min_size=1, max_size=5), st.sampled_from(["'", '"', "|"]))
def test_texts_stand_where_it_says(texts, style):
    """Each text, cut out and read alone, is what it was in the document."""
    text = yaml.safe_dump({"list": texts}, default_style=style, allow_unicode=True, width=30)
    found = [scalar for scalar in iter_scalars(text.encode()) if scalar.value != "list"]
    assert [scalar.value for scalar in found] == texts
    for scalar in found:
        piece = text[scalar.start : scalar.end]
        assert piece[0] in "'\"|>"


def test_place_of_a_text_can_be_written_over():
    """Another text in its place, and the rest of the document is as it was."""
    text = "é:\n- 'x\n  y'\n- |\n  secret\n  more\n- last\n"
    scalars = list(iter_scalars(text.encode()))
    block = next(each for each in scalars if each.value == "secret\nmore\n")
    changed = text[: block.start] + "'new'\n" + text[block.end :]
    assert decode_yaml(changed.encode()) == {"é": ["x y", "new", "last"]}
