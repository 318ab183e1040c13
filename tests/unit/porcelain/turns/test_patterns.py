"""Patterns as git's `--grep` takes them."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.errors import UserError
from tapegit.porcelain.turns.patterns import PATTERN_LENGTH_MAX, compile_pattern

LINES = ["abc", "a+b", "a b", "(ab)", "a{2}", "aa", "x|y", "[z]", "a\\b", "-", "^top$", "*", "A1_"]
PATTERNS = [
    "a+b",
    r"a\+b",
    "(ab)",
    r"\(a\)\{2\}",
    "a{2}",
    "x|y",
    r"x\|z",
    "[[]",
    "[]]",
    "[^a-z ]",
    "[[:alpha:]][[:digit:]]",
    "[[:punct:]]",
    r"[\\]",
    r"a\\b",
    "*",
    r"\(*\)",
    "^a",
    "b^",
    "^*",
    r"\^top",
    "p$",
    "$p",
    r"\.",
    "a.b",
    r"\<b\>",
    "[a-]",
    "[+--]",
    "x*",
    "a?b",
]


REFUSED = {"*", "^*"}
"""Extended patterns that grep takes for text, and git for a mistake."""


def matches_here(pattern: str, syntax: str) -> list[str]:
    """Return the lines that a pattern finds."""
    compiled = compile_pattern(pattern, syntax)
    return [line for line in LINES if compiled.search(line)]


@pytest.mark.skipif(shutil.which("grep") is None, reason="grep is not installed")
@pytest.mark.parametrize(
    ("syntax", "option"), [("basic", "-G"), ("extended", "-E"), ("fixed", "-F")]
)
@pytest.mark.parametrize("pattern", PATTERNS)
def test_pattern_finds_what_grep_finds(pattern, syntax, option):
    """The rewritten pattern means what the program that defines it says, or is refused."""
    done = subprocess.run(
        ["grep", option, "-e", pattern],
        input="\n".join(LINES) + "\n",
        capture_output=True,
        text=True,
        check=False,
        env={"LC_ALL": "C"},
    )
    if done.returncode > 1 or (syntax == "extended" and pattern in REFUSED):
        with pytest.raises(UserError):
            compile_pattern(pattern, syntax)
        return
    assert matches_here(pattern, syntax) == done.stdout.splitlines()


def test_case_can_be_ignored():
    """-i is for every syntax."""
    for syntax in ("basic", "extended", "fixed", "perl"):
        assert compile_pattern("ABC", syntax, ignore_case=True).search("xabcx")
        assert not compile_pattern("ABC", syntax).search("xabcx")


def test_perl_is_the_engines_own():
    """Nothing is rewritten."""
    assert compile_pattern(r"(?<=a)\d{2}", "perl").search("a42")


@pytest.mark.parametrize(
    ("pattern", "syntax"),
    [
        ("[a", "basic"),
        ("[[:alpha:", "basic"),
        ("[[:nope:]]", "extended"),
        ("a\\", "basic"),
        ("(", "extended"),
        ("(" * 4000, "extended"),
        ("a{99999999999}", "extended"),
        ("(?P<x", "perl"),
        ("x" * (PATTERN_LENGTH_MAX + 1), "fixed"),
    ],
)
def test_no_pattern_is_an_error(pattern, syntax):
    """What means nothing is told, and never a traceback."""
    with pytest.raises(UserError):
        compile_pattern(pattern, syntax)


@given(st.text(max_size=30))
def test_fixed_text_finds_itself_alone(text):
    """No character of a fixed text is an operator."""
    compiled = compile_pattern(text, "fixed")
    assert compiled.fullmatch(text)
    assert compiled.pattern == re.escape(text)


@given(st.text("ab[]^$*.\\(){}|+?-:alnum,1", max_size=12), st.sampled_from(["basic", "extended"]))
def test_any_text_is_a_pattern_or_a_user_error(text, syntax):
    """Whatever stands in a pattern, it is compiled or refused."""
    try:
        compile_pattern(text, syntax)
    except UserError:
        pass
