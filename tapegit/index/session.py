"""What a list says of one session, worked out from the turns of its tapes and nothing else.

Pure over objects: the same tips give the same row. The stored fields of the turns say it all, but
for the ids of answers, which stand in the raw bytes.

Source: tapes-sessions(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.meaning.injected import is_injected_line
from tapegit.errors import FormatError
from tapegit.graph.lookup import MAIN_TAPES, pick_main_tape
from tapegit.index.calls import iter_calls, join_calls, merge_calls
from tapegit.index.lines import list_contexts
from tapegit.objects.kind import Kind
from tapegit.objects.oid import ObjectId, hash_content
from tapegit.objects.turn import decode_turn
from tapegit.refs.names import percent_decode_component

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.graph.turns import TurnGraph
    from tapegit.index.calls import ModelCall
    from tapegit.index.context import ContextId
    from tapegit.objects.turn import Turn
    from tapegit.refs.reader import Ref
    from tapegit.store.database import ObjectDatabase

RULES_VERSION: Final = 4
"""Goes up with every change of what a row says of the same turns."""

MODEL_COUNT_MAX: Final = 100
PROBE_COUNT: Final = 2


class Tapes(NamedTuple):
    """The tapes of one session.

    Attributes:
        folder: Of their refs.
        refs: By name.
        key: A hash of all that a row is worked out from: the rules, names and tips.
    """

    folder: str
    refs: tuple[Ref, ...]
    key: bytes


class SessionRow(NamedTuple):
    """A session in a list; what is not known is None.

    Attributes:
        harness: Its name, as in refs.
        session: The session's id, in the harness's words.
        ref: The ref of the tape that stands for the session.
        tip: The newest turn there.
        first_ms: The earliest time of a turn there.
        last_ms: The latest.
        turn_count: How many turns the tape has.
        tape_count: How many tapes the session has, agents and forks counted.
        is_open: It stopped where something was still to come.
        title: The first prompt.
        models: In the order they first answered.
        cwd: The working directory.
        branch: Of the code repository.
        parent: The id of the session that it was forked from or spawned by.
        name: What the user called its recording.
        usage: Sums of tokens, in the order of `USAGE_NAMES`; None where no message says.
        joined: Folders of further recordings of the session, by name; see index/joins.
    """

    harness: str
    session: str
    ref: str
    tip: str
    first_ms: int | None
    last_ms: int | None
    turn_count: int
    tape_count: int
    is_open: bool
    title: str | None
    models: tuple[str, ...]
    cwd: str | None
    branch: str | None
    parent: str | None
    name: str | None
    usage: tuple[int | None, ...]
    joined: tuple[str, ...] = ()


class Probes(NamedTuple):
    """By what the transcript of a recording is found: keys of some calls, and their contexts."""

    keys: tuple[bytes, ...] = ()
    contexts: tuple[bytes, ...] = ()


NO_PROBES: Final = Probes()


class SessionFacts(NamedTuple):
    """What is kept of a session.

    Attributes:
        row: Its row; `usage` is still to be summed.
        calls: The calls of models, by key.
        probes: Of a session that was recorded on the wire alone; else none.
    """

    row: SessionRow
    calls: tuple[ModelCall, ...]
    probes: Probes = NO_PROBES


def make_tapes(folder: str, refs: Iterable[Ref]) -> Tapes:
    """Return the tapes of a session; refs must be ascending by name."""
    refs = tuple(refs)
    lines = "".join([f"{ref.name} {ref.oid}\n" for ref in refs])
    key = hash_content(f"rules {RULES_VERSION}\n{lines}".encode("utf-8", "surrogatepass"))
    return Tapes(folder, refs, key)


def group_tapes(refs: Iterable[Ref]) -> Iterator[Tapes]:
    """Yield the tapes of each session; refs must be ascending by name."""
    folder = ""
    found: list[Ref] = []
    for ref in refs:
        if not ref.name.startswith(folder + "/") or not folder:
            if found:
                yield make_tapes(folder, found)
            parts = ref.name.split("/", 4)
            folder, found = "/".join(parts[:4]), []
            if len(parts) < 5:
                folder = ""
                continue
        found.append(ref)
    if found:
        yield make_tapes(folder, found)


def read_session(objects: ObjectDatabase, graph: TurnGraph, tapes: Tapes) -> SessionFacts:
    """Return what a list says of a session.

    Raises:
        ObjectNotFoundError: A turn is missing.
        DataError: A turn is damaged.
    """
    main = pick_main_tape(tapes.refs, tapes.folder) or tapes.refs[0]
    seen: set[ObjectId] = set()
    line = list(iter_line(objects, graph, main.oid, seen))
    calls = list(iter_calls(objects, line))
    keys = [call.key for call in calls]
    for ref in tapes.refs:
        calls += iter_calls(objects, iter_line(objects, graph, ref.oid, seen))
    tips = {str(ref.name).removeprefix(f"{tapes.folder}/"): ref.oid for ref in tapes.refs}
    file, wire = (tips.get(name) for name in MAIN_TAPES)
    probes = NO_PROBES
    if file is not None and not all(call.is_stated for call in calls):
        written = list_contexts(objects, graph, file)
        calls = [call._replace(context=written.get(call.turn)) for call in calls]
        if wire is not None:
            calls = join_calls(calls, written, list_contexts(objects, graph, wire))
    elif str(main.name).endswith(f"/{MAIN_TAPES[1]}"):
        probes = _choose_probes(keys, list(list_contexts(objects, graph, main.oid).values()))
    merged = sorted(merge_calls(calls).values())
    row = _make_row(tapes, main, [turn for _, turn in line])
    if wire is not None and wire != main.oid:
        state = graph.read_turn(graph.find_leader(wire) or wire).session
        row = row._replace(name=state.name if state is not None else None)
    return SessionFacts(row, tuple(merged), probes)


def _choose_probes(keys: list[bytes], contexts: list[ContextId]) -> Probes:
    """Return the first answers and the last ones: enough to find the transcript of the same."""
    return Probes(
        tuple(dict.fromkeys(keys[:PROBE_COUNT] + keys[-PROBE_COUNT:])),
        tuple(dict.fromkeys(contexts[:PROBE_COUNT] + contexts[-PROBE_COUNT:])),
    )


def _make_row(tapes: Tapes, main: Ref, line: list[Turn]) -> SessionRow:
    harness, session = tapes.folder.split("/")[-2:]
    times = [turn.time for turn in line if turn.time is not None]
    states = [turn.session for turn in line if turn.session is not None][:1]
    cwd = states[0].cwd if states else None
    code = states[0].repository if states else None
    models = dict.fromkeys(
        turn.model
        for turn in line
        if turn.role == "assistant" and turn.model and not turn.model.startswith("<")
    )
    return SessionRow(
        harness=harness,
        session=percent_decode_component(session),
        ref=str(main.name),
        tip=str(main.oid),
        first_ms=min(times, default=None),
        last_ms=max(times, default=None),
        turn_count=len(line),
        tape_count=len(tapes.refs),
        is_open=_is_open(line),
        title=_find_title(line),
        models=tuple(models)[:MODEL_COUNT_MAX],
        cwd=cwd,
        branch=code.branch if code is not None else None,
        parent=states[0].parent if states else None,
        name=states[0].name if states else None,
        usage=(),
    )


def _find_title(line: list[Turn]) -> str | None:
    prompts = [turn.summary for turn in line if turn.role == "user" and turn.summary]
    said = (text for text in prompts if not is_injected_line(text))
    return next(said, prompts[0] if prompts else None)


def _is_open(line: list[Turn]) -> bool:
    """Return whether the last message waits for another: it asks, or calls a tool."""
    for turn in reversed(line):
        if turn.role == "assistant":
            return bool(turn.tools)
        if turn.role in {"user", "tool"}:
            return True
    return False


def iter_line(
    objects: ObjectDatabase, graph: TurnGraph, tip: ObjectId, seen: set[ObjectId]
) -> Iterator[tuple[ObjectId, Turn]]:
    """Yield the turns of a line that were not seen yet, from its leader on.

    What a session goes on from is another session's.

    Raises:
        ObjectNotFoundError: A turn is missing.
        DataError: A turn is damaged.
    """
    oids = []
    leader = graph.find_leader(tip)
    oid: ObjectId | None = tip
    while oid is not None and oid not in seen:
        seen.add(oid)
        oids.append(oid)
        parents = graph.parents(oid) if oid != leader else ()
        oid = parents[0] if parents else None
    oids.reverse()
    for each, found in objects.read_many(oids):
        # One that came loose in between is read again, and named if it is gone.
        data = (found or objects.read(each)).data
        if found is not None and found.kind is not Kind.TURN:
            raise FormatError(f"'{each}' is a {found.kind}, not a turn", where=str(each))
        yield each, decode_turn(data)
