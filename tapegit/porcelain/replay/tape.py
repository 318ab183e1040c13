"""The exchanges of a tape, in the order in which they were asked, ready to be served.

A session is all that the proxy saw of it: its lines, those of its agents, and the calls beside
them. Any other revision is the line that ends there; what else its session has may be asked for
too, and need not.

Source: tapes-replay(1).
"""

from __future__ import annotations

from functools import cache, partial
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from tapegit.errors import UserError
from tapegit.graph.walk import iter_first_parents
from tapegit.objects.oid import ObjectId, hash_content
from tapegit.objects.rope_reader import read_content, read_digest
from tapegit.porcelain.replay.turns import TimedTaped, iter_spoken
from tapegit.wire.http.headers import header_map
from tapegit.wire.recording.socket_calls import SWITCHED
from tapegit.wire.replay.keys import split_target
from tapegit.wire.replay.match import Reply, Taped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.graph.resolve import Resolver
    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.kind import Object
    from tapegit.objects.rope_reader import Find
    from tapegit.objects.turn import Call, Session, Turn
    from tapegit.repository.repository import Repository
    from tapegit.wire.replay.keys import KeyReader, RequestKeys

SESSIONS: Final = "refs/sessions/"
_MAIN: Final = ("wire/main", "file/main")
SIDE: Final = "side/"
_BESIDE: Final = ("agents/", SIDE)
"""Tapes of a session that go along with a line of it."""


ID_LENGTH: Final = 8
MEMO_SIZE_MAX_BYTES: Final = 64 << 20
MEMO_OBJECT_SIZE_MAX_BYTES: Final = 1 << 20


class Tape(NamedTuple):
    """What is replayed.

    Attributes:
        exchanges: In the order in which they were asked.
        sessions: What the leaders say of the sessions, the first one first.
        is_cut: It ends before its session does, since a revision was named.
        tips: The last turns of its conversations, from which others can go on.
    """

    exchanges: tuple[Taped, ...]
    sessions: tuple[Session, ...]
    is_cut: bool = False
    tips: tuple[ObjectId, ...] = ()


class _Line(NamedTuple):
    """A line of a tape: its name, its turns, the leader first, and if it counts for the end."""

    name: str
    oids: list[ObjectId]
    is_required: bool


class Memo:
    """Finds objects, and remembers small ones: requests of a conversation share almost all."""

    def __init__(self, find: Find) -> None:
        self._source = find
        self._known: dict[ObjectId, Object] = {}
        self._size_bytes = 0

    def __call__(self, oid: ObjectId) -> Object | None:
        """Return an object, None where there is none; raises as the source does."""
        known = self._known.get(oid)
        if known is not None:
            return known
        found = self._source(oid)
        if found is not None and len(found.data) <= MEMO_OBJECT_SIZE_MAX_BYTES:
            self._size_bytes += len(found.data)
            if self._size_bytes > MEMO_SIZE_MAX_BYTES:
                self._known.clear()
                self._size_bytes = len(found.data)
            self._known[oid] = found
        return found


class TapeReader:
    """Reads tapes of one store.

    Args:
        repository: The store.
        resolver: Of its names.
        graph: Its turns.
        reader: Makes keys.
    """

    def __init__(
        self, repository: Repository, resolver: Resolver, graph: TurnGraph, reader: KeyReader
    ) -> None:
        self._find = Memo(repository.objects.find)
        self._refs = repository.refs
        self._resolver = resolver
        self._graph = graph
        self._reader = reader
        self._lines: list[_Line] = []

    def read(self, names: Iterable[str], *, until: str | None = None) -> Tape:
        """Return the exchanges of sessions and revisions.

        Args:
            names: Of sessions, or revisions.
            until: A turn of one of them: what was asked after it is left out. `#46` is one of the
                only one.

        Raises:
            UserError: A name means nothing, or nothing was recorded there that could be served.
            DataError: An object or a ref is damaged.
        """
        timed: dict[ObjectId, TimedTaped] = {}
        self._lines.clear()
        several = tuple(names)
        if until is not None and until.startswith("#") and len(several) == 1:
            until = f"{several[0]}{until}"
        for name in several:
            found = self._read_one(name)
            if not found:
                raise UserError(
                    f"nothing that a model said was recorded of '{name}'",
                    hint="record a session with 'tapes record' to replay it",
                )
            for oid, each in found.items():
                label = f"{_short(name)} {each.taped.place}"
                is_one = len(several) == 1
                timed.setdefault(
                    oid,
                    each if is_one else each._replace(taped=each.taped._replace(place=label)),
                )
        kept = sorted(timed.values(), key=_asked_at)
        if until is not None:
            kept = self._cut(kept, until)
        exchanges = tuple(each.taped for each in kept)
        leaders = dict.fromkeys(each.lane for each in exchanges)
        sessions = [self._graph.read_turn(leader).session for leader in leaders]
        return Tape(
            exchanges,
            tuple(session for session in sessions if session is not None),
            until is not None,
            tuple(dict.fromkeys(self._iter_tips(exchanges, until))),
        )

    def _iter_tips(self, exchanges: tuple[Taped, ...], until: str | None) -> Iterator[ObjectId]:
        """Yield where each conversation ends: at a turn that was named, or with its last answer."""
        cut = self._resolver.resolve(until) if until is not None else None
        answers = {taped.turn for taped in exchanges if not taped.is_side}
        for line in self._lines:
            last = next((oid for oid in reversed(line.oids) if oid in answers), None)
            if cut is not None and cut in line.oids:
                yield cut
            elif last is not None:
                yield last if cut is not None else line.oids[-1]

    def _cut(self, timed: list[TimedTaped], until: str) -> list[TimedTaped]:
        """Return what was asked up to a turn, if that is on the tape."""
        tip = self._resolver.resolve(until)
        line = {tip, *iter_first_parents(self._graph, tip)}
        last = [number for number, each in enumerate(timed) if each.taped.turn in line]
        if not last:
            raise UserError(
                f"'{until}' is no turn of what is replayed, or before its first answer",
                hint="name a turn as SESSION#46",
            )
        return timed[: last[-1] + 1]

    # --- turns ---

    def _read_one(self, name: str) -> dict[ObjectId, TimedTaped]:
        """Return what is recorded of a session or a revision, by the turn that answers."""
        tip = self._resolver.resolve(name)
        folder = _session_of(self._resolver.find_ref(name))
        oids = self._list_line(tip)
        beside = folder if folder is not None else self._find_folder(tip)
        before = [self._find_folder(leader) for leader in self._list_leaders(oids)[:-1]]
        for side in ("wire", "file"):
            tapes = list(self._iter_lines(beside, side, is_required=folder is not None))
            if folder is None:
                named = [_Line(_name_line(oids, tapes, name), oids, True)]
                tapes = named + [each for each in tapes if each.name.startswith(_BESIDE)]
            for other in before:  # of what the tape is a branch of
                lines = self._iter_lines(other, side, is_required=False)
                tapes += [each for each in lines if each.name.startswith(_BESIDE)]
            found: dict[ObjectId, TimedTaped] = {}
            for line in tapes:
                for each in self._iter_taped(line, side):
                    found.setdefault(each.taped.turn, each)
            if found:
                self._lines += tapes
                return found
        return {}

    def _iter_lines(self, folder: str | None, side: str, *, is_required: bool) -> Iterator[_Line]:
        for ref in self._refs.iter_refs(f"{folder}/{side}/") if folder is not None else ():
            place = ref.name.removeprefix(f"{folder}/{side}/")
            yield _Line(place, self._list_line(ref.oid), is_required)

    def _iter_taped(self, line: _Line, side: str) -> Iterator[TimedTaped]:
        turns = [(oid, self._graph.read_turn(oid)) for oid in line.oids]
        if side == "file":
            yield from iter_spoken(self._find, turns, line.name, is_required=line.is_required)
            return
        leader_count = len(self._list_leaders(line.oids))
        name, first = line.name, 0
        for number, (oid, turn) in enumerate(turns):
            if turn.role == "session":
                # Turns are counted from the leader before them, as SESSION#46 counts them.
                leader_count -= 1
                first = number
                name = line.name if leader_count == 0 else _name_session(turn) or line.name
            if turn.call is not None:
                place = f"{name}#{number - first}"
                taped = self._read_exchange(oid, turn, place, line)
                if taped is not None:
                    yield TimedTaped(turn.call.started_ms or 0, taped)

    def _find_folder(self, tip: ObjectId) -> str | None:
        """Return the folder of the session that a turn is of, if one has it on a line."""
        leader = self._graph.find_leader(tip)
        for ref in self._refs.iter_refs(SESSIONS):
            parts = ref.name.split("/")
            if len(parts) >= 6 and self._graph.find_leader(ref.oid) == leader:
                return "/".join(parts[:4])
        return None

    def _list_leaders(self, oids: list[ObjectId]) -> list[ObjectId]:
        return [oid for oid in oids if self._graph.is_leader(oid)]

    def _list_line(self, tip: ObjectId) -> list[ObjectId]:
        return list(iter_first_parents(self._graph, tip))[::-1]

    # --- exchanges ---

    def _read_exchange(self, oid: ObjectId, turn: Turn, place: str, line: _Line) -> Taped | None:
        call = turn.call
        assert call is not None
        is_handshake = call.status == SWITCHED and call.request_coding is None
        if is_handshake or call.method is None or call.url is None:
            return None
        parts = urlsplit(call.url)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        is_side = line.name.startswith(SIDE)
        read_keys = partial(self._read_keys, call.method, target, call)
        return Taped(
            oid,
            place,
            line.oids[0],
            (call.method, *split_target(target)),
            self._digest(call.request),
            is_side,
            cache(read_keys),
            partial(self._read, call.request),
            self._make_reply(turn, call),
            line.is_required and not is_side,
            call.group,
        )

    def _read_keys(self, method: str, target: str, call: Call) -> RequestKeys:
        headers = header_map(call.request_headers)
        keys, _ = self._reader.read(method, target, headers, self._read(call.request))
        return keys

    def _digest(self, oid: str | None) -> bytes:
        return (
            read_digest(self._find, ObjectId.parse(oid)) if oid is not None else hash_content(b"")
        )

    def _make_reply(self, turn: Turn, call: Call) -> Reply:
        first = call.first_byte_ms if call.first_byte_ms is not None else call.ended_ms
        started, ended = call.started_ms or 0, call.ended_ms or 0
        first = started if first is None else first
        return Reply(
            call.status,
            call.response_headers,
            partial(self._read, call.response),
            call.response_coding,
            call.outcome not in {"client_gone", "upstream_cut"},
            max(first - started, 0) / 1000,
            max(ended - first, 0) / 1000,
            is_left=call.outcome == "client_gone",
        )

    def _read(self, oid: str | None) -> bytes:
        return read_content(self._find, ObjectId.parse(oid)) if oid is not None else b""


def list_sessions(repository: Repository) -> tuple[str, ...]:
    """Return every session of which traffic was recorded."""
    refs = repository.refs.iter_refs(SESSIONS)
    return tuple(str(ref.name) for ref in refs if ref.name.endswith("/wire/main"))


def _session_of(ref: str | None) -> str | None:
    """Return the folder of a session whose main ref this is."""
    parts = (ref or "").split("/")
    is_main = len(parts) == 6 and "/".join(parts[4:]) in _MAIN
    return "/".join(parts[:4]) if is_main and parts[1] == "sessions" else None


def _name_line(oids: list[ObjectId], tapes: Iterable[_Line], name: str) -> str:
    """Return which tape of a session a line is on, or what it was called."""
    return next((each.name for each in tapes if oids[-1] in each.oids), name)


def _name_session(turn: Turn) -> str | None:
    """Return how a session is called for short."""
    return turn.session.id[:ID_LENGTH] if turn.session is not None and turn.session.id else None


def _short(name: str) -> str:
    """Return a session as its id alone."""
    return name.removeprefix(SESSIONS).removesuffix("/wire/main").removesuffix("/file/main")


def _asked_at(each: TimedTaped) -> tuple[int, str]:
    return each.time_ms, each.taped.place
