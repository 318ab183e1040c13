"""`tapes show-ref`."""

from __future__ import annotations

import pytest

from tests.builders import MAIN


@pytest.mark.parametrize(
    "args",
    [
        (),
        ("--head",),
        ("--heads",),
        ("--branches",),
        ("--tags",),
        ("--heads", "--tags"),
        ("-d",),
        ("--dereference", "v1"),
        ("main",),
        ("2",),
        ("ain",),
        ("-s",),
        ("--hash=7",),
        ("--abbrev",),
        ("--abbrev=10", "--heads"),
        ("-q",),
        ("-q", "nope"),
        ("nope",),
        ("--verify", "refs/heads/main"),
        ("--verify", "refs/heads/main", "refs/tags/v1"),
        ("--verify", "-d", "refs/tags/v1"),
        ("--verify", "HEAD"),
        ("--verify", "main"),
        ("--verify", "-q", "refs/heads/nope"),
    ],
)
def test_show_ref_prints_what_git_prints(twin, args):
    """The lines, their order and whether anything was found are git's."""
    if args == ("--branches",):
        assert twin.tapes("show-ref", "--branches").out == twin.tapes("show-ref", "--heads").out
    else:
        twin.same("show-ref", *args)


def test_show_ref_exists_has_git_s_codes(twin):
    """--exists prints nothing: 0 is yes, 2 is no."""
    assert twin.tapes("show-ref", "--exists", "refs/heads/main").out == ""
    assert twin.tapes("show-ref", "--exists", "refs/heads/nope", code=2).err == ""


def test_show_ref_verify_names_what_is_missing(twin):
    """A name that does not exist is an error of its own, not an empty answer."""
    result = twin.tapes("show-ref", "--verify", "refs/heads/nope", code=12)

    assert result.err == "tapes: error: 'refs/heads/nope' is not a valid ref\n"


def test_show_ref_json_is_one_object_per_ref(twin):
    """--json gives the same refs with their ids."""
    records = twin.tapes("show-ref", "--json", "--heads").records

    assert [record["ref"] for record in records] == ["refs/heads/main", "refs/heads/try/2"]
    assert all(len(record["oid"]) == 64 for record in records)


@pytest.mark.parametrize("args", [("--verify",), ("--exists",), ("--exists", "a", "b")])
def test_show_ref_without_a_name_is_a_usage_error(tapes, store, args):
    """What needs a name says so."""
    assert "requires a ref" in tapes("show-ref", *args, code=2).err


def test_show_ref_goes_on_past_a_broken_ref(twin, store):
    """One damaged file does not hide the others, and makes the command fail."""
    (store / "refs/heads/bad").write_bytes(b"rubbish\n")

    result = twin.tapes("show-ref", code=30)

    assert len(result.lines) == 4
    assert "refs/heads/bad" in result.err


def test_show_ref_warns_of_a_file_that_is_no_ref(twin, store):
    """A stranger's file below refs/ is named on standard error and stops nothing."""
    (store / "refs/heads/a..b").write_bytes(b"rubbish\n")

    result = twin.tapes("show-ref", "--heads")

    assert len(result.lines) == 2
    assert result.err.startswith("tapes: warning: passing over 'refs/heads/a..b'")


def test_show_ref_of_an_empty_store_exits_with_1(tapes, store):
    """Nothing to show is an answer: 1, and no error."""
    assert tapes("show-ref", code=1).err == ""


def test_show_ref_outside_a_store_says_what_would_help(run_tapes, work):
    """Without a store the code is 10 and the hint names two commands."""
    result = run_tapes("show-ref", code=10)

    assert "tapes init" in result.err
    assert result.out == ""
    assert MAIN == "refs/heads/main"
