"""What is said in git's protocol: listing refs, asking for objects, sending them.

Rules: both versions of `upload-pack` are spoken, the first where a server knows no other (an
sshd that does not pass `GIT_PROTOCOL` on). Every ref is sent with the value it was seen at, so
that the server's own lock decides a race. What a server says of each ref is kept as it is said.

Source: gitprotocol-v2(5), gitprotocol-pack(5).
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import ProtocolError, RefusedError, TransportError
from tapegit.remote.packet_line import (
    DELIMITER,
    FLUSH,
    clean_text,
    encode_line,
    iter_band,
    iter_lines,
    read_line,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tapegit.remote.connection import Connection

ROOT: Final = "refs/tapes/"
HEADS: Final = "refs/heads/"
NO_COMMIT: Final = bytes(20)
REF_COUNT_MAX: Final = 100_000
CUT_COUNT_MAX: Final = 1_000_000
_AGENT: Final = b"agent=tapes"
_BANDS: Final = b"side-band-64k"
_FORMAT: Final = b"object-format=sha1"
_GIT_ID: Final = re.compile(rb"[0-9a-f]{40}")


class RemoteRef(NamedTuple):
    """A ref below `refs/tapes/` on a remote, by its full name, and its commit (20 bytes)."""

    name: str
    git_id: bytes


class Command(NamedTuple):
    """A ref to set; `old` and `new` are commits, `NO_COMMIT` for none."""

    name: str
    old: bytes
    new: bytes


class Outcome(NamedTuple):
    """What became of a ref; `reason` is None where it was set, else the server's own words."""

    name: str
    reason: str | None


class Limit(NamedTuple):
    """How many commits of each history are wanted, if not all, and which lack parents here."""

    depth: int | None
    shallow: Sequence[bytes] = ()


class Upload:
    """The conversation with `upload-pack`.

    Args:
        connection: With whom.
        root: Where the refs of tapes are there; here they are always below `refs/tapes/`.

    Attributes:
        refs: Those of tapes, by name.
        has_branches: Whether there is a branch that is none of tapes; known where `root` is one.
        cut: The commits whose parents do not come, once a pack has begun to come.
    """

    def __init__(self, connection: Connection, root: str = ROOT) -> None:
        self._connection = connection
        self.cut: set[bytes] = set()
        first = read_line(connection.read)
        self._is_v2 = first is not None and first.rstrip(b"\n") == b"version 2"
        if self._is_v2:
            self._features = set(_iter_lines(connection))
            _verify_format(self._features)
            listed = self._list([root] if not root.startswith(HEADS) else [HEADS])
        else:
            advertised = _read_advertisement(connection, first)
            self._features, listed = advertised.features, advertised.refs
        self.refs, self.has_branches = select_refs(listed, root)

    def _list(self, prefixes: Sequence[str]) -> list[RemoteRef]:
        lines = [b"command=ls-refs\n", _AGENT + b"\n"]
        if _FORMAT in self._features:
            lines.append(_FORMAT + b"\n")
        wanted = [f"ref-prefix {prefix}\n".encode() for prefix in prefixes]
        parts = [*map(encode_line, lines), DELIMITER, *map(encode_line, wanted), FLUSH]
        self._connection.write(b"".join(parts))
        refs = []
        starts = tuple(prefixes)
        for line in _iter_lines(self._connection):
            ref = _parse_ref(line)
            if ref.name.startswith(starts):
                refs.append(ref)
                _verify_count(refs)
        self._end_response()
        return refs

    def _end_response(self) -> None:
        if self._connection.is_stateless:
            read_line(self._connection.read)

    def close(self) -> None:
        """Say that nothing more is wanted."""
        if not self._connection.is_stateless:
            try:
                self._connection.write(FLUSH)
            except TransportError:
                pass  # it has gone already, and nothing more was wanted
        self._connection.end()

    def fetch(
        self,
        wanted: Iterable[bytes],
        had: Iterable[bytes],
        tell: Callable[[str], None],
        limit: Limit | None = None,
    ) -> Iterator[bytes]:
        """Yield the bytes of a pack with what some commits need and others do not.

        The pack needs nothing from outside of it: it is asked for without the deltas that do.

        Args:
            wanted: Commits, as listed.
            had: Commits that are here with all their ancestors.
            tell: Takes what the other side says for people.
            limit: How far history is wanted, and where it ends here.

        Raises:
            ProtocolError: What comes is no answer, or history cannot be had in part.
            RefusedError: The other side refuses.
            TransportError: The connection broke.
        """
        ask = self._ask_v2 if self._is_v2 else self._ask_v0
        ask(list(dict.fromkeys(wanted)), list(dict.fromkeys(had)), self._list_limits(limit))
        if self._is_v2 or _BANDS in self._features:
            yield from iter_band(self._connection.read, tell)
        else:
            yield from self._connection.iter_rest()
        if self._is_v2:
            self._end_response()

    def _list_limits(self, limit: Limit | None) -> list[bytes]:
        """Return the lines that limit history."""
        if limit is None:
            return []
        features = set().union(*(each.removeprefix(b"fetch=").split() for each in self._features))
        if limit.depth is not None and b"shallow" not in features:
            raise ProtocolError("the remote gives out whole histories alone")
        lines = [b"shallow " + git_id.hex().encode() + b"\n" for git_id in limit.shallow]
        return lines + ([b"deepen %d\n" % limit.depth] if limit.depth is not None else [])

    def _take_limits(self) -> None:
        """Read up to the next end of a part where history ends in what comes."""
        for line in iter_lines(self._connection.read):
            word, _, digits = line.partition(b" ")
            if word == b"shallow":
                self.cut.add(_parse_id(digits))
                if len(self.cut) > CUT_COUNT_MAX:
                    raise ProtocolError("the remote cuts history off in too many places")
            elif word != b"unshallow":
                raise ProtocolError(f"the remote sent no limit of history: {clean_text(line[:80])}")

    def _ask_v2(self, wanted: list[bytes], had: list[bytes], limits: list[bytes]) -> None:
        lines = [b"command=fetch\n", _AGENT + b"\n"]
        if _FORMAT in self._features:
            lines.append(_FORMAT + b"\n")
        asked = [b"ofs-delta\n", b"no-progress\n"]
        asked += [b"want " + git_id.hex().encode() + b"\n" for git_id in wanted]
        asked += [b"have " + git_id.hex().encode() + b"\n" for git_id in had]
        asked += [*limits, b"done\n"]
        parts = [*map(encode_line, lines), DELIMITER, *map(encode_line, asked), FLUSH]
        self._connection.write(b"".join(parts))
        section = read_line(self._connection.read)
        if section is not None and section.rstrip(b"\n") == b"shallow-info":
            self._take_limits()
            section = read_line(self._connection.read)
        if section is None or section.rstrip(b"\n") != b"packfile":
            raise ProtocolError("the remote sent no pack")

    def _ask_v0(self, wanted: list[bytes], had: list[bytes], limits: list[bytes]) -> None:
        known = [each for each in (_BANDS, b"ofs-delta", b"no-progress") if each in self._features]
        features = b" " + b" ".join([*known, _AGENT])
        parts = []
        for number, git_id in enumerate(wanted):
            line = b"want " + git_id.hex().encode() + (b"" if number else features) + b"\n"
            parts.append(encode_line(line))
        parts += map(encode_line, limits)
        parts.append(FLUSH)
        self._connection.write(b"".join(parts))
        if any(line.startswith(b"deepen ") for line in limits):
            self._take_limits()
        lines = [b"have " + git_id.hex().encode() + b"\n" for git_id in had]
        self._connection.write(b"".join(map(encode_line, [*lines, b"done\n"])))
        answer = read_line(self._connection.read) or b""
        if not answer.startswith((b"NAK", b"ACK ")):
            raise ProtocolError("the remote neither has nor lacks what is here")


class Receive:
    """The conversation with `receive-pack`; arguments and attributes as of `Upload`.

    `refs` and `has_branches` are known once it was listened to.
    """

    def __init__(self, connection: Connection, root: str = ROOT) -> None:
        self._connection = connection
        self._root = root
        self._features: set[bytes] = set()
        self.refs: list[RemoteRef] = []
        self.has_branches = False

    def listen(self) -> None:
        """Read what the other side has.

        Raises:
            ProtocolError: What comes is no list of refs.
            RefusedError: The other side refuses.
            TransportError: The connection broke.
        """
        listed = _read_advertisement(self._connection, read_line(self._connection.read))
        self._features = listed.features
        self.refs, self.has_branches = select_refs(listed.refs, self._root)

    def give_up(self) -> None:
        """End, whatever the other side is about to say."""
        self._connection.give_up()

    def close(self) -> None:
        """Say that nothing is to be changed."""
        try:
            self._connection.write(FLUSH)
        except TransportError:
            pass  # it has gone already, and nothing was to be changed
        self._connection.end()

    def push(
        self, commands: Sequence[Command], pack: Iterable[bytes], tell: Callable[[str], None]
    ) -> list[Outcome]:
        """Send a pack and set refs; return what became of each.

        Args:
            commands: The refs; one that is not at its old value any more is refused.
            pack: The bytes of a pack; not looked at where refs are only deleted.
            tell: Takes what the other side says for people: what its hooks print.

        Raises:
            RefusedError: The other side took nothing.
            ProtocolError: What comes is no answer.
            TransportError: The connection broke; whether refs were set is not known.
        """
        if b"report-status" not in self._features:
            raise ProtocolError("the remote does not say what becomes of refs")
        known = [each for each in (_BANDS, b"quiet") if each in self._features]
        features = b"\0 " + b" ".join([b"report-status", *known, _AGENT])
        parts = []
        for number, (name, old, new) in enumerate(commands):
            there = outer_name(name, self._root)
            line = f"{old.hex()} {new.hex()} {there}".encode() + (b"" if number else features)
            parts.append(encode_line(line))
        self._connection.write(b"".join(parts) + FLUSH)
        broken: TransportError | None = None
        try:
            if any(command.new != NO_COMMIT for command in commands):
                for chunk in pack:
                    self._connection.write(chunk)
        except TransportError as error:
            broken = error  # it may have said why before it hung up
        try:
            hears = tell if _BANDS in self._features else None
            outcomes = _read_report(self._connection, commands, self._root, hears)
        except TransportError as error:
            raise broken or error from error
        self._connection.end()
        return outcomes


def outer_name(name: str, root: str) -> str:
    """Return what a ref below `refs/tapes/` is called on a remote that has them elsewhere."""
    return root + name.removeprefix(ROOT)


def select_refs(refs: Iterable[RemoteRef], root: str) -> tuple[list[RemoteRef], bool]:
    """Return the refs of tapes, as if they were below `refs/tapes/`, and `Upload.has_branches`."""
    refs = list(refs)
    has_branches = any(ref.name.startswith(HEADS) and not ref.name.startswith(root) for ref in refs)
    found = [ref for ref in refs if ref.name.startswith(root)]
    if root != ROOT:
        found = [RemoteRef(ROOT + ref.name.removeprefix(root), ref.git_id) for ref in found]
    return found, has_branches


def read_listed(lines: Iterable[bytes]) -> list[RemoteRef]:
    """Return the refs in the lines that git's http helper lists them in.

    Raises:
        ProtocolError: A line is none of these, there are too many, or ids are of another kind.
    """
    refs: list[RemoteRef] = []
    for line in lines:
        if line.startswith(b":"):
            _verify_format({line[1:].replace(b" ", b"=")})
        elif not line.startswith((b"@", b"?")):
            refs.append(_parse_ref(line))
            _verify_count(refs)
    return refs


class _Advertisement(NamedTuple):
    refs: list[RemoteRef]
    features: set[bytes]


def _read_advertisement(connection: Connection, first: bytes | None) -> _Advertisement:
    """Read the refs that the first version of the protocol begins with."""
    refs: list[RemoteRef] = []
    features: set[bytes] = set()
    if first is not None and first.rstrip(b"\n") == b"version 1":
        first = read_line(connection.read)
    for line in [] if first is None else chain([first], _iter_lines(connection)):
        head, _, tail = line.rstrip(b"\n").partition(b"\0")
        if tail:
            features |= set(tail.split())
            _verify_format(features)  # before an id is read, which is of that kind
        if not head.startswith((b"shallow ", b"unshallow ")) and not head.endswith(b"^{}"):
            refs.append(_parse_ref(head))
            _verify_count(refs)
    return _Advertisement(refs, features)


def _iter_lines(connection: Connection) -> Iterator[bytes]:
    """Yield the data of packet lines as `iter_lines` does, those that wait together at once."""
    for line in iter_lines(connection.read):
        yield line
        for each in connection.take_lines():
            yield each.removesuffix(b"\n")


def _verify_format(features: set[bytes]) -> None:
    stated = [each for each in features if each.startswith(b"object-format=")]
    if stated and _FORMAT not in stated:
        raise ProtocolError(
            f"the remote has ids of another kind: {clean_text(stated[0])}",
            hint="tapes are shared by repositories of SHA-1",
        )


def _verify_count(refs: list[RemoteRef]) -> None:
    if len(refs) > REF_COUNT_MAX:
        raise ProtocolError(f"the remote has more than {REF_COUNT_MAX} refs")


def _parse_ref(line: bytes) -> RemoteRef:
    digits, _, name = line.partition(b" ")
    try:
        text = name.decode()
    except UnicodeDecodeError as error:
        raise ProtocolError(f"the remote sent what is no ref: {clean_text(line[:80])}") from error
    if not text:
        raise ProtocolError(f"the remote sent a ref without a name: {clean_text(line[:80])}")
    return RemoteRef(text.partition(" ")[0], _parse_id(digits))


def _parse_id(digits: bytes) -> bytes:
    if not _GIT_ID.fullmatch(digits):
        raise ProtocolError(f"the remote sent what is no id: {clean_text(digits[:80])}")
    return bytes.fromhex(digits.decode())


def _read_report(
    connection: Connection,
    commands: Sequence[Command],
    root: str,
    tell: Callable[[str], None] | None,
) -> list[Outcome]:
    """Return what became of refs; `tell` is None where the report is all that is said."""
    parts = connection.iter_rest() if tell is None else iter_band(connection.read, tell)
    report = _Joined(parts)
    unpacked = report.next_line()
    if unpacked is None or not unpacked.startswith(b"unpack "):
        raise ProtocolError("the remote did not say what became of the pack")
    if unpacked != b"unpack ok":
        reason = clean_text(unpacked.removeprefix(b"unpack "))
        raise RefusedError(
            f"the remote could not take the pack: {reason}",
            hint="no ref was changed there; it may be full, or not let you write",
        )
    said: dict[str, str | None] = {}
    while (line := report.next_line()) is not None:
        word, _, rest = clean_text(line).partition(" ")
        name, _, reason = rest.partition(" ")
        said[name] = None if word == "ok" else reason or "refused"
    if tell is not None:
        report.hear_out()
    missing = "the remote did not say what became of it"
    return [Outcome(each.name, said.get(outer_name(each.name, root), missing)) for each in commands]


class _Joined:
    """Lines in the data of a band, which is cut anywhere."""

    def __init__(self, parts: Iterator[bytes]) -> None:
        self._parts = parts
        self._buffer = b""

    def next_line(self) -> bytes | None:
        """Return the next line, or None at a flush."""
        data = read_line(self._take)
        return None if data is None else data.removesuffix(b"\n")

    def hear_out(self) -> None:
        """Let the other side end what it says for people; that it hangs up changes nothing."""
        try:
            for _ in self._parts:
                pass
        except TransportError:
            return

    def _take(self, size: int) -> bytes:
        while len(self._buffer) < size:
            part = next(self._parts, None)
            if part is None:
                raise ProtocolError("the remote's report ends early")
            self._buffer += part
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data
