"""`export`: what of a store is exported, and how much of it is not as its source was.

A session is all its tapes: the main one, those of its agents, and what forks left behind, each
turn once. Any other revision is the tape that ends there, from its leader on; a range is the
turns in it.

Source: tapes-export(1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import UserError
from tapegit.graph.lookup import SESSIONS, pick_main_tape
from tapegit.graph.revision import INCLUDE, parse_range
from tapegit.graph.selection import Selected
from tapegit.graph.walk import walk
from tapegit.objects.oid import ObjectId
from tapegit.porcelain.history.show import ShownTurn, iter_shown
from tapegit.porcelain.turns.selection import select
from tapegit.recorder.sources.reassembly import NumberedRun, iter_run_bytes, order_runs, reassemble
from tapegit.recorder.sources.tape_records import is_document_turn
from tapegit.refs.names import HEAD

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from tapegit.graph.resolve import Resolver
    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.rope_reader import Find
    from tapegit.porcelain.turns.selection import Selection
    from tapegit.refs.names import RefName
    from tapegit.refs.reader import Ref
    from tapegit.repository.repository import Repository
    from tapegit.store.database import ObjectDatabase


class Spawn(NamedTuple):
    """The id of the call that spawned an agent, the turn that calls, its number on its tape."""

    call_id: str
    oid: ObjectId
    number: int


class Section(NamedTuple):
    """Turns that follow one another, the first one first.

    Attributes:
        name: `main`, `agents/<agent>`, `forks/<digits>`, or the revision.
        oids: The turns.
        first: The number of the first of them on its tape, from 0 for the leader.
        parent: What the first goes on from, where that is not among the turns.
        spawn: The call that spawned the agent whose turns these are.
        elsewhere: Agents that these turns spawned and that are not exported: call and name.
    """

    name: str
    oids: list[ObjectId]
    first: int = 0
    parent: ObjectId | None = None
    spawn: Spawn | None = None
    elsewhere: tuple[tuple[str, str], ...] = ()


class Choice(NamedTuple):
    """What is exported.

    Attributes:
        sections: The turns, each once.
        tip: The newest turn of the tape that was named; None for a range.
        ref: The ref of a session that this tape has.
        tapes: All tapes of the same recording of that session.
        selection: What was selected, where no revision was given.
    """

    sections: list[Section]
    tip: ObjectId | None = None
    ref: RefName | None = None
    tapes: Sequence[Ref] = ()
    selection: Selection | None = None


class ExportedTurn(NamedTuple):
    """A turn, the section it is in and its number on its tape."""

    section: Section
    number: int
    shown: ShownTurn


class RawExport(NamedTuple):
    """A source, or part of one, ready to be written.

    Attributes:
        runs: Its records, in order.
        is_part: Whether no whole source was asked for.
        missing_count: How many records of the source no tape has.
        other_tapes: Tapes of the session that are from other sources.
        is_certain: False where it is not sure that all of it is of one source.
    """

    runs: list[NumberedRun]
    is_part: bool
    missing_count: int = 0
    other_tapes: Sequence[RefName] = ()
    is_certain: bool = True

    @property
    def record_count(self) -> int:
        """How many records there are."""
        return sum(run.last - run.first + 1 for run in self.runs)


class Prepared(NamedTuple):
    """An export of which everything is known but its bytes.

    Attributes:
        choice: What is exported.
        raw: The source, where that was asked for.
        redacted_count: How many secrets were replaced by placeholders.
    """

    choice: Choice
    raw: RawExport | None
    redacted_count: int


def choose(
    repository: Repository,
    resolver: Resolver,
    graph: TurnGraph,
    revision: str | None,
    *,
    directory: str | None,
) -> Choice:
    """Return what to export.

    Args:
        repository: The store.
        resolver: Its resolver.
        graph: Its turns.
        revision: A session, a revision or a range; None for HEAD, or while that is unborn the
            newest session of the directory.
        directory: The working directory.

    Raises:
        UserError: The revision names no turn, or there is nothing at all.
        DataError: A ref or an object on the way is damaged.
    """
    selection = None
    if revision is None:
        selection = select(repository, resolver, (), directory=directory)
        revision = HEAD if selection.session is None else str(selection.session.ref)
    if parse_range(revision).form != INCLUDE:
        return _choose_range(resolver, graph, revision)
    tip = resolver.resolve(revision)
    recorded = [ref for ref in repository.refs.iter_refs(SESSIONS) if ref.name.count("/") >= 5]
    ref = _find_session_ref(resolver, recorded, revision, tip)
    if ref is None:
        return Choice([Section(revision, _list_back(graph, tip, {}))], tip, selection=selection)
    folder = "/".join(ref.split("/")[:4])
    side = "/".join(ref.split("/")[:5])
    tapes = [
        found
        for found in recorded
        if found.name.startswith(f"{side}/")
        and (found.name == ref or not found.name.startswith(f"{folder}/wire/side/"))
    ]
    main = pick_main_tape((r for r in recorded if r.name.startswith(f"{folder}/")), folder)
    shown = tapes if main is not None and main.name == ref else [r for r in tapes if r.name == ref]
    return Choice(_make_sections(graph, shown, ref, side), tip, ref, tapes, selection)


def _choose_range(resolver: Resolver, graph: TurnGraph, revision: str) -> Choice:
    include, exclude = resolver.resolve_range([revision])
    oids = list(walk(graph, include, exclude=exclude, reverse=True))
    if not oids:
        raise UserError(f"there is no turn in '{revision}'")
    parent = next(iter(graph.parents(oids[0])), None)
    first = 0 if parent is None else len(_list_back(graph, parent, {}))
    return Choice([Section(revision, oids, first, parent)])


def _find_session_ref(
    resolver: Resolver, recorded: Iterable[Ref], revision: str, tip: ObjectId
) -> RefName | None:
    """Return the ref of a session that a revision names, or that has the turn as its newest."""
    name = resolver.find_ref(revision)
    same = [ref.name for ref in recorded if ref.oid == tip]
    return name if name in same else min(same, key=_rank, default=None)


def _rank(name: RefName) -> tuple[int, str]:
    """Return what puts tapes in order: the main one, agents, what was left behind."""
    words = ("main", "agents", "forks")
    kind = name.split("/")[5]
    return words.index(kind) if kind in words else len(words), name


def _make_sections(
    graph: TurnGraph, tapes: Iterable[Ref], named: RefName, side: str
) -> list[Section]:
    """Return tapes as sections: the one that was named, then agents by time, then forks."""
    numbers: dict[ObjectId, int] = {}
    sections = []
    for ref in sorted(tapes, key=lambda ref: (ref.name != named, _rank(ref.name))):
        oids = _list_back(graph, ref.oid, numbers)
        if not oids:
            continue
        parent = next(iter(graph.parents(oids[0])), None)
        first = 0 if parent is None else numbers[parent] + 1
        numbers.update((oid, first + place) for place, oid in enumerate(oids))
        sections.append(Section(ref.name.removeprefix(f"{side}/"), oids, first, parent))
    return sections[:1] + sorted(sections[1:], key=lambda section: _age(graph, section))


def _age(graph: TurnGraph, section: Section) -> tuple[bool, int, str]:
    time = graph.read_turn(section.oids[0]).time
    return section.name.startswith("forks/"), time if time is not None else 0, section.name


def _list_back(graph: TurnGraph, tip: ObjectId, numbers: dict[ObjectId, int]) -> list[ObjectId]:
    """Return a tape, the oldest turn first, down to the first that has a number already."""
    oids: list[ObjectId] = []
    oid: ObjectId | None = tip
    while oid is not None and oid not in numbers:
        oids.append(oid)
        oid = next(iter(graph.parents(oid)), None)
    oids.reverse()
    return oids


def iter_turns(objects: ObjectDatabase, sections: Iterable[Section]) -> Iterator[ExportedTurn]:
    """Yield the turns of sections, the parts of each decoded as they are asked for.

    Raises:
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    for section in sections:
        shown = iter_shown(objects, map(Selected, section.oids))
        for number, turn in enumerate(shown, section.first):
            assert isinstance(turn, ShownTurn)
            yield ExportedTurn(section, number, turn)


def prepare(repository: Repository, graph: TurnGraph, choice: Choice, *, is_raw: bool) -> Prepared:
    """Find out all that must be known before the first byte of an export is written.

    Raises:
        UserError: The source was asked for, and the turns hold no bytes of one.
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    if not is_raw:
        return Prepared(choice, None, _count_redacted(graph, _list_turns(choice)))
    raw, oids = _plan_raw(graph, repository.objects.find, choice)
    if not raw.runs:
        raise UserError(
            "there is no source file of this: its turns hold no bytes of one",
            hint="another --format shows what they say",
        )
    return Prepared(choice, raw, _count_redacted(graph, oids))


def _plan_raw(graph: TurnGraph, find: Find, choice: Choice) -> tuple[RawExport, Iterable[ObjectId]]:
    """Return the source of a choice, or what there is of it, and the turns that are in it."""
    tip = choice.tip
    if choice.ref is not None and "/wire/" in choice.ref:
        return RawExport([], is_part=False), []  # messages of requests and responses are no file
    if tip is not None and is_document_turn(turn := graph.read_turn(tip)):
        run = NumberedRun(1, 1, (ObjectId.parse(turn.raw[0].oid),))
        return RawExport([run], is_part=False), [tip]
    whole = _find_whole(graph, choice)
    if whole is not None:
        return _plan_raw(graph, find, choice._replace(tip=whole))
    if choice.ref is None or tip is None:
        oids = _list_turns(choice)
        return RawExport(order_runs(graph, find, oids), is_part=True), oids
    tapes = sorted(choice.tapes, key=lambda ref: _rank(ref.name))
    made = reassemble(graph, find, tip, (ref.oid for ref in tapes))
    numbers: dict[ObjectId, int] = {}
    for each in made.tips:
        numbers.update(dict.fromkeys(_list_back(graph, each, numbers), 0))
    raw = RawExport(
        made.runs,
        is_part=False,
        missing_count=sum(last - first + 1 for first, last in made.gaps),
        other_tapes=[ref.name for ref in tapes if ref.oid in made.others],
        is_certain=made.is_certain,
    )
    return raw, numbers


def _find_whole(graph: TurnGraph, choice: Choice) -> ObjectId | None:
    """Return the turn that names the file which a line of it is a part of."""
    if choice.ref is None or "/file/lines/" not in choice.ref:
        return None
    for ref in choice.tapes:
        turn = graph.read_turn(ref.oid)
        if is_document_turn(turn) and choice.tip in turn.parent_ids:
            return ref.oid
    return None


def _list_turns(choice: Choice) -> list[ObjectId]:
    return [oid for section in choice.sections for oid in section.oids]


def verify_exact(prepared: Prepared) -> None:
    """Check that an export is all that its source was.

    Raises:
        UserError: Secrets were replaced in it, or records of the source are missing.
    """
    raw = prepared.raw
    if prepared.redacted_count:
        raise UserError(
            f"not exact: {prepared.redacted_count} secrets were replaced by placeholders",
            redacted=prepared.redacted_count,
        )
    if raw is not None and (raw.missing_count or not raw.is_certain):
        missing = f"{raw.missing_count} records of the source are missing"
        what = missing if raw.missing_count else "it may hold records of another source"
        raise UserError(f"not exact: {what}", missing=raw.missing_count)


def iter_raw_bytes(objects: ObjectDatabase, raw: RawExport) -> Iterator[bytes]:
    """Yield the bytes of a source.

    Raises:
        ObjectNotFoundError: An object is missing.
        DataError: An object is damaged.
    """
    return iter_run_bytes(objects.find, raw.runs)


def _count_redacted(graph: TurnGraph, oids: Iterable[ObjectId]) -> int:
    redacted = (graph.read_turn(oid).redacted for oid in oids)
    return sum(count for each in redacted if each is not None for _, count in each.rules)
