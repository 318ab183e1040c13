"""Git repositories that tapes are shared through, for tests."""

from __future__ import annotations

import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


class GitServer:
    """A bare repository, and git run in it."""

    def __init__(self, path: Path) -> None:
        if shutil.which("git") is None:
            pytest.skip("git is not installed")
        self.path = path
        subprocess.run(["git", "init", "-q", "--bare", str(path)], check=True)

    def git(self, *args: str, input: str = "", code: int = 0) -> str:
        """Return what git prints; fail unless it ends so."""
        done = subprocess.run(
            ["git", "-C", str(self.path), *args],
            input=input,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout

    @property
    def refs(self) -> dict[str, str]:
        """Commits by the names of their refs."""
        lines = self.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        return dict(line.split() for line in lines)

    def verify(self, tries: int = 1) -> None:
        """Fail unless git finds nothing to say of any object.

        Several tries are for a server that a killed client has left behind: git reads objects
        first and refs later, and misses what arrives in between.
        """
        for number in range(tries):
            time.sleep(0.2 if number else 0)
            done = subprocess.run(
                ["git", "-C", str(self.path), "fsck", "--strict", "--full", "--no-dangling"],
                capture_output=True,
                text=True,
                check=False,
            )
            said = [line for line in done.stderr.splitlines() if not line.startswith("notice:")]
            if (done.returncode, said, done.stdout) == (0, [], ""):
                return
        pytest.fail(f"git fsck: {said} {done.stdout}")

    def hook(self, name: str, script: str) -> None:
        """Put a hook into the repository."""
        path = self.path / "hooks" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
