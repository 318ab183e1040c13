"""What a program of one's own can do with tapegit: record what it asks of models, and replay it.

    import tapegit

    with tapegit.record("fix the flaky test"):
        agent.run()
    with tapegit.replay():
        agent.run()

Source: tapesapi(7).
"""

from __future__ import annotations

import os
import sys
import threading
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from tapegit.errors import UserError
from tapegit.graph.resolve import Resolver
from tapegit.graph.turns import TurnGraph
from tapegit.harness.launch.environment import plan_environment
from tapegit.porcelain.recording.launching import Surroundings, make_situation
from tapegit.porcelain.recording.places import Places
from tapegit.porcelain.recording.receive import receiver_command
from tapegit.porcelain.recording.record import find_branch, make_scope
from tapegit.porcelain.recording.recording import Recording
from tapegit.porcelain.recording.run_folder import RunFolder
from tapegit.porcelain.replay.isolation import KEY_FOR_SHOW, KEYS
from tapegit.porcelain.replay.replay import Replay, Rules
from tapegit.porcelain.replay.tape import list_sessions
from tapegit.repository.discover import discover
from tapegit.repository.layout import TMP_NAME
from tapegit.repository.repository import Repository
from tapegit.ui.replays import iter_report_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

    from tapegit.porcelain.replay.beyond import Beyond, Branch, OnMiss
    from tapegit.wire.capture import RecordingSummary
    from tapegit.wire.replay.log import Report

_running: Final = threading.Lock()
"""Held by what goes on in this process: its environment is one for all threads."""


class RecordingWarning(UserWarning):
    """A recording has nothing in it, or not all."""


class DivergedError(AssertionError):
    """A replay did not follow its tape; the text is the report."""


class record:  # noqa: N801 - used as a function, as contextlib's are
    """A context in which what this process asks of models is recorded.

    Clients of SDKs that are made within it go through a proxy on a free port of 127.0.0.1, since
    the variables that they read lead there; so do programs that are started within it. Clients
    made before keep the address they have. At the end the variables are as they were.

    Attributes:
        environ: The variables, for a client that is to be given its address.
        summary: What was recorded, once the context has ended.
    """

    def __init__(
        self, name: str | None = None, *, store: str | os.PathLike[str] | None = None
    ) -> None:
        """Prepare a recording.

        Args:
            name: What it is called; the program's name by default.
            store: The `.tapes` directory; found from the working directory by default.
        """
        self._name = name
        self._store = os.fspath(store) if store is not None else os.environ.get("TAPES_DIR")
        self._before: dict[str, str | None] = {}
        self._recording: Recording | None = None
        self.environ: dict[str, str] = {}
        self.summary: RecordingSummary | None = None

    def __enter__(self) -> Self:
        """Start.

        Raises:
            UserError: This process records already.
            RepositoryNotFoundError: There is no store.
            ConfigError: A setting of the user's about upstreams is not valid.
            NoOverlayError: A variable that names an upstream holds no address.
            StorageError: The store cannot be written to.
        """
        _begin(
            self._start,
            UserError(
                "this process records already",
                hint="one recording holds any number of conversations",
            ),
        )
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        _restore(self._before)
        recording = self._recording
        assert recording is not None
        try:
            recording.__exit__(exc_type, exc, traceback)
        finally:
            _running.release()
        assert recording.finished is not None
        summary = self.summary = recording.finished.summary
        if recording.finished.fault is not None:
            _warn(f"a fault of the proxy cost a connection: {recording.finished.fault}")
        if summary.lost:
            _warn(f"{summary.lost} calls could not be recorded: {summary.reason}")
        elif exc is None and not summary.calls and not summary.errors:
            _warn("no call was recorded: clients have to be made within the recording")

    def _start(self) -> None:
        where = Surroundings(
            dict(os.environ), Path(os.path.expanduser("~")), Path(os.getcwd()), sys.executable
        )
        root = discover(os.getcwd(), tapes_dir=self._store)
        repository = Repository.open(root, actor=_actor())
        program = os.path.basename(sys.argv[0]) if sys.argv and sys.argv[0] else "python"
        scope = make_scope(self._name or program)
        command = tuple(sys.orig_argv) or (program,)
        onto = find_branch(repository)
        receiver = receiver_command(
            where.python, repository, scope, command, name=self._name, onto=onto
        )
        recording = Recording(repository, receiver, where.environ, scope=scope)
        recording.__enter__()
        try:
            folder = RunFolder.within(root / TMP_NAME)  # nothing is written into it here
            situation = make_situation((), where, recording.places, folder)
            self.environ = plan_environment(situation).environ
            recording.admit()
        except BaseException:
            recording.__exit__(None, None, None)
            raise
        self._recording = recording
        self._before = _set(self.environ)


class replay:  # noqa: N801 - used as a function, as contextlib's are
    """A context in which a tape answers what this process asks of models.

    Clients of SDKs that are made within it, and programs that are started within it, are led to
    a server on a free port of 127.0.0.1 that has no upstream. At the end the variables are as
    they were.

    Attributes:
        environ: The variables, for a client that is to be given its address.
        report: What was asked and what answered, once the context has ended.
        branches: What was recorded of going on with a model, once the context has ended.
    """

    def __init__(
        self,
        *sessions: str,
        store: str | os.PathLike[str] | None = None,
        strict: bool = False,
        faithful: bool = False,
        speed: float | None = None,
        on_miss: OnMiss = "fail",
        check: bool = True,
    ) -> None:
        """Prepare a replay.

        Args:
            sessions: What is replayed: sessions or revisions; without any, all that the store
                has of the wire.
            store: The `.tapes` directory; found from the working directory by default.
            strict: Take no match by the chain alone.
            faithful: Serve errors and retries too.
            speed: 1 for the times that were recorded; None: at once.
            on_miss: What becomes of a request that the tape does not answer: an error (`fail`),
                or the model is asked (`live`), and that recorded as a branch (`record`).
            check: Raise at the end where the tape was not followed.
        """
        self._sessions = sessions
        self._store = os.fspath(store) if store is not None else os.environ.get("TAPES_DIR")
        self._rules = Rules(is_strict=strict, is_faithful=faithful, speed=speed, on_miss=on_miss)
        self._check = check
        self._before: dict[str, str | None] = {}
        self._replay: Replay | None = None
        self._beyond = ExitStack()
        self._way_on: Beyond | None = None
        self.environ: dict[str, str] = {}
        self.report: Report | None = None
        self.branches: tuple[Branch, ...] = ()

    def __enter__(self) -> Self:
        """Start.

        Raises:
            UserError: This process records or replays already, or there is nothing to replay.
            RepositoryNotFoundError: There is no store.
            DataError: Something in the store is damaged.
        """
        _begin(self._start, UserError("this process records or replays already"))
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End.

        Raises:
            DivergedError: The tape was not followed, and nothing else was raised within.
        """
        _restore(self._before)
        assert self._replay is not None
        try:
            with self._beyond:
                self.report = self._replay.stop()
        finally:
            _running.release()
        if self._way_on is not None:
            self.branches = self._way_on.branches
        if self._check and exc is None:
            self.verify()

    def describe(self) -> str:
        """Return the report so far, in lines."""
        assert self._replay is not None
        report = self.report if self.report is not None else self._replay.peek()
        return "\n".join(iter_report_lines(report, None))

    def verify(self) -> None:
        """Check that the tape was followed to its end by now, or left for a model.

        Raises:
            DivergedError: It was not.
        """
        assert self._replay is not None
        report = self.report if self.report is not None else self._replay.peek()
        is_left = any(entry.is_live for entry in report.entries)
        if report.verdict == "diverged" and not is_left:
            raise DivergedError(self.describe())

    def _start(self) -> None:
        root = discover(os.getcwd(), tapes_dir=self._store)
        repository = Repository.open(root, actor=_actor())
        graph = TurnGraph(repository.objects)
        resolver = Resolver(repository.objects, repository.refs, graph)
        names = self._sessions or list_sessions(repository)
        if not names:
            raise UserError("there is no session to replay", hint="record one")
        self._replay = Replay(repository, resolver, graph, names, self._rules)
        where = Surroundings(
            dict(os.environ), Path(os.path.expanduser("~")), Path(os.getcwd()), sys.executable
        )
        with ExitStack() as stack:
            beyond = stack.enter_context(self._replay.open_beyond(tuple(sys.orig_argv), where))
            origin = self._replay.start()
            stack.callback(self._replay.stop)
            places = Places(origin) if beyond is None else beyond.make_places(origin)
            folder = RunFolder.within(root / TMP_NAME)  # nothing is written into it here
            planned = plan_environment(make_situation((), where, places, folder))
            if beyond is not None:
                beyond.admit(places)
            self._beyond, self._way_on = stack.pop_all(), beyond
        keys = {name: KEY_FOR_SHOW for name in KEYS if not os.environ.get(name)}
        self.environ = planned.environ | keys
        self._before = _set(self.environ)


def _begin(start: Callable[[], None], refusal: UserError) -> None:
    """Start what this process can do once at a time; `_running` is held when it has started."""
    if not _running.acquire(blocking=False):
        raise refusal
    try:
        start()
    except BaseException:
        _running.release()
        raise


def _set(environ: dict[str, str]) -> dict[str, str | None]:
    """Set variables; return what they held."""
    before = {name: os.environ.get(name) for name in environ}
    os.environ.update(environ)
    return before


def _restore(before: dict[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value


def _actor() -> str:
    user = os.environ.get("USER") or os.environ.get("LOGNAME") or "unknown"
    return os.environ.get("TAPES_ACTOR") or f"{user}@{os.uname().nodename}"


def _warn(text: str) -> None:
    warnings.warn(text, RecordingWarning, stacklevel=3)
