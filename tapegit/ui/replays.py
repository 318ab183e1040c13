"""What a replay came to, in lines and as JSON."""
# ruff: noqa: D102 - the docstrings of the protocols name their fields

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from tapegit.ui.escape import escape_line

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Protocol

    class ShownDrift(Protocol):
        """What differs in a request, of which tool, and what it was and is."""

        @property
        def what(self) -> str: ...
        @property
        def name(self) -> str | None: ...
        @property
        def old(self) -> str: ...
        @property
        def new(self) -> str: ...

    class ShownEntry(Protocol):
        """One request of a replay."""

        @property
        def number(self) -> int: ...
        @property
        def method(self) -> str: ...
        @property
        def path(self) -> str: ...
        @property
        def kind(self) -> str: ...
        @property
        def level(self) -> str | None: ...
        @property
        def place(self) -> str | None: ...
        @property
        def turn(self) -> str | None: ...
        @property
        def is_made(self) -> bool: ...
        @property
        def is_side(self) -> bool: ...
        @property
        def drifts(self) -> Sequence[ShownDrift]: ...
        @property
        def nearest(self) -> str | None: ...
        @property
        def diff(self) -> Sequence[str]: ...
        @property
        def is_live(self) -> bool: ...
        @property
        def status(self) -> int | None: ...
        @property
        def is_interrupted(self) -> bool: ...

    class ShownBranch(Protocol):
        """A tape that was recorded of going on from another."""

        @property
        def name(self) -> str: ...
        @property
        def parent(self) -> object: ...
        @property
        def place(self) -> int: ...

    class ShownReport(Protocol):
        """A replay as a whole."""

        @property
        def entries(self) -> Sequence[ShownEntry]: ...
        @property
        def missing(self) -> Sequence[str]: ...
        @property
        def divergence(self) -> ShownEntry | None: ...
        @property
        def verdict(self) -> str: ...


CHANGE_LENGTH_MAX: Final = 60
MISSING_COUNT_MAX: Final = 10
_NONE: Final = "none"


def iter_report_lines(report: ShownReport, code: int | None) -> Iterator[str]:
    """Yield what a replay came to: a line for each request, then the verdict."""
    for entry in report.entries:
        yield from _iter_entry(entry)
        if entry is report.divergence:
            yield from _iter_divergence(entry)
    for place in report.missing[:MISSING_COUNT_MAX]:
        yield f"  never asked for: {place}"
    if len(report.missing) > MISSING_COUNT_MAX:
        yield f"  never asked for: {len(report.missing) - MISSING_COUNT_MAX} more"
    yield describe_verdict(report, code)


def describe_verdict(report: ShownReport, code: int | None) -> str:
    """Return the last line: whether the tape was followed, and how closely."""
    calls = [entry for entry in report.entries if not entry.is_side]
    sides = len(report.entries) - len(calls)
    levels = Counter(entry.level or _NONE for entry in calls)
    counts = [f"{count} {level}" for level, count in levels.items() if level != _NONE]
    words = {
        "followed": "followed to its end",
        "stopped": "followed to where it was cut",
        "continued": "followed, then went on with the model",
        "diverged": "diverged",
    }
    text = f"replay {words[report.verdict]}: {_count(len(calls), 'call')}"
    text += f" ({', '.join(counts)})" if counts else ""
    live = sum(entry.is_live for entry in calls)
    if live:
        text += f", {live} by the model"
    if levels[_NONE] > live:
        text += f", {levels[_NONE] - live} not on the tape"
    if report.missing:
        text += f", {len(report.missing)} never asked for"
    if sides:
        text += f", {_count(sides, 'side call')}"
    made = sum(entry.is_made for entry in report.entries)
    if made:
        text += f", {_count(made, 'answer')} made from turns"
    return text if code is None else f"{text}; the command ended with {code}"


def _iter_entry(entry: ShownEntry) -> Iterator[str]:
    what = entry.kind if entry.is_side else "call"
    level = entry.level or ("answered without the tape" if entry.is_side else "NOT ON THE TAPE")
    if entry.is_live:
        level = "by the model" + (f", status {entry.status}" if entry.status else "")
    place = f" {entry.place}" if entry.place is not None else ""
    made = ", made from turns" if entry.is_made else ""
    yield f"{entry.number:4} {level}{place} ({what} {entry.method} {escape_line(entry.path)}{made})"
    if entry.is_interrupted:
        yield "     the client was interrupted here, as it was when recorded"
    for drift in entry.drifts:
        of = f" of {escape_line(drift.name)}" if drift.name else ""
        old, new = _first_change(drift.old, drift.new)
        yield f"     {drift.what}{of} differs: '{old}' was recorded, '{new}' came"


def _iter_divergence(entry: ShownEntry) -> Iterator[str]:
    if entry.nearest is None:
        yield "     there is nothing like it on the tape"
        return
    yield f"     the nearest is {entry.nearest}; - as recorded, + as it came:"
    for line in entry.diff:
        yield f"     {escape_line(line)}"


def _first_change(old: str, new: str) -> tuple[str, str]:
    """Return both texts from a little before where they part, as one line each."""
    at = next(
        (number for number, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]),
        min(len(old), len(new)),
    )
    start = max(at - CHANGE_LENGTH_MAX // 3, 0)
    return _shorten(old, start), _shorten(new, start)


def _shorten(text: str, start: int) -> str:
    shown = " ".join(text[start : start + CHANGE_LENGTH_MAX].split())
    before = "…" if start else ""
    after = "…" if start + CHANGE_LENGTH_MAX < len(text) else ""
    return escape_line(f"{before}{shown}{after}")


def report_members(
    report: ShownReport, code: int | None, command: Sequence[str], names: Iterable[str]
) -> dict[str, object]:
    """Return a replay for JSON; what is unknown is absent."""
    divergence = report.divergence
    return {
        "verdict": report.verdict,
        "replayed": list(names),
        **({"command": list(command)} if command else {}),
        **({"code": code} if code is not None else {}),
        **({"divergence": divergence.number} if divergence is not None else {}),
        "missing": list(report.missing),
        "requests": [_entry_members(entry) for entry in report.entries],
    }


def _entry_members(entry: ShownEntry) -> dict[str, object]:
    known = {
        "level": entry.level,
        "place": entry.place,
        "turn": entry.turn,
        "nearest": entry.nearest,
    }
    return {
        "number": entry.number,
        "method": entry.method,
        "path": entry.path,
        "kind": entry.kind,
        **{name: value for name, value in known.items() if value is not None},
        **({"made": True} if entry.is_made else {}),
        **({"differs": [_drift_members(each) for each in entry.drifts]} if entry.drifts else {}),
        **({"diff": list(entry.diff)} if entry.diff else {}),
        **({"live": True} if entry.is_live else {}),
        **({"status": entry.status} if entry.status is not None else {}),
        **({"interrupted": True} if entry.is_interrupted else {}),
    }


def iter_branch_lines(branches: Iterable[ShownBranch], lost: int) -> Iterator[str]:
    """Yield what was recorded of going on."""
    for branch in branches:
        name = branch.name.removeprefix("refs/")
        yield f"recorded as {escape_line(name)}, which goes on from #{branch.place} {branch.parent}"
    if lost:
        yield f"{_count(lost, 'exchange')} could not be recorded"


def iter_hints(report: ShownReport, command: Sequence[str], *, on_miss: str) -> Iterator[str]:
    """Yield what can be done about a replay that diverged."""
    if report.verdict != "diverged":
        return
    if command and not report.entries:
        yield f"'{command[0]}' asked nothing of the tape: tapes-record(1) says how clients are led"
    elif report.divergence is None:
        yield "it ended before the tape did: its own output says why"
    elif on_miss == "fail":
        yield "'--on-miss record' asks the model there, and keeps what comes as a branch"


def branch_members(branches: Iterable[ShownBranch], lost: int) -> dict[str, object]:
    """Return the same for JSON; nothing where nothing was recorded."""
    found = [
        {"ref": branch.name, "parent": str(branch.parent), "number": branch.place}
        for branch in branches
    ]
    return {**({"recorded": found} if found else {}), **({"lost": lost} if lost else {})}


def _drift_members(drift: ShownDrift) -> dict[str, object]:
    name = {"tool": drift.name} if drift.name is not None else {}
    return {"what": drift.what, **name, "recorded": drift.old, "came": drift.new}


def iter_address_lines(variables: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Yield what points clients at a server that stands, as a shell reads it."""
    for name, value in variables:
        yield f"export {name}={value}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
