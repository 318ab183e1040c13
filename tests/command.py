"""Running `tapes` in tests: in this process, or in one of its own, with the same result."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from click.testing import CliRunner

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

ACTOR: Final = "tester@example"
TIME_MS: Final = 1_750_000_000_000
"""The time of every test: 2025-06-15 15:06:40 UTC."""


class Result(NamedTuple):
    """What one run did."""

    code: int
    data: bytes
    err: str

    @property
    def out(self) -> str:
        """Standard output as text."""
        return self.data.decode("utf-8", "surrogateescape")

    @property
    def lines(self) -> list[str]:
        """Standard output as lines."""
        return self.out.splitlines()

    @property
    def oid(self) -> str:
        """The one id that was printed."""
        (oid,) = self.lines
        assert len(oid) == 64, oid
        return oid

    @property
    def records(self) -> list[dict[str, Any]]:
        """The JSON objects that were printed, each checked to have its schema number."""
        records = [json.loads(line) for line in self.lines]
        assert all(record["schema"] == 1 for record in records), records
        return records


class Runner:
    """Runs `tapes` in a directory.

    Calling it fails the test unless the exit code is the one expected: 0 if none is given, and
    any if it is None. A traceback always fails it.
    """

    def __init__(self, run: Callable[..., Result], cwd: Path) -> None:
        self._run = run
        self.cwd = cwd

    def __call__(
        self,
        *args: str | Path,
        input: bytes | str = b"",
        cwd: Path | None = None,
        env: Mapping[str, str] | None = None,
        code: int | None = 0,
    ) -> Result:
        """Run `tapes` with these arguments."""
        data = input.encode() if isinstance(input, str) else input
        result = self._run([str(arg) for arg in args], data, cwd or self.cwd, dict(env or {}))
        assert "Traceback" not in result.err, result.err
        if code is not None:
            assert result.code == code, f"exit code {result.code}\n{result.out}\n{result.err}"
        return result


def run_here(args: list[str], data: bytes, cwd: Path, env: dict[str, str]) -> Result:
    """Run a command in this process; what is no error of ours goes through to the test."""
    from tapegit.cli.main import cli

    with contextlib.chdir(cwd):
        result = CliRunner(env=env).invoke(cli, args, input=data, catch_exceptions=False)
    return Result(result.exit_code, result.stdout_bytes, result.stderr)


def run_process(args: list[str], data: bytes, cwd: Path, env: dict[str, str]) -> Result:
    """Run the real command."""
    import os

    process = subprocess.run(
        [sys.executable, "-m", "tapegit", *args],
        cwd=cwd,
        input=data,
        env={**os.environ, **env},
        capture_output=True,
        timeout=60,
        check=False,
    )
    return Result(process.returncode, process.stdout, process.stderr.decode("utf-8", "replace"))
