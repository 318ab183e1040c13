"""`tapes merge-base`: output, codes and errors; what it finds is held to git's elsewhere."""

from __future__ import annotations

import pytest

from tests.builders import make_tape, set_ref, write_blob, write_turn


@pytest.fixture
def criss(repository):
    """Give a criss-cross: two merges of the same two turns, and so two best bases."""
    root = write_turn(repository, "root", time=1)
    left = write_turn(repository, "left", parents=[root], time=2)
    right = write_turn(repository, "right", parents=[root], time=3)
    for name, parents in (("one", (left, right)), ("two", (right, left))):
        oid = write_turn(repository, name, parents=parents, time=4)
        set_ref(repository, f"refs/heads/{name}", oid)
    return {"root": str(root), "left": str(left), "right": str(right)}


def test_best_base_and_all_of_them(tapes, criss):
    """The newest of several is printed, or all, newest first."""
    assert tapes("merge-base", "one", "two").lines == [criss["right"]]
    assert tapes("merge-base", "-a", "one", "two").lines == [criss["right"], criss["left"]]
    records = tapes("merge-base", "--all", "--json", "one", "two").records
    assert [record["oid"] for record in records] == [criss["right"], criss["left"]]
    assert tapes("merge-base", "one^", "two^").lines == [criss["root"]]


def test_histories_with_nothing_in_common_exit_with_1(tapes, repository, criss):
    """No base is an answer, with nothing printed."""
    make_tape(repository, 2, name="refs/heads/island")
    for words in (("one", "island"), ("--octopus", "one", "two", "island")):
        result = tapes("merge-base", *words, code=1)
        assert (result.data, result.err) == (b"", "")


def test_is_ancestor_answers_by_its_code(tapes, criss):
    """0 is yes, 1 is no, and with --json it is said as well."""
    tapes("merge-base", "--is-ancestor", "one^", "two", code=0)
    tapes("merge-base", "--is-ancestor", "one", "one", code=0)
    assert tapes("merge-base", "--is-ancestor", "one", "two", code=1).data == b""
    (record,) = tapes("merge-base", "--is-ancestor", "--json", "one", "two", code=1).records
    assert record == {"schema": 1, "is_ancestor": False}


def test_independent_keeps_the_order_given(tapes, criss):
    """Those that no other reaches, each once, as they came."""
    found = tapes("merge-base", "--independent", "two", "one^", "one", "two", "one~2").lines
    assert found == tapes("rev-parse", "two", "one").lines


@pytest.mark.parametrize(
    ("words", "code"),
    [
        ((), 2),
        (("one",), 2),
        (("--is-ancestor", "one"), 2),
        (("--is-ancestor", "one", "two", "one"), 2),
        (("--is-ancestor", "--all", "one", "two"), 2),
        (("one", "nosuch"), 12),
        (("one", "x~~y"), 14),
    ],
)
def test_what_cannot_be_asked_is_refused(tapes, criss, words, code):
    """Usage and names have their codes, and nothing is printed."""
    result = tapes("merge-base", *words, code=code)
    assert result.data == b""
    assert result.err.startswith("tapes: error: ")


def test_blob_has_no_ancestors(tapes, repository, criss):
    """What is no turn is refused by kind."""
    blob = write_blob(repository, b"x")
    assert "is a blob, not a turn" in tapes("merge-base", "one", str(blob), code=1).err


def test_missing_turn_is_named(tapes, repository, criss):
    """An answer that depends on a missing turn is none."""
    path = repository.root / "objects" / criss["root"][:2] / criss["root"][2:]
    path.unlink()
    assert criss["root"] in tapes("merge-base", "one^", "two^", code=12).err
    # It lies below both bases, and still one of them might descend from the other by it.
    assert criss["root"] in tapes("merge-base", "--all", "one", "two", code=12).err
    assert tapes("merge-base", "one", "one^").lines == [criss["left"]]
