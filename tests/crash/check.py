"""What must hold of a store after a power cut, asked of the real code.

Rules: nothing is repaired before it is looked at; what a step acknowledged is there, the step
that was under way happened as a whole or not at all, and nothing that can be seen is damaged.
"""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING, NamedTuple

from tapegit.objects.kind import Kind
from tapegit.objects.links import iter_links
from tapegit.repository.discover import is_store
from tapegit.repository.init import init_store
from tapegit.repository.repository import Repository

if TYPE_CHECKING:
    from pathlib import Path

    from tapegit.objects.oid import ObjectId
    from tests.crash.disk import State, Tree


class Facts(NamedTuple):
    """What a store holds: refs, HEAD, ids, the moves in reflogs, and files beside all that."""

    refs: dict[str, ObjectId]
    head: tuple[str | None, ObjectId | None]
    oids: frozenset[ObjectId]
    logs: dict[str, tuple[tuple[ObjectId, ObjectId], ...]]
    files: dict[str, bytes]


NONE = Facts({}, (None, None), frozenset(), {}, {})


def read_facts(root: Path) -> Facts:
    """Return what a store holds, having read and verified all of it.

    Raises:
        TapesError: Something in it is damaged.
        AssertionError: Something that an object needs is missing.
    """
    if not is_store(root):
        return NONE
    repository = Repository.open(root)
    refs = {str(ref.name): ref.oid for ref in repository.refs.iter_refs()}
    head = repository.refs.read_head()
    assert not list(repository.refs.iter_lost())
    logs = {
        str(name): tuple((entry.old, entry.new) for entry in repository.refs.read_reflog(name))
        for name in repository.refs.iter_reflogs()
    }
    oids = frozenset(repository.objects.iter_oids())
    needed = set(refs.values()) | ({head.oid} if head.oid else set())
    _verify_objects(repository, oids, needed)
    files = {
        name: (root / name).read_bytes()
        for name in ("config", ".gitignore", "format")
        if (root / name).exists()
    }
    return Facts(refs, (head.target, head.oid), oids, logs, files)


def _verify_objects(
    repository: Repository, oids: frozenset[ObjectId], needed: set[ObjectId]
) -> None:
    """Read every object; those that refs lead to must all be there, with all that they need.

    An object of a step that was under way may lack another one: no ref leads to it.
    """
    links = {}
    for oid in oids:
        found = repository.objects.read(oid)
        is_leaf = found.kind is Kind.BLOB
        links[oid] = [] if is_leaf else [link.oid for link in iter_links(found.kind, found.data)]
    waiting, seen = list(needed), set(needed)
    while waiting:
        oid = waiting.pop()
        assert oid in oids, f"missing: {oid}"
        new = [link for link in links[oid] if link not in seen]
        seen.update(new)
        waiting += new


def check(state: State, root: Path, history: list[Facts]) -> None:
    """Check the store that a power cut left.

    Args:
        state: Which of the steps were acknowledged.
        root: The store.
        history: What the store held before the first step and after each.

    Raises:
        AssertionError: Something acknowledged is lost, or a step happened in part.
        TapesError: Something is damaged.
    """
    facts = read_facts(root)
    before = history[state.done]
    after = history[min(state.done + 1, len(history) - 1)]
    if facts is NONE:
        assert before is NONE, "the store is gone"
        init_store(root)
        assert read_facts(root).refs == {}
        return
    assert facts.refs in (before.refs, after.refs), f"refs: {facts.refs}"
    assert facts.head in _heads(before, after), f"HEAD: {facts.head}"
    lost = (before.oids & after.oids if before is not NONE else frozenset()) - facts.oids
    assert not lost, f"lost: {sorted(lost)[:3]}"
    for name, data in before.files.items():
        assert facts.files.get(name) in (data, after.files[name]), f"{name}: {facts.files}"
    if before is NONE:
        assert facts.files == after.files, facts.files
        assert _folders(root) >= 262, "folders are missing"
    for name, moves in before.logs.items():
        _check_log(name, facts.logs.get(name, ()), moves, after.logs.get(name), facts.refs)


def _heads(before: Facts, after: Facts) -> list[tuple[str | None, ObjectId | None]]:
    """Return where HEAD may be: refs move together, and HEAD after them."""
    heads = [before.head, after.head]
    target = before.head[0]
    if target is not None:
        heads.append((target, after.refs.get(target)))
    return heads


def _check_log(name, found, before, after, refs) -> None:
    """Check that the moves that were acknowledged are in a reflog."""
    if after is not None and after[: len(before)] != before:
        assert found in (before, after), f"log of {name}: entries that were kept are lost"
        return
    if after is None and (name not in refs or not found):
        return  # the ref is being deleted
    assert found[: len(before)] == before, f"log of {name}: {found}"


def _folders(root: Path) -> int:
    return sum(len(folders) for _, folders, _ in os.walk(root))


class Workplace:
    """A folder that is made to look like one state after another, changing what differs only."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._tree: Tree = {}

    def show(self, tree: Tree) -> None:
        """Let the folder hold exactly this."""
        for path in sorted(self._tree.keys() - tree.keys(), reverse=True):
            self._remove(path)
        for path in sorted(tree):
            data = tree[path]
            if path in self._tree and (self._tree[path] is None) == (data is None):
                if data is not None and self._tree[path] != data:
                    self._write(path, data)
                continue
            if path in self._tree:
                self._remove(path)
            if data is None:
                (self.folder / path).mkdir(mode=0o700)
            else:
                self._write(path, data)
        self._tree = dict(tree)

    def _write(self, path: str, data: bytes) -> None:
        # A new file, as after a reboot: caches that know files by number must not know it.
        (self.folder / path).unlink(missing_ok=True)
        (self.folder / path).write_bytes(data)

    def _remove(self, path: str) -> None:
        target = self.folder / path
        if self._tree[path] is None:
            shutil.rmtree(target, ignore_errors=True)
        else:
            target.unlink(missing_ok=True)

    def forget(self) -> None:
        """Start from nothing: somebody wrote into the folder."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        self._tree = {}
