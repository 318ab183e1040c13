"""Which refs a recorded source moves: what is new, what has grown, what is recorded already.

The refs of a session are read, compared with the tapes of the source, and moves are worked
out; nothing is moved here. In what order sources arrive makes no difference to the refs that
there are in the end: an earlier state adds nothing, a later one replaces, and of two that are
neither the one with the later time is shown and the other kept under `forks/`.

Source: tapesdialect-claude-code(7), "Refs".
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, NamedTuple

from tapegit.errors import TapesError
from tapegit.recorder.session_names import (
    FORK_DIGIT_COUNT,
    fork_ref,
    line_ref,
    lines_prefix,
    other_prefix,
    session_folder,
    tape_ref,
)
from tapegit.recorder.sources.states import Line, Relation, compare_to_line, find_highest_number
from tapegit.refs.names import RefName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tapegit.graph.turns import TurnGraph
    from tapegit.objects.oid import ObjectId
    from tapegit.objects.rope_reader import Find
    from tapegit.recorder.sources.documents import DocumentState
    from tapegit.recorder.sources.source import RecordedSource
    from tapegit.recorder.sources.tapes import RecordedTape


class RefMove(NamedTuple):
    """One ref's move; `new` is None for a deletion, `old` is None for a new ref."""

    name: RefName
    old: ObjectId | None
    new: ObjectId | None
    is_fast_forward: bool


class SessionRefs:
    """The refs of sessions as they will be, and the moves that make them so.

    Args:
        graph: The turns of the store, those of the sources to plan for included.
        find: Finds objects there.
        find_ref: Reads a ref.
        iter_refs: Yields refs, by the beginning of their names.
    """

    def __init__(
        self,
        graph: TurnGraph,
        find: Find,
        find_ref: Callable[[RefName], ObjectId | None],
        iter_refs: Callable[[str], Iterable[tuple[RefName, ObjectId]]],
    ) -> None:
        self._graph = graph
        self._find = find
        self._find_ref = find_ref
        self._iter_refs = iter_refs
        self._before: dict[RefName, ObjectId | None] = {}
        self._now: dict[RefName, ObjectId | None] = {}
        self._is_forward: dict[RefName, bool] = {}
        self._names: dict[str, set[RefName]] = {}
        self._undo: list[tuple[RefName, ObjectId | None]] = []

    def plan(self, source: RecordedSource) -> bool:
        """Work out the moves of a source; return whether it adds anything.

        Raises:
            ObjectNotFoundError: An object of a recorded tape is missing; nothing moves for
                this source.
            DataError: A recorded tape or a ref is damaged; the same.
        """
        self._undo = []
        try:
            return self._plan(source)
        except TapesError:
            for name, oid in reversed(self._undo):
                self._now[name] = oid
            raise

    def _plan(self, source: RecordedSource) -> bool:
        harness = source.harness.name
        unnamed = f"unnamed-{source.unnamed_digits}"
        if source.document is not None:
            (tape,) = source.tapes
            folder = session_folder(harness, tape.session_id or unnamed)
            return self._plan_document(folder, tape.tip, source.document)
        for tape in source.tapes:
            if tape.session_id is not None:
                self._drop_head(session_folder(harness, unnamed), tape)
                if tape.agent is not None:
                    self._drop_head(session_folder(harness, tape.session_id), tape)
        results = [
            self._plan_tape(
                session_folder(harness, tape.session_id or unnamed), tape, source.record_count
            )
            for tape in source.tapes
        ]
        return any(results)

    def _plan_document(self, folder: str, tip: ObjectId, document: DocumentState) -> bool:
        """Put a state of a document in the place of the one it goes on from."""
        name, prefix = tape_ref(folder, None), other_prefix(folder, None)
        before = self._read(name)
        states = [before] if before is not None else []
        states += [oid for _, oid in self._iter_named(prefix)]
        if not document.is_more or tip in states:
            return False
        for other, _ in list(self._iter_named(prefix)):
            self._set(other, None)
        states = [oid for oid in states if oid != document.base]
        shown, *others = sorted([tip, *states], key=self._age, reverse=True)
        is_forward = document.is_forward and before == document.base
        self._is_forward[name] = before is None or (shown == tip and is_forward)
        if document.base is not None and not document.is_forward:
            self._set(fork_ref(folder, document.base), document.base)
        self._set(name, shown)
        for oid in others:
            self._set(RefName.parse(prefix + oid.short(FORK_DIGIT_COUNT)), oid)
        if shown == tip:
            self._name_lines(folder, document.others)
        return True

    def _name_lines(self, folder: str, tips: tuple[ObjectId, ...]) -> None:
        """Name the lines of a recording, and none that it has no more."""
        names = {line_ref(folder, number): tip for number, tip in enumerate(tips, 2)}
        for name, _ in list(self._iter_named(lines_prefix(folder))):
            if name not in names:
                self._set(name, None)
        for name, tip in names.items():
            self._is_forward[name] = False
            self._set(name, tip)

    def moves(self) -> list[RefMove]:
        """Return what moves, by name."""
        return [
            RefMove(name, self._before[name], new, self._is_forward.get(name, False))
            for name, new in sorted(self._now.items())
            if new != self._before[name]
        ]

    def is_known(self, source: RecordedSource) -> bool:
        """Return whether a session of the source has refs already."""
        for tape in source.tapes:
            folder = session_folder(
                source.harness.name, tape.session_id or f"unnamed-{source.unnamed_digits}"
            )
            if self._read(tape_ref(folder, tape.agent)) is not None:
                return True
        return False

    def _plan_tape(self, folder: str, tape: RecordedTape, record_count: int) -> bool:
        name = tape_ref(folder, tape.agent)
        holder = self._read(name)
        if holder is None and self._is_in_agents(folder, tape):
            return False
        left = tape.left_behind
        if holder == tape.tip and all(self._read(fork_ref(folder, oid)) == oid for oid in left):
            return False
        lines = _Lines(self._graph, self._find, (tape.tip, *tape.left_behind))
        prefix = other_prefix(folder, tape.agent)
        states, forks = self._read_recorded(folder, holder, prefix)
        rivals = self._find_rivals(name, states, forks, lines, record_count)
        if rivals is None:
            return self._keep_left(folder, tape, [*states, *forks.values()])
        kept = [oid for fork, oid in forks.items() if self._keeps_fork(fork, oid, tape, lines)]
        self._keep_left(folder, tape, [*rivals, *kept] if rivals else [])
        self._share(name, prefix, [tape.tip, *rivals], lines)
        return True

    def _read_recorded(
        self, folder: str, holder: ObjectId | None, prefix: str
    ) -> tuple[list[ObjectId], dict[RefName, ObjectId]]:
        """Return the tapes that share a name, the shown one first, and what was left behind."""
        if holder is None:
            return [], {}
        forks = dict(self._iter_named(f"{folder}/file/forks/"))
        states = [holder, *(oid for name, oid in forks.items() if name.startswith(prefix))]
        others = f"{folder}/file/forks/other-"
        return states, {name: oid for name, oid in forks.items() if not name.startswith(others)}

    def _find_rivals(
        self,
        name: RefName,
        states: list[ObjectId],
        forks: dict[RefName, ObjectId],
        lines: _Lines,
        record_count: int,
    ) -> list[ObjectId] | None:
        """Return the recorded tapes that are not one with this, or None if this is recorded."""
        if lines.tip in states or any(map(lines.is_recorded_in, forks.values())):
            return None
        rivals = []
        for state in states:
            relation = self._settle(lines.relate(state), name, state, record_count)
            if relation in {Relation.SAME, Relation.LATER}:
                return None
            if relation is Relation.NEITHER:
                rivals.append(state)
        return rivals

    def _keep_left(self, folder: str, tape: RecordedTape, others: list[ObjectId]) -> bool:
        """Name what the tape left behind, unless another tape goes on from it.

        Returns whether there was anything to name.
        """
        is_more = False
        passed: list[Line] | None = None
        for left in tape.left_behind:
            name = fork_ref(folder, left)
            if self._read(name) == left:
                continue
            if passed is None:
                passed = [Line(self._graph, oid) for oid in others]
            if all(line.tip == left or line.find(left) is None for line in passed):
                self._set(name, left)
                is_more = True
        return is_more

    def _keeps_fork(self, name: RefName, oid: ObjectId, tape: RecordedTape, lines: _Lines) -> bool:
        """Return whether a turn stays left behind; if the tape goes on from it its ref goes."""
        if oid in tape.left_behind or lines.relate(oid) is not Relation.EARLIER:
            return True
        self._set(name, None)
        return False

    def _share(self, name: RefName, prefix: str, states: list[ObjectId], lines: _Lines) -> None:
        """Give the ref to the latest of tapes that are not one, and names to the others."""
        for other, _ in list(self._iter_named(prefix)):
            self._set(other, None)
        shown, *others = sorted(states, key=self._age, reverse=True)
        before = self._read(name)
        self._is_forward[name] = before is None or (shown == lines.tip and lines.holds(before))
        self._set(name, shown)
        for oid in others:
            self._set(RefName.parse(prefix + oid.short(FORK_DIGIT_COUNT)), oid)

    def _is_in_agents(self, folder: str, tape: RecordedTape) -> bool:
        """Return whether a head alone is that of an agent's tape which is recorded."""
        if tape.agent is not None or tape.turn_count > 1:
            return False
        rivals = self._iter_named(f"{folder}/file/forks/other-")
        for _name, oid in chain(self._iter_named(f"{folder}/file/agents/"), rivals):
            relation = compare_to_line(self._graph, self._find, tape.tip, Line(self._graph, oid))
            if relation in {Relation.EARLIER, Relation.LATER_BY_TAIL}:
                return True
        return False

    def _settle(
        self, relation: Relation, name: RefName, state: ObjectId, record_count: int
    ) -> Relation:
        """Return the relation where only a record that was cut off makes the difference.

        What it became may be on another tape of the source: the one that got further is later.
        """
        if relation is Relation.LATER_BY_TAIL:
            is_passed = self._highest(state) <= record_count
            return Relation.EARLIER if is_passed else Relation.LATER
        if relation is Relation.EARLIER_BY_TAIL:
            folder = _folder_of(name)
            others = [tip for other, tip in self._iter_tapes(folder) if other != name]
            is_behind = any(self._highest(tip) >= record_count for tip in others)
            return Relation.LATER if is_behind else Relation.EARLIER
        return relation

    def _highest(self, tip: ObjectId) -> int:
        return find_highest_number(self._graph, self._find, tip)

    def _age(self, oid: ObjectId) -> tuple[int, ObjectId]:
        time = self._graph.read_turn(oid).time
        return (time if time is not None else -(1 << 62)), oid

    def _drop_head(self, folder: str, tape: RecordedTape) -> None:
        """Delete the main tape that was recorded when only the head of this source was there."""
        name = tape_ref(folder, None)
        recorded = self._read(name)
        if recorded is None or recorded == tape.tip or self._graph.parents(recorded):
            return
        line = Line(self._graph, tape.tip)
        relation = compare_to_line(self._graph, self._find, recorded, line)
        if relation in {Relation.EARLIER, Relation.LATER_BY_TAIL}:
            rivals = list(self._iter_named(other_prefix(folder, None)))
            next_name, next_oid = max(
                rivals, key=lambda rival: self._age(rival[1]), default=(name, None)
            )
            self._set(next_name, None)
            self._set(name, next_oid)

    def _read(self, name: RefName) -> ObjectId | None:
        if name not in self._now:
            self._now[name] = self._before[name] = self._find_ref(name)
            self._names.setdefault(_folder_of(name), set()).add(name)
        return self._now[name]

    def _set(self, name: RefName, oid: ObjectId | None) -> None:
        self._undo.append((name, self._read(name)))
        self._now[name] = oid

    def _iter_tapes(self, folder: str) -> Iterator[tuple[RefName, ObjectId]]:
        yield from self._iter_named(f"{folder}/file/main")
        yield from self._iter_named(f"{folder}/file/agents/")

    def _iter_named(self, prefix: str) -> Iterator[tuple[RefName, ObjectId]]:
        """Yield the refs whose names begin so, as they will be."""
        names = {name for name, _ in self._iter_refs(prefix)}
        known = self._names.get(_folder_of(prefix), ())
        names.update(name for name in known if name.startswith(prefix))
        for name in sorted(names):
            oid = self._read(name)
            if oid is not None:
                yield name, oid


class _Lines:
    """The line of a tape and those that its forks left behind, read when first needed."""

    def __init__(self, graph: TurnGraph, find: Find, tips: tuple[ObjectId, ...]) -> None:
        self._graph = graph
        self._find = find
        self.tip = tips[0]
        self._tips = tips
        self._read: list[Line] = []

    def relate(self, oid: ObjectId) -> Relation:
        """Return how a recorded tape relates to this one, any of whose lines may hold it."""
        relation = compare_to_line(self._graph, self._find, oid, self._line(0))
        if relation is Relation.NEITHER:
            for number in range(1, len(self._tips)):
                other = compare_to_line(self._graph, self._find, oid, self._line(number))
                if other in {Relation.SAME, Relation.EARLIER}:
                    return Relation.EARLIER
                if other is Relation.LATER_BY_TAIL:
                    return other  # what was cut off may have become the prompt that went back
        return relation

    def is_recorded_in(self, fork: ObjectId) -> bool:
        """Return whether the tape is one that was left behind, or an earlier state of it.

        What left it behind came after it, so a record that was cut off may have become that.
        """
        relation = compare_to_line(self._graph, self._find, fork, self._line(0))
        return relation in {Relation.SAME, Relation.LATER, Relation.EARLIER_BY_TAIL}

    def holds(self, oid: ObjectId) -> bool:
        """Return whether a turn is on the line of the tape."""
        return self._line(0).find(oid) is not None

    def _line(self, number: int) -> Line:
        while len(self._read) <= number:
            self._read.append(Line(self._graph, self._tips[len(self._read)]))
        return self._read[number]


def _folder_of(name: str) -> str:
    return name.partition("/file/")[0]
