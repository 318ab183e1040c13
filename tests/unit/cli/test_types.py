"""Parameter types that commands share."""

from __future__ import annotations

import click
import pytest

from tapegit.cli.types import kind, ref_name
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
