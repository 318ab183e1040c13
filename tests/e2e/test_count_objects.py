"""`tapes count-objects`, as a user runs it."""

from __future__ import annotations

import pytest

from tests.builders import make_repo, make_tape


@pytest.fixture
def repository(work):
    """Give a store with six packed objects, four loose ones, and one that is both."""
    from tapegit.repository.repository import Repository

    repository = make_repo(work / ".tapes")
    make_tape(repository, 3)
    both = next(repository.root.glob("objects/??/*"))
    data = both.read_bytes()
    from tapegit.porcelain.maintenance.repack import RepackOptions, run_repack

    run_repack(Repository.open(repository.root), RepackOptions(removes=True))
    both.write_bytes(data)
    make_tape(Repository.open(repository.root), 2, label="loose")
    return repository


def test_short_form_counts_what_is_loose(tapes, repository):
    """One line, as git's."""
    assert tapes("count-objects").lines == ["5 objects, 1 kilobytes"]


def test_long_form_has_gits_lines(tapes, repository):
    """Eight lines in git's order; garbage is named on standard error."""
    (repository.root / "objects/pack/stranger.tmp").write_bytes(b"x" * 2000)
    result = tapes("count-objects", "-v")
    fields = dict(line.split(": ") for line in result.lines)
    assert list(fields) == [
        "count",
        "size",
        "in-pack",
        "packs",
        "size-pack",
        "prune-packable",
        "garbage",
        "size-garbage",
    ]
    del fields["size-pack"]
    assert list(fields.values()) == ["5", "1", "6", "1", "1", "1", "2"]
    assert "garbage found" in result.err
    assert "stranger.tmp" in result.err


def test_sizes_for_people(tapes, repository):
    """-H gives a unit with each size."""
    assert "bytes" in tapes("count-objects", "-H").out
    assert "KiB" in tapes("count-objects", "-vH").out


def test_json_has_sizes_in_bytes(tapes, repository):
    """The same counts as one JSON object, sizes exact."""
    (record,) = tapes("count-objects", "--json").records
    assert record["count"] == 5
    assert record["in_pack"] == 6
    assert record["size"] == sum(
        path.stat().st_size for path in repository.root.glob("objects/??/*")
    )


def test_damaged_index_is_garbage_and_no_failure(tapes, repository):
    """A pack whose index cannot be read is listed, and counting goes on."""
    (index,) = repository.root.glob("objects/pack/*.idx")
    index.chmod(0o644)
    index.write_bytes(b"rubbish")
    result = tapes("count-objects", "-v")
    assert "packs: 0" in result.lines
    assert "garbage: 2" in result.lines
