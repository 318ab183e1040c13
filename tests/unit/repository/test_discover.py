"""Finding the store of a directory."""

from __future__ import annotations

import os
import subprocess

import pytest

from tapegit.errors import RepositoryNotFoundError, StorageError, UnsafePathError
from tapegit.repository.discover import discover, is_store
from tapegit.repository.init import init_store


@pytest.fixture
def find(tmp_path):
    """Give a function that looks for the store of a directory; the user's is in `user`."""

    def find(start, **options):
        return discover(str(start), user_store=lambda: tmp_path / "user" / ".tapes", **options)

    return find


def test_the_nearest_store_upwards_is_taken(tmp_path, find):
    """From the directory itself, or any below it; an inner store goes before an outer one."""
    init_store(tmp_path / "outer/.tapes")
    init_store(tmp_path / "outer/inner/.tapes")
    (tmp_path / "outer/inner/a/b").mkdir(parents=True)
    (tmp_path / "outer/other").mkdir()

    assert find(tmp_path / "outer/inner/a/b") == tmp_path / "outer/inner/.tapes"
    assert find(tmp_path / "outer/inner") == tmp_path / "outer/inner/.tapes"
    assert find(tmp_path / "outer/other") == tmp_path / "outer/.tapes"


def test_without_a_store_on_the_way_it_is_the_users_own(tmp_path, find):
    """One archive for all projects."""
    init_store(tmp_path / "user/.tapes")

    assert find(tmp_path) == tmp_path / "user/.tapes"


def test_no_store_at_all_is_exit_code_10_with_two_commands(tmp_path, find):
    """The hint has a command for all projects and one for this directory."""
    with pytest.raises(RepositoryNotFoundError) as caught:
        find(tmp_path)

    assert caught.value.exit_code == 10
    assert "tapes init --user" in caught.value.hint
    assert "'tapes init'" in caught.value.hint


@pytest.mark.parametrize("entry", ["config.toml", "tapes.sqlite", "HEAD"])
def test_the_directory_of_another_program_is_passed_over(tmp_path, find, entry):
    """It is no store; the one above it, or the user's, is taken, and else it is named."""
    (tmp_path / "a/b/.tapes").mkdir(parents=True)
    (tmp_path / "a/b/.tapes" / entry).write_bytes(b"x")
    with pytest.raises(RepositoryNotFoundError, match="another program") as caught:
        find(tmp_path / "a/b")
    assert caught.value.fields["path"] == str(tmp_path / "a/b/.tapes")

    init_store(tmp_path / "a/.tapes")
    assert find(tmp_path / "a/b") == tmp_path / "a/.tapes"
    assert os.listdir(tmp_path / "a/b/.tapes") == [entry]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read every folder")
def test_a_store_that_cannot_be_looked_into_is_named(tmp_path, find):
    """Neither another program's nor the user's own store is spoken of."""
    init_store(tmp_path / "work/.tapes")
    (tmp_path / "work/.tapes").chmod(0)
    with pytest.raises(StorageError, match="permission denied"):
        find(tmp_path / "work")


def test_a_store_that_lost_its_head_is_an_error(tmp_path, find):
    """Going on to another store would show that one's data."""
    init_store(tmp_path / "user/.tapes")
    init_store(tmp_path / "a/.tapes")
    (tmp_path / "a/.tapes/HEAD").unlink()

    for options in ({}, {"tapes_dir": ".tapes"}):
        with pytest.raises(RepositoryNotFoundError, match="without HEAD") as caught:
            find(tmp_path / "a", **options)
        assert "'tapes init' completes it" in caught.value.hint


class TestNamed:
    """A store that the user named."""

    def test_nothing_is_searched(self, tmp_path, find):
        """Relative paths are relative to the working directory."""
        init_store(tmp_path / "here/.tapes")
        init_store(tmp_path / "there/store")

        assert find(tmp_path / "here", tapes_dir="../there/store").samefile(
            tmp_path / "there/store"
        )
        assert find("/", tapes_dir=str(tmp_path / "there/store")) == tmp_path / "there/store"

    def test_what_is_no_store_is_refused(self, tmp_path, find):
        """Another store is never taken instead; a store inside it is suggested."""
        init_store(tmp_path / "user/.tapes")
        init_store(tmp_path / "here/.tapes")
        with pytest.raises(RepositoryNotFoundError, match="not a store") as caught:
            find(tmp_path / "here", tapes_dir="none")
        assert "tapes init" in caught.value.hint
        with pytest.raises(RepositoryNotFoundError) as caught:
            find(tmp_path, tapes_dir="here")
        assert "here/.tapes" in caught.value.hint


class TestOwner:
    """Stores of other users."""

    @pytest.fixture
    def foreign(self, tmp_path, monkeypatch):
        """Give a store while this process belongs to somebody else."""
        init_store(tmp_path / ".tapes")
        monkeypatch.setattr(os, "geteuid", lambda: 4711)
        return tmp_path

    def test_a_store_found_on_the_way_must_be_ones_own(self, foreign, find):
        """It was not asked for by name, so it is refused with exit code 16."""
        with pytest.raises(UnsafePathError, match="another user") as caught:
            find(foreign)
        assert f"--tapes-dir {foreign}/.tapes" in caught.value.hint

    def test_a_store_that_was_named_may_be_anybodys(self, foreign, find):
        """Naming it is trusting it."""
        assert find(foreign, tapes_dir=".tapes") == foreign / ".tapes"


class TestWorktrees:
    """Linked worktrees of git share the store of the main one."""

    @pytest.fixture
    def linked(self, tmp_path):
        """Give a main worktree and a linked one, made by git."""
        main, linked = tmp_path / "main", tmp_path / "elsewhere/linked"
        git = ["git", "-c", "user.name=x", "-c", "user.email=x@x", "-C", str(main)]
        subprocess.run(["git", "init", "-q", str(main)], check=True)
        subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
        subprocess.run([*git, "worktree", "add", "-q", str(linked)], check=True)
        (linked / "sub").mkdir()
        return main, linked

    def test_a_linked_worktree_has_the_store_of_the_main_one(self, linked, find):
        """From its top and from below."""
        main, worktree = linked
        init_store(main / ".tapes")

        assert find(worktree).samefile(main / ".tapes")
        assert find(worktree / "sub").samefile(main / ".tapes")

    def test_a_store_of_its_own_is_nearer(self, linked, find):
        """A worktree with a store uses it."""
        main, worktree = linked
        init_store(main / ".tapes")
        init_store(worktree / ".tapes")

        assert find(worktree / "sub") == worktree / ".tapes"

    def test_the_way_up_goes_on_where_the_main_one_has_none(self, linked, find, tmp_path):
        """Then it is a directory like any other."""
        _, worktree = linked
        init_store(tmp_path / "elsewhere/.tapes")

        assert find(worktree) == tmp_path / "elsewhere/.tapes"

    def test_a_link_that_the_main_one_does_not_know_leads_nowhere(self, linked, find, tmp_path):
        """A `.git` file that somebody planted does not choose the store."""
        main, _ = linked
        init_store(main / ".tapes")
        planted = tmp_path / "planted"
        planted.mkdir()
        (planted / ".git").write_text(f"gitdir: {main}/.git/worktrees/linked\n")

        with pytest.raises(RepositoryNotFoundError):
            find(planted)

    @pytest.mark.parametrize(
        "data",
        [b"", b"gitdir: ", b"gitdir: /none\n", b"gitdir: a\0b\n", b"\xff" * 99, b"gitdir: a\nb\n"],
    )
    def test_a_broken_git_file_is_no_obstacle(self, tmp_path, find, data):
        """Whatever is in it, the search goes on."""
        init_store(tmp_path / "a/.tapes")
        (tmp_path / "a/b").mkdir()
        (tmp_path / "a/b/.git").write_bytes(data)

        assert find(tmp_path / "a/b") == tmp_path / "a/.tapes"


def test_a_store_holds_head_and_objects(tmp_path):
    """Neither alone makes one."""
    (tmp_path / "HEAD").write_bytes(b"")
    assert not is_store(tmp_path)
    (tmp_path / "objects").mkdir()
    assert is_store(tmp_path)
    (tmp_path / "HEAD").unlink()
    assert not is_store(tmp_path)
