"""The command that is recorded, as a child that keeps the terminal.

It stays in the process group of this process, so that the shell's job control, Ctrl-C and
Ctrl-Z mean what they meant. What the terminal sends reaches both; what anybody else sends to
this process is passed on. A child that stops takes this process with it.

Source: tapes-record(1), "Signals and exit status".
"""

from __future__ import annotations

import errno
import os
import signal
from typing import TYPE_CHECKING, Final, Self

from tapegit.errors import UserError
from tapegit.wire.core_files import forbid_core_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

PASSED_ON: Final = (
    signal.SIGINT,
    signal.SIGTERM,
    signal.SIGHUP,
    signal.SIGQUIT,
    signal.SIGUSR1,
    signal.SIGUSR2,
    signal.SIGWINCH,
)
SIGNALED_BASE: Final = 128
LOOK_S: Final = 0.5
"""After which a child is looked at though no signal came."""
NOT_FOUND_CODE: Final = 127
NOT_RUNNABLE_CODE: Final = 126
"""As shells and env(1) have them."""


class CommandNotRunError(UserError):
    """The command could not be started; `code` is what a shell would return."""

    def __init__(self, command: str, error: OSError) -> None:
        is_missing = error.errno == errno.ENOENT
        reason = "there is no such command" if is_missing else os.strerror(error.errno or 0).lower()
        super().__init__(f"cannot run '{command}': {reason}", command=command)
        self.code = NOT_FOUND_CODE if is_missing else NOT_RUNNABLE_CODE


class SignalsHeld:
    """A context in which signals wait until `run` takes them; enter it before threads start.

    Attributes:
        pid: Of the command while it runs.
    """

    def __init__(self) -> None:
        self.pid: int | None = None
        self._before: set[int] = set()

    def __enter__(self) -> Self:
        self._before = {
            int(each)
            for each in signal.pthread_sigmask(signal.SIG_BLOCK, (*PASSED_ON, signal.SIGCHLD))
        }
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._before)

    def run(
        self, command: Sequence[str], environ: Mapping[str, str], *, is_quiet: bool = False
    ) -> int:
        """Run a command to its end and return its exit status, 128 and the number of a signal.

        Args:
            command: Program and arguments.
            environ: All of its environment.
            is_quiet: What it prints goes to standard error.

        Raises:
            CommandNotRunError: It could not be started.
        """
        if not command[0]:
            raise CommandNotRunError(command[0], FileNotFoundError(errno.ENOENT, ""))
        try:
            pid = os.posix_spawnp(
                command[0],
                list(command),
                dict(environ),
                file_actions=((os.POSIX_SPAWN_DUP2, 2, 1),) if is_quiet else (),
                setsigmask=self._before,
                setsigdef=(signal.SIGPIPE, signal.SIGXFSZ),
            )
        except OSError as error:
            raise CommandNotRunError(command[0], error) from error
        self.pid = pid
        forbid_core_files()  # what the command asks of models passes here; its limits are its own
        while (code := _wait(pid)) is None:
            pass
        self.pid = None
        return code


def _wait(pid: int) -> int | None:
    """Wait for a signal, and return the exit status once the child has ended."""
    number, is_from_terminal = _take_signal()
    if number != signal.SIGCHLD:
        if not is_from_terminal:
            _send(pid, number)
        return None
    ended, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
    if ended == 0:
        return None
    if os.WIFSTOPPED(status):
        # The shell waits for this process: it has to see it stopped to give back the prompt.
        os.kill(os.getpid(), signal.SIGSTOP)
        _send(pid, signal.SIGCONT)
        return None
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else SIGNALED_BASE - code


def _take_signal() -> tuple[int, bool]:
    """Wait for a signal; return it, and whether the terminal sent it to the whole group.

    A thread that does not hold SIGCHLD may be given it, and nobody hears of it: so the child is
    looked at now and then as well.
    """
    awaited = (*PASSED_ON, signal.SIGCHLD)
    if hasattr(signal, "sigtimedwait"):
        info = signal.sigtimedwait(awaited, LOOK_S)
        if info is None:
            return signal.SIGCHLD, True
        return info.si_signo, info.si_code > 0  # the kernel's own; a process's are 0 and below
    return signal.sigwait(awaited), _is_in_foreground()


def _is_in_foreground() -> bool:
    try:
        return os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def _send(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass  # it ended meanwhile, which SIGCHLD says
