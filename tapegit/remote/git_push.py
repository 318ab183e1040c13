"""Sending over http: by git's own helper, from a repository that holds only what is to be sent.

Rules: git itself does what its http helper knows, credentials, proxies, certificates and
redirects. The repository lies in `tmp/` for as long as it takes. Turns that the remote has are
its lowest commits; `info/grafts` hides that they have parents, and nothing of this is told to the
server. What the helper listed it also sends as the old values, so each ref is sent with the value
that it was seen at, whatever has become of it since.

All refs go by one pattern: git looks each one that is named by itself up in all of both sides,
which takes minutes for 20,000.

Source: tapesremotes(7), "How it connects"; gitremote-helpers(7).
"""

from __future__ import annotations

import os
import re
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from tapegit.errors import ProtocolError, TransportError
from tapegit.remote.connection import RECEIVE, connect_to
from tapegit.remote.conversation import (
    NO_COMMIT,
    ROOT,
    Outcome,
    outer_name,
    read_listed,
    select_refs,
)
from tapegit.remote.packet_line import clean_text
from tapegit.remote.scratch import ScratchFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from tapegit.remote.connection import Connection, Surroundings
    from tapegit.remote.conversation import Command, RemoteRef
    from tapegit.remote.urls import RemoteUrl

_CONFIG: Final = b"[core]\n\trepositoryformatversion = 0\n\tbare = true\n"
_OUT: Final = "refs/out/"
_SENDING_S: Final = 7 * 86400.0
"""How long sending may take: the helper itself gives up what stands still."""
_REMOTE_TEXT: Final = "remote: "
_ESCAPE: Final = re.compile(rb"\\([abtnvfr\"\\]|[0-3][0-7]{2})")
_ESCAPED: Final = dict(zip(b"abtnvfr", b"\a\b\t\n\v\f\r", strict=True))


@contextmanager
def connect_http(
    url: RemoteUrl, tmp_dir: Path, surroundings: Surroundings
) -> Iterator[HttpReceive]:
    """Open a conversation with the `receive-pack` of a remote over http.

    Raises:
        TransportError: It cannot be reached.
        ProtocolError: It does not answer as git does.
        StorageError: There is no room for the repository.
    """
    with ScratchFolder(tmp_dir, "outgoing") as folder:
        for name in ("objects", "objects/pack", "refs", "info"):
            folder.make_folder(name)
        folder.write("HEAD", b"ref: refs/heads/none\n")
        folder.write("config", _CONFIG)
        with connect_to(url, RECEIVE, surroundings, folder.path) as connection:
            yield HttpReceive(connection, folder, url.root, surroundings)


class HttpReceive:
    """The conversation with `receive-pack` through git's helper; the rest as of `Receive`.

    Attributes:
        border: Commits in the pack whose parents are not all in it, and those that are; the
            remote has the others.
    """

    def __init__(
        self, connection: Connection, folder: ScratchFolder, root: str, surroundings: Surroundings
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._root = root
        self._surroundings = surroundings
        self.border: Mapping[bytes, Sequence[bytes]] = {}
        self.refs: list[RemoteRef] = []
        self.has_branches = False
        connection.write(b"option object-format true\nlist for-push\n")

    def listen(self) -> None:
        """Read what the other side has; errors as of `Receive`."""
        self._connection.read_text_line()  # whether it knows that there are others
        listed = read_listed(iter(self._connection.read_text_line, b""))
        self.refs, self.has_branches = select_refs(listed, self._root)

    def give_up(self) -> None:
        """End, whatever the other side is about to say."""
        self._connection.give_up()

    def close(self) -> None:
        """Say that nothing is to be changed."""
        self._connection.end()

    def push(
        self, commands: Sequence[Command], pack: Iterable[bytes], tell: Callable[[str], None]
    ) -> list[Outcome]:
        """Send a pack and set refs; return what became of each.

        Args:
            commands: The refs; one that is not at its old value any more is refused.
            pack: The bytes of a pack with what the remote lacks and the commits of the border.
            tell: Takes what the other side says for people: what its hooks print.

        Raises:
            TransportError: The connection broke, or the remote took nothing.
            ProtocolError: Git cannot read the pack, or what comes is no answer.
            StorageError: There is no room for the repository.
        """
        kept = [each for each in commands if each.new != NO_COMMIT]
        gone = [outer_name(each.name, self._root) for each in commands if each.new == NO_COMMIT]
        lines = [f"push :{name}" for name in gone]
        if kept:
            self._fill_folder(kept, pack)
            lines.append(f"push +{_OUT}*:{self._root}*")
        self._connection.timeout_s = _SENDING_S
        self._connection.write("".join(f"{line}\n" for line in [*lines, ""]).encode())
        said = dict(map(parse_outcome, iter(self._connection.read_text_line, b"")))
        for line in self._connection.hear_out().split("\n"):
            if line.startswith(_REMOTE_TEXT):
                tell(line.removeprefix(_REMOTE_TEXT))
        missing = "the remote did not say what became of it"
        return [
            Outcome(each.name, said.get(outer_name(each.name, self._root), missing))
            for each in commands
        ]

    def _fill_folder(self, commands: Sequence[Command], pack: Iterable[bytes]) -> None:
        folder = self._folder
        folder.write("info/grafts", b"".join(map(_format_graft, self.border.items())))
        refs = sorted((each.name.removeprefix(ROOT), each.new.hex()) for each in commands)
        folder.write(
            "packed-refs", "".join(f"{digits} {_OUT}{name}\n" for name, digits in refs).encode()
        )
        _take_pack(folder, pack, self._surroundings)


def _format_graft(graft: tuple[bytes, Sequence[bytes]]) -> bytes:
    commit, parents = graft
    return b" ".join(each.hex().encode() for each in (commit, *parents)) + b"\n"


def _take_pack(folder: ScratchFolder, pack: Iterable[bytes], surroundings: Surroundings) -> None:
    where = f"--git-dir={os.path.realpath(folder.path)}"
    try:
        process = subprocess.Popen(  # noqa: S603 - the user's own git, and arguments of ours
            ["git", where, "index-pack", "--stdin"],  # noqa: S607 - as everywhere
            cwd=folder.path,
            env=surroundings.child_environ(),
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
    except OSError as error:
        raise TransportError("cannot start 'git'", errno=error.errno) from error
    assert process.stdin is not None
    try:
        for chunk in pack:
            process.stdin.write(chunk)
    except BrokenPipeError:
        pass  # why is on its standard error
    _, said = process.communicate()
    if process.returncode:
        raise ProtocolError(f"git cannot read the pack: {clean_text(said).strip()[-200:]}")


def parse_outcome(line: bytes) -> tuple[str, str | None]:
    """Return the ref and the reason, None where it was set, of what the helper says of it."""
    word, _, rest = line.partition(b" ")
    name, _, reason = rest.partition(b" ")
    if word not in (b"ok", b"error"):
        return "", None  # more about the ref before
    if reason.startswith(b'"') and reason.endswith(b'"'):
        reason = _ESCAPE.sub(_unescape, reason[1:-1])
    return clean_text(name), None if word == b"ok" else clean_text(reason) or "refused"


def _unescape(found: re.Match[bytes]) -> bytes:
    """Return the byte that git writes so in what it quotes."""
    text = found[1]
    return bytes([int(text, 8)]) if len(text) > 1 else bytes([_ESCAPED.get(text[0], text[0])])
