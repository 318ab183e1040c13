"""Calls that a session only repeats from the one it was forked from or spawned by.

A rollout of Codex that was forked, and that of an agent, begins with the history of its parent:
the counts of tokens again, with the time of the fork, and not all of what was said. So neither
ids nor times nor texts are what copies have in common; the counts are.

Rules: the first calls of a session that names a parent count for the parent as long as each has
the counts of a call of the parent, every one of which is used once. What comes after the first
other call is the session's own. Without its parent in the store nothing is known to be repeated.

Other harnesses repeat nothing, or with times, texts or ids by which the copies are known.

Source: tapesformat-index(5), "Calls"; https://github.com/ccusage/ccusage/issues/950.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from tapegit.refs.names import percent_encode_component

HARNESSES: Final = frozenset({"codex"})

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tapegit.index.database import IndexFile, KeptCall
    from tapegit.index.session import SessionRow


def find_replays(file: IndexFile, rows: Mapping[str, SessionRow]) -> dict[str, frozenset[bytes]]:
    """Return the keys of the calls that sessions repeat, by folder; only where there are any.

    Args:
        file: The index, up to date.
        rows: All sessions, by folder.

    Raises:
        DamagedIndexError: The file is damaged.
        OSError: It cannot be read now.
    """
    parents = {
        folder: _parent_folder(folder, row)
        for folder, row in rows.items()
        if row.parent and row.harness in HARNESSES
    }
    parents = {folder: parent for folder, parent in parents.items() if parent in rows}
    found = {}
    for folder, parent in parents.items():
        if not _is_circular(folder, parents):
            found[folder] = match_head(file.read_calls_of(folder), file.read_calls_of(parent))
    return {folder: keys for folder, keys in found.items() if keys}


def match_head(calls: Iterable[KeptCall], originals: Iterable[KeptCall]) -> frozenset[bytes]:
    """Return the keys of the first calls, as far as each has the counts of an original."""
    left = Counter(call.usage for call in originals)
    keys = set()
    for call in calls:
        if not left[call.usage]:
            break
        left[call.usage] -= 1
        keys.add(call.key)
    return frozenset(keys)


def _parent_folder(folder: str, row: SessionRow) -> str:
    above, _, _ = folder.rpartition("/")
    return f"{above}/{percent_encode_component(row.parent or '')}"


def _is_circular(folder: str, parents: Mapping[str, str]) -> bool:
    seen = {folder}
    at = parents.get(folder)
    while at is not None:
        if at in seen:
            return True
        seen.add(at)
        at = parents.get(at)
    return False
