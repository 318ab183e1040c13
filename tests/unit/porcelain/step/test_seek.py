"""Turns that are sought: what is left out early is what decoding would leave out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tapegit.dialects.meaning.decisions import SIGNS, find_decision
from tapegit.dialects.meaning.named_files import iter_files
from tapegit.dialects.parts import ToolCall
from tapegit.objects.oid import ObjectId
from tapegit.porcelain.step.seek import find_needed, has_failed, make_seeker
from tapegit.porcelain.turns.parts import iter_parts, iter_texts
from tests.unit.dialects.meaning.test_decisions import RESULTS

FIXTURES = Path(__file__).parents[4] / "fixtures" / "transcripts"
SOURCES = ("claude-code", "codex", "pi", "gemini-cli", "opencode", "swe-agent", "vcr")

NEEDED = {
    "is_refund: true": (b"refund",),
    "^file_path: .*billing": (b"billing",),
    "error|fail": (b"error", b"fail"),
    "colou?r": (b"colo",),
    "colou*r": (b"colo",),
    "colou{0,1}rs": (b"colo",),
    r"\bAssert\w+": (b"Assert",),
    r"a\.py": (b"py",),
    "[Dd]one": (b"one",),
    "[]ab]xyz": (b"xyz",),
    "[^]ab]xyz": (b"xyz",),
    "a+b": (b"a",),
    "error|.*": (),
    "(?i)error": (),
    "(a|b)c": (),
    r"\x41bc": (),
    r"\pNabc": (),
    r"\Qabc\E": (),
    "": (),
    "é": (),
    "\\": (),
    "[": (),
}


@pytest.mark.parametrize(("pattern", "needed"), NEEDED.items())
def test_words_that_a_pattern_needs(pattern, needed):
    """One of them is in whatever it finds; where that is not plain there are none."""
    assert find_needed(pattern) == needed


@given(st.text("ab1 .*+?|^$[]{}\\-", max_size=12), st.text("ab1 .", max_size=12))
def test_what_a_pattern_finds_has_one_of_the_words(pattern, text):
    """Whatever the pattern."""
    try:
        found = re.search(pattern, text)
    except (re.error, OverflowError):
        return
    needed = find_needed(pattern)
    assert not found or not needed or any(word in text.encode() for word in needed)


@pytest.fixture(scope="module")
def turns(tmp_path_factory):
    """Give every turn of real transcripts of seven harnesses, and what finds objects."""
    from tapegit.repository.repository import Repository
    from tests.builders import make_store
    from tests.command import Runner, run_here

    root = make_store(tmp_path_factory.mktemp("seek") / ".tapes")
    tapes = Runner(run_here, root.parent)
    tapes("import", *(FIXTURES / name for name in SOURCES), code=None)
    repository = Repository.open(root)
    from tapegit.graph.turns import TurnGraph

    graph = TurnGraph(repository.objects)
    oids = tapes("rev-list", "--all").lines
    found = [graph.read_turn(ObjectId.parse(oid)) for oid in oids]
    assert len(found) > 200
    return repository.objects.find, found


def taken(turns, what, value):
    """Return the numbers of the turns that are sought."""
    find, found = turns
    seeker = make_seeker(find, what, value)
    return [number for number, turn in enumerate(found) if seeker.takes(find, turn)]


def decoded(turns, is_sought):
    """Return the numbers of the turns of whose parts something is true, all of them decoded."""
    find, found = turns
    return [n for n, turn in enumerate(found) if is_sought(turn, list(iter_parts(find, turn)))]


@pytest.mark.parametrize(
    "pattern",
    [
        *("error", "the", "test_", "def |class ", "abort", "compact", "true", r"\d\d\.\d", "é"),
        *("[é—]s", ".é.", r"[^\x00-\x7f]{2}"),
    ],
)
def test_texts_are_found_as_if_all_were_decoded(turns, pattern):
    """In every harness's transcripts."""

    def says(turn, parts):
        texts = [text for part in parts for text in iter_texts(part)]
        texts = texts if any(texts) else [turn.summary or ""]
        return any(re.search(pattern, text, re.ASCII) for text in texts)

    expected = decoded(turns, says)
    assert taken(turns, "text", pattern) == expected
    assert expected


def test_failures_tools_files_and_decisions_are_found_as_if_all_were_decoded(turns):
    """By stored fields and raw bytes first, with the same result."""
    find, _ = turns
    assert taken(turns, "error", "") == decoded(turns, lambda turn, _: has_failed(find, turn))
    for name in ("", "bash", "Edit", "nothing"):
        expected = decoded(
            turns,
            lambda _, parts, name=name: any(
                isinstance(part, ToolCall) and (not name or part.name.lower() == name.lower())
                for part in parts
            ),
        )
        assert taken(turns, "tool", name) == expected
    expected = decoded(
        turns,
        lambda _, parts: any(
            ".py" in file
            for part in parts
            if isinstance(part, ToolCall)
            for file in iter_files(part)
        ),
    )
    assert taken(turns, "file", ".py") == expected
    expected = decoded(turns, lambda _, parts: any(map(find_decision, parts)))
    assert taken(turns, "decision", "") == expected
    assert expected


def test_every_decision_has_a_sign():
    """Its raw bytes are looked through for these first."""
    texts = [text for text, decision in RESULTS.items() if decision is not None]
    assert [text for text in texts if not any(sign in text for sign in SIGNS)] == []
