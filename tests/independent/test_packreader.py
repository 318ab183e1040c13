"""The page of packs is enough to read them: a reader written from it gives the same objects."""

from __future__ import annotations

import ast
import random
import subprocess
import sys
from pathlib import Path

import pytest

from tapegit.store import pack_writer
from tapegit.store.database import ObjectDatabase
from tapegit.store.pack_writer import PackWriter
from tests.independent.packreader import BadPackError, read_pack
from tests.packs import blob, inner_rope, make_root, oid_of, rope, sample, turn, write_pack

SOURCE = Path(__file__).with_name("packreader.py")


@pytest.fixture
def root(tmp_path):
    """Give a store without a repository around it."""
    return make_root(tmp_path / ".tapes")


def compare(path, objects):
    """Check that both readers give the same objects in the same order, and no others."""
    theirs = [(oid, kind, data) for oid, kind, data in read_pack(path.read_bytes())]
    expected = {oid_of(stored): stored for stored in objects}
    assert {oid: (kind, data) for oid, kind, data in theirs} == {
        bytes(oid): (str(kind), data) for oid, (kind, data) in expected.items()
    }
    database = ObjectDatabase(path.parent.parent.parent)
    index = database.packs[0].index
    assert [oid for oid, _, _ in theirs] == [
        index.id_at(index.positions[ordinal]) for ordinal in range(index.object_count)
    ]


def test_the_second_reader_is_short_and_shares_no_code():
    """At most 150 lines, and imports of the standard library, zstandard and blake3 alone."""
    text = SOURCE.read_text()
    assert len(text.splitlines()) <= 150
    imported = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(node.module.split(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"blake3", "zstandard"}


@pytest.mark.parametrize("cold", [False, True])
def test_both_readers_give_the_same_objects(root, cold):
    """Blobs, ropes of two levels, turns and tags."""
    objects = sample(80)
    compare(write_pack(root, objects, cold=cold).path, objects)


def test_both_readers_give_the_same_objects_of_many_sections(root, monkeypatch):
    """What stands in an earlier section is named by id; copied sections keep their numbers."""
    monkeypatch.setattr(pack_writer, "SECTION_OBJECT_COUNT_MAX", 7)
    old = sample(30, "old")
    summary = write_pack(root, old)
    source = ObjectDatabase(root).packs[0]
    new = sample(10, "new")
    with PackWriter(None, root / "objects" / "pack", root / "tmp", cold=True, threads=1) as writer:
        for stored in new[:20]:
            writer.add(*stored)
        for number in range(source.index.header.section_count):
            writer.copy_section(source.path, source.index, number)
        for stored in new[20:]:
            writer.add(*stored)
        copied = writer.finish()
    summary.path.unlink()
    summary.index_path.unlink()
    compare(copied.path, [*old, *new])


def test_both_readers_give_the_same_objects_whatever_names_what(root):
    """A thousand objects at random: any order, any parents, names of what is elsewhere."""
    chance = random.Random(7)
    objects, leaves, turns = [], [], [oid_of(blob(b"elsewhere"))]
    for number in range(300):
        data = chance.randbytes(chance.randrange(1, 400))
        piece = blob(data)
        leaf = rope(b"<", (oid_of(piece), data), b"%d" % number)
        leaves.append((oid_of(leaf), b"<" + data + b"%d" % number))
        parents = chance.sample(turns, min(len(turns), chance.randrange(4)))
        step = turn(*parents, raw=chance.sample([oid for oid, _ in leaves], 1), time=number)
        turns.append(oid_of(step))
        objects += (piece, leaf, step)
        if number % 50 == 49:
            objects.append(inner_rope(*chance.sample(leaves, 20)))
    chance.shuffle(objects)
    compare(write_pack(root, objects).path, objects)


def test_the_second_reader_refuses_a_changed_byte(root):
    """It verifies what the page says must be verified."""
    pack = write_pack(root, sample(5)).path.read_bytes()
    for offset in range(0, len(pack), 7):
        damaged = bytearray(pack)
        damaged[offset] ^= 4
        with pytest.raises(BadPackError):
            list(read_pack(bytes(damaged)))


def test_the_second_reader_runs_on_its_own(root):
    """It is a program of one file."""
    path = write_pack(root, sample(3)).path
    run = subprocess.run(
        [sys.executable, "-I", SOURCE, path], capture_output=True, text=True, check=True
    )
    lines = [line.split() for line in run.stdout.splitlines()]
    assert sorted(line[0] for line in lines) == sorted(oid_of(s).hex() for s in sample(3))
