"""`replay`: a command is run, and a tape answers what it asks of models.

Source: tapes-replay(1).
"""

from __future__ import annotations

import errno
import os
import signal
import socket
import threading
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.parts import ToolCall
from tapegit.dialects.wire_parts import decode_answer
from tapegit.dialects.wire_table import WIRE_DIALECTS
from tapegit.errors import UserError
from tapegit.harness.launch.environment import plan_environment
from tapegit.porcelain.recording.child import CommandNotRunError, SignalsHeld
from tapegit.porcelain.recording.launching import make_situation, prepare
from tapegit.porcelain.recording.places import Places
from tapegit.porcelain.recording.run_folder import RunFolder
from tapegit.porcelain.replay.beyond import Beyond
from tapegit.porcelain.replay.interrupting import Interrupter
from tapegit.porcelain.replay.isolation import (
    PORT,
    make_scratch,
    place_home,
    plan_environ,
    release,
    verify_isolation,
    wrap,
)
from tapegit.porcelain.replay.tape import TapeReader
from tapegit.porcelain.secrets.redaction import load_redactor
from tapegit.repository.layout import TMP_NAME
from tapegit.repository.replayed import note_replayed
from tapegit.wire.replay.background import LOOPBACK, BackgroundReplay, listen
from tapegit.wire.replay.keys import KeyReader
from tapegit.wire.replay.match import make_steps
from tapegit.wire.replay.server import ReplayServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path
    from types import TracebackType

    from tapegit.graph.resolve import Resolver
    from tapegit.graph.turns import TurnGraph
    from tapegit.porcelain.recording.launching import Prepared, Surroundings
    from tapegit.porcelain.replay.beyond import Branch, OnMiss
    from tapegit.porcelain.replay.tape import Tape
    from tapegit.repository.repository import Repository
    from tapegit.wire.replay.log import Report

    Addresses = list[tuple[str, str]]

PLACEHOLDER: Final = "[REDACTED:"
NOT_STARTED_CODE: Final = 125


class Rules(NamedTuple):
    """How a tape is served.

    Attributes:
        is_strict: The chain alone is no match.
        is_faithful: Errors and retries are served too, in order.
        speed: 1 for the times that were recorded; None: at once.
        until: A revision: what was asked after it is not served.
        on_miss: What becomes of a request that the tape does not answer: an error (`fail`), or
            the model itself is asked (`live`), and that recorded as a branch (`record`).
    """

    is_strict: bool = False
    is_faithful: bool = False
    speed: float | None = None
    until: str | None = None
    on_miss: OnMiss = "fail"


class Replayed(NamedTuple):
    """What a replay came to.

    Attributes:
        report: What was asked, and what answered.
        code: The command's exit status; None where none was run.
        command: What was run.
        branches: What was recorded of going on.
        lost: How many exchanges could not be recorded.
    """

    report: Report
    code: int | None = None
    command: tuple[str, ...] = ()
    branches: tuple[Branch, ...] = ()
    lost: int = 0


class Replay:
    """A tape that is ready to be served, once.

    Attributes:
        tape: What is served.
    """

    def __init__(
        self,
        repository: Repository,
        resolver: Resolver,
        graph: TurnGraph,
        names: Sequence[str],
        rules: Rules,
    ) -> None:
        """Read a tape.

        Raises:
            UserError: A name means nothing, or nothing of it can be served.
            DataError: An object or a ref is damaged.
        """
        redactor = load_redactor(repository.config)
        reader = KeyReader(redactor)
        self._repository, self._graph, self._on_miss = repository, graph, rules.on_miss
        self._tmp_dir = repository.root / TMP_NAME
        self.tape: Tape = TapeReader(repository, resolver, graph, reader).read(
            names, until=rules.until
        )
        server = ReplayServer(
            make_steps(self.tape.exchanges, is_faithful=rules.is_faithful),
            redactor,
            reader,
            is_strict=rules.is_strict,
            speed=rules.speed,
            is_cut=self.tape.is_cut,
        )
        server.tell_sessions(note_replayed)
        self._server = BackgroundReplay(server)

    def find_command(self) -> tuple[str, ...]:
        """Return the command that was recorded, or nothing where none can be run."""
        commands = {session.command for session in self.tape.sessions if session.command}
        if len(commands) != 1:
            return ()
        (command,) = commands
        return () if any(PLACEHOLDER in word for word in command) else command

    def iter_tool_calls(self) -> Iterator[tuple[str, str]]:
        """Yield name and arguments of each tool call that the tape will cause."""
        for taped in self.tape.exchanges:
            if taped.is_side or not (taped.reply.is_whole or taped.reply.is_left):
                continue
            wire = WIRE_DIALECTS.get(taped.keys.dialect or "")
            if wire is None:
                continue
            for part in decode_answer(wire, taped.reply.read_body()).parts:
                if isinstance(part, ToolCall):
                    yield part.name, part.arguments

    def serve(
        self, port: int, where: Surroundings, on_started: Callable[[str, Addresses], None]
    ) -> Replayed:
        """Answer until a signal says to stop.

        Args:
            port: To listen on; 0 for a free one.
            where: Says which upstreams clients have.
            on_started: Takes the address, and the variables that lead clients to it.

        Raises:
            StorageError: The port is taken.
        """
        signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signals)
        try:
            with self.open_beyond((), where) as beyond:
                try:
                    origin = self.start(port)
                    on_started(origin, _list_addresses(origin, where, beyond))
                    signal.sigwait(signals)
                finally:
                    report = self.stop()
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        return _sum_up(Replayed(report), beyond)

    def start(self, port: int = 0) -> str:
        """Answer from now on; return the address.

        Raises:
            StorageError: The port is taken.
        """
        listener = listen(port)
        self._server.start(listener)
        return f"http://{LOOPBACK}:{listener.getsockname()[1]}"

    def stop(self) -> Report:
        """Answer no more; return what came."""
        return self._server.stop()

    def peek(self) -> Report:
        """Return what came so far."""
        return self._server.report()

    def run_here(
        self, command: tuple[str, ...], where: Surroundings, *, is_quiet: bool = False
    ) -> Replayed:
        """Run a command in place, without walls, its state in a scratch home.

        Args:
            command: Program and arguments.
            where: Its environment and working directory.
            is_quiet: What the command prints goes to standard error.

        Raises:
            NoOverlayError: The client cannot be pointed at the server.
            CommandNotRunError: There is no such command.
        """
        with (
            SignalsHeld() as held,
            RunFolder.within(self._tmp_dir) as folder,
            self.open_beyond(command, where) as beyond,
        ):
            self._server.interrupt_by(Interrupter(held, has_walls=False))
            origin = self.start()
            try:
                scratch = make_scratch(folder.path, where, with_work=False)
                prepared = _prepare(command, where, origin, scratch.home, folder, beyond)
                code = held.run(prepared.command, prepared.environ, is_quiet=is_quiet)
                release(scratch)
            finally:
                report = self.stop()
        return _sum_up(Replayed(report, code, command), beyond)

    def open_beyond(
        self, command: tuple[str, ...], where: Surroundings
    ) -> AbstractContextManager[Beyond | None]:
        """Return the way on that was asked for, or none; open it before requests come.

        Raises:
            ConfigError: A setting of the user's about upstreams or the way out is not valid.
        """
        if self._on_miss == "fail":
            return nullcontext()
        is_recorded = self._on_miss == "record"
        beyond = Beyond(
            self._repository, self._graph, self.tape, command, where, is_recorded=is_recorded
        )
        return _Opened(beyond, self._server)

    def run_isolated(
        self, command: tuple[str, ...], where: Surroundings, *, is_quiet: bool = False
    ) -> Replayed:
        """Run a command within walls; see `run_here`.

        Raises:
            UserError: There is nothing to isolate it with, or it could not be started.
            NoOverlayError: The client cannot be pointed at the server.
            CommandNotRunError: There is no such command.
        """
        bwrap = verify_isolation()
        with (
            SignalsHeld() as held,
            RunFolder.within(self._tmp_dir) as folder,
            self.open_beyond(command, where) as beyond,
        ):
            scratch = make_scratch(folder.path, where, with_work=True)
            home = place_home(where, scratch, command)
            origin = f"http://{LOOPBACK}:{PORT}"
            prepared = _prepare(command, where, origin, home, folder, beyond)
            self._server.interrupt_by(Interrupter(held, has_walls=True))
            ours, theirs = socket.socketpair()
            with ours, theirs:
                gate = _Gate(ours, self._server)
                theirs.set_inheritable(True)
                words = wrap(bwrap, prepared.command, where, scratch, home, theirs.fileno())
                gate.start()
                code = held.run(words, prepared.environ, is_quiet=is_quiet)
                ours.shutdown(socket.SHUT_RDWR)
                gate.join()
            release(scratch)
            report = self.stop()
        if gate.failure is not None:
            raise CommandNotRunError(command[0], gate.failure)
        if not gate.is_open:
            raise UserError(
                "the command could not be isolated",
                hint="say 'bwrap --ro-bind / / --unshare-net true' to see why",
            )
        return _sum_up(Replayed(report, code, command), beyond)


class _Opened(AbstractContextManager["Beyond"]):
    """A way on from a replay, which its server knows for as long as it is open."""

    def __init__(self, beyond: Beyond, server: BackgroundReplay) -> None:
        self._beyond = beyond
        self._server = server

    def __enter__(self) -> Beyond:
        self._beyond.__enter__()
        self._server.go_on_at(self._beyond.open_live())
        return self._beyond

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._beyond.__exit__(exc_type, exc, traceback)


class _Gate(threading.Thread):
    """Takes the socket that listens from within the walls, and lets the command begin."""

    def __init__(self, channel: socket.socket, server: BackgroundReplay) -> None:
        super().__init__(name="tapes-gate", daemon=True)
        self._channel = channel
        self._server = server
        self.is_open = False
        self.failure: OSError | None = None

    def run(self) -> None:
        """Wait for the socket, then for the command to begin or to fail."""
        try:
            _, fds, _, _ = socket.recv_fds(self._channel, 1, 1)
            if not fds:
                return
            self._server.start(socket.socket(fileno=fds[0]))
            self.is_open = True
            self._channel.send(b"1")
            told = self._channel.recv(16)
        except OSError as error:
            if error.errno not in {errno.EPIPE, errno.ECONNRESET, errno.ENOTCONN}:
                self.failure = error
            return
        if told.isdigit():
            self.failure = OSError(int(told), os.strerror(int(told)))


def _list_addresses(origin: str, where: Surroundings, beyond: Beyond | None) -> Addresses:
    """Return the variables that point clients of every provider at a server."""
    folder = RunFolder(where.directory)  # nothing is written into it
    places = beyond.make_places(origin) if beyond is not None else Places(origin)
    planned = plan_environment(make_situation((), where, places, folder)).environ
    if beyond is not None:
        beyond.admit(places)
    return sorted((name, value) for name, value in planned.items() if value.startswith("http"))


def _prepare(
    command: tuple[str, ...],
    where: Surroundings,
    origin: str,
    home: Path,
    folder: RunFolder,
    beyond: Beyond | None,
) -> Prepared:
    """Return a command with what points it at a server, and a home of its own."""
    environ = plan_environ(where.environ, home)
    places = beyond.make_places(origin) if beyond is not None else Places(origin)
    prepared = prepare(command, where._replace(environ=environ), places, folder)
    if beyond is not None:
        beyond.admit(places)
    return prepared


def _sum_up(done: Replayed, beyond: Beyond | None) -> Replayed:
    """Return what a replay came to, with what was recorded beyond it."""
    if beyond is None:
        return done
    return done._replace(branches=beyond.branches, lost=beyond.lost)
