"""What must hold of a store after a fault, asked of the real commands.

Rules: a check never repairs; it opens the store as any reader would. What was acknowledged
before the fault is given as a `State`; the command under test may have moved each ref from its
old value to its new one, and nothing else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pathlib import Path

    from tests.hostile.zygote import Zygote

HEX_ID = re.compile(r"\b[0-9a-f]{64}\b")
RETRY_LIMIT_S = 10.0
"""A retry slower than this met a stale lock."""


class State(NamedTuple):
    """What a store holds: the value of each ref, and the ids of all objects."""

    refs: dict[str, str]
    oids: frozenset[str]


_LIST_REFS = ("for-each-ref", "--format=%(objectname) %(refname)")
_LIST_OBJECTS = ("cat-file", "--batch-all-objects", "--batch-check")
_CHECK = ("fsck", "--full")


def read_state(tapes: Zygote, folder: Path) -> State:
    """Return what the store in `folder` holds.

    Raises:
        AssertionError: A reader was refused.
    """
    return _make_state(*_read(tapes, folder, _LIST_REFS, _LIST_OBJECTS))


def read_sound(tapes: Zygote, folder: Path) -> State:
    """Check that every object and link of a store verifies; return what it holds.

    Raises:
        AssertionError: A reader was refused, or something is not as it should be.
    """
    return _make_state(*_read(tapes, folder, _CHECK, _LIST_REFS, _LIST_OBJECTS)[1:])


def check_sound(tapes: Zygote, folder: Path) -> None:
    """Check that the store opens and that every object and link of it verifies.

    Raises:
        AssertionError: It does not.
    """
    _read(tapes, folder, _CHECK)


def _read(tapes: Zygote, folder: Path, *commands: tuple[str, ...]) -> list[str]:
    """Return what readers print, who all end well."""
    results = tapes.run_each(*commands, cwd=folder)
    for words, result in zip(commands, results, strict=False):
        assert result.code == 0, f"{words[0]}: {result.code} {result.out.decode()} {result.error}"
    assert len(results) == len(commands)
    return [result.out.decode() for result in results]


def _make_state(refs: str, objects: str) -> State:
    found = (line.split(" ", 1) for line in refs.splitlines())
    return State({name: oid for oid, name in found}, frozenset(HEX_ID.findall(objects)))


def check_kept(state: State, before: State, after: State, *, done: bool) -> None:
    """Check that refs are old or new (only new where `done`), and that no needed object is gone.

    `before` is the state the fault met, `after` that of a run without one.

    Raises:
        AssertionError: Something acknowledged is lost, or something never written is there.
    """
    for name in before.refs.keys() | after.refs.keys() | state.refs.keys():
        value, old, new = (part.refs.get(name) for part in (state, before, after))
        allowed = {new} if done else {old, new}
        assert value in allowed, f"{name} is {value}, not one of {allowed}"
    needed = after.oids & (state.oids | before.oids) if not done else after.oids
    lost = (before.oids & after.oids | needed & before.oids) - state.oids
    assert not lost, f"objects lost: {sorted(lost)[:3]}"
    if done:
        gone = after.oids - state.oids
        assert not gone, f"acknowledged but absent: {sorted(gone)[:3]}"


def list_leftovers(folder: Path) -> list[str]:
    """Return the names of what lies in the store's tmp."""
    tmp = folder / ".tapes" / "tmp"
    return sorted(path.name for path in tmp.iterdir()) if tmp.is_dir() else []
