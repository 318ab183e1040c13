"""Runs `tapes` hundreds of times a second: a process that has imported it, and forks.

Rules: every run is a process of its own, with its own working directory, environment, standard
streams and time limit, so that a hang, a crash or a leak of one is seen and hurts no other. What
differs from the real command is that its modules are already imported; each claim of this
folder is made once through the real command as well. Readers that only look whether all is well
may run one after the other in one process (`run_each`).
"""

from __future__ import annotations

import base64
import contextlib
import gc
import importlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import traceback
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
TIMED_OUT = -1000
"""The exit code that stands for "killed after the time limit"."""

NO_FOLDER = 126
"""The exit code that stands for "the working directory cannot be entered": `tapes` never ran."""


SELDOM = frozenset(
    {
        *("clone", "fetch", "ls-remote", "pull", "push", "remote"),
        *("doctor", "env", "guard", "proxy", "record", "replay", "watch"),
    }
)
"""Commands that bring half of all modules with them, and that few tests run this way."""


class Result(NamedTuple):
    """What one run did.

    `code` is the exit code, minus the signal's number, or `TIMED_OUT`; `seconds` are those of
    the processor, which others do not make longer; `peak_mib` is the largest resident size.
    """

    code: int
    out: bytes
    err: bytes
    seconds: float
    peak_mib: float

    @property
    def error(self) -> str:
        """Standard error as text."""
        return self.err.decode(errors="replace")


class Zygote:
    """The client's end: starts the process and asks it for runs."""

    def __init__(self, *, preload: Path | None = None) -> None:
        """Start the process, with a shared library loaded into it if one is given."""
        extra = {} if preload is None else {"LD_PRELOAD": str(preload)}
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).resolve())],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT), **extra},
        )

    def run(
        self,
        *argv: str,
        cwd: Path,
        stdin: bytes = b"",
        env: dict[str, str] | None = None,
        timeout_s: float = 60.0,
        limits: dict[str, int] | None = None,
    ) -> Result:
        """Run `tapes` with these arguments in this directory.

        `limits` are of the system, by name; that of `RLIMIT_AS` is beyond what is in use.
        """
        request = {
            "commands": [argv],
            "cwd": str(cwd),
            "stdin": base64.b64encode(stdin).decode(),
            "env": env,
            "timeout_s": timeout_s,
            "limits": limits or {},
        }
        return self._ask(request)[0]

    def run_each(
        self,
        *commands: tuple[str, ...],
        cwd: Path,
        env: dict[str, str] | None = None,
        timeout_s: float = 60.0,
    ) -> list[Result]:
        """Run `tapes` with each of these arguments, in one process, until one ends it.

        Time and memory of each result are those of all; the last one has the code of the end.
        """
        request = {"commands": commands, "cwd": str(cwd), "stdin": "", "env": env}
        return self._ask({**request, "timeout_s": timeout_s, "limits": {}})

    def _ask(self, request: dict) -> list[Result]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline())
        return [
            Result(
                code,
                base64.b64decode(out),
                base64.b64decode(err),
                answer["seconds"],
                answer["peak_mib"],
            )
            for code, out, err in answer["runs"]
        ]

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()


def _run_child(request: dict, streams: list[list[int]], codes: int) -> None:
    """Be `tapes`, for each command in turn; never return."""
    code = 1
    try:
        os.chdir(request["cwd"])
    except OSError:
        os._exit(NO_FOLDER)
    for argv, numbers in zip(request["commands"], streams, strict=True):
        if numbers is not streams[0]:
            os.write(codes, f"{code}\n".encode())
        for number, stream in enumerate(numbers):
            os.dup2(stream, number)
            os.close(stream)
        code = _run_command(request, argv)
    os._exit(code)


def _run_command(request: dict, argv: list[str]) -> int:
    code = 1
    try:
        if request["env"] is not None:
            os.environ.clear()
            os.environ.update(request["env"])
        _set_limits(request["limits"])
        sys.argv = ["tapes", *argv]
        sys.stdin = os.fdopen(0, closefd=False)
        sys.stdout = os.fdopen(1, "w", encoding="utf-8", closefd=False)
        sys.stderr = os.fdopen(2, "w", encoding="utf-8", errors="backslashreplace", closefd=False)
        importlib.import_module("tapegit.cli.main").main()
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:  # noqa: BLE001 - printed as the interpreter would
        traceback.print_exc()
    finally:
        with contextlib.suppress(BaseException):
            sys.stdout.flush()
        with contextlib.suppress(BaseException):
            sys.stderr.flush()
    return code


def _set_limits(limits: dict[str, int]) -> None:
    for name, value in limits.items():
        used = 0
        if name == "RLIMIT_AS":
            with open("/proc/self/statm") as file:
                used = int(file.read().split()[0]) * resource.getpagesize()
        resource.setrlimit(getattr(resource, name), (used + value, used + value))


def _memory_file(content: bytes = b"") -> int:
    number = os.memfd_create("stream")
    os.write(number, content)
    os.lseek(number, 0, os.SEEK_SET)
    return number


def _wait(pid: int, timeout_s: float) -> tuple[int, resource.struct_rusage, bool]:
    watch = os.pidfd_open(pid)
    ready, _, _ = select.select([watch], [], [], timeout_s)
    os.close(watch)
    if not ready:
        os.kill(pid, signal.SIGKILL)
    _, status, usage = os.wait4(pid, 0)
    return status, usage, not ready


def _serve(request: dict) -> dict:
    stdin = base64.b64decode(request["stdin"])
    streams = [[_memory_file(stdin), _memory_file(), _memory_file()] for _ in request["commands"]]
    codes = _memory_file()
    pid = os.fork()
    if pid == 0:
        _run_child(request, streams, codes)
    status, usage, timed_out = _wait(pid, request["timeout_s"])
    ended = [int(line) for line in _take(codes).split()]
    ended.append(TIMED_OUT if timed_out else os.waitstatus_to_exitcode(status))
    texts = [[base64.b64encode(_take(each)).decode() for each in numbers] for numbers in streams]
    return {
        "runs": [[code, out, err] for code, (_, out, err) in zip(ended, texts, strict=False)],
        "seconds": usage.ru_utime + usage.ru_stime,
        "peak_mib": usage.ru_maxrss / 1024,
    }


def _take(stream: int) -> bytes:
    os.lseek(stream, 0, os.SEEK_SET)
    with open(stream, "rb") as file:
        return file.read()


def _import_commands() -> None:
    """Import what many runs use; what only few use would make every fork dearer."""
    table = importlib.import_module("tapegit.cli.table")
    importlib.import_module("tapegit.cli.main")
    for name in table.COMMANDS:
        if name not in SELDOM:
            with contextlib.suppress(ImportError):
                importlib.import_module(table.module_name(name))
    gc.collect()
    gc.freeze()


def main() -> None:
    """Answer requests, one JSON text a line, until standard input ends."""
    requests = os.fdopen(os.dup(0), "rb")
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _import_commands()
    for line in requests:
        answers.write(json.dumps(_serve(json.loads(line))).encode() + b"\n")
        answers.flush()


if __name__ == "__main__":
    main()
