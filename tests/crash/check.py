"""What must hold of a store after a power cut, asked of the real code.

Rules: nothing is repaired before it is looked at; what a step acknowledged is there, the step
that was under way happened as a whole or not at all, and nothing that can be seen is damaged.
"""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import DataError
from tapegit.files.trash import Trash
from tapegit.formats.cruft import decode_cruft
from tapegit.objects.kind import Kind
from tapegit.objects.links import iter_links
from tapegit.objects.oid import ObjectId
from tapegit.repository.discover import is_store
from tapegit.repository.init import init_store
from tapegit.repository.repository import Repository
from tapegit.repository.tombstones import read_tombstones
from tapegit.rewrite.carry_out import find_journal
from tapegit.store.index_file import read_index
from tapegit.store.loose import LooseSource
from tapegit.store.packed import PackedSource

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.crash.disk import State, Tree


SECRET = b"correct-horse-9911"
"""What scenarios redact."""

_LOOSE = re.compile(r"(?:.*/)?\.tapes/objects/([0-9a-f]{2})/([0-9a-f]{62})")


class Facts(NamedTuple):
    """What a store holds: refs, HEAD, ids, the moves in reflogs, and files beside all that."""

    refs: dict[str, ObjectId]
    head: tuple[str | None, ObjectId | None]
    oids: frozenset[ObjectId]
    logs: dict[str, tuple[tuple[ObjectId, ObjectId], ...]]
    files: dict[str, bytes]


NONE = Facts({}, (None, None), frozenset(), {}, {})


def read_facts(root: Path, tree: Tree | None = None) -> Facts:
    """Return what a store holds, having read and verified all of it.

    Args:
        root: The store.
        tree: The paths in the folder that the store is in, which spares listing them.

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
    oids = frozenset(repository.objects.iter_oids() if tree is None else _list(repository, tree))
    needed = set(refs.values()) | ({head.oid} if head.oid else set())
    _verify_objects(repository, oids, needed)
    return Facts(refs, (head.target, head.oid), oids, logs, _read_files(root))


def read_damaged(root: Path, universe: frozenset[ObjectId]) -> Facts:
    """Return what can be read of a store that is damaged, and of its objects those of these.

    The files are those of packs, and those that salvage has put aside.
    """
    files = {
        path.relative_to(root).as_posix(): path.read_bytes()
        for folder in ("objects/pack", "trash")
        for path in (root / folder).rglob("pack-*")
    }
    repository = Repository.open(root)
    refs = {str(ref.name): ref.oid for ref in repository.refs.iter_refs()}
    oids = frozenset(filter(_can_read(repository), universe))
    return NONE._replace(refs=refs, oids=oids, files=files)


def _can_read(repository: Repository) -> Callable[[ObjectId], bool]:
    def can_read(oid: ObjectId) -> bool:
        try:
            return repository.objects.find(oid) is not None
        except DataError:
            return False

    return can_read


def _list(repository: Repository, tree: Tree) -> Iterator[ObjectId]:
    """Yield every id in a store: of the 256 folders it is known what is in them."""
    for path in tree:
        if match := _LOOSE.fullmatch(path):
            yield ObjectId.fromhex(match[1] + match[2])
    for reader in repository.objects.packs:
        yield from map(reader.index.oid_at, range(reader.index.object_count))


def _read_files(root: Path) -> dict[str, bytes]:
    """Return the small files, and the times in cruft packs, which must be whole."""
    names = ["config", ".gitignore", "format"]
    files = {name: (root / name).read_bytes() for name in names if (root / name).exists()}
    user = root.parent / "config/tapegit/config.toml"
    keeps = (root / "objects/pack").glob("*.keep")
    files |= {path.name: path.read_bytes() for path in (user, *keeps) if path.exists()}
    for path in (root / "objects/pack").glob("*.pack"):
        if not path.with_suffix(".idx").exists():
            continue  # in the making, or on its way into the trash: it can be read all the same
        files[path.with_suffix(".idx").name] = b"is there"
        times = path.with_suffix(".cruft")
        if times.exists():
            files[times.name] = data = times.read_bytes()
            index = read_index(path.with_suffix(".idx"))
            checksum = index.header.pack_checksum
            decode_cruft(data, pack_checksum=checksum, count=index.object_count, where=times)
    return files


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
    beyond = repository.objects.list_beyond() - oids
    while waiting:
        oid = waiting.pop()
        if oid in beyond:
            continue  # history was cut off before it
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
    facts = read_facts(root, state.tree)
    before = history[state.done]
    after = history[min(state.done + 1, len(history) - 1)]
    if facts is NONE:
        assert before is NONE, "the store is gone"
        init_store(root)
        assert is_store(root)
        assert list(Repository.open(root).refs.iter_refs()) == []
        return
    assert facts.refs in (before.refs, after.refs), f"refs: {facts.refs}"
    assert facts.head in _heads(before, after), f"HEAD: {facts.head}"
    known = frozenset().union(*(past.oids for past in history[: state.done + 1]))
    if gone := known - facts.oids:
        lost = gone - set(_iter_trashed(root, gone))
        if find_journal(root) is not None or len(read_tombstones(root)):
            lost &= after.oids  # the rest went on purpose
        assert not lost, f"lost: {sorted(lost)[:3]}"
    _check_removed(state, root, facts)
    for name, data in before.files.items():
        allowed = (data, after.files.get(name))
        assert facts.files.get(name) in allowed, f"{name}: {facts.files.get(name)}"
    if before is NONE:
        assert facts.files == after.files, facts.files
        assert list(state.tree.values()).count(None) >= 270, "folders are missing"
    for name, moves in before.logs.items():
        _check_log(name, facts.logs.get(name, ()), moves, after.logs.get(name), facts.refs)


def _check_removed(state: State, root: Path, facts: Facts) -> None:
    """Check that what was removed on purpose is gone for good, unless a journal says go on."""
    if find_journal(root) is not None or not len(stones := read_tombstones(root)):
        return
    back = {stone.oid for stone in stones} & facts.oids
    assert not back, f"back: {sorted(back)[:3]}"
    repository = Repository.open(root)
    for oid in facts.oids:
        assert SECRET not in repository.objects.read(oid).data, f"the secret is in {oid}"
    for path, data in state.tree.items():
        assert data is None or SECRET not in data, f"the secret is in {path}"
        assert SECRET.decode() not in path, f"the secret is in the name {path}"


def check_damaged(state: State, root: Path, history: list[Facts]) -> None:
    """Check that as much can be read of a damaged store as could before, and after each step.

    Raises:
        AssertionError: Something is lost that could be read.
    """
    facts = read_damaged(root, history[-1].oids)
    before = history[state.done]
    assert facts.refs == before.refs
    lost = before.oids - facts.oids
    assert not lost, f"lost: {sorted(lost)[:3]}"
    gone = set(before.files.values()) - set(facts.files.values())
    assert state.done or not gone, "a file is gone before all was done"
    assert not state.done or facts.files == before.files, "not all is where it was put"


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
        is_longer = found[: len(before)] == before
        assert found in (before, after) or is_longer, f"log of {name}: what was kept is lost"
        return
    if after is None and (name not in refs or not found):
        return  # the ref is being deleted
    assert found[: len(before)] == before, f"log of {name}: {found}"


def _iter_trashed(root: Path, oids: frozenset[ObjectId]) -> Iterator[ObjectId]:
    """Yield those of the ids that are in the trash, from where readers fetch them."""
    for _, batch in Trash(root).iter_batches():
        loose = LooseSource(batch / "objects", root / "tmp")
        packed = PackedSource(batch / "objects/pack")
        for oid in oids:
            if (loose.find(oid) or packed.find(oid)) is not None:
                yield oid


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

    def is_written_to(self) -> bool:
        """Return whether something that was in the trash has been fetched from there."""
        return any("/trash/" in path and not (self.folder / path).exists() for path in self._tree)

    def forget(self) -> None:
        """Start from nothing: somebody wrote into the folder."""
        shutil.rmtree(self.folder)
        self.folder.mkdir()
        self._tree = {}
