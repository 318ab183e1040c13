"""Which files there are to import: those that were named, or those that harnesses keep.

Rules: whose a file is follows from its content; the places of a harness only say where to look.
Of a project are the files whose sessions ran in its directory or below it, as the sessions say
themselves; where a file says nothing its place decides.

Source: tapes-import(1); tapesharness(7), "Places".
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import DataError, TapesError, UserError
from tapegit.files.safe_read import read_file
from tapegit.porcelain.imports.transcripts import Found
from tapegit.recorder.sources.files import SourceFile, iter_source_paths, walk_files
from tapegit.recorder.sources.source import find_directory, recognise
from tapegit.repository.discover import is_store
from tapegit.repository.replayed import is_replayed, is_scratch, read_replayed
from tapegit.repository.user_dirs import find_user_store, no_home

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tapegit.harness.places import Place, Surroundings
    from tapegit.harness.plugins import KnownHarnesses

NOTE_SIZE_MAX_BYTES: Final = 1 << 16


class HarnessPlace(NamedTuple):
    """A place, and the name of the harness that has it."""

    harness: str
    place: Place


def find_named(paths: Iterable[str]) -> Iterator[Found]:
    """Yield the files that paths name, and those in the folders that they name."""
    named = set(paths)
    for path in iter_source_paths(paths):
        yield Found(path, is_named=path in named)


def list_places(
    harnesses: KnownHarnesses, surroundings: Surroundings, harness: str | None = None
) -> list[HarnessPlace]:
    """Return the places of all harnesses, or of the one of a name, each folder once.

    In the scratch home of a replay there are none.

    Args:
        harnesses: Those that are known.
        surroundings: The home and the environment.
        harness: The name of the only one, or None.
    """
    places: dict[tuple[str, tuple[str, ...]], HarnessPlace] = {}
    for each in harnesses.harnesses:
        if each.places is None or harness not in (None, each.name):
            continue
        for place in each.places(surroundings):
            if is_scratch(place.folder):
                continue
            places.setdefault((place.folder, place.patterns), HarnessPlace(each.name, place))
    return list(places.values())


def find_kept(
    places: Iterable[HarnessPlace],
    harnesses: KnownHarnesses,
    directories: tuple[str, ...] | None,
) -> Iterator[Found]:
    """Yield the files that harnesses keep, by place and name, each once, but for those of replays.

    Args:
        places: Where.
        harnesses: Those that are known.
        directories: The absolute paths of the directory whose sessions are wanted; None for all.
    """
    seen: set[str] = set()
    replayed = read_replayed()
    for each in places:
        for path in iter_place(each.place):
            if path in seen or is_replayed(path, replayed):
                continue
            if directories is None or is_of(path, each.place, harnesses, directories):
                seen.add(path)
                yield Found(path)


def iter_place(place: Place) -> Iterator[str]:
    """Yield the files of a place."""
    top = place.folder
    for path in walk_files(top):
        if place.matches(os.path.relpath(path, top)):
            yield path


def list_directories(root: Path, directory: str, logical: str | None) -> tuple[str, ...]:
    """Return the paths of the directory whose sessions a store is for.

    That is the one that has the store, if the working directory is in it, else the latter.

    Args:
        root: The store.
        directory: The working directory.
        logical: What the shell calls it, with links in its path.
    """
    found = [directory]
    if logical and os.path.isabs(logical) and _is_same(logical, directory):
        found.append(os.path.normpath(logical))
    holder = os.path.realpath(root.parent)
    for number, path in enumerate(found):
        depth = _depth_below(os.path.realpath(path), holder)
        if depth is not None:
            for _ in range(depth):
                path = os.path.dirname(path)  # noqa: PLW2901 - up to the directory of the store
            found[number] = path
    return tuple(dict.fromkeys(found))


def find_own_store(named: str | None) -> Path:
    """Return the user's own store, which alone takes the sessions of every project.

    Args:
        named: The store that the user named, if any: it has to be that one.

    Raises:
        UserError: There is none, or another one was named.
    """
    own = find_user_store()
    if own is None:
        raise no_home()
    if not is_store(own):
        raise UserError(
            "'--all' takes the sessions of every project: it needs your own store",
            hint="'tapes init --user' makes it",
        )
    if named is not None and not _is_same(named, str(own)):
        raise UserError(
            f"'--all' takes the sessions of every project: '{named}' is not your own store",
            hint=f"your own store is '{own}'",
        )
    return own


def is_own_store(root: Path) -> bool:
    """Return whether a store is the user's own, which takes the sessions of every project."""
    own = find_user_store()
    return own is not None and _is_same(str(root), str(own))


def is_of(path: str, place: Place, harnesses: KnownHarnesses, directories: tuple[str, ...]) -> bool:
    """Return whether a file of a place is of a session in a directory, or below it."""
    relative = os.path.relpath(path, place.folder)

    def read(name: str) -> str | None:
        try:
            data = read_file(os.path.join(place.folder, name), size_max=NOTE_SIZE_MAX_BYTES)
            return data.decode("utf-8", "surrogateescape")
        except (OSError, TapesError, ValueError):
            return None

    answers = [place.belongs(relative, directory, read) for directory in directories]
    if all(answer is False for answer in answers):
        return False
    cwd = read_cwd(path, harnesses)
    if cwd is None:
        return any(answer is True for answer in answers)
    return any(is_below(cwd, directory) for directory in directories)


def is_below(path: str, directory: str) -> bool:
    """Return whether a path is a directory or below it, by their names alone."""
    above = directory.rstrip("/")
    return path.rstrip("/") == above or path.startswith(f"{above}/")


def read_cwd(path: str, harnesses: KnownHarnesses) -> str | None:
    """Return the working directory that the records of a file state first, or None."""
    try:
        with SourceFile(path) as file:
            harness = recognise(file, harnesses.harnesses)
            if harness is None:
                return None
            with harnesses.guard(harness):
                return find_directory(harness, file)
    except DataError:
        return None


def _is_same(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def _depth_below(path: str, above: str) -> int | None:
    """Return how many folders a path is below another one, or None where it is not."""
    if not is_below(path, above):
        return None
    relative = os.path.relpath(path, above)
    return 0 if relative == os.curdir else relative.count("/") + 1
