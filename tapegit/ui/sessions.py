"""Sessions as a list for people, and as JSON."""
# ruff: noqa: D102 - the docstrings of the protocols name their fields

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Protocol

from tapegit.ui.dates import format_date
from tapegit.ui.escape import escape_line
from tapegit.ui.terminal import Styled

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Line = tuple[str | Styled, ...]

    class ShownSession(Protocol):
        """A session in a list; what is not known is None."""

        @property
        def harness(self) -> str: ...
        @property
        def session(self) -> str: ...
        @property
        def ref(self) -> str: ...
        @property
        def tip(self) -> str: ...
        @property
        def first_ms(self) -> int | None: ...
        @property
        def last_ms(self) -> int | None: ...
        @property
        def turn_count(self) -> int: ...
        @property
        def tape_count(self) -> int: ...
        @property
        def is_open(self) -> bool: ...
        @property
        def title(self) -> str | None: ...
        @property
        def models(self) -> tuple[str, ...]: ...
        @property
        def cwd(self) -> str | None: ...
        @property
        def branch(self) -> str | None: ...
        @property
        def name(self) -> str | None: ...
        @property
        def usage(self) -> tuple[int | None, ...]: ...
        @property
        def joined(self) -> tuple[str, ...]: ...

    class ShownListed(Protocol):
        """A session, and the beginning of its id that means no other session."""

        @property
        def short(self) -> str: ...
        @property
        def row(self) -> ShownSession: ...


TURNS_PLACE: Final = 2
MODEL_LENGTH_MAX: Final = 28
BRANCH_LENGTH_MAX: Final = 24
USAGE_NAMES: Final = (
    "input",
    "output",
    "cache_read",
    "cache_write_5m",
    "cache_write_1h",
    "reasoning",
)


def iter_session_lines(listed: Sequence[ShownListed], *, date: str, now_ms: int) -> Iterator[Line]:
    """Yield a line for each session: id, harness, when, turns, state, model, branch and title."""
    cells = [_cells(each.row, date=date, now_ms=now_ms) for each in listed]
    ids = [escape_line(each.short) for each in listed]
    width = max(map(len, ids), default=0)
    widths = [max(column) for column in zip(*(map(len, row) for row in cells), strict=True)]
    for each, short, columns in zip(listed, ids, cells, strict=True):
        padded = [cell.ljust(size) for cell, size in zip(columns, widths, strict=True)]
        padded[TURNS_PLACE] = columns[TURNS_PLACE].rjust(widths[TURNS_PLACE])
        name = f"[{escape_line(each.row.name)}] " if each.row.name else ""
        line = "  ".join(("", *padded, name + escape_line(each.row.title or "")))
        yield Styled(short.ljust(width), "yellow"), line.rstrip()


def session_members(row: ShownSession) -> dict[str, object]:
    """Return a session as the members of a JSON object; what is unknown is absent."""
    usage = {
        name: count for name, count in zip(USAGE_NAMES, row.usage, strict=True) if count is not None
    }
    members = {
        "harness": row.harness,
        "session": row.session,
        "ref": row.ref,
        "remote": _remote_of(row.ref),
        "turn": row.tip,
        "title": row.title,
        "name": row.name,
        "first": row.first_ms,
        "last": row.last_ms,
        "turns": row.turn_count,
        "tapes": row.tape_count,
        "open": row.is_open,
        "models": list(row.models) or None,
        "cwd": row.cwd,
        "branch": row.branch,
        "usage": usage or None,
        "joined": [folder.removeprefix("refs/sessions/") for folder in row.joined] or None,
    }
    return {key: value for key, value in members.items() if value is not None}


def _remote_of(ref: str) -> str | None:
    """Return the remote that a session was fetched from, or None for one of this store."""
    return ref.split("/")[2] if ref.startswith("refs/remotes/") else None


def _cells(row: ShownSession, *, date: str, now_ms: int) -> list[str]:
    models = row.models
    more = f" +{len(models) - 1}" if len(models) > 1 else ""
    remote = _remote_of(row.ref)
    return [
        escape_line(row.harness + (f" ({remote})" if remote else "")),
        format_date(row.last_ms, date, now_ms=now_ms) if row.last_ms is not None else "-",
        str(row.turn_count),
        "open" if row.is_open else "closed",
        _cut(models[-1], MODEL_LENGTH_MAX) + more if models else "-",
        _cut(row.branch, BRANCH_LENGTH_MAX) if row.branch else "-",
    ]


def _cut(text: str, length_max: int) -> str:
    line = escape_line(text[:length_max])
    return line if len(text) <= length_max else line[: length_max - 1] + "…"
