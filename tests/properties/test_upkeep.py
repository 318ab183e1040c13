"""Upkeep against a model: whatever is done in whatever order, what must be there is there."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from tapegit.objects.kind import Kind
from tapegit.objects.links import iter_links
from tapegit.porcelain.maintenance.prune import run_prune
from tapegit.porcelain.maintenance.repack import RepackOptions, run_repack
from tapegit.refs.names import RefName
from tests.builders import make_store, turn_data
from tests.unit.upkeep.conftest import DAY_MS, Shop

NAMES = st.sampled_from(["refs/heads/a", "refs/heads/b", "refs/tags/c"])
LABELS = st.integers(0, 5)
GRACE_MS = 14 * DAY_MS


class UpkeepMachine(RuleBasedStateMachine):
    """A store, and beside it which objects were written when and which refs there are."""

    @initialize()
    def start(self):
        """Make an empty store."""
        self.folder = Path(tempfile.mkdtemp())
        self.shop = Shop(make_store(self.folder / ".tapes"))
        self.written: dict = {}
        self.needs: dict = {}
        self.refs: dict = {}
        self.known: dict = {}

    def teardown(self):
        """Remove it."""
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    def write(self, txn, kind, data):
        """Write an object and note when, and what it needs."""
        oid = txn.write(kind, data)
        self.needs[oid] = {link.oid for link in iter_links(kind, data)}
        self.written[oid] = self.shop.clock()
        return oid

    def stamp(self):
        """Give every file that was written or touched the time of the store's clock.

        A machine whose clock is the store's would have done so.
        """
        now = self.shop.clock() * 1_000_000
        for path in (self.shop.root / "objects").rglob("*"):
            if path.is_file() and self.known.get(path) != path.stat().st_mtime_ns:
                os.utime(path, ns=(now, now))
                self.known[path] = path.stat().st_mtime_ns

    @rule(label=LABELS, bulk=st.booleans(), name=st.none() | NAMES, onto=st.none() | NAMES)
    def record(self, label, bulk, name, onto):
        """Record two turns, loose or packed, on a ref or on none."""
        parent = self.refs.get(onto)
        with self.shop.reopen().transaction("record", bulk=bulk, threads=1) as txn:
            for number in range(2):
                raw = self.write(txn, Kind.BLOB, b"%d %d" % (label, number))
                parents = () if parent is None else (parent,)
                data = turn_data(f"{label} {number}", parents=parents, raw=(raw,))
                parent = self.write(txn, Kind.TURN, data)
            if name is not None:
                txn.update_ref(RefName(name), parent)
        if name is not None:
            # The old value of a branch is in its reflog, which this model does not expire.
            self.refs[name] = parent
        self.stamp()

    @rule(label=LABELS)
    def write_again(self, label):
        """Write an object that may be there, in whatever kind of pack."""
        with self.shop.reopen().transaction("again", threads=1) as txn:
            self.write(txn, Kind.BLOB, b"%d %d" % (label, 0))
        self.stamp()

    @rule(name=NAMES)
    def drop(self, name):
        """Delete a ref."""
        if self.refs.pop(name, None) is not None:
            with self.shop.reopen().refs.transaction("drop") as transaction:
                transaction.delete(RefName(name))

    @rule(days=st.sampled_from([1, 6, 13, 15]))
    def wait(self, days):
        """Let days go by."""
        self.shop.pass_days(days)

    @rule(aggressive=st.booleans(), auto=st.booleans())
    def gc(self, aggressive, auto):
        """Run gc."""
        self.shop.gc(is_aggressive=aggressive, is_auto=auto)
        self.stamp()

    @rule(takes_all=st.booleans(), removes=st.booleans())
    def repack(self, takes_all, removes):
        """Run repack."""
        run_repack(self.shop.reopen(), RepackOptions(takes_all, removes, threads=1))
        self.stamp()

    @rule()
    def prune(self):
        """Run prune."""
        run_prune(self.shop.reopen(), expire="14.days")

    @rule()
    def keep(self):
        """Put a .keep file beside a pack."""
        for pack in sorted(self.shop.root.glob("objects/pack/*.pack"))[:1]:
            if not pack.with_suffix(".cruft").exists():
                pack.with_suffix(".keep").touch()

    @rule()
    def lose_indexes(self):
        """Lose every index."""
        for path in self.shop.root.glob("objects/pack/*.idx"):
            path.unlink()

    @invariant()
    def what_must_be_there_is_there(self):
        """What refs need, what is young and what the young need can be read."""
        if not hasattr(self, "shop"):
            return
        since = self.shop.clock() - GRACE_MS
        stack = [oid for oid, time_ms in self.written.items() if time_ms > since + 1000]
        stack += self.refs.values()
        must = set()
        while stack:
            oid = stack.pop()
            if oid not in must:
                must.add(oid)
                stack.extend(self.needs[oid])
        contents = self.shop.contents()
        assert must <= set(contents)


UpkeepMachine.TestCase.settings = settings(
    max_examples=30, stateful_step_count=20, deadline=None, derandomize=True, database=None
)
TestUpkeep = UpkeepMachine.TestCase
