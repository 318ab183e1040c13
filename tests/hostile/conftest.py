"""What every hostile test needs: a store with old data in it, and runs that are measured.

Rules: each run must end within 5 seconds of the processor and 300 MiB, with no traceback; after
each, what the store held before can still be read. A test damages its own copy of the store.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tapegit.formats.loose import encode_loose
from tapegit.objects.kind import Kind, object_id
from tests.builders import make_repo, make_tape, set_ref, write_blob, write_tag
from tests.command import Runner, run_here
from tests.hostile.zygote import TIMED_OUT, Result, Zygote
from tests.packs import oid_of, sample, write_pack

if TYPE_CHECKING:
    from tapegit.objects.oid import ObjectId

SECONDS_MAX = 5.0
PEAK_MAX_MIB = 300.0
DATA_CODES = frozenset({30, 31, 32, 33, 35})
OLD = b"old data that must stay readable\n"


class Facts(NamedTuple):
    """What the store holds before anything is done to it."""

    old: ObjectId
    tape: list[ObjectId]
    packed: list[ObjectId]
    tag: ObjectId


class Target:
    """A copy of the store to be hurt, and how to run commands on it."""

    def __init__(self, tapes: Zygote, folder: Path, facts: Facts) -> None:
        self.tapes = tapes
        self.folder = folder
        self.root = folder / ".tapes"
        self.facts = facts

    def run(self, *argv: str | Path, stdin: bytes = b"", **options) -> Result:
        """Run a command and check what holds of every run."""
        options.setdefault("cwd", self.folder)
        words = [str(word) for word in argv]
        result = self.tapes.run(*words, stdin=stdin, **options)
        assert result.code != TIMED_OUT, f"{words} hung"
        assert "Traceback" not in result.error, f"{words}: {result.error}"
        assert result.seconds < SECONDS_MAX, f"{words} took {result.seconds:.1f} s"
        assert result.peak_mib < PEAK_MAX_MIB, f"{words} took {result.peak_mib:.0f} MiB"
        return result

    def ok(self, *argv: str | Path, **options) -> str:
        """Run a command that must succeed; return its output."""
        result = self.run(*argv, **options)
        assert result.code == 0, f"{argv}: {result.code} {result.error}"
        return result.out.decode()

    def refused(self, *argv: str | Path, codes=DATA_CODES, **options) -> str:
        """Run a command that must end in a named error; return what it says."""
        result = self.run(*argv, **options)
        allowed = {codes} if isinstance(codes, int) else codes
        assert result.code in allowed, f"{argv}: {result.code} {result.out[:300]!r} {result.error}"
        first = result.error.splitlines()[0]
        assert first.startswith("tapes: error: "), result.error
        assert all(line.startswith("hint: ") for line in result.error.splitlines()[1:])
        return result.error

    def path_of(self, oid: ObjectId) -> Path:
        """Return where a loose object is."""
        return self.root / "objects" / str(oid)[:2] / str(oid)[2:]

    def put(self, oid: ObjectId, file: bytes) -> ObjectId:
        """Put bytes into the place of a loose object; return its id."""
        path = self.path_of(oid)
        path.unlink(missing_ok=True)
        path.write_bytes(file)
        return oid

    def add(self, kind: Kind, data: bytes) -> ObjectId:
        """Store data as a sound loose object, valid for its kind or not; return its id."""
        return self.put(object_id(kind, data), encode_loose(kind, data))

    def check_old(self, *, refs: bool = True) -> None:
        """Check that what was stored before can still be read, by name and by id.

        The readers run in this process: it is what they read that is asked for.
        """
        facts, tapes = self.facts, Runner(run_here, self.folder)
        assert tapes("cat-file", "-p", str(facts.old)).data == OLD
        tapes("cat-file", "-e", str(facts.packed[-1]))
        assert str(facts.tape[0]) in tapes("rev-list", str(facts.tape[-1])).lines
        if refs:
            assert tapes("rev-parse", "refs/heads/old").oid == str(facts.tape[-1])


@pytest.fixture(scope="session")
def zygote():
    """Give the process that runs `tapes`."""
    zygote = Zygote()
    yield zygote
    zygote.close()


@pytest.fixture(scope="session")
def template(world, tmp_path_factory):
    """Give the folder of a store with loose and packed objects, refs of every form, reflogs."""
    folder = tmp_path_factory.mktemp("hostile")
    repository = make_repo(folder / ".tapes")
    tape = make_tape(repository, 6)
    set_ref(repository, "refs/heads/old", tape[-1])
    tag = write_tag(repository, tape[2])
    set_ref(repository, "refs/tags/v1", tag)
    old = write_blob(repository, OLD)
    objects = sample(12)
    write_pack(folder / ".tapes", objects)
    packed = [oid_of(found) for found in objects]
    turns = [oid_of(found) for found in objects if found.kind is Kind.TURN]
    set_ref(repository, "refs/heads/packed", turns[-1])
    return folder, Facts(old, tape, packed, tag)


@pytest.fixture
def target(zygote, template):
    """Give a copy of the store, in memory where that is possible."""
    folder, facts = template
    base = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    path = Path(tempfile.mkdtemp(prefix="tapes-hostile-", dir=base))
    shutil.copytree(folder, path / "work", symlinks=True)
    yield Target(zygote, path / "work", facts)
    shutil.rmtree(path)
