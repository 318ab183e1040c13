"""The lines of the package that ask for something to be durable, found in its source."""

from __future__ import annotations

import ast
import functools
from pathlib import Path
from typing import Final

import tapegit
from tests.crash.disk import Site

PACKAGE: Final = Path(tapegit.__file__).parent

ASKING: Final = {
    "fsync": ("fsync",),
    "fdatasync": ("fdatasync",),
    "fsync_dir": ("fsync_dir",),
    "sync": ("fsync",),
    "replace_file": ("fsync", "fsync_dir"),
    "make_directory": ("fsync_dir",),
    "make_directories": ("fsync_dir",),
}
"""Functions by name, and the system calls that each of them makes for its caller."""

OWN: Final = ("files/syscalls.py", "files/durable.py")
"""These make the calls for others."""


@functools.cache
def find_sites() -> dict[Site, str]:
    """Return every place outside of `files/durable` that asks for a sync, with its line."""
    found: dict[Site, str] = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        if name in OWN:
            continue
        source = path.read_text()
        if not any(word in source for word in ASKING):
            continue
        lines = source.splitlines()
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call):
                for call in ASKING.get(_name(node.func), ()):
                    found[Site(name, node.lineno, call)] = lines[node.lineno - 1].strip()
    return dict(sorted(found.items()))


def _name(function: ast.expr) -> str:
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
