"""The trash: in by one rename, out by path, gone only by its date."""

from __future__ import annotations

import os

import pytest

from tapegit.errors import StorageError
from tapegit.files.trash import Trash


@pytest.fixture
def root(tmp_path):
    """Give a folder like a store."""
    (tmp_path / "objects" / "ab").mkdir(parents=True)
    (tmp_path / "trash").mkdir()
    return tmp_path


def put(root, time_ms, data, name="objects/ab/cd"):
    """Throw a file away."""
    (root / name).write_bytes(data)
    assert Trash(root).open_batch(time_ms).put(root / name)


def test_what_was_thrown_away_comes_back_by_its_path(root):
    """A file is gone from its place, and after restoring it is there with its bytes."""
    put(root, 1000, b"x")
    assert not (root / "objects/ab/cd").exists()

    assert Trash(root).restore("objects/ab/cd")
    assert (root / "objects/ab/cd").read_bytes() == b"x"
    assert Trash(root).find("objects/ab/cd") is None


def test_the_newest_copy_comes_back(root):
    """Of several batches with the same path the youngest is taken."""
    put(root, 1000, b"old")
    put(root, 3000, b"new")
    put(root, 2000, b"middle")
    Trash(root).restore("objects/ab/cd")

    assert (root / "objects/ab/cd").read_bytes() == b"new"


def test_a_file_in_the_place_is_left(root):
    """Restoring never replaces, and says that the file is there."""
    put(root, 1000, b"old")
    (root / "objects/ab/cd").write_bytes(b"new")

    assert Trash(root).restore("objects/ab/cd")
    assert (root / "objects/ab/cd").read_bytes() == b"new"


def test_what_is_in_no_batch_is_not_there(root):
    """Looking for what was never thrown away finds nothing, also without a trash folder."""
    assert not Trash(root).restore("objects/ab/none")
    (root / "trash").rmdir()
    assert not Trash(root).restore("objects/ab/none")
    assert list(Trash(root).iter_batches()) == []


def test_throwing_away_what_is_gone_is_no_error(root):
    """Another gc was faster."""
    assert not Trash(root).open_batch(1000).put(root / "objects/ab/none")


def test_only_old_batches_expire(root):
    """A batch goes for good when its time is before the date, with its folders and bytes."""
    put(root, 1000, b"12345")
    put(root, 2000, b"123")

    assert Trash(root).expire(before_ms=2000) == 5
    assert [time_ms for time_ms, _ in Trash(root).iter_batches()] == [2000]
    assert Trash(root).expire(before_ms=2000) == 0


def test_strangers_in_the_trash_are_left(root):
    """What is no batch never expires: salvage keeps its finds beside."""
    (root / "trash" / "lost").mkdir()
    (root / "trash" / "lost" / "pack").write_bytes(b"x")
    (root / "trash" / "file").write_bytes(b"x")
    put(root, 1000, b"1")
    Trash(root).expire(before_ms=1 << 50)

    assert sorted(os.listdir(root / "trash")) == ["file", "lost"]


def test_expiring_never_follows_a_link(root, tmp_path_factory):
    """A link in a batch is removed, and not what it leads to."""
    outside = tmp_path_factory.mktemp("outside")
    (outside / "precious").write_bytes(b"x")
    put(root, 1000, b"1")
    _, batch = next(Trash(root).iter_batches())
    (batch / "link").symlink_to(outside)
    Trash(root).expire(before_ms=1 << 50)

    assert not batch.exists()
    assert (outside / "precious").exists()


def test_a_file_that_cannot_move_is_an_error(root):
    """A folder in the place of the file's folder stops the rename with a named error."""
    batch = Trash(root).open_batch(1000)
    (root / "objects/ab/cd").write_bytes(b"x")
    batch.path.mkdir()
    (batch.path / "objects").write_bytes(b"in the way")
    with pytest.raises(StorageError):
        batch.put(root / "objects/ab/cd")
    assert (root / "objects/ab/cd").exists()
