"""Readers while packs are folded under them: nothing is ever missing."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

from tapegit.store.database import ObjectDatabase
from tapegit.store.pack_writer import PackWriter
from tests.packs import oid_of, sample, write_pack

SECONDS = 2.0
PROJECT = Path(__file__).parents[3]
CHILD = """
import sys
from pathlib import Path
from tests.unit.store.test_folding import fold_for_ever
fold_for_ever(Path(sys.argv[1]))
"""


def fold_for_ever(root):
    """Write everything into new packs and remove the old ones, until killed."""
    objects = sample(30)
    pack_dir = root / "objects" / "pack"
    chance = random.Random(5)
    while True:
        old = [name for name in os.listdir(pack_dir) if name.startswith("pack-")]
        cut = chance.randrange(1, len(objects))
        kept = set()
        for part in (objects[:cut], objects[cut:]):
            with PackWriter(None, pack_dir, root / "tmp", cold=False, threads=1) as writer:
                for stored in part:
                    writer.add(*stored)
                kept |= {path.name for path in writer.finish()[:2]}
        for name in sorted(set(old) - kept, key=lambda name: name.endswith(".pack")):
            os.unlink(pack_dir / name)


def test_a_reader_misses_nothing_while_packs_are_folded(root):
    """Each read gives the object, by one reader that lives on and by new ones."""
    objects = sample(30)
    write_pack(root, objects)
    child = subprocess.Popen([sys.executable, "-c", CHILD, root], cwd=PROJECT)
    try:
        database, chance, count = ObjectDatabase(root), random.Random(6), 0
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            asked = chance.choices(objects, k=20)
            reader = database if count % 3 else ObjectDatabase(root)
            for stored in asked:
                assert reader.find(oid_of(stored)) == stored
                assert reader.contains(oid_of(stored))
            answers = reader.read_many([oid_of(stored) for stored in asked])
            assert [found for _, found in answers] == asked
            count += 1
        assert child.poll() is None, "the child stopped folding"
        assert count > 5
    finally:
        child.kill()
        child.wait()
