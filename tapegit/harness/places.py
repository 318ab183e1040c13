"""Where a harness keeps its files: folders, the names of files in them, and whose they are.

A harness module says all this as values and touches no disk itself: it is given the home folder
and the environment, never looks for them. Whoever imports or watches lists the folders.

Source: tapesharness(7), "Places".
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Final, NamedTuple

ReadText = Callable[[str], str | None]
"""Gives the text of a small file of a place, named from the place's folder, or None."""

Belongs = Callable[[str, str, ReadText], bool | None]
"""Says whether a file is of a session in a directory: see `Place.belongs`."""

ANY_FOLDERS: Final = "**"


def read_nothing(_path: str) -> str | None:
    """Read no file: for whoever needs none to find a folder."""
    return None


class Surroundings(NamedTuple):
    """What a harness goes by to find its folders.

    Attributes:
        home: The user's.
        environ: The environment.
        read: Gives the text of a small file, named by its absolute path, or None.
    """

    home: str
    environ: Mapping[str, str]
    read: ReadText = read_nothing

    def folder(self, variable: str, default: str) -> str:
        """Return the folder that a variable of the environment names, else one in the home.

        A value that is no absolute path is taken from the home, with or without `~/` before it;
        an empty one counts as none.
        """
        stated = self.environ.get(variable) or default
        if stated == "~":
            return self.home
        return os.path.normpath(os.path.join(self.home, stated.removeprefix("~/")))


def says_nothing(relative: str, directory: str, read: ReadText) -> bool | None:
    """Leave it to what a file states of itself: the `belongs` of places with mixed files."""
    return None


class Place(NamedTuple):
    """A folder that a harness writes the files of sessions to.

    Attributes:
        folder: An absolute path; it need not exist.
        patterns: Which files below it: names joined by `/`, where `*` and `?` stand for
            characters of one name and `**` for any number of folders.
        belongs: Given a file's path from the folder, an absolute directory, and what reads a
            small file of the place: False if the file is certainly of another directory, True
            if it is of this one unless its records state another, None if only its records
            can tell.
    """

    folder: str
    patterns: tuple[str, ...]
    belongs: Belongs = says_nothing

    def matches(self, relative: str) -> bool:
        """Return whether a path from the folder is that of a file of sessions."""
        names = relative.split("/")
        return any(_matches(names, pattern.split("/")) for pattern in self.patterns)


def _matches(names: list[str], parts: list[str]) -> bool:
    """Return whether names fit a pattern; both are short, and `**` stands in it once or twice."""
    if not parts:
        return not names
    if parts[0] == ANY_FOLDERS:
        return any(_matches(names[count:], parts[1:]) for count in range(len(names) + 1))
    return bool(names) and fnmatchcase(names[0], parts[0]) and _matches(names[1:], parts[1:])
