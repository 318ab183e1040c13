"""Tapes beside code: in the repository that the code has, where git does not show them."""

from __future__ import annotations

import subprocess

import pytest

from tests.builders import make_tape


@pytest.fixture
def code(work, server):
    """Give what runs git in a repository of code with an `origin`, in the working directory."""

    def run(*args: str, cwd=work) -> str:
        done = subprocess.run(
            ["git", "-c", "user.name=ada", "-c", "user.email=ada@localhost", *args],
            cwd=cwd,
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout

    run("init", "-q", "-b", "main")
    run("remote", "add", "origin", str(server.path))
    run("commit", "-q", "--allow-empty", "-m", "first")
    run("push", "-q", "-u", "origin", "main")
    server.git("symbolic-ref", "HEAD", "refs/heads/main")
    return run


def test_a_tape_in_the_origin_of_code_is_none_of_gits_business(
    tapes, repository, code, server, work, tmp_path
):
    """No clone, no branch and no fetch shows it, and neither side's settings of git change."""
    settings = (work / ".git" / "config").read_bytes()
    chain = make_tape(repository, 3)
    hint = tapes("push", code=1).err
    assert f"'tapes remote add origin {server.path}' takes that of the code here" in hint
    assert "takes that of the code" in tapes("push", "origin", "main", code=1).err
    tapes("remote", "add", "origin", server.path)
    tapes("push", "-u", "origin", "main")
    server.verify()

    assert (work / ".git" / "config").read_bytes() == settings
    assert code("status", "--porcelain") == ""
    code("clone", "-q", str(server.path), "clone", cwd=tmp_path)
    clone = tmp_path / "clone"
    copied = (clone / ".git" / "config").read_bytes()
    assert "tapes" not in code("for-each-ref", cwd=clone) + code("branch", "-a", cwd=clone)
    assert "tapes" not in code("log", "--all", "--format=%an %s", cwd=clone)
    code("fetch", "-q", "--all", "--tags", cwd=clone)
    assert "tapes" not in code("for-each-ref", cwd=clone)

    there = type(tapes)(tapes._run, clone)
    there("init")
    there("remote", "add", "origin", server.path)
    there("fetch")
    assert there("rev-parse", "origin/main").oid == str(chain[-1])
    assert (clone / ".git" / "config").read_bytes() == copied
    assert code("status", "--porcelain", cwd=clone) == ""
    assert "tapes" not in code("for-each-ref", cwd=clone)
    assert server.refs.keys() == {"refs/heads/main", "refs/tapes/heads/main", "refs/tapes/meta"}
