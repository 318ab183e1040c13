"""What was spent, as a table, as JSON, as CSV and as one line."""
# ruff: noqa: D102 - the docstring of the protocol names its fields

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.ui.tables import format_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Protocol

    class ShownSpent(Protocol):
        """The name of a group, its calls, sessions, tokens, cost, cache rate, times, troubles."""

        @property
        def name(self) -> str: ...
        @property
        def call_count(self) -> int: ...
        @property
        def session_count(self) -> int: ...
        @property
        def usage(self) -> Sequence[int | None]: ...
        @property
        def cost(self) -> int: ...
        @property
        def unpriced_count(self) -> int: ...
        @property
        def cache_rate(self) -> int | None: ...
        @property
        def first_ms(self) -> int | None: ...
        @property
        def last_ms(self) -> int | None: ...
        @property
        def ttft_ms(self) -> int | None: ...
        @property
        def duration_ms(self) -> int | None: ...
        @property
        def troubles(self) -> ShownTroubles | None: ...

    class ShownTool(Protocol):
        """The name of a tool, and what is known of its calls."""

        @property
        def name(self) -> str: ...
        @property
        def call_count(self) -> int: ...
        @property
        def error_count(self) -> int: ...
        @property
        def unanswered_count(self) -> int: ...
        @property
        def repeat_count(self) -> int: ...
        @property
        def longest_run(self) -> int: ...
        @property
        def loop_count(self) -> int: ...
        @property
        def retry_count(self) -> int: ...
        @property
        def duration_ms(self) -> int | None: ...
        @property
        def usage(self) -> Sequence[int | None]: ...
        @property
        def cost(self) -> int: ...
        @property
        def unpriced_count(self) -> int: ...

    class ShownTroubles(Protocol):
        """How often calls of a group failed, were refused, cut off and tried again."""

        @property
        def failed(self) -> int: ...
        @property
        def refused(self) -> int: ...
        @property
        def cut(self) -> int: ...
        @property
        def retries(self) -> int: ...
        @property
        def rate(self) -> int | None: ...


TOKEN_NAMES: Final = (
    "input",
    "output",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "reasoning",
)
CSV_NAMES: Final = (
    "name",
    "calls",
    "sessions",
    *TOKEN_NAMES,
    "cost_micro_usd",
    "unpriced",
    "cache_rate_permille",
    "ttft_ms",
    "duration_ms",
    "failed",
    "refused",
    "cut",
    "retries",
    "error_rate_permille",
)
TOOL_CSV_NAMES: Final = (
    *("name", "calls", "errors", "unanswered", "repeats", "longest_run", "loops", "retries"),
    *("duration_ms", *TOKEN_NAMES, "cost_micro_usd", "unpriced"),
)
MICRO: Final = 1_000_000
UNPRICED: Final = "unpriced"


def format_usage(
    groups: Sequence[ShownSpent], total: ShownSpent, title: str, *, with_latency: bool = False
) -> str:
    """Return a table with a line for each group, and their total."""
    headers = [title, "calls", "input", "output", "cache read", "cache write", "cached", "cost"]
    if with_latency:
        headers += ["first token", "answer"]
    if total.troubles is not None:
        headers += ["failed", "refused", "cut", "retries", "errors"]
    shown = groups if len(groups) == 1 else [*groups, total]
    rows = [_row(spent, with_latency=with_latency) for spent in shown]
    return format_table(rows, headers=headers, right=range(1, len(headers)))


def _row(spent: ShownSpent, *, with_latency: bool) -> tuple[str, ...]:
    counts = dict(zip(TOKEN_NAMES, spent.usage, strict=True))
    written = [counts["cache_write_5m"], counts["cache_write_1h"]]
    known = [count for count in written if count is not None]
    return (
        spent.name,
        str(spent.call_count),
        _count(counts["input"]),
        _count(counts["output"]),
        _count(counts["cache_read"]),
        _count(sum(known) if known else None),
        _percent(spent.cache_rate),
        format_cost(spent),
        *((_seconds(spent.ttft_ms), _seconds(spent.duration_ms)) if with_latency else ()),
        *_troubles(spent.troubles),
    )


def _troubles(troubles: ShownTroubles | None) -> tuple[str, ...]:
    if troubles is None:
        return ()
    counts = (troubles.failed, troubles.refused, troubles.cut, troubles.retries)
    return (*map(str, counts), _percent(troubles.rate))


def _percent(rate: int | None) -> str:
    return "-" if rate is None else f"{rate / 10:.1f}%"


def _seconds(time_ms: int | None) -> str:
    if time_ms is None:
        return "-"
    return f"{time_ms} ms" if time_ms < 1000 else f"{time_ms / 1000:.1f} s"


def _count(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"


def format_cost(spent: ShownSpent) -> str:
    """Return a cost in dollars; what has no price is said, and never shown as 0."""
    if spent.unpriced_count == spent.call_count:
        return UNPRICED if spent.call_count else "$0.00"
    more = f" + {spent.unpriced_count} {UNPRICED}" if spent.unpriced_count else ""
    return format_dollars(spent.cost) + more


def format_dollars(micro: int) -> str:
    """Return micro-dollars as dollars: with cents, or more digits for less than one."""
    if 0 < micro < MICRO // 100:
        return f"${micro // MICRO}.{micro % MICRO:06d}"
    cents = (micro + 5_000) // 10_000
    return f"${cents // 100:,}.{cents % 100:02d}"


def usage_members(spent: ShownSpent, by: str) -> dict[str, object]:
    """Return a group as the members of a JSON object; what is not known is absent."""
    members: dict[str, object] = {
        "by": by,
        "name": spent.name,
        "calls": spent.call_count,
        "sessions": spent.session_count,
        "usage": _known_tokens(spent.usage),
    }
    if spent.unpriced_count < spent.call_count:
        members["cost_micro_usd"] = spent.cost
    if spent.unpriced_count:
        members["unpriced"] = spent.unpriced_count
    if spent.troubles is not None:
        members |= _trouble_members(spent.troubles)
    known = {
        "cache_rate_permille": spent.cache_rate,
        "first": spent.first_ms,
        "last": spent.last_ms,
        "ttft_ms": spent.ttft_ms,
        "duration_ms": spent.duration_ms,
    }
    return members | {name: value for name, value in known.items() if value is not None}


def _known_tokens(usage: Sequence[int | None]) -> dict[str, int]:
    named = zip(TOKEN_NAMES, usage, strict=True)
    return {name: count for name, count in named if count is not None}


def _trouble_members(troubles: ShownTroubles) -> dict[str, object]:
    members: dict[str, object] = {
        "failed": troubles.failed,
        "refused": troubles.refused,
        "cut": troubles.cut,
        "retries": troubles.retries,
    }
    rate = troubles.rate
    return members if rate is None else {**members, "error_rate_permille": rate}


def iter_csv_rows(groups: Iterable[ShownSpent]) -> Iterable[list[str]]:
    """Yield the cells of each line of a CSV file, its head first; unknown is empty."""
    yield list(CSV_NAMES)
    for spent in groups:
        priced = spent.unpriced_count < spent.call_count
        values = (
            spent.name,
            spent.call_count,
            spent.session_count,
            *spent.usage,
            spent.cost if priced else None,
            spent.unpriced_count,
            spent.cache_rate,
            spent.ttft_ms,
            spent.duration_ms,
            *_trouble_values(spent.troubles),
        )
        yield ["" if value is None else _csv_text(str(value)) for value in values]


def _trouble_values(troubles: ShownTroubles | None) -> tuple[int | None, ...]:
    if troubles is None:
        return (None,) * 5
    return (troubles.failed, troubles.refused, troubles.cut, troubles.retries, troubles.rate)


def _csv_text(text: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t", "\r") and len(text) > 1 else text


def format_tools(tools: Sequence[ShownTool]) -> str:
    """Return a table with a line for each tool."""
    headers = (
        *("tool", "calls", "errors", "unanswered", "repeats", "longest run", "loops", "retries"),
        *("median", "output", "cost"),
    )
    rows = [
        (
            tool.name,
            f"{tool.call_count:,}",
            f"{tool.error_count:,}",
            f"{tool.unanswered_count:,}",
            f"{tool.repeat_count:,}",
            str(tool.longest_run),
            f"{tool.loop_count:,}",
            f"{tool.retry_count:,}",
            _seconds(tool.duration_ms),
            _count(tool.usage[TOKEN_NAMES.index("output")]),
            _tool_cost(tool),
        )
        for tool in tools
    ]
    return format_table(rows, headers=headers, right=range(1, len(headers)))


def _tool_cost(tool: ShownTool) -> str:
    if not any(tool.usage):
        return "-"
    if not tool.cost and tool.unpriced_count:
        return UNPRICED
    more = f" + {tool.unpriced_count} {UNPRICED}" if tool.unpriced_count else ""
    return format_dollars(tool.cost) + more


def tool_members(tool: ShownTool) -> dict[str, object]:
    """Return what is known of a tool as the members of a JSON object."""
    members: dict[str, object] = {
        "by": "tool",
        "name": tool.name,
        "calls": tool.call_count,
        "errors": tool.error_count,
        "unanswered": tool.unanswered_count,
        "repeats": tool.repeat_count,
        "longest_run": tool.longest_run,
        "loops": tool.loop_count,
        "retries": tool.retry_count,
        "usage": _known_tokens(tool.usage),
    }
    if tool.duration_ms is not None:
        members["duration_ms"] = tool.duration_ms
    if tool.cost or not tool.unpriced_count:
        members["cost_micro_usd"] = tool.cost
    if tool.unpriced_count:
        members["unpriced"] = tool.unpriced_count
    return members


def iter_tool_csv_rows(tools: Iterable[ShownTool]) -> Iterable[list[str]]:
    """Yield the cells of each line of a CSV file about tools, its head first."""
    yield list(TOOL_CSV_NAMES)
    for tool in tools:
        members = tool_members(tool)
        values = {**members, **_known_tokens(tool.usage)}
        yield [_csv_text(str(values.get(name, ""))) for name in TOOL_CSV_NAMES]


def format_statusline(today: ShownSpent, session: ShownSpent | None) -> str:
    """Return one line for a prompt or a status bar."""
    parts = []
    if session is not None:
        parts.append(f"session {format_cost(session)}")
    parts.append(f"today {format_cost(today)}")
    shown = session if session is not None else today
    if shown.cache_rate is not None:
        parts.append(f"cached {shown.cache_rate / 10:.0f}%")
    return " · ".join(parts)
