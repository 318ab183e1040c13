"""What every source of objects must do, run against each of them.

A source that passes may stand in for any other. Each entry of `SOURCES` fills a source with the
objects it is given; nothing below knows which one it talks to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tapegit.objects.kind import Kind
from tapegit.objects.oid import ObjectId, OidPrefix
from tapegit.store.database import ObjectDatabase
from tapegit.store.loose import LooseSource
from tapegit.store.memory import MemorySource
from tapegit.store.packed import PackedSource
from tests.packs import blob, make_root, oid_of, sample, turn, write_pack

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tapegit.objects.kind import Object
    from tapegit.store.source import ObjectSource

OBJECTS = [*sample(30), blob(b""), blob(bytes(range(256)) * 400), turn(time=None)]
ABSENT = ObjectId(b"\xee" * 32)


def _memory(root: Path, objects: list[Object]) -> ObjectSource:
    source = MemorySource()
    for kind, data in objects:
        source.write(kind, data)
    return source


def _loose(root: Path, objects: list[Object]) -> ObjectSource:
    source = LooseSource(root / "objects", root / "tmp")
    for kind, data in objects:
        source.write(kind, data)
    return source


def _one_pack(root: Path, objects: list[Object]) -> ObjectSource:
    write_pack(root, objects)
    return PackedSource(root / "objects" / "pack")


def _many_packs(root: Path, objects: list[Object]) -> ObjectSource:
    for start in range(0, len(objects), 7):
        write_pack(root, objects[max(0, start - 3) : start + 7])
    return PackedSource(root / "objects" / "pack")


def _pack_without_index(root: Path, objects: list[Object]) -> ObjectSource:
    write_pack(root, objects).index_path.unlink()
    return PackedSource(root / "objects" / "pack")


def _cold_pack(root: Path, objects: list[Object]) -> ObjectSource:
    write_pack(root, objects, cold=True, threads=2)
    return PackedSource(root / "objects" / "pack")


def _database(root: Path, objects: list[Object]) -> ObjectSource:
    third = len(objects) // 3
    write_pack(root, objects[: 2 * third])
    _loose(root, objects[third:])
    return ObjectDatabase(root)


SOURCES = {
    "memory": _memory,
    "loose": _loose,
    "one pack": _one_pack,
    "many packs": _many_packs,
    "pack without index": _pack_without_index,
    "cold pack": _cold_pack,
    "database": _database,
}


@pytest.fixture(params=SOURCES)
def fill(request, tmp_path: Path) -> Callable[[list[Object]], ObjectSource]:
    """Give what makes a source of some objects."""
    root = make_root(tmp_path / ".tapes")
    return lambda objects: SOURCES[request.param](root, objects)


@pytest.fixture
def source(fill) -> ObjectSource:
    """Give a source that holds `OBJECTS`."""
    return fill(OBJECTS)


def test_every_object_comes_back_as_it_was(source):
    """What was stored under an id is found under it, byte by byte."""
    for stored in OBJECTS:
        assert source.find(oid_of(stored)) == stored


def test_an_object_that_was_not_stored_is_none(source):
    """An absent id is no error."""
    assert source.find(ABSENT) is None
    assert source.find_header(ABSENT) is None
    assert source.find_facts(ABSENT) is None
    assert not source.contains(ABSENT)


def test_contains_every_stored_object(source):
    """Asking whether an object is here needs no reading."""
    assert all(source.contains(oid_of(stored)) for stored in OBJECTS)


def test_headers_state_kind_and_size(source):
    """The size is that of the data, without framing."""
    for stored in OBJECTS:
        header = source.find_header(oid_of(stored))
        assert (header.kind, header.size_bytes) == (stored.kind, len(stored.data))


def test_oids_come_ascending_and_once(source):
    """An object that is stored in several places is listed once."""
    assert list(source.iter_oids()) == sorted({oid_of(stored) for stored in OBJECTS})


def test_a_prefix_finds_what_begins_with_it(source):
    """A unique beginning finds one id, ascending where there are several."""
    for stored in OBJECTS:
        oid = oid_of(stored)
        assert source.match_prefix(OidPrefix(oid.hex()[:20])) == [oid]
        assert source.match_prefix(OidPrefix(oid.hex())) == [oid]
    assert source.match_prefix(OidPrefix("e" * 30)) == []


def test_an_ambiguous_prefix_gives_as_many_as_asked_for(fill):
    """Ids with the same first digits are found by them, up to the count."""
    found: dict[str, list[Object]] = {}
    for number in range(2000):
        stored = blob(b"%d" % number)
        found.setdefault(oid_of(stored).hex()[:4], []).append(stored)
    prefix, same = max(found.items(), key=lambda item: len(item[1]))
    assert len(same) >= 2
    source = fill([*same, *sample(3)])
    expected = sorted(oid_of(stored) for stored in same)
    assert source.match_prefix(OidPrefix(prefix), count_max=2) == expected[:2]
    assert source.match_prefix(OidPrefix(prefix), count_max=50) == expected


def test_facts_are_those_of_the_turn_or_none(source):
    """Who keeps facts keeps the right ones; who keeps none says so, and of no other kind."""
    generations = {}
    for kind, data in OBJECTS:
        oid = oid_of(blob(data)._replace(kind=kind))
        facts = source.find_facts(oid)
        if kind is not Kind.TURN:
            assert facts is None
        elif facts is not None:
            expected = 1 + max((generations.get(p, 0) for p in facts.parents), default=0)
            generations[oid] = facts.generation
            assert facts.generation in (expected, 0)
            assert all(str(parent).encode() in data for parent in facts.parents)
            assert facts.is_leader == (b'"role":"session"' in data)


def test_a_source_holds_no_more_than_was_stored(fill):
    """A few blobs, of which one is empty, are all there is."""
    stored = [blob(b""), blob(b"a"), blob(b"b")]
    source = fill(stored)
    assert list(source.iter_oids()) == sorted(map(oid_of, stored))
    assert [source.find(oid_of(one)) for one in stored] == stored
