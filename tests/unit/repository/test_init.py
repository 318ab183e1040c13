"""Making a store."""

from __future__ import annotations

import os
import stat
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest

from tapegit.errors import (
    DataError,
    StorageError,
    TapesError,
    UnsafePathError,
    UnsupportedVersionError,
    UserError,
)
from tapegit.files import syscalls
from tapegit.repository.init import init_store
from tapegit.repository.layout import FOLDER_NAMES, TOP_NAMES
from tapegit.repository.repository import Repository


def snapshot(root):
    """Return every path below a folder, with the bytes of files."""
    return {
        str(path.relative_to(root)): None if path.is_dir() else path.read_bytes()
        for path in sorted(root.rglob("*"))
    }


def test_a_new_store_has_all_its_places(tmp_path):
    """All folders, the small files, HEAD on main, and nothing in tmp."""
    root = tmp_path / ".tapes"
    assert init_store(root)

    found = snapshot(root)
    assert {name for name, data in found.items() if data is None} == set(FOLDER_NAMES)
    assert {name: data for name, data in found.items() if data is not None} == {
        ".gitignore": b"*\n",
        "HEAD": b"ref: refs/heads/main\n",
        "config": b"",
        "format": b"1\n",
    }
    assert len(os.listdir(root / "objects")) == 257


def test_nobody_else_may_look_into_it(tmp_path):
    """It holds prompts: folders are 0700 and files 0600."""
    root = tmp_path / ".tapes"
    init_store(root)
    for path in (root, *root.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path


def test_a_second_run_changes_nothing(tmp_path):
    """It returns False, and every byte is as it was."""
    root = tmp_path / ".tapes"
    init_store(root)
    (root / "config").write_bytes(b"[gc]\nauto = 1\n")
    (root / "HEAD").write_bytes(b"ref: refs/heads/mine\n")
    before = snapshot(root)

    assert not init_store(root, branch="refs/heads/other")
    assert snapshot(root) == before


def test_a_second_run_makes_what_is_missing(tmp_path):
    """A folder or a file that somebody removed comes back."""
    root = tmp_path / ".tapes"
    init_store(root)
    whole = snapshot(root)
    (root / "tmp").rmdir()
    (root / "objects/7f").rmdir()
    (root / "config").unlink()
    (root / "format").unlink()

    assert not init_store(root)
    assert snapshot(root) == whole


def test_folders_above_are_made(tmp_path):
    """As `mkdir -p` does."""
    assert init_store(tmp_path / "a/b/.tapes")
    assert Repository.open(tmp_path / "a/b/.tapes").refs.read_head().oid is None


def test_the_first_branch_can_be_chosen(tmp_path):
    """HEAD names it."""
    init_store(tmp_path / ".tapes", branch="refs/heads/trunk")

    assert Repository.open(tmp_path / ".tapes").refs.read_head().target == "refs/heads/trunk"


def test_another_programs_directory_is_left_alone(tmp_path):
    """Nothing is written into it, and the error names what is in it."""
    root = tmp_path / ".tapes"
    root.mkdir()
    (root / "config.toml").write_bytes(b"x")
    with pytest.raises(UserError, match=r"another program: it holds 'config\.toml'"):
        init_store(root)

    assert snapshot(root) == {"config.toml": b"x"}


def test_a_directory_of_git_is_left_alone(tmp_path):
    """It too holds HEAD and objects/, but it is not ours."""
    for name in ("objects/pack", "refs/heads", "hooks"):
        (tmp_path / name).mkdir(parents=True)
    for name in ("HEAD", "config", "packed-refs"):
        (tmp_path / name).write_bytes(b"")
    before = snapshot(tmp_path)
    with pytest.raises(UserError, match="it holds 'hooks'"):
        init_store(tmp_path)

    assert snapshot(tmp_path) == before


def test_a_store_without_its_format_is_known_by_its_folders(tmp_path):
    """Whatever strangers have left in it, the file comes back."""
    root = tmp_path / ".tapes"
    init_store(root)
    (root / "format").unlink()
    (root / ".DS_Store").write_bytes(b"x")
    init_store(root)

    assert (root / "format").read_bytes() == b"1\n"


def test_a_store_over_several_file_systems_is_refused(tmp_path, monkeypatch):
    """A rename from tmp would not be one."""
    root = tmp_path / ".tapes"
    init_store(root)
    real = os.stat

    def stat_elsewhere(path, **options):
        return SimpleNamespace(st_dev=-1) if path == root / "tmp" else real(path, **options)

    monkeypatch.setattr(os, "stat", stat_elsewhere)
    with pytest.raises(StorageError, match="several file systems"):
        init_store(root)


def test_an_empty_directory_becomes_a_store(tmp_path):
    """It belongs to nobody."""
    (tmp_path / ".tapes").mkdir()

    assert init_store(tmp_path / ".tapes")


def test_a_store_of_the_future_is_not_touched(tmp_path):
    """Its format is refused by name."""
    root = tmp_path / ".tapes"
    init_store(root)
    (root / "format").write_bytes(b"1\nrequires moon\n")
    (root / "tmp").rmdir()
    with pytest.raises(UnsupportedVersionError, match="moon"):
        init_store(root)

    assert not (root / "tmp").exists()


def test_a_damaged_format_file_is_not_replaced(tmp_path):
    """Nobody knows what it said."""
    root = tmp_path / ".tapes"
    init_store(root)
    (root / "format").write_bytes(b"")
    with pytest.raises(DataError):
        init_store(root)


@pytest.mark.parametrize("name", ["", "objects", "tmp", "refs/heads", "objects/ab"])
def test_no_link_is_followed(tmp_path, name):
    """A link in the place of the store or a folder of it is refused."""
    outside = tmp_path / "outside"
    outside.mkdir()
    path = tmp_path / ".tapes" / name
    if name:
        init_store(tmp_path / ".tapes")
        while path.is_dir() and not path.is_symlink():
            for child in sorted(path.rglob("*"), reverse=True):
                child.rmdir()
            path.rmdir()
    (tmp_path / ".tapes" / name if name else tmp_path / ".tapes").symlink_to(outside)
    with pytest.raises(UnsafePathError):
        init_store(tmp_path / ".tapes")

    assert os.listdir(outside) == []


def test_a_file_in_the_place_of_a_folder_is_an_error(tmp_path):
    """`.tapes` may be a file of somebody's."""
    (tmp_path / ".tapes").write_bytes(b"x")
    with pytest.raises(UnsafePathError):
        init_store(tmp_path / ".tapes")

    assert (tmp_path / ".tapes").read_bytes() == b"x"


class Stopped(BaseException):
    """Stands for SIGKILL."""


MUTATING = ("mkdir", "open_new", "write", "fsync", "link", "unlink", "fsync_dir")


def test_a_run_that_was_killed_anywhere_is_completed_by_the_next(tmp_path, monkeypatch):
    """After any system call: no store that readers would open half made, and no obstacle."""
    real = {name: getattr(syscalls, name) for name in MUTATING}
    whole = None
    number = 0
    while whole is None:
        root = tmp_path / f"{number}" / ".tapes"
        root.parent.mkdir()
        count = 0

        def stopping(name, *args, limit=number):
            nonlocal count
            if count == limit:
                raise Stopped
            count += 1
            return real[name](*args)

        for name in MUTATING:
            monkeypatch.setattr(syscalls, name, lambda *args, name=name: stopping(name, *args))
        try:
            init_store(root)
            whole = True
        except Stopped:
            pass
        monkeypatch.undo()
        is_whole = (root / "HEAD").exists()
        if is_whole:
            assert Repository.open(root).refs.read_head().oid is None
        assert init_store(root) != is_whole
        assert set(os.listdir(root)) <= TOP_NAMES
        assert Repository.open(root).refs.read_head().target == "refs/heads/main"
        # The folders of objects are all alike: a sample of them is enough.
        number += 37 if 20 < number < 250 else 1
    assert number > 280


@pytest.mark.parametrize("call", MUTATING)
def test_a_failure_is_an_error_of_ours_and_no_obstacle(tmp_path, monkeypatch, call):
    """A full disk is named; afterwards init works."""
    real = getattr(syscalls, call)
    for after in (0, 1, 3, 7):
        left = iter([True] * after)

        def failing(*args, left=left):
            if next(left, False):
                return real(*args)
            raise OSError(28, "no space left on device")

        monkeypatch.setattr(syscalls, call, failing)
        try:
            init_store(tmp_path / f"{after}/.tapes")
        except TapesError as error:
            assert isinstance(error, StorageError)  # noqa: PT017 - not every call comes as often
        monkeypatch.undo()
        init_store(tmp_path / f"{after}/.tapes")
        assert Repository.open(tmp_path / f"{after}/.tapes").refs.read_head().oid is None


def test_several_at_once_make_one_store(tmp_path):
    """Exactly the same store, whoever was first."""
    root = tmp_path / ".tapes"
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: init_store(root), range(4)))

    assert Repository.open(root).refs.read_head().target == "refs/heads/main"
    assert os.listdir(root / "tmp") == []
