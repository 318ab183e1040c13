"""Branch, commit and remote of the repository around a directory."""

from __future__ import annotations

import shutil
import subprocess

import pytest

from tapegit.objects.turn import CodeRepository
from tapegit.porcelain.recording.code_repository import find_code_repository

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


def git(folder, *words):
    """Run git; return what it prints."""
    words = ("git", "-c", "user.name=a", "-c", "user.email=a@b", *words)
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
    return done.stdout.strip()


@pytest.fixture
def code(tmp_path):
    """Give a repository of git with one commit, a branch and a remote."""
    git(tmp_path, "init", "-q", "-b", "main")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "x")
    git(tmp_path, "remote", "add", "mine", "git@example.com:me/app.git")
    git(tmp_path, "remote", "add", "origin", "https://me:pass@example.com:8443/app.git?x=1")
    return tmp_path


@needs_git
def test_loose_and_packed_and_detached(code):
    """What git says is what is found, from any folder below."""
    commit = git(code, "rev-parse", "HEAD")
    remote = "https://example.com:8443/app.git"
    (code / "a" / "b").mkdir(parents=True)

    expected = CodeRepository(branch="main", commit=commit, remote=remote)
    assert find_code_repository(code) == expected
    assert find_code_repository(code / "a" / "b") == expected
    git(code, "pack-refs", "--all")
    assert find_code_repository(code) == expected
    git(code, "checkout", "-q", "--detach")
    assert find_code_repository(code) == CodeRepository(commit=commit, remote=remote)


@needs_git
def test_linked_worktree(code, tmp_path_factory):
    """It has a branch of its own, and the remote of the main one."""
    other = tmp_path_factory.mktemp("linked") / "other"
    git(code, "worktree", "add", "-q", "-b", "side", str(other))

    found = find_code_repository(other)
    assert found.branch == "side"
    assert found.commit == git(code, "rev-parse", "side")
    assert found.remote == "https://example.com:8443/app.git"


def test_nothing_there(tmp_path):
    """No repository is None."""
    assert find_code_repository(tmp_path / "missing") is None


@pytest.mark.parametrize(
    "head", ["", "ref: refs/heads/../../../etc/passwd", "ref: x", "\x00", "12" * 19]
)
def test_what_is_odd_is_left_out(tmp_path, head):
    """No file of it makes an error, and none outside is read."""
    folder = tmp_path / ".git"
    folder.mkdir()
    (folder / "HEAD").write_text(head)
    (folder / "config").write_text('[remote "a"]\n\tfetch = x\n[core]\n')
    (folder / "packed-refs").mkdir()
    found = find_code_repository(tmp_path)
    assert found is None or (found.commit is None and found.remote is None)
