"""Which folders to be told of, for the places of harnesses, and which files are in them.

A place is watched with all folders below it, and with the nearest above it: they tell when it
comes, and when it is moved away.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.recorder.sources.files import iter_folders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.harness.places import Place


ABOVE_COUNT: Final = 3
"""As many as `~/.pi/agent/sessions` has up to the home."""


class Listing(NamedTuple):
    """What there is at one time.

    Attributes:
        folders: The folders to be told of.
        files: The files of sessions in them.
    """

    folders: frozenset[str]
    files: tuple[str, ...]


def list_places(places: Iterable[Place]) -> Listing:
    """Return the folders to watch and the files that there are, without following a link."""
    folders: set[str] = set()
    files: dict[str, None] = {}
    for place in places:
        top = place.folder
        folders.update(_iter_above(top))
        for folder, names in iter_folders(top):
            folders.add(folder)
            for name in names:
                path = os.path.join(folder, name)
                if place.matches(os.path.relpath(path, top)):
                    files[path] = None
    return Listing(frozenset(folders), tuple(files))


def find_places(places: Iterable[Place], path: str) -> list[Place]:
    """Return the places that a path is of a file of."""
    return [
        place
        for place in places
        if path.startswith(f"{place.folder}/")
        and place.matches(os.path.relpath(path, place.folder))
    ]


def changes_folders(places: Iterable[Place], path: str, watched: frozenset[str]) -> bool:
    """Return whether a change at this path makes another set of folders to be told of."""
    if path in watched:
        return True  # one of them went, or came back as another
    for place in places:
        is_inside = path.startswith(f"{place.folder}/")
        is_above = place.folder == path or place.folder.startswith(f"{path}/")
        if (is_inside or is_above) and os.path.isdir(path) and not os.path.islink(path):
            return True
    return False


def _iter_above(path: str) -> Iterator[str]:
    """Yield the nearest folders above a path that are there, but for the root of all."""
    left = ABOVE_COUNT
    parent = os.path.dirname(path)
    while left and parent != path:
        path, parent = parent, os.path.dirname(parent)
        if parent != path and os.path.isdir(path):
            left -= 1
            yield path
