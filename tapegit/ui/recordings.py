"""What a recording came to, in a line."""
# ruff: noqa: D102 - the docstrings of the protocols name their fields

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.ui.dates import format_age, format_date

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Protocol

    class ShownRecording(Protocol):
        """How many sessions, calls and errors; how many could not be stored, and why."""

        @property
        def sessions(self) -> int: ...
        @property
        def calls(self) -> int: ...
        @property
        def errors(self) -> int: ...
        @property
        def lost(self) -> int: ...
        @property
        def reason(self) -> str: ...

    class ShownLoss(Protocol):
        """When a recording began, in ms, how many calls it lost (None: unknown), and why."""

        @property
        def started_ms(self) -> int: ...
        @property
        def calls(self) -> int | None: ...
        @property
        def reason(self) -> str: ...

    class ShownProxy(Protocol):
        """A proxy that stands: port, process, when it began in ms, and what it saw so far."""

        @property
        def port(self) -> int: ...
        @property
        def pid(self) -> int: ...
        @property
        def started_ms(self) -> int: ...
        @property
        def connections(self) -> int: ...
        @property
        def exchanges(self) -> int: ...
        @property
        def failures(self) -> int: ...
        @property
        def lost(self) -> int: ...


def describe_recording(shown: ShownRecording) -> str:
    """Return how much was recorded, and lost where anything was."""
    parts = [(shown.sessions, "session"), (shown.calls, "call"), (shown.errors, "error")]
    text = "recorded " + ", ".join(_count(number, noun) for number, noun in parts)
    if not shown.lost:
        return text
    return f"{text}, {shown.lost} lost" + (f": {shown.reason}" if shown.reason else "")


def describe_loss(loss: ShownLoss) -> str:
    """Return what an earlier recording lost."""
    date = format_date(loss.started_ms, "iso")
    if loss.calls == 0:
        return f"the recording of {date} ended early, no call is known to be lost: {loss.reason}"
    count = "calls may be missing" if loss.calls is None else f"{_count(loss.calls, 'call')} lost"
    return f"the recording of {date} is not whole, {count}: {loss.reason}"


def iter_standing_lines(proxy: ShownProxy, *, now_ms: int) -> Iterator[str]:
    """Yield what is to be said of a proxy that stands."""
    age = format_age(proxy.started_ms, now_ms)
    yield f"http://127.0.0.1:{proxy.port}, process {proxy.pid}, started {age}"
    parts = [(proxy.connections, "connection"), (proxy.exchanges, "request")]
    text = ", ".join(_count(number, noun) for number, noun in parts)
    yield f"  {text}, {proxy.failures} failed, {proxy.lost} lost"


def standing_members(proxy: ShownProxy) -> dict[str, object]:
    """Return what is to be said of a proxy that stands, for JSON."""
    return {
        "url": f"http://127.0.0.1:{proxy.port}",
        "port": proxy.port,
        "process": proxy.pid,
        "started": proxy.started_ms,
        "connections": proxy.connections,
        "requests": proxy.exchanges,
        "failed": proxy.failures,
        "lost": proxy.lost,
    }


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
