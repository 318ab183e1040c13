"""The git repository that a command is recorded in: read from its files, without git.

Rules: what is missing or odd is left out; a recording is not the place to complain of it. Only
plain files are read, and no more of them than their beginnings.

Source: tapes-record(1), "What is recorded".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit, urlunsplit

from tapegit.errors import TapesError
from tapegit.files.safe_read import read_file
from tapegit.objects.turn import CodeRepository

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SIZE_MAX_BYTES: Final = 1 << 20
_COMMIT: Final = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_REMOTE: Final = re.compile(r'\[remote "([^"\n]+)"\]([^\[]*)')
_URL: Final = re.compile(r"^\s*url\s*=\s*(\S+)\s*$", re.MULTILINE)


def find_code_repository(directory: Path) -> CodeRepository | None:
    """Return branch, commit and remote of the repository around a directory, or None."""
    git_dir = _find_git_dir(directory)
    if git_dir is None:
        return None
    common = _read(git_dir / "commondir")
    common_dir = (git_dir / common.strip()).resolve() if common else git_dir
    head = _read(git_dir / "HEAD").strip()
    branch = commit = None
    if head.startswith("ref: refs/heads/"):
        branch = head.removeprefix("ref: refs/heads/")[:255]
        commit = _find_commit((git_dir, common_dir), f"refs/heads/{branch}")
    elif _COMMIT.fullmatch(head):
        commit = head
    found = CodeRepository(branch=branch, commit=commit, remote=_find_remote(common_dir))
    return found if found != CodeRepository() else None


def _find_git_dir(directory: Path) -> Path | None:
    for folder in (directory, *directory.parents):
        path = folder / ".git"
        if path.is_dir():
            return path
        pointer = _read(path)
        if pointer.startswith("gitdir: "):
            return folder / pointer.removeprefix("gitdir: ").strip()
    return None


def _find_commit(folders: tuple[Path, Path], name: str) -> str | None:
    if ".." in name.split("/"):
        return None
    for folder in folders:
        loose = _read(folder / name).strip()
        if _COMMIT.fullmatch(loose):
            return loose
    for line in _read(folders[1] / "packed-refs").splitlines():
        commit, _, packed = line.partition(" ")
        if packed == name and _COMMIT.fullmatch(commit):
            return commit
    return None


def _find_remote(common_dir: Path) -> str | None:
    """Return the address of `origin`, else of the first remote, without user and password."""
    remotes = dict(_iter_remotes(_read(common_dir / "config")))
    url = remotes.get("origin") or next(iter(remotes.values()), None)
    if url is None or "://" not in url:
        return url
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, host, parts.path, "", ""))
    except ValueError:
        return None


def _iter_remotes(text: str) -> Iterator[tuple[str, str]]:
    for name, body in _REMOTE.findall(text):
        if (url := _URL.search(body)) is not None:
            yield name, url[1][:1000]


def _read(path: Path) -> str:
    try:
        return read_file(path, size_max=SIZE_MAX_BYTES).decode("utf-8", "replace")
    except (OSError, TapesError):
        return ""
