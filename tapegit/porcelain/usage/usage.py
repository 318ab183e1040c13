"""`usage`: tokens and cost, by whatever a user wants them summed up.

Rules: each call of a model counts once, by its identity in the index, however many tapes,
copies and recordings have its answer. What is not known is None, and a sum with an unpriced
call says how many there are.

Source: tapes-usage(1).
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.errors import DataError, ObjectNotFoundError
from tapegit.index.calls import USAGE_NAMES, sum_usage
from tapegit.index.sessions import list_calls, list_sessions
from tapegit.porcelain.usage.call_troubles import list_troubles, sum_troubles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from tapegit.graph.turns import TurnGraph
    from tapegit.index.calls import ModelCall
    from tapegit.index.session import SessionRow
    from tapegit.index.sessions import OnBroken, SessionCall
    from tapegit.porcelain.usage.call_troubles import Trouble, Troubles
    from tapegit.porcelain.usage.prices import PriceTable
    from tapegit.repository.repository import Repository

UNKNOWN: Final = "-"
BY: Final = ("day", "week", "month", "session", "model", "harness", "project", "branch")
COST_UNIT: Final = 1_000_000


class Wanted(NamedTuple):
    """Which calls count; None stands for all. Times are ms since the epoch."""

    since_ms: int | None = None
    until_ms: int | None = None
    harness: str | None = None
    model: str | None = None
    cwd: str | None = None
    session: str | None = None


class View(NamedTuple):
    """How calls are summed up, and what is told of them.

    Attributes:
        by: One of BY.
        with_latency: Read the turns of the answers too, for how long they took.
        with_errors: Read every turn, for what went wrong.
    """

    by: str
    with_latency: bool = False
    with_errors: bool = False


class Spent(NamedTuple):
    """What the calls of one group spent.

    Attributes:
        name: Of the group.
        call_count: How many calls.
        session_count: In how many sessions.
        usage: Tokens, in the order of USAGE_NAMES; None of a kind that no call states.
        cost: Micro-dollars, rounded; of the calls that have a price.
        unpriced_count: How many calls have none.
        cache_rate: Thousandths of the prompt that came from a cache; None without a prompt.
        first_ms: When the first call was.
        last_ms: When the last one was.
        ttft_ms: The median time to the first token, where recordings say it.
        duration_ms: The median time of an answer.
        troubles: How many calls went wrong, where that was asked for.
    """

    name: str
    call_count: int
    session_count: int
    usage: tuple[int | None, ...]
    cost: int
    unpriced_count: int
    cache_rate: int | None
    first_ms: int | None
    last_ms: int | None
    ttft_ms: int | None = None
    duration_ms: int | None = None
    troubles: Troubles | None = None


class UsageReport(NamedTuple):
    """Groups, in order, and their total."""

    groups: list[Spent]
    total: Spent


def read_usage(
    repository: Repository,
    graph: TurnGraph,
    prices: PriceTable,
    view: View,
    wanted: Wanted,
    *,
    on_broken: OnBroken,
) -> UsageReport:
    """Return what was spent, by day, session, model and so on.

    Args:
        repository: The store.
        graph: Its turns.
        prices: What tokens cost.
        view: By what, and with what.
        wanted: Which calls.
        on_broken: Takes (name, error) of what cannot be read.

    Raises:
        TapesError: packed-refs cannot be read, if `on_broken` says so.
    """
    rows = _list_rows(repository, graph, on_broken)
    calls = list_calls(repository, graph, on_broken=on_broken)
    groups: dict[str, list[SessionCall]] = {}
    chosen = []
    name_of = _NAMES[view.by]
    for each, row in _choose(calls, rows, wanted):
        chosen.append(each)
        groups.setdefault(name_of(each, row), []).append(each)
    troubled: dict[str, list[Trouble]] = {}
    if view.with_errors:
        found = dict(list_troubles(repository, graph, calls, rows, on_broken=on_broken))
        for each, row in _choose(found, rows, wanted):
            name = name_of(each, row)
            groups.setdefault(name, [])
            troubled.setdefault(name, []).append(found[each])
    summarize = _Summary(graph, prices, with_latency=view.with_latency)
    listed = [summarize(name, calls) for name, calls in groups.items()]
    total = summarize("total", chosen)
    if view.with_errors:
        listed = [_add_troubles(each, troubled.get(each.name, [])) for each in listed]
        total = _add_troubles(total, [each for some in troubled.values() for each in some])
    if view.by in ("day", "week", "month"):
        listed.sort(key=lambda spent: spent.name)
    else:
        listed.sort(key=lambda spent: (-spent.cost, -_tokens(spent), spent.name))
    return UsageReport(listed, total)


def _add_troubles(spent: Spent, troubles: list[Trouble]) -> Spent:
    return spent._replace(troubles=sum_troubles(troubles, spent.call_count))


def list_wanted(
    repository: Repository, graph: TurnGraph, wanted: Wanted, *, on_broken: OnBroken
) -> Iterator[tuple[SessionCall, SessionRow | None]]:
    """Yield the calls that count, each with the row of its session.

    Raises:
        TapesError: packed-refs cannot be read, if `on_broken` says so.
    """
    rows = _list_rows(repository, graph, on_broken)
    yield from _choose(list_calls(repository, graph, on_broken=on_broken), rows, wanted)


def _choose(
    calls: Iterable[SessionCall], rows: dict[str, SessionRow], wanted: Wanted
) -> Iterator[tuple[SessionCall, SessionRow | None]]:
    for each in calls:
        row = rows.get(each.folder)
        if _is_wanted(each.call, row, wanted):
            yield each, row


def _list_rows(
    repository: Repository, graph: TurnGraph, on_broken: OnBroken
) -> dict[str, SessionRow]:
    rows = {}
    for row in list_sessions(repository, graph, on_broken=on_broken):
        folder = "/".join(row.ref.split("/")[:4])
        for name in (folder, *row.joined):
            rows[name] = row
    return rows


def _is_wanted(call: ModelCall, row: SessionRow | None, wanted: Wanted) -> bool:
    time_ms = call.time_ms
    if wanted.since_ms is not None and (time_ms is None or time_ms < wanted.since_ms):
        return False
    if wanted.until_ms is not None and (time_ms is None or time_ms > wanted.until_ms):
        return False
    if wanted.model is not None and wanted.model not in (call.model or ""):
        return False
    if wanted.harness is not None and (row is None or row.harness != wanted.harness):
        return False
    if wanted.session is not None and (row is None or not row.session.startswith(wanted.session)):
        return False
    return wanted.cwd is None or (row is not None and _is_below(row.cwd, wanted.cwd))


def _is_below(cwd: str | None, directory: str) -> bool:
    above = directory.rstrip("/")
    return cwd is not None and (cwd.rstrip("/") == above or cwd.startswith(above + "/"))


def _day(each: SessionCall, _row: SessionRow | None) -> str:
    return _date(each, "%Y-%m-%d")


def _week(each: SessionCall, _row: SessionRow | None) -> str:
    """Return the Monday of a call's week."""
    if each.call.time_ms is None:
        return UNKNOWN
    day = datetime.fromtimestamp(each.call.time_ms / 1000, UTC).date()
    return (day - timedelta(days=day.weekday())).isoformat()


def _month(each: SessionCall, _row: SessionRow | None) -> str:
    return _date(each, "%Y-%m")


def _date(each: SessionCall, form: str) -> str:
    if each.call.time_ms is None:
        return UNKNOWN
    return datetime.fromtimestamp(each.call.time_ms / 1000, UTC).strftime(form)


def _session(each: SessionCall, row: SessionRow | None) -> str:
    return row.session if row is not None else each.folder


def _model(each: SessionCall, _row: SessionRow | None) -> str:
    return each.call.model or UNKNOWN


def _harness(each: SessionCall, _row: SessionRow | None) -> str:
    return each.folder.split("/")[2]


def _project(_each: SessionCall, row: SessionRow | None) -> str:
    return (row.cwd if row is not None else None) or UNKNOWN


def _branch(_each: SessionCall, row: SessionRow | None) -> str:
    return (row.branch if row is not None else None) or UNKNOWN


_NAMES: Final[dict[str, Callable[[SessionCall, SessionRow | None], str]]] = {
    "day": _day,
    "week": _week,
    "month": _month,
    "session": _session,
    "model": _model,
    "harness": _harness,
    "project": _project,
    "branch": _branch,
}


class _Summary:
    """Sums up groups of calls."""

    def __init__(self, graph: TurnGraph, prices: PriceTable, *, with_latency: bool) -> None:
        self._graph = graph
        self._prices = prices
        self._with_latency = with_latency
        self._latencies: dict[bytes, tuple[int | None, int | None]] = {}

    def __call__(self, name: str, calls: list[SessionCall]) -> Spent:
        costs = [
            self._prices.cost(each.call.model, each.call.usage, each.call.time_ms) for each in calls
        ]
        usage = sum_usage(each.call.usage for each in calls)
        times = [each.call.time_ms for each in calls if each.call.time_ms is not None]
        total = sum(cost for cost in costs if cost is not None)
        ttft_ms, duration_ms = self._medians(calls) if self._with_latency else (None, None)
        return Spent(
            name,
            len(calls),
            len({each.folder for each in calls}),
            usage,
            (total + COST_UNIT // 2) // COST_UNIT,
            costs.count(None),
            _cache_rate(usage),
            min(times, default=None),
            max(times, default=None),
            ttft_ms,
            duration_ms,
        )

    def _medians(self, calls: list[SessionCall]) -> tuple[int | None, int | None]:
        found = [self._latency(each.call) for each in calls]
        return (
            _median(ttft for ttft, _ in found if ttft is not None),
            _median(duration for _, duration in found if duration is not None),
        )

    def _latency(self, call: ModelCall) -> tuple[int | None, int | None]:
        known = self._latencies.get(call.key)
        if known is None:
            try:
                turn = self._graph.read_turn(call.turn)
                known = (turn.ttft_ms, turn.duration_ms)
            except (DataError, ObjectNotFoundError):
                known = (None, None)
            self._latencies[call.key] = known
        return known


def _median(values: Iterable[int]) -> int | None:
    ordered = sorted(values)
    return ordered[len(ordered) // 2] if ordered else None


def _cache_rate(usage: tuple[int | None, ...]) -> int | None:
    """Return which part of the prompts was read from a cache, in thousandths."""
    counts = dict(zip(USAGE_NAMES, usage, strict=True))
    read = counts["cache_read"] or 0
    prompt = read + sum(counts[name] or 0 for name in ("input", "cache_write_5m", "cache_write_1h"))
    return read * 1000 // prompt if prompt else None


def _tokens(spent: Spent) -> int:
    return sum(count or 0 for count in spent.usage[:5])
