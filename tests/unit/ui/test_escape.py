"""Text from outside cannot command a terminal."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.ui.escape import escape_line, escape_text, format_json

any_text = st.text(st.characters(codec=None), max_size=60)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("tab\tand\nline", "tab\tand\nline"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\x9b31m", "\\x9b31m"),
        ("a\rb", "a\\x0db"),
        ("\x7f", "\\x7f"),
        ("evil\u202egpj.exe", "evil<U+202E>gpj.exe"),
        ("zero\u200bwidth", "zero<U+200B>width"),
        ("\ud800", "<U+D800>"),
        ("\U000e0041", "<U+E0041>"),
        ("grüße 漢字 🎉", "grüße 漢字 🎉"),
    ],
)
def test_escape_text_spells_out_what_is_unsafe(text, shown):
    """Controls, invisible and reordering characters are spelled out, all else stays."""
    assert shown == escape_text(text)


def test_escape_line_keeps_text_on_one_line():
    """New-lines and tabs are spelled out too where a line must stay one."""
    assert escape_line("a\nb\tc") == "a\\x0ab\\x09c"


@given(any_text)
def test_escaped_text_has_no_unsafe_category(text):
    """Whatever goes in, no control, format or surrogate character of the unsafe kinds comes out."""
    shown = escape_text(text)

    shown.encode()
    assert not {c for c in shown if unicodedata.category(c) in ("Cc", "Cs")} - {"\n", "\t"}
    assert not set(shown) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b")


@given(
    st.recursive(
        st.booleans() | st.integers() | any_text,
        lambda inner: st.lists(inner) | st.dictionaries(any_text, inner),
        max_leaves=8,
    )
)
def test_format_json_is_read_back_by_any_parser(value):
    """What is printed as JSON is one printable line, and a parser gets the same value."""
    text = format_json(value)

    assert value == json.loads(text)
    assert text == escape_line(text)


def test_format_json_leaves_out_what_is_unknown():
    """A key whose value is None is absent: unknown is never null."""
    assert format_json({"a": 1, "b": None}) == '{"a":1}'


def test_format_json_refuses_floats():
    """A float is a mistake of the program: there are none in our data."""
    with pytest.raises(TypeError):
        format_json(1.5)
