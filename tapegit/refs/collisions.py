"""Whether a new ref may have its name beside those that exist.

Rules: a ref is never a folder of another (`a` and `a/b`), and no two names may be one on a
file system that folds case. Only names that are new are asked about, under the `refs` lock.

Source: tapesformat-refs(5), "Names".
"""

from __future__ import annotations

import os
import unicodedata
from functools import cached_property
from typing import TYPE_CHECKING, Final

from tapegit.errors import InvalidNameError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tapegit.formats.packedrefs import PackedRefs
    from tapegit.refs.loose import LooseRefs
    from tapegit.refs.names import RefName


_SEARCHED_COUNT_MAX: Final = 16
"""For more names than that it pays to take packed-refs apart."""


class Collisions:
    """The names that exist, asked for one transaction."""

    def __init__(self, root: Path, loose: LooseRefs, packed: PackedRefs) -> None:
        self._root = root
        self._loose = loose
        self._packed = packed
        self._listings: dict[str, dict[str, str]] = {}
        self._found: dict[str, str] = {}
        self._is_search = False
        self._no_refs: set[str] = set()
        self._alone: set[str] = set()

    def verify_new(self, names: Iterable[RefName]) -> None:
        """Check names that do not exist yet against all that do, and against one another.

        Raises:
            InvalidNameError: One of them cannot be created; the error names the other.
        """
        new = dict.fromkeys(sorted(names))
        self._is_search = len(new) <= _SEARCHED_COUNT_MAX and self._packed.is_ascii
        folded: dict[str, str] = {}
        for name in new:
            for parent in _parents(name):
                if parent in new:
                    raise _collision(name, parent)
            self._verify_no_folder(name)
            self._verify_case(name, folded)

    def _verify_no_folder(self, name: RefName) -> None:
        for parent in _parents(name):
            if parent in self._no_refs:
                continue
            if os.path.isfile(self._root / parent) or self._packed.find(parent):
                raise _collision(name, parent)
            self._no_refs.add(parent)
        below = next(self._packed.iter_refs(f"{name}/"), None)
        if below is not None or self._loose.has_below(name):
            raise _collision(name, below.name if below else f"{name}/…")

    def _verify_case(self, name: RefName, folded: dict[str, str]) -> None:
        """Check a name and the folders it is in; `folded` has those of the new names."""
        for part in (*_parents(name), name):
            if part in self._alone:
                continue
            folder, _, leaf = part.rpartition("/")
            key = fold(part)
            loose = self._listing(folder).get(fold(leaf))
            other = (
                folded.setdefault(key, part),
                self._find_packed(part, key),
                part if loose is None else f"{folder}/{loose}",
            )
            for existing in other:
                if existing != part:
                    raise _collision(name, existing)
            self._alone.add(part)

    def _listing(self, folder: str) -> dict[str, str]:
        """Return the names in a folder of the store by their folded form."""
        if folder not in self._listings:
            try:
                names = os.listdir(self._root / folder)
            except OSError:
                names = []
            self._listings[folder] = {fold(name): name for name in names}
        return self._listings[folder]

    def _find_packed(self, part: str, key: str) -> str:
        """Return what packed-refs has under this name as a file system sees it, or the name."""
        if not (self._is_search and part.isascii()):
            return self._packed_folds.get(key, part)
        if part not in self._found:
            self._found[part] = self._packed.find_other_case(part) or part
        return self._found[part]

    @cached_property
    def _packed_folds(self) -> dict[str, str]:
        """All packed names, and the folders they are in, by their folded form."""
        names = self._packed.names()
        folds = dict(zip(map(fold, names), names, strict=True))
        last_folder = ""
        for name in names:
            folder = name[: name.rfind("/")]
            if folder != last_folder:
                last_folder = folder
                for parent in _parents(name):
                    folds[fold(parent)] = parent
        return folds


class Names:
    """Names, put in one after the other, that may stand beside one another in a store."""

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._names = {fold(name): name for name in names}
        self._folders = {
            fold(each): each for name in self._names.values() for each in _parents(name)
        }

    def add(self, name: RefName) -> None:
        """Put a name in, unless it is there.

        Raises:
            InvalidNameError: It cannot stand beside another; the error names that.
        """
        key = fold(name)
        parents = {fold(each): each for each in _parents(name)}
        if key in self._folders:
            raise _collision(name, f"{self._folders[key]}/…")
        taken = {key: name, **parents}
        for each, own in taken.items():
            known = (self._names if each == key else self._folders).get(each, own)
            other = self._names.get(each) if each != key else None
            if other is not None or known != own:
                raise _collision(name, other or known)
        self._names[key] = name
        self._folders.update(parents)


def fold(text: str) -> str:
    """Return what file systems that fold case and normal form make of a name."""
    if text.isascii():
        return text.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())


def _parents(name: str) -> list[str]:
    """Return the folders of a name below `refs/`, from the top."""
    parts = name.split("/")
    return ["/".join(parts[:count]) for count in range(2, len(parts))]


def _collision(name: str, other: str) -> InvalidNameError:
    return InvalidNameError(
        f"cannot create '{name}': it collides with '{other}'",
        text=name,
        rule="no ref is a folder of another or differs from it by case only",
        other=other,
    )
