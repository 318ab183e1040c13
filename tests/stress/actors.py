"""Processes that use one store at the same time: `python -m tests.stress.actors ROLE …`.

    ROLE ROOT NUMBER STOP OUT

Each appends a line of JSON to OUT for what it did and goes on until the file STOP exists. A writer
notes what was acknowledged after its transaction has ended, never before. Whatever is wrong is
an exception, and the process then ends with a traceback and not with 0.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from tapegit.errors import ObjectNotFoundError, StaleRefError
from tapegit.objects.kind import Kind
from tapegit.objects.links import iter_links
from tapegit.refs.names import RefName
from tapegit.repository.repository import Repository
from tests.builders import turn_data

if TYPE_CHECKING:
    from collections.abc import Callable

    from tapegit.objects.oid import ObjectId

SHARED = RefName("refs/heads/main")
STEPS_BEHIND = 5
"""How far a reader follows a tape."""


class Actor:
    """What all of them have."""

    def __init__(self, root: Path, number: int, out: TextIO) -> None:
        self.root = root
        self.number = number
        self.repository = Repository.open(root, actor=f"actor-{number}")
        self.chance = random.Random(number)
        self._out = out
        self.count = 0

    def note(self, **members: Any) -> None:
        """Write down what happened."""
        self._out.write(json.dumps(members) + "\n")
        self._out.flush()


class Writer(Actor):
    """Records a tape of its own, and turns on a branch that all writers share."""

    def step(self) -> None:
        """Do the next thing."""
        self.count += 1
        kinds: tuple[tuple[int, Callable[[], None]], ...] = (
            (7, self.record_in_bulk),
            (5, self.record_with_branches),
            (4, self.come_and_go),
            (3, self.share),
            (1, self.record),
        )
        next(act for every, act in kinds if self.count % every == 0)()

    @property
    def tape(self) -> RefName:
        """The ref of this writer's own tape."""
        return RefName(f"refs/sessions/stress/{self.number}/file/main")

    def record(self, *, bulk: bool = False, branch: bool = False) -> None:
        """Append a turn to the own tape, and perhaps exchange a branch, all at once."""
        old = self.repository.refs.find(self.tape)
        with self.repository.transaction("record", bulk=bulk) as transaction:
            raw = transaction.write_bytes(b"writer %d, turn %d\n" % (self.number, self.count) * 9)
            summary = f"{self.number}.{self.count}"
            data = turn_data(summary, parents=() if old is None else (old,), raw=(raw,))
            new = transaction.write(Kind.TURN, data)
            transaction.update_ref(self.tape, new, old, is_fast_forward=True)
            if branch:
                folder = f"refs/heads/w{self.number}"
                transaction.update_ref(RefName(f"{folder}/{self.count}"), new, None)
                for ref in list(self.repository.refs.iter_refs(f"{folder}/"))[:-1]:
                    transaction.delete_ref(ref.name, ref.oid)
        self.note(did="turn", oid=str(new), ref=self.tape)

    def record_in_bulk(self) -> None:
        """The same through a pack."""
        self.record(bulk=True)

    def record_with_branches(self) -> None:
        """The same with several refs."""
        self.record(branch=True)

    def come_and_go(self) -> None:
        """Store what was stored before and became unreachable, so that gc may be at it."""
        name = RefName(f"refs/heads/again/{self.number}")
        with self.repository.transaction("again") as transaction:
            raw = transaction.write(Kind.BLOB, b"again %d\n" % (self.count % 3))
            turn = transaction.write(Kind.TURN, turn_data(f"again {self.count % 3}", raw=(raw,)))
            transaction.update_ref(name, turn)
        read_tape(self.repository, turn)
        if self.chance.random() < 0.7:
            with self.repository.ref_transaction("gone") as transaction:
                transaction.delete(name)

    def share(self) -> None:
        """Append a turn to the branch of all, unless somebody else was faster."""
        old = self.repository.refs.find(SHARED)
        try:
            with self.repository.transaction("share") as transaction:
                data = turn_data(
                    f"shared {self.number}.{self.count}", parents=() if old is None else (old,)
                )
                new = transaction.write(Kind.TURN, data)
                transaction.update_ref(SHARED, new, old)
        except StaleRefError:
            self.note(did="lost a race")
            return
        self.note(did="turn", oid=str(new), ref=SHARED)


class Reader(Actor):
    """Reads every ref and what it names, again and again."""

    def __init__(self, root: Path, number: int, out: TextIO) -> None:
        super().__init__(root, number, out)
        self._known: set[str] = set()

    def step(self) -> None:
        """Read all refs."""
        if self.number % 2:
            self.repository = Repository.open(self.root)
        refs = {ref.name: ref.oid for ref in self.repository.refs.iter_refs()}
        lasting = {name for name in refs if not name.startswith("refs/heads/")} - {SHARED}
        gone = self._known - lasting
        assert not gone, f"refs that vanished: {gone}"
        self._known |= lasting
        for name, oid in refs.items():
            try:
                read_tape(self.repository, oid)
            except ObjectNotFoundError:
                # Its ref was deleted while it was read: then gc may have been faster.
                assert self.repository.refs.find(name) != oid, name
                assert name not in lasting, name
        self.repository.refs.read_head()
        self.note(did="read", refs=len(refs))


class Collector(Actor):
    """Runs `tapes gc` with no grace at all."""

    def step(self) -> None:
        """Run it once."""
        started = time.monotonic()
        out = self._run("gc", "--prune=now", "--json", *(["--expire-trash=now"] * self.number))
        self.note(did="gc", seconds=time.monotonic() - started, report=json.loads(out))

    def _run(self, *args: str) -> str:
        command = [sys.executable, "-m", "tapegit", "--tapes-dir", str(self.root), *args]
        result = subprocess.run(command, capture_output=True, text=True, check=False)
        assert result.returncode == 0, (args, result)
        return result.stdout


class Checker(Collector):
    """Runs `tapes fsck --full`, which must find nothing."""

    def step(self) -> None:
        """Run it once."""
        out = self._run("fsck", "--full", "--no-dangling")
        self.note(did="fsck", lines=out.splitlines())


def read_tape(repository: Repository, oid: ObjectId) -> None:
    """Read a turn, all that it names, and some turns before it."""
    for _ in range(STEPS_BEHIND):
        found = repository.objects.read(oid)
        links = [link.oid for link in iter_links(found.kind, found.data)]
        read = [(link, repository.objects.read(link)) for link in links]
        parents = [link for link, linked in read if linked.kind is Kind.TURN]
        if not parents:
            return
        oid = parents[0]


ROLES = {"writer": Writer, "reader": Reader, "gc": Collector, "fsck": Checker}


def main(role: str, root: str, number: str, stop: str, out: str) -> None:
    """Be one of them until the file `stop` exists."""
    with open(out, "a") as stream:
        actor = ROLES[role](Path(root), int(number), stream)
        while not os.path.exists(stop):
            actor.step()


if __name__ == "__main__":
    main(*sys.argv[1:])
