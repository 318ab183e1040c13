"""A conversation with the git of a remote, over the user's own programs.

Rules: what is started is `git`, or what the user's own environment or git settings name for
ssh, and never what a store, a remote or an address says. An address was parsed before it comes
here. Nothing is asked on a terminal unless there is one.

libgit2 is not used for connections: its ssh knows neither the user's settings nor jump hosts and
by default takes any host key; its path transport ignores hooks and lost 44 of 320 acknowledged
pushes in a race; its push takes 111 s where this takes 35 (100,000 turns).

Source: tapesremotes(7), "How it connects".
"""

from __future__ import annotations

import fcntl
import os
import select
import shlex
import signal
import socket
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import ProtocolError, TransportError, UserError
from tapegit.remote.packet_line import clean_text, encode_line, split_lines
from tapegit.remote.urls import GIT, HTTP, PATH, SSH, RemoteUrl, parse_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import IO

UPLOAD: Final = "upload-pack"
RECEIVE: Final = "receive-pack"
GIT_PORT: Final = 9418
_SIGNATURE: Final = b"# v"
"""Begins every bundle."""
_PROGRAM: Final = "git"
_PUSH_SETTINGS: Final = r"^url\..*\.pushinsteadof$"
# Of one who sends: no signature of the push, and no asking for what is common before it.
_HELPER_SETTINGS: Final = (
    "protocol.version=2",
    "advice.graftFileDeprecated=false",
    "pack.useSparse=false",
    "pack.window=0",
    "push.gpgSign=false",
    "push.negotiate=false",
    "gc.auto=0",
)
_STDERR_SIZE_MAX_BYTES: Final = 1 << 16
_CHUNK_SIZE_BYTES: Final = 1 << 16
_PIPE_SIZE_BYTES: Final = 1 << 20
"""What the other side can say before anybody listens; more needs a setting of the system."""
_LINE_SIZE_MAX_BYTES: Final = 65520
"""Of a line of git's http helper: as long as one of git's protocol."""
_END_WAIT_S: Final = 5.0
# Where git looks and what it is told, for the repository that somebody stands in, not for ours.
_FOREIGN: Final = (
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_QUARANTINE_PATH",
    "GIT_CONFIG_PARAMETERS",
    "GIT_CONFIG_COUNT",
    "GIT_PROTOCOL",
    "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE",
)


def _ignore(_verb: str, _things: str, _done: int, _total: int) -> None:
    """Show nobody how far it has come."""


class Surroundings(NamedTuple):
    """What a connection is made with.

    Attributes:
        environ: The environment of this run.
        tell: Takes text that the other side says for people, cleaned.
        is_interactive: Whether somebody can be asked for a password.
        timeout_s: How long the other side may take for a line.
        watch: Takes what is being done, the name of what is counted, how much of it is done and
            how much there is, 0 where that is not known.
    """

    environ: Mapping[str, str]
    tell: Callable[[str], None]
    is_interactive: bool = False
    timeout_s: float = 120.0
    watch: Callable[[str, str, int, int], None] = _ignore

    def watched(self, verb: str, chunks: Iterable[bytes], total: int = 0) -> Iterator[bytes]:
        """Yield chunks, and show how many bytes were yielded, of so many."""
        done = 0
        for chunk in chunks:
            yield chunk
            done += len(chunk)
            self.watch(verb, "bytes", done, total)

    def child_environ(self, **more: str) -> dict[str, str]:
        """Return the environment for a program of git's."""
        kept = {name: value for name, value in self.environ.items() if name not in _FOREIGN}
        kept.setdefault("GIT_TERMINAL_PROMPT", "1" if self.is_interactive else "0")
        return {**kept, "GIT_ADVICE": "0", "LC_ALL": "C", **more}

    def http_environ(self, url: RemoteUrl) -> dict[str, str]:
        """Return the environment for git's http helper.

        No redirect leads from https to http, and a connection that stands still ends.
        """
        is_plain = url.text.lower().startswith("http:")
        rules = {
            "GIT_ALLOW_PROTOCOL": "https:ssh:file" + (":http" if is_plain else ""),
            "GIT_HTTP_LOW_SPEED_LIMIT": "1",
            "GIT_HTTP_LOW_SPEED_TIME": f"{self.timeout_s:.0f}",
        }
        return self.child_environ(
            **{name: value for name, value in rules.items() if name not in self.environ}
        )


class _Listener:
    """Keeps the end of what a program says on standard error."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._said: list[bytes] = []
        self._thread = threading.Thread(target=self._listen, args=(stream,), daemon=True)
        self._thread.start()

    def _listen(self, stream: IO[bytes]) -> None:
        with stream:
            while data := stream.read(_CHUNK_SIZE_BYTES):
                self._said.append(data)
                while sum(map(len, self._said)) > _STDERR_SIZE_MAX_BYTES and len(self._said) > 1:
                    self._said.pop(0)

    def hear_out(self) -> str:
        """Return what was said when the program has ended, or takes too long to."""
        self._thread.join(_END_WAIT_S)
        return clean_text(b"".join(self._said))


class Connection:
    """Both directions of a conversation; `is_stateless` where each request is an answer's own.

    `timeout_s` is how long the other side may take for what is read. What `is_given_up` ends
    without what the other side has to say.
    """

    def __init__(
        self,
        read_fd: int,
        write_fd: int,
        timeout_s: float,
        *,
        listener: _Listener | None = None,
        is_stateless: bool = False,
    ) -> None:
        self._read_fd = read_fd
        self._write_fd = write_fd
        self.timeout_s = timeout_s
        self._buffer = b""
        self._offset = 0
        self._listener = listener
        self.is_stateless = is_stateless
        self.is_given_up = False

    def write(self, data: bytes) -> None:
        """Send bytes.

        Raises:
            TransportError: The other side is gone.
        """
        view = memoryview(data)
        while view:
            try:
                sent = os.write(self._write_fd, view)
            except OSError as error:
                raise TransportError(
                    "the remote hung up while it was sent something", errno=error.errno
                ) from error
            view = view[sent:]

    def read(self, size: int) -> bytes:
        """Return exactly so many bytes.

        Raises:
            TransportError: The other side is gone, or takes too long for them.
        """
        end = self._offset + size
        if end > len(self._buffer):
            self._fill(size)
            end = size
        data = self._buffer[self._offset : end]
        self._offset = end
        return data

    def take_lines(self) -> list[bytes]:
        """Return the data of the packet lines that wait already, up to what is none."""
        lines, self._offset = split_lines(self._buffer, self._offset)
        return lines

    def read_text_line(self) -> bytes:
        """Return what comes up to the next line end, without it.

        Raises:
            ProtocolError: The line is very long.
            TransportError: The other side is gone, or takes too long for it.
        """
        while (end := self._buffer.find(b"\n", self._offset)) < 0:
            waiting = len(self._buffer) - self._offset
            if waiting > _LINE_SIZE_MAX_BYTES:
                raise ProtocolError("git's http helper gave a line without an end")
            self._fill(waiting + 1)
        line, self._offset = self._buffer[self._offset : end], end + 1
        return line

    def _fill(self, size: int) -> None:
        """Read until so many bytes wait, at offset 0."""
        end_s = time.monotonic() + self.timeout_s
        parts = [self._buffer[self._offset :]]
        missing = size - len(parts[0])
        while missing > 0:
            parts.append(self._read_some(max(0.0, end_s - time.monotonic())))
            missing -= len(parts[-1])
        self._buffer, self._offset = b"".join(parts), 0

    def iter_rest(self) -> Iterator[bytes]:
        """Yield all that comes until the other side hangs up.

        Raises:
            TransportError: The connection broke, or nothing comes for too long.
        """
        yield self._buffer[self._offset :]
        self._buffer, self._offset = b"", 0
        while data := self._read_some(self.timeout_s, may_end=True):
            yield data

    def _read_some(self, wait_s: float, *, may_end: bool = False) -> bytes:
        try:
            ready, _, _ = select.select([self._read_fd], [], [], wait_s)
            data = os.read(self._read_fd, _PIPE_SIZE_BYTES) if ready else None
        except OSError as error:
            raise TransportError("the connection broke", errno=error.errno) from error
        if data is None:
            raise TransportError(f"the remote gave no answer within {self.timeout_s:.0f} seconds")
        if not (data or may_end):
            raise TransportError("the remote hung up")
        return data

    def end(self) -> None:
        """Say that nothing more will be sent, by hanging up."""
        if self._write_fd >= 0:
            fd, self._write_fd = self._write_fd, -1
            os.close(fd)

    def give_up(self) -> None:
        """End, whatever the other side is about to say."""
        self.is_given_up = True
        self.end()

    def hear_out(self) -> str:
        """End, and return the end of what the program in between said for people, cleaned."""
        self.end()
        return self._listener.hear_out() if self._listener is not None else ""


@contextmanager
def connect(url: RemoteUrl, service: str, surroundings: Surroundings) -> Iterator[Connection]:
    """Open a conversation with the `upload-pack` or the `receive-pack` of a remote.

    Raises:
        UserError: It is a bundle, which nothing is asked of.
        TransportError: It cannot be reached.
        ProtocolError: It has no protocol that is known here.
    """
    with connect_to(rewrite_url(url, surroundings, service), service, surroundings) as connection:
        yield connection


@contextmanager
def connect_to(
    url: RemoteUrl, service: str, surroundings: Surroundings, git_dir: Path | None = None
) -> Iterator[Connection]:
    """Open one with an address that was rewritten; errors as of `connect`.

    Args:
        url: The address.
        service: Who is asked for.
        surroundings: What the connection is made with.
        git_dir: Over http the repository that git's helper sends from; the helper then waits for
            its own commands, else for those of `service`.
    """
    if is_bundle(url):
        raise UserError(
            f"'{url.shown}' is a bundle: a file that can be cloned and fetched from, no more",
            hint=f"'tapes bundle list-heads {url.shown}' lists its refs, 'tapes bundle create' "
            "makes one anew",
        )
    try:
        if url.transport == GIT:
            with _connect_daemon(url, service, surroundings) as connection:
                yield connection
        else:
            command = _command(url, service, surroundings, git_dir)
            with _start(command, url, surroundings) as connection:
                if url.transport == HTTP and git_dir is None:
                    _ask_for_tunnel(connection, service)
                yield connection
    except (TransportError, ProtocolError) as error:
        error.fields.setdefault("url", url.shown)
        raise


def is_bundle(url: RemoteUrl) -> bool:
    """Return whether an address is that of a bundle: a file that begins like one."""
    if url.transport != PATH or not os.path.isfile(url.path):
        return False
    try:
        with open(url.path, "rb") as file:
            return file.read(len(_SIGNATURE)) == _SIGNATURE
    except OSError:
        return False


def rewrite_url(url: RemoteUrl, surroundings: Surroundings, service: str = UPLOAD) -> RemoteUrl:
    """Return the address that the user's own `url.<base>.insteadOf` makes of one.

    To push, `url.<base>.pushInsteadOf` comes first, as with git.

    Raises:
        InvalidNameError: That is none.
        TransportError: There is no git.
    """
    if url.transport == PATH:
        return url._replace(path=os.path.abspath(os.path.expanduser(url.path)))
    text = _rewrite_push_url(url.text, surroundings) if service == RECEIVE else None
    if text is None:
        text = run_git(["ls-remote", "--get-url", url.text], surroundings)
    return url if text in ("", url.text) else parse_url(text)._replace(root=url.root)


def _rewrite_push_url(text: str, surroundings: Surroundings) -> str | None:
    """Return an address with the longest beginning replaced that a setting names, if one does."""
    listed = run_git(["config", "-z", "--get-regexp", _PUSH_SETTINGS], surroundings)
    bases = {
        start: setting.removeprefix("url.").rpartition(".")[0]
        for setting, _, start in (entry.partition("\n") for entry in listed.split("\0"))
        if start and text.startswith(start)
    }
    longest = max(bases, key=len, default=None)
    return None if longest is None else bases[longest] + text.removeprefix(longest)


def run_git(arguments: list[str], surroundings: Surroundings) -> str:
    """Return what a short command of git prints, without its line end; of a failure nothing.

    Raises:
        TransportError: There is no git.
    """
    try:
        done = subprocess.run(  # noqa: S603 - the user's own git, and arguments of ours
            [_PROGRAM, *arguments],
            cwd="/",
            env=surroundings.child_environ(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
        )
    except OSError as error:
        raise _no_program(_PROGRAM, error) from error
    return done.stdout.decode("utf-8", "replace").removesuffix("\n") if not done.returncode else ""


def _command(
    url: RemoteUrl, service: str, surroundings: Surroundings, git_dir: Path | None
) -> list[str]:
    if url.transport == PATH:
        return [_PROGRAM, service, url.path]
    if url.transport == HTTP:
        where = [] if git_dir is None else [f"--git-dir={os.path.realpath(git_dir)}"]
        settings = [part for each in _HELPER_SETTINGS for part in ("-c", each)]
        return [_PROGRAM, *settings, *where, "remote-https", "tapes", url.text]
    assert url.transport == SSH, url
    return [*_ssh_program(surroundings), *_ssh_arguments(url, service, surroundings)]


def _ssh_program(surroundings: Surroundings) -> list[str]:
    """Return the user's ssh: as git finds it, but never by a repository's own settings."""
    given = surroundings.environ.get("GIT_SSH_COMMAND") or run_git(
        ["config", "--get", "core.sshCommand"], surroundings
    )
    if given:
        return ["/bin/sh", "-c", f'{given} "$@"', "ssh"]
    return [surroundings.environ.get("GIT_SSH") or "ssh"]


def _ssh_arguments(url: RemoteUrl, service: str, surroundings: Surroundings) -> list[str]:
    arguments = [] if surroundings.is_interactive else ["-o", "BatchMode=yes"]
    if service == UPLOAD:
        arguments += ["-o", "SendEnv=GIT_PROTOCOL"]
    if url.port is not None:
        arguments += ["-p", str(url.port)]
    where = f"{url.user}@{url.host}" if url.user else url.host
    return [*arguments, where, f"git-{service} {shlex.quote(url.path)}"]


@contextmanager
def _start(command: list[str], url: RemoteUrl, surroundings: Surroundings) -> Iterator[Connection]:
    more = {"GIT_PROTOCOL": "version=2"} if UPLOAD in " ".join(command) else {}
    is_http = url.transport == HTTP
    env = surroundings.http_environ(url) if is_http else surroundings.child_environ(**more)
    try:
        process = subprocess.Popen(  # noqa: S603 - see the rules of this module
            command,
            cwd="/",
            env=env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            bufsize=0,
            start_new_session=not surroundings.is_interactive,
        )
    except OSError as error:
        raise _no_program(command[0], error) from error
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    _enlarge(process.stdout)
    listener = _Listener(process.stderr)
    write_fd = os.dup(process.stdin.fileno())
    process.stdin.close()
    connection = Connection(
        process.stdout.fileno(),
        write_fd,
        surroundings.timeout_s,
        listener=listener,
        is_stateless=is_http,
    )
    try:
        yield connection
    except TransportError as error:
        connection.end()
        _stop(process)
        raise _with_reason(error, listener.hear_out()) from error
    finally:
        connection.end()
        if connection.is_given_up:
            _terminate(process, is_alone=not surroundings.is_interactive)
        _stop(process)
        if not connection.is_given_up:
            listener.hear_out()
        process.stdout.close()


def _enlarge(pipe: IO[bytes]) -> None:
    """Let the other side say more before it has to wait, where the system can."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE_SIZE_BYTES)


def _terminate(process: subprocess.Popen[bytes], *, is_alone: bool) -> None:
    """End a program that nobody listens to any more, with what it started if it leads a session."""
    with suppress(ProcessLookupError):
        if is_alone:
            os.killpg(process.pid, signal.SIGTERM)
        else:
            process.terminate()


def _stop(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_END_WAIT_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _with_reason(error: TransportError, said: str) -> TransportError:
    lines = [line.strip() for line in said.split("\n") if line.strip()]
    if not lines:
        return error
    last = len(lines) - 1
    chosen = next((n for n, line in enumerate(lines) if line.startswith("fatal: ")), last)
    hint = "\n".join((lines[:chosen] + lines[chosen + 1 :])[-8:])
    return TransportError(lines[chosen].removeprefix("fatal: "), hint=hint or None, **error.fields)


def _ask_for_tunnel(connection: Connection, service: str) -> None:
    """Have git's own http helper carry the second version of the protocol."""
    connection.write(f"stateless-connect git-{service}\n".encode())
    if connection.read_text_line():
        raise ProtocolError(
            "the remote does not speak version 2 of git's protocol over http",
            hint="a git server of 2018 or later does, where the header Git-Protocol reaches it; of"
            " one that does not 'git clone --mirror' makes a copy, and its folder is a remote too",
        )


@contextmanager
def _connect_daemon(
    url: RemoteUrl, service: str, surroundings: Surroundings
) -> Iterator[Connection]:
    try:
        link = socket.create_connection((url.host, url.port or GIT_PORT), surroundings.timeout_s)
    except OSError as error:
        reason = error.strerror or str(error)
        raise TransportError(f"cannot reach '{url.host}': {reason.lower()}") from error
    with link:
        link.setblocking(True)
        connection = Connection(link.fileno(), os.dup(link.fileno()), surroundings.timeout_s)
        try:
            version = "\0version=2\0" if service == UPLOAD else ""
            request = f"git-{service} {url.path}\0host={url.host}\0{version}"
            connection.write(encode_line(request.encode()))
            yield connection
        finally:
            connection.end()


def _no_program(name: str, error: OSError) -> TransportError:
    return TransportError(
        f"cannot start '{name}': {os.strerror(error.errno or 0).lower()}",
        hint="remotes are reached by the git, and the ssh, of this machine",
        errno=error.errno,
    )
