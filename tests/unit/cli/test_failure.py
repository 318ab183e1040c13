"""What is said when a command fails."""

from __future__ import annotations

import errno
import json

import click
import pytest

from tapegit.cli.failure import as_tapes_error, asks_for_json, format_failure
from tapegit.errors import ObjectNotFoundError, StorageError, TapesError, UserError
from tapegit.objects.oid import ObjectId

OID = ObjectId(b"\x07" * 32)


def test_format_failure_writes_error_and_hints():
    """Text is one line for the error and one for each hint, with control characters spelled out."""
    error = UserError("no 'a\x1bb'", hint="try this\nor that")

    assert format_failure(error, json=False) == (
        "tapes: error: no 'a\\x1bb'\nhint: try this\nhint: or that\n"
    )


def test_format_failure_as_json_names_the_facts():
    """With --json the fields of the error are members, and what is unknown is absent."""
    error = ObjectNotFoundError("no such object", oid=OID, near=(OID,), data=b"\xff", n=3)

    assert json.loads(format_failure(error, json=True)) == {
        "schema": 1,
        "error": "object-not-found",
        "code": 12,
        "message": "no such object",
        "oid": str(OID),
        "near": [str(OID)],
        "data": "ff",
        "n": 3,
    }


def test_format_failure_puts_usage_errors_into_our_style():
    """What click finds wrong is said in lower case, without a full stop."""
    text = format_failure(click.UsageError("Missing argument 'REF'."), json=False)

    assert text.splitlines() == [
        "tapes: error: missing argument 'REF'",
        "hint: 'tapes help <command>' says how it is used",
    ]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (MemoryError(), "out of memory"),
        (OSError(errno.ENOSPC, "x"), "the system refused: No space left on device"),
        (OSError(errno.EACCES, "x", "/p"), "cannot access '/p': Permission denied"),
        (OSError(errno.EACCES, "x", b"/p"), "cannot access '/p': Permission denied"),
        (OSError("odd"), "the system refused: odd"),
    ],
)
def test_as_tapes_error_names_what_the_system_refused(error, text):
    """An error that no store converted still has a code and a plain sentence."""
    converted = as_tapes_error(error)

    assert isinstance(converted, StorageError)
    assert text == converted.message


@pytest.mark.parametrize(
    ("args", "expected"),
    [(["log", "--json"], True), (["log", "--", "--json"], False), (["log"], False), ([], False)],
)
def test_asks_for_json_looks_at_options_only(args, expected):
    """What stands behind `--` is no option."""
    assert asks_for_json(args) is expected


def test_every_error_formats_without_fields():
    """The bare base class can be shown too."""
    assert format_failure(TapesError("x"), json=True)
