"""What a power cut may leave of the system calls made so far: a model of a careless disk.

Rules of the model, which gives no more than POSIX does:

- Bytes written to a file and not synced may be there, be missing, end early, or be zeros.
- A change of a folder (a name made, moved or removed) that was not followed by a sync of this
  very folder may be there or not, each on its own and in any order. Of a rename the new name
  may be there and the old one too; but the old one never goes without the new one there.
- Syncing a file says nothing of its name, and syncing a folder nothing of its own name.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

SAMPLES = 2
"""How many random choices are tried after each call, besides the systematic ones."""

CHANGES_MAX = 12
"""Of more pending changes than this a sample is lost or kept alone."""

STRIDE = 32
"""With that many pending, they are all alike: only every so many calls are looked after."""


class Name(NamedTuple):
    """A name in a folder."""

    folder: int
    text: str


class Change(NamedTuple):
    """Names that one call set to nodes, or (None) removed."""

    values: dict[Name, int | None]


class Data(NamedTuple):
    """Bytes written at a place of a file; `size` cuts the file instead."""

    node: int
    offset: int = 0
    data: bytes = b""
    size: int | None = None


class Site(NamedTuple):
    """A line of the program that asks for something to be durable, and by which call."""

    path: str
    line: int
    call: str


class Sync(NamedTuple):
    """A sync of a file or a folder, and where in the program it was asked for."""

    node: int
    site: Site


class Done(NamedTuple):
    """A step ended without an error: everything before it is acknowledged."""

    step: int


Call = Change | Data | Sync | Done
Tree = dict[str, bytes | None]
"""Paths of files with their bytes, and of folders with None."""


class Base(NamedTuple):
    """A disk on which everything is durable: the names in each folder, the bytes of each file."""

    names: dict[Name, int]
    files: dict[int, bytes]
    root: int


class State(NamedTuple):
    """What a power cut may leave, and how many steps were acknowledged before it."""

    tree: Tree
    done: int
    what: str


class Draft(NamedTuple):
    """A state before its tree is made: what names lead to, and the bytes of some files."""

    names: dict[Name, int | None]
    contents: dict[int, bytes]
    what: str


class Disk:
    """The calls so far, and what of them is durable."""

    def __init__(self, base: Base) -> None:
        self._root = base.root
        self._names: dict[Name, int | None] = dict(base.names)
        self._durable = dict(base.files)
        self._now = dict(base.files)
        self._pending: list[dict[Name, int | None]] = []
        self._done = 0

    def apply(self, call: Call) -> None:
        """Let one more call happen."""
        if isinstance(call, Done):
            self._done = call.step
        elif isinstance(call, Change):
            self._pending.append(dict(call.values))
        elif isinstance(call, Data):
            self._now[call.node] = _write(self._now.get(call.node, b""), call)
            self._durable.setdefault(call.node, b"")
        else:
            self._sync(call.node)

    def _sync(self, node: int) -> None:
        if node in self._now:
            self._durable[node] = self._now[node]
        for change in self._pending:
            done = [name for name in change if name.folder == node]
            if any(change[name] is None for name in done):
                done = list(change)  # the old name of a rename goes, so the new one is there
            for name in done:
                self._names[name] = change.pop(name)
        self._pending = [change for change in self._pending if change]

    def is_monotonous(self, number: int) -> bool:
        """Return whether the states after this call differ little from those before it."""
        return len(self._pending) > CHANGES_MAX and number % STRIDE != 0

    def iter_drafts(self, seed: int) -> Iterator[Draft]:
        """Yield what may be left, the likeliest to hurt first."""
        dirty = [node for node in self._now if self._now[node] != self._durable[node]]
        everything = range(len(self._pending))
        yield self._draft(everything, {}, "nothing lost")
        for variant in _VARIANTS:
            yield self._draft(everything, dict.fromkeys(dirty, variant), f"all data {variant}")
            for node in dirty if len(dirty) > 1 else ():
                yield self._draft(everything, {node: variant}, f"data of {node} {variant}")
        yield self._draft([], {}, "no name kept")
        chosen = self._sample(seed)
        for lost in chosen:
            kept = [number for number in everything if number != lost]
            yield self._draft(kept, {}, f"{self._pending[lost]} lost")
            yield self._draft([lost], {}, f"only {self._pending[lost]} kept")
            if len(self._pending[lost]) > 1:
                yield self._draft(everything, {}, f"{self._pending[lost]} half kept", half=lost)
        yield from self._random_drafts(seed, dirty)

    def _sample(self, seed: int) -> list[int]:
        count = len(self._pending)
        if count <= CHANGES_MAX:
            return list(range(count))
        first = random.Random(seed).sample(range(count - 2), CHANGES_MAX - 2)
        return [*first, count - 2, count - 1]

    def _random_drafts(self, seed: int, dirty: list[int]) -> Iterator[Draft]:
        if len(self._pending) < 2 and len(dirty) < 2:
            return
        chance = random.Random(seed)
        for _ in range(SAMPLES):
            kept = [n for n in range(len(self._pending)) if chance.random() < 0.5]
            variants = {node: chance.choice(_VARIANTS) for node in dirty if chance.random() < 0.7}
            yield self._draft(kept, variants, f"only {[self._pending[n] for n in kept]} kept")

    def _draft(
        self,
        kept: range | list[int],
        variants: dict[int, str],
        what: str,
        *,
        half: int | None = None,
    ) -> Draft:
        names = dict(self._names)
        for number in kept:
            change = self._pending[number]
            if number == half:
                change = {name: node for name, node in change.items() if node is not None}
            names.update(change)
        contents = {node: self._content(node, variant) for node, variant in variants.items()}
        return Draft(names, contents, what)

    def key(self, draft: Draft) -> int:
        """Return what is the same only for drafts of the same state, in much less time."""
        contents = {**self._now, **draft.contents}
        found = ((name, contents.get(node, node)) for name, node in draft.names.items())
        return hash((self._done, frozenset(found)))

    def make(self, draft: Draft) -> State:
        """Return a state with its tree."""
        names, contents = draft.names, {**self._now, **draft.contents}
        children: dict[int, list[tuple[str, int]]] = {}
        for name, node in names.items():
            if node is not None:
                children.setdefault(name.folder, []).append((name.text, node))
        tree: Tree = {}
        waiting = [("", self._root)]
        while waiting:
            path, folder = waiting.pop()
            for text, node in children.get(folder, ()):
                inner = f"{path}{text}"
                if node in contents:
                    tree[inner] = contents[node]
                else:
                    tree[inner] = None
                    waiting.append((f"{inner}/", node))
        return State(tree, self._done, draft.what)

    def _content(self, node: int, variant: str) -> bytes:
        durable, now = self._durable[node], self._now[node]
        if durable == now:
            return now
        if variant == "lost":
            return durable
        same = _common(durable, now)
        if variant == "torn":
            return now[: same + (len(now) - same) // 2]
        return now[:same] + bytes(len(now) - same)


_VARIANTS = ("lost", "torn", "zeros")


def _write(data: bytes, call: Data) -> bytes:
    if call.size is not None:
        return data[: call.size].ljust(call.size, b"\0")
    return (
        data[: call.offset].ljust(call.offset, b"\0")
        + call.data
        + data[call.offset + len(call.data) :]
    )


def _common(one: bytes, other: bytes) -> int:
    limit = min(len(one), len(other))
    if one[:limit] == other[:limit]:
        return limit
    return next(place for place in range(limit) if one[place] != other[place])


def iter_states(
    base: Base, calls: list[Call], *, without: Site | None = None, seen: set[int] | None = None
) -> Iterator[State]:
    """Yield every state that a power cut after any of the calls may leave, each once.

    Args:
        base: The disk before the first call.
        calls: What was done.
        without: A place in the program whose syncs are to be left out.
        seen: What need not be looked at; gets what is yielded.
    """
    disk = Disk(base)
    seen = set() if seen is None else seen
    for number, call in enumerate(calls):
        if isinstance(call, Sync) and call.site == without:
            continue
        disk.apply(call)
        if isinstance(call, Change) and disk.is_monotonous(number):
            continue
        for draft in disk.iter_drafts(number):
            if (key := disk.key(draft)) in seen:
                continue
            seen.add(key)
            state = disk.make(draft)
            key = hash((state.done, frozenset(state.tree.items())))
            if key not in seen:
                seen.add(key)
                yield state
