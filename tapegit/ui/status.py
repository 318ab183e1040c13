"""The state of a store as text and as JSON."""
# ruff: noqa: D102 - the docstrings of the protocols name their fields

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.ui.dates import format_age
from tapegit.ui.terminal import Styled
from tapegit.ui.watch import iter_short_lines, watch_members

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Protocol

    from tapegit.ui.branch import ShownUpstream
    from tapegit.ui.watch import ShownWatch

    Line = tuple[str | Styled, ...]

    class ShownTip(Protocol):
        """A turn; its id in full and abbreviated, role, summary, and date in ms (0: unknown)."""

        @property
        def oid(self) -> object: ...
        @property
        def abbreviated(self) -> str: ...
        @property
        def role(self) -> str | None: ...
        @property
        def summary(self) -> str | None: ...
        @property
        def date_ms(self) -> int: ...

    class ShownRecording(Protocol):
        """A ref, the harness and session that it is of, and its turn."""

        @property
        def name(self) -> str: ...
        @property
        def harness(self) -> str | None: ...
        @property
        def session(self) -> str | None: ...
        @property
        def tip(self) -> ShownTip: ...

    class ShownStatus(Protocol):
        """A store, the branch that HEAD names, where that is, and the newest recording."""

        @property
        def root(self) -> Path: ...
        @property
        def branch(self) -> str | None: ...
        @property
        def head(self) -> ShownTip | None: ...
        @property
        def latest(self) -> ShownRecording | None: ...
        @property
        def watch(self) -> ShownWatch | None: ...
        @property
        def upstream(self) -> ShownUpstream | None: ...


def iter_status_lines(status: ShownStatus, *, now_ms: int) -> Iterator[Line]:
    """Yield what `tapes status` says, line by line."""
    head = status.head
    if status.branch is not None:
        yield "On branch ", Styled(status.branch.removeprefix("refs/heads/"), "green")
    elif head is not None:
        yield Styled("HEAD detached", "red"), f" at {head.abbreviated}"
    if head is None:
        yield ("No turns on it yet",)
    else:
        yield _tip_line(head)
    if status.upstream is not None:
        yield (_compare(status.upstream),)
    yield ("",)
    if status.latest is None:
        yield ("Nothing recorded yet: 'tapes import FILE' records a transcript",)
    else:
        yield (f"Last recorded: {_describe(status.latest, now_ms)}",)
        yield _tip_line(status.latest.tip)
    yield from iter_short_lines(status.watch, now_ms=now_ms)


def short_line(status: ShownStatus) -> Line:
    """Return where HEAD is on one line, as git's `status -sb` begins."""
    if status.branch is None:
        return "## ", Styled("HEAD (no branch)", "red")
    name = Styled(status.branch.removeprefix("refs/heads/"), "green")
    start: Line = ("## ", name) if status.head is not None else ("## No turns yet on ", name)
    upstream = status.upstream
    if upstream is None:
        return start
    counts = (("ahead", upstream.ahead), ("behind", upstream.behind))
    apart = ["gone"] if upstream.is_gone else [f"{word} {n}" for word, n in counts if n]
    return *start, "...", Styled(upstream.short, "red"), f" [{', '.join(apart)}]" if apart else ""


def _compare(upstream: ShownUpstream) -> str:
    """Return how far the branch is from what it follows, in git's words."""
    name, ahead, behind = f"'{upstream.short}'", upstream.ahead, upstream.behind
    if upstream.is_gone:
        return f"Your branch is based on {name}, but the upstream is gone."
    if ahead and behind:
        apart = f"{ahead} and {behind} different turns each, respectively"
        return f"Your branch and {name} have diverged, and have {apart}."
    if ahead:
        return f"Your branch is ahead of {name} by {ahead} turn{'' if ahead == 1 else 's'}."
    if behind:
        turns = f"{behind} turn{'' if behind == 1 else 's'}"
        return f"Your branch is behind {name} by {turns}, and can be fast-forwarded."
    return f"Your branch is up to date with {name}."


def _tip_line(tip: ShownTip) -> Line:
    role = f" {tip.role}" if tip.role else ""
    summary = f": {tip.summary}" if tip.summary else ""
    return "  ", Styled(tip.abbreviated, "yellow"), f"{role}{summary}"


def _describe(latest: ShownRecording, now_ms: int) -> str:
    what = f"{latest.harness} {latest.session}" if latest.session else latest.name
    if latest.session and latest.name.startswith("refs/remotes/"):
        what += f" ({latest.name.split('/')[2]})"
    age = f", {format_age(latest.tip.date_ms, now_ms)}" if latest.tip.date_ms else ""
    return f"{what}{age}"


def status_members(status: ShownStatus) -> dict[str, object]:
    """Return the state of a store as the members of a JSON object."""
    members: dict[str, object] = {
        "store": str(status.root),
        "detached": status.branch is None,
        "unborn": status.head is None,
    }
    if status.branch is not None:
        members["branch"] = status.branch
    if status.head is not None:
        members["head"] = str(status.head.oid)
    upstream = status.upstream
    if upstream is not None:
        members["upstream"] = upstream.short
        if not upstream.is_gone:
            members |= {"ahead": upstream.ahead, "behind": upstream.behind}
    latest = status.latest
    if latest is not None:
        members["latest"] = {
            key: value
            for key, value in (
                ("ref", latest.name),
                ("harness", latest.harness),
                ("session", latest.session),
                ("turn", str(latest.tip.oid)),
                ("time", latest.tip.date_ms or None),
            )
            if value is not None
        }
    if status.watch is not None:
        members["watch"] = watch_members(status.watch)
    return members
