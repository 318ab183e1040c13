"""Context ids: two turns have one exactly if the model had seen and said the same up to there.

A chain is fed the turns of a tape from its leader on. Each projected part takes the id one step
further; calls are numbered as they come, and results name the number. Results that follow one
another count in the order of their calls, in whatever order they came. The id is derived: it is
in no object, and has a version.

    id of nothing  = H("tapes context 1" LF)
    id after       = H(id before, role, number of the call or 0, projected part)

Source: tapescontext(7).
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from typing import TYPE_CHECKING, Final, NewType

from tapegit.dialects.meaning.projection import iter_items
from tapegit.dialects.parts import Compaction
from tapegit.objects.oid import hash_content

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapegit.dialects.meaning.projection import Item
    from tapegit.dialects.parts import AnyPart

CONTEXT_VERSION: Final = 1
RESULT_COUNT_MAX: Final = 256
"""Results that are put in order; the next one begins a new run."""
CALL_COUNT_MAX: Final = 65_536
"""Calls whose numbers are remembered; the oldest is forgotten."""

ContextId = NewType("ContextId", bytes)

EMPTY_CONTEXT: Final = ContextId(hash_content(b"tapes context %d\n" % CONTEXT_VERSION))
"""The context before anything was said."""


class ContextChain:
    """The context along one line of turns, as far as it was fed.

    Attributes:
        id: The context id after the turns that were added.
    """

    def __init__(self) -> None:
        self._restart()

    def _restart(self) -> None:
        self.id = EMPTY_CONTEXT
        self._numbers: dict[str, int] = {}
        self._unnamed: deque[int] = deque(maxlen=CALL_COUNT_MAX)
        self._count = 0
        self._before_run = EMPTY_CONTEXT
        self._run: list[tuple[int, bytes]] = []

    def copy(self) -> ContextChain:
        """Return a chain that is where this one is, for another line that goes on from here."""
        other = ContextChain()
        other.id = self.id
        other._numbers = dict(self._numbers)
        other._unnamed = self._unnamed.copy()
        other._count = self._count
        other._before_run = self._before_run
        other._run = list(self._run)
        return other

    def add(self, dialect: str | None, role: str, parts: Iterable[AnyPart]) -> ContextId:
        """Go on by one turn and return the context id after it.

        A turn that is no message leaves the id as it was, but for a compaction: from there on
        the model saw what came after, and the chain begins anew.

        Args:
            dialect: Of the turn, with its version.
            role: Of the turn.
            parts: Of the turn.
        """
        if role == "event":
            if any(isinstance(part, Compaction) and not part.is_partial for part in parts):
                self._restart()
            return self.id
        return self.add_items(iter_items(dialect, role, parts))

    def add_items(self, items: Iterable[Item]) -> ContextId:
        """Go on by the projected parts of a message and return the context id after them."""
        for item in items:
            if item.is_result:
                self._add_result(item)
            else:
                self._run.clear()
                number = self._add_call(item.call_id) if item.is_call else 0
                self.id = _step(self.id, number, item.role, item.data)
        return self.id

    def _add_call(self, call_id: str | None) -> int:
        self._count += 1
        if call_id is None:
            self._unnamed.append(self._count)
        else:
            self._numbers.pop(call_id, None)
            self._numbers[call_id] = self._count
            if len(self._numbers) > CALL_COUNT_MAX:
                del self._numbers[next(iter(self._numbers))]
        return self._count

    def _add_result(self, item: Item) -> None:
        if not self._run or len(self._run) >= RESULT_COUNT_MAX:
            self._run.clear()
            self._before_run = self.id
        insort(self._run, (self._number_of(item.call_id), item.data))
        context = self._before_run
        for number, data in self._run:
            context = _step(context, number, "tool", data)
        self.id = context

    def _number_of(self, call_id: str | None) -> int:
        """Return the number of the call that a result answers; 0 where none is known."""
        if call_id is not None and call_id in self._numbers:
            return self._numbers[call_id]
        if self._unnamed:
            return self._unnamed.popleft()
        return 0


def _step(context: ContextId, number: int, role: str, data: bytes) -> ContextId:
    return ContextId(hash_content(context + b"%s %d\n" % (role.encode(), number) + data))
