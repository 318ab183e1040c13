"""Refs without a store: ids of nothing, a clock that ticks."""

from __future__ import annotations

import itertools

import pytest

from tapegit.objects.oid import ObjectId
from tapegit.refs.names import RefName
from tapegit.refs.store import RefStore


def oid(number: int) -> ObjectId:
    """Return an id for tests."""
    return ObjectId(bytes([number]) * 32)


ONE, TWO, THREE = oid(0x11), oid(0x22), oid(0x33)


class Refs(RefStore):
    """The refs of a folder, with short ways for tests."""

    def set(self, name: str, value: ObjectId, **options) -> None:
        """Move one ref."""
        with self.transaction("test") as transaction:
            transaction.update(RefName(name), value, **options)

    def remove(self, name: str) -> None:
        """Delete one ref."""
        with self.transaction("test") as transaction:
            transaction.delete(RefName(name))

    def value(self, name: str) -> ObjectId | None:
        """Return where a ref is, as a reader that was just opened sees it."""
        return Refs(self.root, lambda: 0, "").find(RefName(name))

    def all(self) -> dict[str, ObjectId]:
        """Return every ref, as a reader that was just opened sees it."""
        fresh = Refs(self.root, lambda: 0, "")
        return {str(ref.name): ref.oid for ref in fresh.iter_refs()}

    def put(self, name: str, data: bytes) -> None:
        """Write the file of a ref, whatever it is."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    def log(self, name: str) -> list[tuple[ObjectId, ObjectId]]:
        """Return the moves in a reflog."""
        return [(entry.old, entry.new) for entry in self.read_reflog(RefName(name))]


@pytest.fixture
def refs(tmp_path):
    """Give the refs of a new folder that looks like a store."""
    for name in ("refs/heads", "refs/tags", "logs", "tmp", "locks"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "HEAD").write_bytes(b"ref: refs/heads/main\n")
    ticks = itertools.count(1000)
    return Refs(tmp_path, lambda: next(ticks), "tester")
