"""A command in a scratch folder: a copy of the working directory, a home of its own, no network.

bubblewrap makes the walls: the whole file system can be read, and nothing but the scratch
folder can be written to; sockets of other programs are not to be seen; of the network there is
a loopback of its own. Programs and paths are where they were, so that what a client says of
its surroundings is what it said.

Source: tapes-replay(1), "ISOLATION".
"""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import StorageError, UserError
from tapegit.files import syscalls
from tapegit.porcelain.recording.run_folder import overwrite
from tapegit.repository.replayed import MARK_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tapegit.porcelain.recording.launching import Surroundings

PROGRAM: Final = "bwrap"
PACKAGE: Final = "bubblewrap"
PORT: Final = 4100
"""On which the replay server is found in a network that has nothing else."""
WORK_NAME: Final = "work"
HOME_NAME: Final = "home"
TMP_NAME: Final = "tmp"
STORE_NAME: Final = ".tapes"

SETTINGS: Final = (
    *(f".claude/{each}" for each in ("settings.json", "CLAUDE.md", "agents", "commands", "skills")),
    *(f".codex/{each}" for each in ("config.toml", "AGENTS.md", "prompts", "skills")),
    *(f".gemini/{each}" for each in ("settings.json", "GEMINI.md", "commands")),
    *(f".pi/agent/{each}" for each in ("models.json", "settings.json")),
    *(".config/opencode", ".config/git", ".gitconfig"),
)
"""What of the user's home a client is set up with; its sessions and logins stay behind."""
KEYS: Final = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY")
KEY_FOR_SHOW: Final = "tapes-replay"
_STATE_VARIABLES: Final = (
    *("CLAUDE_CONFIG_DIR", "CODEX_HOME", "CODEX_SQLITE_HOME", "PI_CODING_AGENT_DIR"),
    *("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR"),
)
_SOCKET_VARIABLES: Final = ("SSH_AUTH_SOCK", "DOCKER_HOST", "DBUS_SESSION_BUS_ADDRESS")
_SOCKET_DIRS: Final = (
    *(".docker", ".colima", ".gnupg", ".rd", ".ssh"),
    *(".local/share/containers", ".local/share/keyrings"),
)
_HIDDEN: Final = tuple(map(Path, ("/tmp", "/var/tmp", "/run", "/dev/shm")))  # noqa: S108
"""What is put out of sight, but for programs in it."""

_GATE: Final = """\
import os, socket, sys
channel = socket.socket(fileno=int(sys.argv[1]))
channel.set_inheritable(False)
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[2])))
listener.listen(256)
socket.send_fds(channel, [b"1"], [listener.fileno()])
if not channel.recv(1):
    os._exit(125)
listener.close()
try:
    os.execvp(sys.argv[3], sys.argv[3:])
except OSError as error:
    channel.send(str(error.errno).encode())
    os._exit(125)
"""
"""Runs inside: hands out a socket that listens there, waits for a word, becomes the command."""


NAMESPACES: Final = ("ipc", "pid", "net", "uts", "cgroup-try")
"""What of the system a command has of its own; `-try` where the system may not have it at all."""
_KERNEL: Final = tuple(f"/proc/{name}" for name in ("sys", "sysrq-trigger", "irq", "bus", "fs"))
"""Settings of the whole machine, which root may write to without any capability."""


class Scratch(NamedTuple):
    """The scratch folder of a replay.

    Attributes:
        path: All of it.
        work: The copy of the working directory.
        home: The home of clients.
        tmp: Stands for /tmp.
    """

    path: Path
    work: Path
    home: Path
    tmp: Path


def verify_isolation() -> str:
    """Return the program that isolates.

    Raises:
        UserError: It is not installed.
    """
    found = shutil.which(PROGRAM)
    if found is None:
        raise UserError(
            f"cannot isolate the command: '{PROGRAM}' is not installed",
            hint=f"install the package '{PACKAGE}', or run the command in place with '--here'",
        )
    return found


def make_scratch(path: Path, where: Surroundings, *, with_work: bool) -> Scratch:
    """Make the folders of a replay in a folder that is there, and fill them.

    Args:
        path: The folder; it is empty.
        where: The user's home and working directory, which are copied from.
        with_work: Copy the working directory too.

    Raises:
        StorageError: Something could not be copied.
    """
    scratch = Scratch(path, path / WORK_NAME, path / HOME_NAME, path / TMP_NAME)
    for folder in scratch[1:]:
        syscalls.mkdir(folder)
    overwrite(scratch.home / MARK_NAME, "The home of clients in a replay.\n")
    if with_work:
        names = sorted(name for name in os.listdir(where.directory) if name != STORE_NAME)
        _copy(names, where.directory, scratch.work)
    names = [name for name in SETTINGS if (where.home / name).exists()]
    _copy(names, where.home, scratch.home)
    return scratch


def release(scratch: Scratch) -> None:
    """Let everything in the folders be removed, whatever a command made of its modes."""
    words = ["chmod", "-R", "u+rwX", "--", *map(str, scratch[1:])]
    subprocess.run(  # noqa: S603 - what it cannot change the removal will name
        words, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
    )


def _copy(names: Sequence[str], source: Path, target: Path) -> None:
    """Copy files and folders, links as links, sharing their blocks where the disk can."""
    if not names:
        return
    words = ["cp", "-a", "--reflink=auto", "--parents", "--", *names, str(target)]
    done = subprocess.run(  # noqa: S603 - names are arguments after `--`
        words, cwd=source, stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").splitlines() or ["no reason given"]
        raise StorageError(f"cannot copy '{source}': {lines[0]}", path=source)


def plan_environ(environ: Mapping[str, str], home: Path) -> dict[str, str]:
    """Return the environment of a client with this home, and no login but a key for show."""
    made = {
        name: value
        for name, value in environ.items()
        if name not in _STATE_VARIABLES and name not in _SOCKET_VARIABLES
    }
    for name in KEYS:
        made.setdefault(name, KEY_FOR_SHOW)
    return made | {"HOME": str(home)}


def place_home(where: Surroundings, scratch: Scratch, command: Sequence[str]) -> Path:
    """Return where the home is seen: where it was, unless programs are in there."""
    program = shutil.which(command[0], path=where.environ.get("PATH", os.defpath))
    needed = [*where.environ.get("PATH", os.defpath).split(os.pathsep), where.python]
    needed += [program] if program is not None else []
    homes = {where.home, where.home.resolve()}
    for path in needed:
        for each in (Path(path), Path(path).resolve()):
            if any(each.is_relative_to(home) for home in homes):
                return scratch.home
    return where.home if where.home != Path("/") else scratch.home


def wrap(
    bwrap: str,
    command: Sequence[str],
    where: Surroundings,
    scratch: Scratch,
    home: Path,
    channel: int,
) -> list[str]:
    """Return the command line that runs a command in isolation.

    Args:
        bwrap: The program that isolates.
        command: What is run.
        where: The working directory, whose place the copy takes.
        scratch: The folders.
        home: Where the home is seen.
        channel: A file descriptor: a socket that the one that listens is sent through.
    """
    words = [bwrap, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/run"]
    for path in filter(os.path.exists, _KERNEL):
        words += ["--ro-bind", path, path]
    if os.path.isdir("/run/current-system"):
        words += ["--ro-bind", "/run/current-system", "/run/current-system"]
    for path in ("/tmp", "/var/tmp"):  # noqa: S108 - they are put out of sight
        if os.path.isdir(path) and not os.path.islink(path):
            words += ["--bind", str(scratch.tmp), path]
    for path in _iter_temporary(command, where):
        words += ["--ro-bind", path, path]
    if home == where.home:
        words += ["--bind", str(scratch.home), str(home)]
    else:
        hidden = [where.home / name for name in _SOCKET_DIRS]
        words += [word for path in hidden if path.is_dir() for word in ("--tmpfs", str(path))]
    words += ["--bind", str(scratch.work), str(where.directory)]
    words += ["--bind", str(scratch.path), str(scratch.path)]
    words += ["--chdir", str(where.directory), "--die-with-parent"]
    words += [f"--unshare-{name}" for name in (*_find_user_namespace(bwrap), *NAMESPACES)]
    words += ["--cap-drop", "ALL"]
    if not _has_safe_terminal():
        words += ["--new-session"]
    return [*words, where.python, "-I", "-S", "-c", _GATE, str(channel), str(PORT), *command]


def _find_user_namespace(bwrap: str) -> Sequence[str]:
    """Return the namespace of users, if one can be had.

    Root needs none, and has none in a chroot or in some containers, where bubblewrap's own
    `--unshare-user-try` fails. Who is not root learns from bubblewrap what is wrong.
    """
    probe = [bwrap, "--ro-bind", "/", "/", "--unshare-user", bwrap, "--version"]
    done = subprocess.run(probe, capture_output=True, check=False)  # noqa: S603 - no shell
    return ["user"] if done.returncode == 0 else []


def _iter_temporary(command: Sequence[str], where: Surroundings) -> Iterator[str]:
    """Yield what is put out of sight and needed all the same: programs, files that are named."""
    words = [*where.environ.get("PATH", "").split(os.pathsep), *command]
    words += where.environ.get("PYTHONPATH", "").split(os.pathsep)
    for word in command:  # also the program behind a link in a folder of PATH
        program = shutil.which(word, path=where.environ.get("PATH", os.defpath))
        words += [os.path.realpath(program)] if program is not None else []
    python = Path(where.python)
    words += [str(python.parent.parent), str(python.resolve().parent.parent)]
    for word in dict.fromkeys(words):
        path = Path(word)
        is_hidden = any(path.is_relative_to(each) and path != each for each in _HIDDEN)
        if is_hidden and os.path.exists(word) and not path.is_socket():
            yield word


def _has_safe_terminal() -> bool:
    """Return whether a command can be left the terminal: it cannot type into it."""
    try:
        with open("/proc/sys/dev/tty/legacy_tiocsti", "rb") as file:
            return file.read(1) == b"0"
    except OSError:
        return False
