"""Threads of calls: where in a conversation a request goes on, told from its messages alone.

A thread is a tree of messages that were sent or answered, below one leader. A line is a way
through it that a ref names: the main one, and those that forks left behind. A request is laid
along the tree; what it holds beyond that is new.

Rules: pure, in memory; ids of turns are handed in. Nothing is matched across threads.

Source: tapeswire(7), "Threading".
"""

from __future__ import annotations

from collections import Counter
from enum import Enum
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.recorder.calls.message_keys import key_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from collections.abc import Set as AbstractSet

    from tapegit.objects.oid import ObjectId
    from tapegit.recorder.calls.message_keys import MessageFacts
    from tapegit.recorder.calls.request_bodies import Element

CONTAINED_LENGTH_MIN: Final = 40
"""An answer shorter than this, blanks not counted, is found in texts by chance."""

TELLING_LENGTH_MIN: Final = 32
LINE_COUNT_MAX: Final = 256
"""Lines whose last answer is looked for; the oldest of more are left alone."""


class Unit(NamedTuple):
    """What becomes one turn: one message, or several of the model that follow one another."""

    key: bytes
    role: str
    elements: tuple[Element, ...]

    @property
    def call_ids(self) -> frozenset[str]:
        """The ids of the calls in it."""
        return frozenset(each for e in self.elements for each in e.facts.call_ids)

    @property
    def texts(self) -> str:
        """What the model says in it, without blanks."""
        return "".join(element.facts.texts for element in self.elements)


class Line:
    """A way through a tree that a ref names.

    Attributes:
        tip: The newest turn.
        answer: The newest answer, if there is one.
        fork_name: The last part of its ref's name, once it was not the main line.
    """

    __slots__ = ("answer", "fork_name", "tip")

    def __init__(self, tip: ObjectId, answer: Node | None = None) -> None:
        self.tip = tip
        self.answer = answer
        self.fork_name: str | None = None


class Node:
    """A message in a tree.

    Attributes:
        tip: The turn that the next one goes on from: its own, or an event after it.
        line: The line that `tip` is on.
        answer: The newest answer on the way here, itself counted.
        failures: How many attempts failed since the message came.
        pending: How many calls are waiting for an answer to it.
    """

    __slots__ = (
        "answer",
        "call_ids",
        "children",
        "depth",
        "failures",
        "group",
        "key",
        "line",
        "parent",
        "pending",
        "role",
        "texts",
        "tip",
    )

    def __init__(
        self, parent: Node | None, key: bytes, role: str, tip: ObjectId, line: Line
    ) -> None:
        self.parent = parent
        self.key = key
        self.role = role
        self.tip = tip
        self.line = line
        self.depth: int = parent.depth + 1 if parent is not None else 0
        self.answer: Node | None = parent.answer if parent is not None else None
        self.children: dict[bytes, Node] = {}
        self.call_ids: frozenset[str] = frozenset()
        self.texts = ""
        self.failures = 0
        self.pending = 0
        self.group: str | None = None

    def iter_back(self) -> Iterator[Node]:
        """Yield the nodes from here back to the root."""
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent


class How(Enum):
    """How a request goes on."""

    ALONG = "along"
    CHANGED = "changed"
    COMPACTED = "compacted"
    BACK = "back"


class Place(NamedTuple):
    """Where a request goes on.

    Attributes:
        node: What its new messages follow.
        first: The number of its first new message.
        changed: The numbers of messages before that which were other ones.
        how: By which rule.
    """

    node: Node
    first: int
    how: How
    changed: tuple[int, ...] = ()


def make_units(elements: Sequence[Element]) -> list[Unit]:
    """Return the messages of a request, those of the model that follow one another as one."""
    units: list[Unit] = []
    run: list[Element] = []
    for element in elements:
        if element.facts.role == "assistant":
            run.append(element)
            continue
        if run:
            units.append(_make_unit(run))
            run = []
        units.append(_make_unit([element]))
    if run:
        units.append(_make_unit(run))
    return units


def _make_unit(elements: list[Element]) -> Unit:
    if len(elements) == 1:
        facts = elements[0].facts
        return Unit(facts.key, facts.role, (elements[0],))
    return Unit(key_of([element.facts for element in elements]), "assistant", tuple(elements))


class Thread:
    """The tree of one lane.

    Attributes:
        main: The line that stands for it.
        roots: Where the context begins: the leader, and each compaction.
        lines: All lines, in the order of their beginning.
        failing: How many messages wait for another attempt.
    """

    def __init__(self, leader: ObjectId) -> None:
        self.main = Line(leader)
        self.lines = [self.main]
        self.roots = [Node(None, b"", "session", leader, self.main)]
        self.failing = 0
        self._listed: set[bytes] = set()
        self._answers: set[bytes] = set()
        self._calls: set[str] = set()

    def knows(self, answers: AbstractSet[bytes], call_ids: AbstractSet[str]) -> bool:
        """Return whether an answer with one of these keys or calls was given here."""
        return not (self._answers.isdisjoint(answers) and self._calls.isdisjoint(call_ids))

    def note_failure(self, node: Node) -> None:
        """Note that an attempt to answer a message failed."""
        self.failing += not node.failures
        node.failures += 1

    def note_success(self, node: Node) -> None:
        """Note that a message was answered."""
        self.failing -= node.failures > 0
        node.failures, node.group = 0, None

    def add(self, parent: Node, key: bytes, role: str, oid: ObjectId) -> Node:
        """Note a message that became a turn after `parent.tip`."""
        line = self._extend(parent, oid)
        node = Node(parent, key, role, oid, line)
        parent.children.setdefault(key, node)
        return node

    def add_answer(self, parent: Node, facts: Sequence[MessageFacts], oid: ObjectId) -> Node:
        """Note a message of the model that became a turn after `parent.tip`."""
        node = self.add(parent, key_of(facts), "assistant", oid)
        node.answer = node
        node.texts = "".join(each.texts for each in facts)
        node.call_ids = frozenset(call_id for each in facts for call_id in each.call_ids)
        node.line.answer = node
        self._answers.add(node.key)
        self._calls |= node.call_ids
        return node

    def add_event(self, node: Node, oid: ObjectId) -> None:
        """Note an event that became a turn after `node.tip`."""
        node.line = self._extend(node, oid)
        node.tip = oid

    def branch(self, node: Node, oid: ObjectId) -> None:
        """Let the main line go on from a message by this turn; other lines are forgotten."""
        self.add_event(node, oid)
        self.main = node.line
        self.lines = [node.line]

    def add_root(self, node: Node, oid: ObjectId) -> Node:
        """Note a compaction that became a turn after `node.tip`; return the new beginning."""
        line = self._extend(node, oid)
        root = Node(None, b"", "event", oid, line)
        root.answer = node.answer
        self.roots.append(root)
        return root

    def _extend(self, node: Node, oid: ObjectId) -> Line:
        line = node.line
        if line.tip != node.tip:
            line = Line(oid, node.answer)
            self.lines.append(line)
        line.tip = oid
        return line

    def continues_answer(self, node: Node) -> bool:
        """Return whether what follows a node goes on from an answer, or there is none yet."""
        return node.answer is not None or self.main.answer is None

    def locate(
        self, units: Sequence[Unit], text_of: Callable[[Unit], str], start: Node | None = None
    ) -> Place:
        """Return where a request goes on.

        Args:
            units: Its messages.
            text_of: Gives all that a message says, without blanks.
            start: What it says that it goes on from, if it does.
        """
        node, first = self._walk(units, start)
        if start is not None or first == len(units):
            return Place(node, first, How.ALONG)
        lines = self._candidates()
        path = set(map(id, node.iter_back()))
        for line in lines:
            answer = line.answer
            if answer is None or id(answer) in path:
                return Place(node, first, How.ALONG)
            found = self._find_answer(units, first, answer)
            if found is not None:
                changed = self._changed(units[: found + 1], answer)
                node, count = self._walk(units[found + 1 :], answer)
                return Place(node, found + 1 + count, How.CHANGED, changed)
        answer = self.main.answer
        if answer is not None and (
            any(each.facts.is_compaction for unit in units[first:] for each in unit.elements)
            or _is_contained(answer, units[first:], text_of)
        ):
            return Place(self._end_of(self.main, answer), 0, How.COMPACTED)
        return Place(node, first, How.BACK)

    def _candidates(self) -> list[Line]:
        """Return the main line and then the others, the newest first."""
        others = [line for line in self.lines[-LINE_COUNT_MAX:] if line is not self.main]
        return [self.main, *reversed([line for line in others if line.answer is not None])]

    def _walk(self, units: Sequence[Unit], start: Node | None) -> tuple[Node, int]:
        """Return the last node that a request has in common with the tree, and how many."""
        best: tuple[Node, int] | None = None
        for root in [start] if start is not None else reversed(self.roots):
            node, count = root, 0
            while count < len(units):
                child = node.children.get(units[count].key)
                if child is None:
                    break
                node, count = child, count + 1
            if best is None or count > best[1]:
                best = node, count
        assert best is not None, "a thread has a root"
        return best

    def _find_answer(self, units: Sequence[Unit], first: int, answer: Node) -> int | None:
        """Return where an answer is in a request, if it is not there by chance."""
        for number in range(len(units) - 1, -1, -1):
            unit = units[number]
            if unit.role != "assistant":
                continue
            if answer.call_ids and answer.call_ids & unit.call_ids:
                return number
            if unit.key == answer.key:
                is_telling = len(answer.texts) >= TELLING_LENGTH_MIN or answer.call_ids
                shared = {node.key for node in answer.iter_back()}
                if is_telling or first or any(u.key in shared for u in units[:number]):
                    return number
        return None

    def _changed(self, units: Sequence[Unit], answer: Node) -> tuple[int, ...]:
        """Return the numbers of the messages that are not on the way to an answer.

        Those that were listed once are not listed again.
        """
        known = Counter(node.key for node in answer.iter_back())
        changed = []
        for number, unit in enumerate(units):
            if known[unit.key]:
                known[unit.key] -= 1
            elif unit.key not in self._listed:
                changed.append(number)
        return tuple(changed)

    def note_changed(self, keys: Iterable[bytes]) -> None:
        """Note the keys of messages that were listed as changed."""
        self._listed.update(keys)

    def _end_of(self, line: Line, answer: Node) -> Node:
        """Return the last node of a line."""
        node = answer
        while True:
            following = [child for child in node.children.values() if child.line is line]
            if not following:
                return node
            node = following[-1]


def _is_contained(answer: Node, units: Sequence[Unit], text_of: Callable[[Unit], str]) -> bool:
    if len(answer.texts) < CONTAINED_LENGTH_MIN:
        return False
    return any(answer.texts in text_of(unit) for unit in units)
