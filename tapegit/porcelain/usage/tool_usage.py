"""`usage tool`: what tools were called, how often they failed, how long they took.

Rules: a call counts once, however many tapes have its turn or a copy of it: calls are known by
the ids that the provider gave them, else by their turn. A call repeats another if the same tool
was called with the same arguments right before it in the same tape; it goes round if up to five
calls come for the third time or more; it tries again if the call before it was of the same tool
and failed. What an answer spent is divided among the calls of tools in it.

Source: tapes-usage(1), "TOOLS".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.parts import ToolCall, ToolResult
from tapegit.errors import DataError, ObjectNotFoundError
from tapegit.graph.lookup import SESSIONS
from tapegit.graph.walk import walk
from tapegit.index.calls import USAGE_NAMES
from tapegit.porcelain.turns.parts import iter_parts
from tapegit.porcelain.usage.usage import COST_UNIT, UNKNOWN, Wanted, list_wanted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tapegit.graph.turns import TurnGraph
    from tapegit.index.calls import ModelCall
    from tapegit.index.sessions import OnBroken
    from tapegit.objects.oid import ObjectId
    from tapegit.objects.turn import Turn
    from tapegit.porcelain.usage.prices import PriceTable
    from tapegit.repository.repository import Repository

ROUND_LENGTH_MAX: Final = 5
ROUND_COUNT: Final = 3


class ToolSpent(NamedTuple):
    """What is known of the calls of one tool.

    Attributes:
        name: Of the tool.
        call_count: How often it was called.
        error_count: How many results were errors.
        unanswered_count: How many calls have no result.
        repeat_count: How many calls repeat the one before them.
        longest_run: Of equal calls in a row, the most.
        loop_count: How many calls go round.
        retry_count: How many calls try again what has just failed.
        duration_ms: The median time from a call to its result, by the source's clock.
        usage: What the answers that call it spent, in the order of USAGE_NAMES.
        cost: Of that, in micro-dollars; of the answers that have a price.
        unpriced_count: How many calls are in answers without one.
    """

    name: str
    call_count: int
    error_count: int
    unanswered_count: int
    repeat_count: int
    longest_run: int
    loop_count: int
    retry_count: int
    duration_ms: int | None
    usage: tuple[int | None, ...]
    cost: int
    unpriced_count: int


class _Call:
    """One call, and what became of it."""

    __slots__ = (
        *("is_answered", "is_error", "is_loop", "is_retry"),
        *("name", "run", "time_ms", "took_ms"),
    )

    def __init__(self, name: str, time_ms: int | None, tape: _Tape) -> None:
        self.name = name
        self.time_ms = time_ms
        self.run = tape.run
        self.is_loop = tape.is_loop
        self.is_retry = tape.is_retry
        self.is_answered = False
        self.is_error = False
        self.took_ms: int | None = None


class _Tape:
    """What was called on one tape so far, and what that makes of the last call."""

    def __init__(self) -> None:
        self._said: list[tuple[str, str]] = []
        self._last: _Call | None = None
        self.run = 0
        self.is_loop = False
        self.is_retry = False

    def add(self, part: ToolCall) -> None:
        """Take a call."""
        said = (part.name, part.arguments)
        self.run = self.run + 1 if self._said[-1:] == [said] else 1
        last = self._last
        self.is_retry = last is not None and last.name == part.name and last.is_error
        self._said = [*self._said[1 - ROUND_COUNT * ROUND_LENGTH_MAX :], said]
        self.is_loop = any(map(self._goes_round, range(1, ROUND_LENGTH_MAX + 1)))

    def keep(self, call: _Call) -> None:
        """Take what becomes of the last call."""
        self._last = call

    def _goes_round(self, length: int) -> bool:
        lately = self._said[-ROUND_COUNT * length :]
        is_full = len(lately) == ROUND_COUNT * length
        return is_full and lately == lately[:length] * ROUND_COUNT


class _Spent:
    """What answers spent, divided among the tools that they call."""

    def __init__(self, prices: PriceTable) -> None:
        self._prices = prices
        self._usages: dict[str, list[int | None]] = {}
        self._costs: dict[str, int] = {}
        self._unpriced: dict[str, int] = {}

    def add(self, call: ModelCall, names: list[str]) -> None:
        """Divide what an answer spent among the tools it calls, one name for each call."""
        cost = self._prices.cost(call.model, call.usage, call.time_ms)
        for place, name in enumerate(names):
            usage = self._usages.setdefault(name, [None] * len(USAGE_NAMES))
            for kind, count in enumerate(call.usage):
                if count is not None:
                    usage[kind] = (usage[kind] or 0) + _share(count, place, len(names))
            if cost is None:
                self._unpriced[name] = self._unpriced.get(name, 0) + 1
            else:
                share = _share(cost, place, len(names))
                self._costs[name] = self._costs.get(name, 0) + share

    def names(self) -> Iterable[str]:
        """Return the tools that answers were divided among."""
        return self._usages

    def of(self, name: str) -> tuple[tuple[int | None, ...], int, int]:
        """Return usage, micro-dollars and how many calls have no price."""
        usage = tuple(self._usages.get(name, [None] * len(USAGE_NAMES)))
        cost = (self._costs.get(name, 0) + COST_UNIT // 2) // COST_UNIT
        return usage, cost, self._unpriced.get(name, 0)


def _share(count: int, place: int, of: int) -> int:
    """Return the part of one among several; all parts together are the whole."""
    return count // of + (place < count % of)


def read_tool_usage(
    repository: Repository,
    graph: TurnGraph,
    prices: PriceTable,
    wanted: Wanted,
    *,
    on_broken: OnBroken,
) -> list[ToolSpent]:
    """Return what is known of each tool, the most called first; answers without any come last.

    Args:
        repository: The store.
        graph: Its turns.
        prices: What tokens cost.
        wanted: Which calls; a model is asked for where tokens are counted, and nowhere else.
        on_broken: Takes (name, error) of a ref or a tape that cannot be read.
    """
    calls: dict[str, _Call] = {}
    seen: dict[ObjectId, list[str]] = {}
    for ref in repository.refs.iter_refs(SESSIONS, on_broken=on_broken):
        try:
            _read_tape(repository, graph, ref.oid, wanted, calls, seen)
        except (DataError, ObjectNotFoundError) as error:
            on_broken(ref.name, error)
    spent = _Spent(prices)
    for each, _ in list_wanted(repository, graph, wanted, on_broken=on_broken):
        spent.add(each.call, seen.get(each.call.turn) or [UNKNOWN])
    groups: dict[str, list[_Call]] = {name: [] for name in spent.names()}
    for call in calls.values():
        groups.setdefault(call.name, []).append(call)
    listed = [_summarize(name, group, spent) for name, group in groups.items()]
    return sorted(listed, key=lambda each: (-each.call_count, each.name))


def _read_tape(
    repository: Repository,
    graph: TurnGraph,
    tip: ObjectId,
    wanted: Wanted,
    calls: dict[str, _Call],
    seen: dict[ObjectId, list[str]],
) -> None:
    tape = _Tape()
    is_of_session = True
    for oid in walk(graph, [tip], first_parent=True, reverse=True):
        turn = graph.read_turn(oid)
        if turn.session is not None:
            is_of_session = _is_session_wanted(turn, wanted)
        if oid in seen or not is_of_session or turn.role not in ("assistant", "tool", "user"):
            continue
        names = seen[oid] = []
        for number, part in enumerate(iter_parts(repository.objects.find, turn)):
            if isinstance(part, ToolCall) and _is_time_wanted(turn, wanted):
                names.append(part.name)
                tape.add(part)
                key = part.id or f"{oid}:{number}"
                if key not in calls:
                    calls[key] = _Call(part.name, turn.time, tape)
                tape.keep(calls[key])
            elif isinstance(part, ToolResult) and part.call_id in calls:
                _answer(calls[part.call_id], part, turn.time)


def _answer(call: _Call, result: ToolResult, time_ms: int | None) -> None:
    if call.is_answered:
        return
    call.is_answered = True
    call.is_error = result.is_error
    if call.time_ms is not None and time_ms is not None and time_ms >= call.time_ms:
        call.took_ms = time_ms - call.time_ms


def _is_time_wanted(turn: Turn, wanted: Wanted) -> bool:
    time_ms = turn.time
    if wanted.since_ms is not None and (time_ms is None or time_ms < wanted.since_ms):
        return False
    return wanted.until_ms is None or (time_ms is not None and time_ms <= wanted.until_ms)


def _is_session_wanted(leader: Turn, wanted: Wanted) -> bool:
    session = leader.session
    if session is None:
        return True
    if wanted.harness is not None and session.harness != wanted.harness:
        return False
    if wanted.session is not None and not (session.id or "").startswith(wanted.session):
        return False
    if wanted.cwd is None:
        return True
    above, cwd = wanted.cwd.rstrip("/"), (session.cwd or "").rstrip("/")
    return cwd == above or cwd.startswith(above + "/")


def _summarize(name: str, calls: list[_Call], spent: _Spent) -> ToolSpent:
    times = sorted(call.took_ms for call in calls if call.took_ms is not None)
    return ToolSpent(
        name,
        len(calls),
        sum(call.is_error for call in calls),
        sum(not call.is_answered for call in calls),
        sum(call.run > 1 for call in calls),
        max((call.run for call in calls), default=0),
        sum(call.is_loop for call in calls),
        sum(call.is_retry for call in calls),
        times[len(times) // 2] if times else None,
        *spent.of(name),
    )
