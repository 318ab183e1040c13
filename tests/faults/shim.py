"""Builds shim.c, which makes write and fsync fail without root and without strace."""

from __future__ import annotations

import atexit
import contextlib
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.hostile.zygote import Zygote

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(__file__).with_name("shim.c")


@functools.cache
def build() -> Path | None:
    """Return the shared library, or None where no C compiler is here."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        return None
    folder = tempfile.mkdtemp(prefix="tapes-shim-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    target = Path(folder) / "shim.so"
    done = subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", str(target), str(SOURCE), "-ldl"],
        capture_output=True,
        check=False,
    )
    return target if done.returncode == 0 else None


@contextlib.contextmanager
def start() -> Iterator[Zygote]:
    """Give the process that runs `tapes` with the library in it, or skip the test by its name."""
    library = build()
    if library is None:
        pytest.skip("no C compiler is here")
    zygote = Zygote(preload=library)
    try:
        yield zygote
    finally:
        zygote.close()
