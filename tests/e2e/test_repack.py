"""`tapes repack`, as a user runs it."""

from __future__ import annotations

import pytest

from tests.builders import make_repo, make_tape, write_blob


@pytest.fixture
def repository(work):
    """Give a store with three packs of a tape each, and a loose tape and a lonely blob."""
    from tapegit.repository.repository import Repository

    root = make_repo(work / ".tapes").root
    for number in range(3):
        repository = Repository.open(root, actor="tester")
        make_tape(repository, 3, label=f"{number}", name=f"refs/heads/{number}")
        from tapegit.porcelain.maintenance.repack import RepackOptions, run_repack

        run_repack(repository, RepackOptions(removes=True))
    repository = Repository.open(root, actor="tester")
    make_tape(repository, 3, label="loose", name="refs/heads/loose")
    write_blob(repository, b"lonely")
    return repository


def counts(tapes):
    """Return how many objects are loose and how many packs there are."""
    (record,) = tapes("count-objects", "-v", "--json").records
    return record["count"], record["packs"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), (7, 4)),
        (("-d",), (1, 4)),
        (("-a",), (7, 5)),
        (("-a", "-d"), (0, 2)),
        (("-A", "-d", "-l", "-n", "-q"), (0, 2)),
        (("-a", "-d", "-f"), (0, 2)),
        (("-d", "--geometric=2"), (0, 2)),
    ],
)
def test_repack_folds_what_it_was_asked_to(tapes, repository, options, expected):
    """Loose objects, all packs or as many as it takes; old copies go only with -d."""
    before = tapes("cat-file", "--batch", "--batch-all-objects").data
    assert counts(tapes) == (7, 3)
    tapes("repack", *options)
    assert counts(tapes) == expected
    assert tapes("cat-file", "--batch", "--batch-all-objects").data == before


def test_repack_again_has_nothing_to_do(tapes, repository):
    """What is in one pack already is not packed again."""
    tapes("repack", "-a", "-d")
    files = sorted(path.name for path in (repository.root / "objects/pack").iterdir())
    assert tapes("repack", "-a", "-d").out.splitlines()[0] != "packed"
    assert sorted(path.name for path in (repository.root / "objects/pack").iterdir()) == files


def test_repack_json(tapes, repository):
    """The figures of a run as one JSON object."""
    (record,) = tapes("repack", "-a", "-d", "--json").records
    assert record["objects_written"] == 24
    assert record["packs_folded"] == 3
    assert record["cruft_objects"] == 1


def test_repack_refuses_options_that_contradict(tapes, repository):
    """All packs and some packs are not the same."""
    tapes("repack", "-a", "--geometric=2", code=2)
    tapes("repack", "--geometric=1", code=2)


def test_kept_pack_is_left_alone(tapes, repository):
    """A pack with a .keep file is not folded, not even with -a."""
    pack = next((repository.root / "objects/pack").glob("*.pack"))
    pack.with_suffix(".keep").touch()
    tapes("repack", "-a", "-d")
    assert pack.exists()
    assert counts(tapes) == (0, 3)
