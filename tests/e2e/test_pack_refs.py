"""`tapes pack-refs`, as a user runs it."""

from __future__ import annotations

import pytest

from tests.builders import make_repo, make_tape, set_ref


@pytest.fixture
def repository(work):
    """Give a store with a branch and a tag, both in files of their own."""
    repository = make_repo(work / ".tapes")
    set_ref(repository, "refs/tags/v1", make_tape(repository, 2)[-1])
    return repository


@pytest.mark.parametrize(
    ("options", "files"),
    [
        ((), ["refs/heads/main"]),
        (("--all",), []),
        (("--all", "--no-prune"), ["refs/heads/main", "refs/tags/v1"]),
    ],
)
def test_refs_read_the_same_before_and_after(tapes, repository, options, files):
    """Tags by default, with --all every ref; files go unless told otherwise; values stay."""
    before = tapes("show-ref").out
    tapes("pack-refs", *options)
    assert tapes("show-ref").out == before
    assert [n for n in ("refs/heads/main", "refs/tags/v1") if (repository.root / n).exists()] == (
        files
    )
    assert "refs/tags/v1" in (repository.root / "packed-refs").read_text()
