"""Parameter types that commands share."""

from __future__ import annotations

import click
import pytest

from tapegit.cli.types import attach_values, kind, ref_name
from tapegit.errors import InvalidNameError
from tapegit.objects.kind import Kind


def test_kind_takes_the_four_kinds():
    """A kind is written as in the framing of objects."""
    assert [kind(each.value) for each in Kind] == list(Kind)


def test_kind_refuses_other_words_as_a_usage_error():
    """What is no kind is a mistake on the command line."""
    with pytest.raises(click.BadParameter):
        kind("tree")


def test_ref_name_keeps_the_error_of_names():
    """A bad name is code 14 wherever it is found, not a usage error."""
    assert ref_name("refs/heads/main").short == "main"
    with pytest.raises(InvalidNameError):
        ref_name("refs/heads/a..b")


def test_attach_values_gives_optional_values_their_default():
    """A mere `--abbrev` has its default; what follows it, or stands behind `--`, is an argument."""

    @click.command()
    @click.option("-a", "--abbrev", is_flag=False, flag_value=7, type=int)
    @click.option("--flag", is_flag=True)
    @click.argument("names", nargs=-1)
    def command(**_):
        pass

    def attach(*args):
        return attach_values(command, list(args))

    assert attach("--abbrev", "main") == ["--abbrev=7", "main"]
    assert attach("-a", "main") == ["--abbrev=7", "main"]
    assert attach("--abbrev=9", "--flag") == ["--abbrev=9", "--flag"]
    assert attach("--", "--abbrev") == ["--", "--abbrev"]
