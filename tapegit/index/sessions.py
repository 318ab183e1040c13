"""The sessions of a store, as lists show them: kept in the index, worked out where it is behind.

Rules: a row is taken from the index only if it was worked out from the very tips that the refs
have now, so what is listed never depends on the index. What has no row yet is read and kept.
Where the index cannot be written, the same is done in memory.

Source: tapes-sessions(1); tapesformat-index(5).
"""

from __future__ import annotations

import json
from types import NoneType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from tapegit.errors import TapesError
from tapegit.graph.lookup import FETCHED, SESSIONS, group_fetched, group_sessions, is_aside
from tapegit.index.calls import USAGE_NAMES, ModelCall, sum_usage
from tapegit.index.database import DamagedIndexError, Entry, IndexFile, KeptCall
from tapegit.index.joins import find_joins, join_rows
from tapegit.index.kept import use_index
from tapegit.index.replays import find_replays
from tapegit.index.session import Probes, SessionRow, group_tapes, make_tapes, read_session
from tapegit.objects.oid import ObjectId
from tapegit.repository.gate import read_settled_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tapegit.graph.turns import TurnGraph
    from tapegit.index.database import KeptRow
    from tapegit.index.session import SessionFacts, Tapes
    from tapegit.repository.repository import Repository

    OnBroken = Callable[[str, TapesError], None]

T = TypeVar("T")

BATCH_COUNT: Final = 500
"""Sessions that are kept in one go: what was read is not lost if the next ones take long."""

FETCHED_FOLDER: Final = "fetched"
"""Below `index/`, with a file of its own: nothing that is counted reads it."""

ROW_LENGTH: Final = 15
"""How many fields of a row are kept as such: those before `usage`."""

_NUMBER: Final = (int, NoneType)
_TEXT: Final = (str, NoneType)
_KINDS: Final[tuple[Any, ...]] = (
    *(str, str, str, str),
    *(_NUMBER, _NUMBER, int, int, bool),
    *(_TEXT, tuple, _TEXT, _TEXT, _TEXT, _TEXT, tuple, tuple),
)
"""Of the fields of a row."""


class _Behind(NamedTuple):
    gone: list[str]
    wanted: list[Tapes]


def list_sessions(
    repository: Repository, graph: TurnGraph, *, on_broken: OnBroken
) -> list[SessionRow]:
    """Return every session, the newest first, equal ones by ref.

    Args:
        repository: The store.
        graph: Its turns.
        on_broken: Takes (name, error) of a ref or session that cannot be read, which is then
            passed over.

    Raises:
        TapesError: packed-refs cannot be read, if `on_broken` says so.
    """
    mark = read_settled_mark(repository.root)
    refs = repository.refs.iter_refs(SESSIONS, on_broken=on_broken)
    tapes = {each.folder: each for each in group_tapes(refs) if not is_aside(each.refs)}
    reader = _Reader(repository, graph)
    rows = _use(repository, mark, tapes, lambda file: _list_from(file, tapes, reader))
    for name, error in sorted(reader.broken.items()):
        on_broken(name, error)
    return sorted(rows, key=lambda row: (-(row.last_ms or 0), row.ref))


def list_fetched(
    repository: Repository, graph: TurnGraph, *, on_broken: OnBroken
) -> list[SessionRow]:
    """Return the sessions that remotes have and this store itself has not; as `list_sessions`."""
    mark = read_settled_mark(repository.root)
    own = {each.rpartition(SESSIONS)[2] for each in _list_folders(repository, on_broken)}
    tapes = {
        folder: make_tapes(folder, sorted(refs))
        for folder, refs in group_fetched(repository.refs).items()
        if folder.partition(FETCHED)[2] not in own and not is_aside(refs)
    }
    if not tapes:
        return []
    reader = _Reader(repository, graph)
    rows = _use(
        repository,
        mark,
        tapes,
        lambda file: list(_read_rows(file, tapes, reader)[0].values()),
        FETCHED_FOLDER,
    )
    for name, error in sorted(reader.broken.items()):
        on_broken(name, error)
    return rows


def _list_folders(repository: Repository, on_broken: OnBroken) -> set[str]:
    return set(group_sessions(repository.refs.iter_refs(SESSIONS, on_broken=on_broken)))


class SessionCall(NamedTuple):
    """A call of a model, and the folder of the session that it counts for."""

    folder: str
    call: ModelCall


def list_calls(
    repository: Repository, graph: TurnGraph, *, on_broken: OnBroken
) -> list[SessionCall]:
    """Return every call of a model that says what it spent, once, by time, then by key.

    A call that several sessions have counts for the first; one of a recording that belongs to a
    transcript counts for that.

    Args:
        repository: The store.
        graph: Its turns.
        on_broken: As for `list_sessions`.

    Raises:
        TapesError: packed-refs cannot be read, if `on_broken` says so.
    """
    mark = read_settled_mark(repository.root)
    refs = repository.refs.iter_refs(SESSIONS, on_broken=on_broken)
    tapes = {each.folder: each for each in group_tapes(refs)}
    reader = _Reader(repository, graph)
    calls = _use(repository, mark, tapes, lambda file: _list_calls(file, tapes, reader))
    for name, error in sorted(reader.broken.items()):
        on_broken(name, error)
    return calls


def _use(
    repository: Repository,
    mark: object,
    tapes: dict[str, Tapes],
    work: Callable[[IndexFile], T],
    below: str = "",
) -> T:
    return use_index(
        repository.root,
        work,
        is_current=lambda file: not any(_find_behind(file.read_tapes(), tapes)),
        mark=mark,
        below=below,
    )


class _Reader:
    """Reads sessions once, however often the index has to be tried."""

    def __init__(self, repository: Repository, graph: TurnGraph) -> None:
        self._repository = repository
        self._graph = graph
        self.broken: dict[str, TapesError] = {}

    def read(self, tapes: Tapes) -> SessionFacts | None:
        """Return what a list says of a session, or None where it cannot be read."""
        try:
            return read_session(self._repository.objects, self._graph, tapes)
        except TapesError as error:
            self.broken[str(tapes.refs[0].name)] = error
            return None


def _list_from(file: IndexFile, tapes: dict[str, Tapes], reader: _Reader) -> list[SessionRow]:
    rows, probes = _read_rows(file, tapes, reader)
    replays = find_replays(file, rows)
    if replays:
        rows |= _leave_out(file, rows, replays)
    return join_rows(rows, find_joins(file, rows, probes)) if probes else list(rows.values())


def _leave_out(
    file: IndexFile, rows: dict[str, SessionRow], replays: dict[str, frozenset[bytes]]
) -> dict[str, SessionRow]:
    """Return the rows of sessions that repeat calls, with the usage of the others alone."""
    usages: dict[str, list[tuple[int | None, ...]]] = {folder: [] for folder in replays}
    for folder, call in _read_calls(file, rows):
        if folder in replays and call.key not in replays[folder]:
            usages[folder].append(call.usage)
    return {folder: rows[folder]._replace(usage=sum_usage(each)) for folder, each in usages.items()}


def _list_calls(file: IndexFile, tapes: dict[str, Tapes], reader: _Reader) -> list[SessionCall]:
    rows, probes = _read_rows(file, tapes, reader)
    joins = find_joins(file, rows, probes)
    replays = find_replays(file, rows)
    calls = [
        SessionCall(joins.by_id.get(folder, folder), call)
        for folder, call in _read_calls(file, rows)
        if folder not in joins.by_context and call.key not in replays.get(folder, ())
    ]
    return sorted(calls, key=lambda each: (each.call.time_ms or 0, each.call.key))


def _read_calls(file: IndexFile, rows: dict[str, SessionRow]) -> list[tuple[str, ModelCall]]:
    """Return each call once, with the folder that it counts for.

    A row of a call that is there and sound may yet be that of no session, or of one too many: so
    the sums are compared, and how many there are.

    Raises:
        DamagedIndexError: A session has other calls than when its sum was made.
    """
    calls = [(folder, _decode_call(kept)) for folder, kept in file.read_calls() if folder in rows]
    usages: dict[str, list[tuple[int | None, ...]]] = {folder: [] for folder in rows}
    for folder, call in calls:
        usages[folder].append(call.usage)
    sums = file.read_sums()
    if any(_encode_usages(each) != sums.get(folder) for folder, each in usages.items()):
        raise DamagedIndexError
    return calls


def _read_rows(
    file: IndexFile, tapes: dict[str, Tapes], reader: _Reader
) -> tuple[dict[str, SessionRow], dict[str, Probes]]:
    """Return every session by folder, and by what the transcripts of some are found."""
    kept = file.read_rows()
    behind = _find_behind({folder: row.tapes for folder, row in kept.items()}, tapes)
    if any(behind):
        _catch_up(file, behind, reader)
        kept = file.read_rows()
    rows, probes = {}, {}
    for folder, each in tapes.items():
        if folder in kept and kept[folder].tapes == each.key:
            rows[folder] = _decode_row(kept[folder])
            if kept[folder].probes:
                probes[folder] = _decode_probes(kept[folder].probes)
        elif str(each.refs[0].name) not in reader.broken:
            raise OSError("another process has just written another state")
    return rows, probes


def _find_behind(kept: dict[str, bytes], tapes: dict[str, Tapes]) -> _Behind:
    gone = [folder for folder in kept if folder not in tapes]
    wanted = [each for folder, each in tapes.items() if kept.get(folder) != each.key]
    return _Behind(gone, wanted)


def _catch_up(file: IndexFile, behind: _Behind, reader: _Reader) -> None:
    gone = behind.gone
    for start in range(0, len(behind.wanted) or 1, BATCH_COUNT):
        batch = behind.wanted[start : start + BATCH_COUNT]
        entries = {}
        for tapes in batch:
            facts = reader.read(tapes)
            if facts is None:
                gone = [*gone, tapes.folder]
            else:
                entries[tapes.folder] = _encode_facts(tapes, facts)
        file.update(gone, entries, _encode_sum)
        gone = []


def _encode_facts(tapes: Tapes, facts: SessionFacts) -> Entry:
    row = facts.row
    return Entry(
        tapes.key,
        row.first_ms or 0,
        row.last_ms or 0,
        json.dumps(row[:ROW_LENGTH]).encode(),
        [
            KeptCall(
                call.key,
                bytes(call.turn),
                call.time_ms,
                call.model,
                _encode(call.usage),
                call.context,
            )
            for call in facts.calls
        ],
        _encode_probes(facts.probes) if any(facts.probes) else b"",
    )


def _decode_call(kept: KeptCall) -> ModelCall:
    """Return a call as it was encoded.

    Raises:
        DamagedIndexError: It is none.
    """
    try:
        usage = tuple(json.loads(kept.usage))
        turn = ObjectId(kept.turn)
    except (ValueError, TypeError, RecursionError) as error:
        raise DamagedIndexError from error
    if len(usage) != len(USAGE_NAMES) or not all(isinstance(count, _NUMBER) for count in usage):
        raise DamagedIndexError
    return ModelCall(kept.key, turn, kept.time_ms, kept.model, usage)


def _encode_probes(probes: Probes) -> bytes:
    return json.dumps([[each.hex() for each in some] for some in probes]).encode()


def _decode_probes(data: bytes) -> Probes:
    """Return probes as they were encoded.

    Raises:
        DamagedIndexError: They are none.
    """
    try:
        keys, contexts = json.loads(data)
        return Probes(tuple(map(bytes.fromhex, keys)), tuple(map(bytes.fromhex, contexts)))
    except (ValueError, TypeError, RecursionError) as error:
        raise DamagedIndexError from error


def _encode(usage: tuple[int | None, ...]) -> bytes:
    return json.dumps(usage).encode()


def _encode_sum(usages: Iterable[bytes]) -> bytes:
    return _encode_usages([json.loads(usage) for usage in usages])


def _encode_usages(usages: Sequence[Sequence[int | None]]) -> bytes:
    """Return the sums of what calls spent, and how many calls they are."""
    return json.dumps([*sum_usage(usages), len(usages)]).encode()


def _decode_row(kept: KeptRow) -> SessionRow:
    """Return a row as it was encoded.

    Raises:
        DamagedIndexError: It is none; whoever wrote it had the rule for checksums right.
    """
    try:
        members, usage = json.loads(f"[{kept.row.decode()},{kept.usage.decode()}]")
        row = SessionRow._make([*members, tuple(usage[:-1]), ()])
        row = row._replace(models=tuple(row.models))
    except (ValueError, TypeError, RecursionError) as error:
        raise DamagedIndexError from error
    is_sound = all(map(isinstance, row, _KINDS)) and len(row.usage) == len(USAGE_NAMES)
    texts = all(isinstance(model, str) for model in row.models)
    counts = all(isinstance(count, _NUMBER) for count in row.usage)
    if not (is_sound and texts and counts):
        raise DamagedIndexError
    return row
