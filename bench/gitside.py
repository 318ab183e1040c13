"""The same content in git: a folder of files, or one commit for each turn."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from bench.measure import Run, git

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def make_file_repository(files: list[Path], folder: Path) -> list[Run]:
    """Copy files into a new repository, commit and repack them; return the three runs."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for number, path in enumerate(files):
        shutil.copy(path, folder / f"{number:05d}-{path.name}")
    git(folder, "init", "-q")
    # As durable as ours: what git's own documentation says makes it so.
    git(folder, "config", "core.fsync", "committed")
    git(folder, "config", "gc.auto", "0")
    return [
        git(folder, "add", "-A"),
        git(folder, "commit", "-q", "-m", "sessions"),
        git(folder, "repack", "-q", "-adf"),
    ]


def make_commit_repository(messages: Iterable[tuple[str, bytes]], folder: Path) -> int:
    """Make one commit for each (subject, content) of one file; return how many objects it has."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "gc.auto", "0")
    git(folder, "fast-import", "--quiet", stdin=b"".join(_iter_stream(messages)))
    git(folder, "repack", "-q", "-adf")
    git(folder, "commit-graph", "write", "--reachable")
    return count_objects(folder)


def scatter(folder: Path, packs: int, loose: int) -> None:
    """Add small packs and loose objects, as months of use leave them."""
    git(folder, "config", "fastimport.unpackLimit", "1")
    for number in range(packs):
        stream = _iter_stream([(f"pack {number}", b"%d\n" % number)], f"refs/heads/p{number}")
        git(folder, "fast-import", "--quiet", stdin=b"".join(stream))
    for number in range(loose):
        path = folder / f"loose-{number}"
        path.write_bytes(b"loose %d\n" % number)
    names = "".join(f"loose-{number}\n" for number in range(loose))
    git(folder, "hash-object", "-w", "--stdin-paths", stdin=names.encode())
    for number in range(loose):
        (folder / f"loose-{number}").unlink()


def count_objects(folder: Path) -> int:
    """Return how many objects a repository has, loose and packed."""
    text = git(folder, "count-objects", "-v").out.decode()
    fields = dict(line.split(": ") for line in text.splitlines())
    return int(fields["count"]) + int(fields["in-pack"])


def _iter_stream(
    messages: Iterable[tuple[str, bytes]], ref: str = "refs/heads/main"
) -> Iterable[bytes]:
    for number, (subject, content) in enumerate(messages):
        text = (subject or "-").encode()
        yield b"commit %s\ncommitter b <b@b> %d +0000\n" % (ref.encode(), 1_700_000_000 + number)
        yield b"data %d\n%s\n" % (len(text), text)
        yield b"M 100644 inline message\ndata %d\n%s\n" % (len(content), content)
    yield b"done\n"
