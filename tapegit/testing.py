"""Tapes of tests: a bundle each in a folder beside the test, replayed or recorded as a mode says.

A bundle is taken into a store of the test's own, which goes with it; what was recorded becomes
a bundle when the test has passed. Of a tape that was gone on with, those lines go that the test
no longer asks for: they would be missed when it is replayed.

Source: tapespytest(7).
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Final

from tapegit.api import record, replay
from tapegit.errors import DataError, UserError
from tapegit.files import syscalls
from tapegit.files.oserrors import storage_errors
from tapegit.graph.resolve import Resolver
from tapegit.graph.turns import TurnGraph
from tapegit.graph.walk import iter_first_parents
from tapegit.porcelain.remotes.bundle import choose_contents, open_bundle, take_bundle, write_bundle
from tapegit.porcelain.replay.tape import list_sessions
from tapegit.refs.names import RefName
from tapegit.repository.init import init_store
from tapegit.repository.repository import Repository

if TYPE_CHECKING:
    from pathlib import Path

    from tapegit.objects.oid import ObjectId

NONE: Final = "none"
ONCE: Final = "once"
NEW_EPISODES: Final = "new_episodes"
ALL: Final = "all"
MODES: Final = (NONE, ONCE, NEW_EPISODES, ALL)
_HEADS: Final = "refs/heads/"
_STORE: Final = "store"


class TapeOfTest:
    """The tape of one test.

    Attributes:
        path: The bundle.
        is_recording: It is being recorded, not replayed.
        environ: The variables that lead clients, once it has started.
    """

    def __init__(self, path: Path, mode: str, scratch: Path, *, strict: bool = False) -> None:
        """Prepare a tape.

        Args:
            path: The bundle.
            mode: One of `MODES`.
            scratch: An empty folder for a store.
            strict: Take no match by the chain alone.
        """
        self.path = path
        is_wanted = mode in (ONCE, NEW_EPISODES) and not path.exists()
        self.is_recording = mode == ALL or is_wanted
        self.environ: dict[str, str] = {}
        self._root = scratch / _STORE
        self._strict = strict
        self._is_growing = mode == NEW_EPISODES
        self._before: dict[RefName, ObjectId] = {}
        self._replay: replay | None = None
        self._recording: record | None = None

    def start(self) -> None:
        """Lead clients of this process, and of programs it starts, to the tape or the recorder.

        Raises:
            UserError: There is no such tape, it is damaged, or this process records or replays
                already.
        """
        if not self.is_recording and not self.path.exists():
            raise UserError(
                f"there is no tape '{self.path}'", hint="record it with '--tapes-mode=once'"
            )
        init_store(self._root)
        if self.is_recording:
            self._recording = record(self.path.stem, store=self._root)
            self._recording.__enter__()
            self.environ = self._recording.environ
            return
        try:
            names = self._take_bundle()
        except DataError as error:
            raise UserError(
                f"the tape '{self.path}' cannot be read: {error}",
                hint="record it anew with '--tapes-mode=all'",
            ) from error
        self._replay = replay(
            *names,
            store=self._root,
            strict=self._strict,
            on_miss="record" if self._is_growing else "fail",
            check=False,
        )
        self._replay.__enter__()
        self.environ = self._replay.environ

    def verify(self) -> None:
        """Check that the tape was followed to its end.

        Raises:
            DivergedError: It was not.
        """
        if self._replay is not None:
            self._replay.verify()

    def describe(self) -> str | None:
        """Return the report of the replay so far, or None while recording."""
        return self._replay.describe() if self._replay is not None else None

    def stop(self, *, is_kept: bool) -> None:
        """End, and keep what was recorded if that is wanted.

        Raises:
            UserError: Nothing was recorded that could be kept.
            StorageError: The bundle cannot be written.
        """
        if self._replay is not None:
            self._replay.__exit__(None, None, None)
            if is_kept and self._is_growing:
                self._keep_new(self._replay)
        if self._recording is not None:
            self._recording.__exit__(None, None, None)
            if is_kept:
                self._write_bundle(Repository.open(self._root))

    def _write_bundle(self, repository: Repository) -> None:
        for folder in (self.path.parent.parent, self.path.parent):
            if not folder.is_dir():
                with storage_errors("create", folder):
                    syscalls.mkdir(folder, 0o755)
        resolver = Resolver(repository.objects, repository.refs, TurnGraph(repository.objects))
        write_bundle(repository, choose_contents(repository, resolver, ["--all"]), str(self.path))

    def _keep_new(self, done: replay) -> None:
        """Write the bundle anew if anything was recorded that it does not have."""
        repository = Repository.open(self._root)
        now = {ref.name for ref in repository.refs.iter_refs()}
        if now <= set(self._before):
            return
        assert done.report is not None
        used = {entry.turn for entry in done.report.entries if entry.turn is not None}
        parents = {branch.parent for branch in done.branches}
        with repository.transaction(message="tape of a test") as transaction:
            for name, tip in self._before.items():
                if not name.endswith("/wire/main") and not name.startswith(_HEADS):
                    continue
                line = set(iter_first_parents(TurnGraph(repository.objects), tip))
                if line & parents or not {str(oid) for oid in line} & used:
                    transaction.delete_ref(name, tip)
        self._write_bundle(repository)

    def _take_bundle(self) -> tuple[str, ...]:
        """Take the bundle into the store; return what is to be replayed of it.

        These are the sessions that were recorded on the wire, or else the branches.
        """
        repository = Repository.open(self._root)
        with open_bundle(str(self.path), io.BytesIO()) as bundle:
            refs = take_bundle(repository, bundle)
        self._before = {RefName.parse(ref.name): ref.oid for ref in refs}
        with repository.transaction(message="tape of a test") as transaction:
            for name, oid in self._before.items():
                transaction.update_ref(name, oid, None)
        heads = tuple(str(name) for name in self._before if name.startswith(_HEADS))
        return list_sessions(repository) or heads
