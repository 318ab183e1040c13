"""`tapes help`."""

from __future__ import annotations

import pytest

from tapegit.cli.table import COMMANDS


def test_help_alone_lists_the_commands(tapes):
    """Without a topic it is the same as `tapes --help`."""
    assert tapes("help").out.rstrip() == tapes("--help").out.rstrip()


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_each_command_is_its_page(tapes, name):
    """Every command has a page, with its name on it."""
    out = tapes("help", name).out

    assert out.startswith("NAME\n")
    assert f"tapes-{name} - " in out
    assert "<!--" not in out


@pytest.mark.parametrize(
    ("topic", "heading"),
    [
        ("tapes", "tapes - "),
        ("glossary", "tapesglossary - "),
        ("revisions", "tapesrevisions - "),
        ("exit-codes", "tapes-exit-codes - "),
        ("pack", "tapesformat-pack - "),
        ("tapesformat-turn", "tapesformat-turn - "),
        ("maintenance", "tapesmaintenance - "),
    ],
)
def test_concepts_and_formats_have_pages_too(tapes, topic, heading):
    """A page is found by the short word for what it is about."""
    assert heading in tapes("help", topic).out


@pytest.mark.parametrize("topic", ["nope", "../errors", "", "a/b", "\udcff"])
def test_unknown_topic_says_how_to_list_them(tapes, topic):
    """What has no page is an error; a path is never opened."""
    result = tapes("help", topic, code=1)

    assert "no manual page for" in result.err
    assert "tapes help --all" in result.err


def test_all_lists_every_page(tapes):
    """--all names each page with its section."""
    lines = tapes("help", "--all").lines

    assert "tapes-cat-file(1)" in lines
    assert "tapesformat-pack(5)" in lines
    assert "tapesglossary(7)" in lines
    assert len(lines) == len(set(lines))


def test_help_needs_no_store(run_tapes):
    """The pages are part of the program."""
    assert "tapes-help - " in run_tapes("help", "help").out
