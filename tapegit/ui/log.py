"""Turns of a log as text, as a drawing and as JSON.

The forms are git's, with the words of this program: `turn` for `commit`, a role where git has
an author. Everything a turn says came from outside, so each field stays on its line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tapegit.objects.canonical import decode_canonical
from tapegit.objects.turn import decode_subject, decode_turn
from tapegit.ui.dates import format_date
from tapegit.ui.escape import escape_line
from tapegit.ui.terminal import Styled

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tapegit.objects.oid import ObjectId
    from tapegit.objects.turn import Turn
    from tapegit.ui.graph import GraphDrawer
    from tapegit.ui.terminal import Terminal

_STYLES: Final = {
    "graft": "bold blue",
    "head": "bold cyan",
    "branch": "bold green",
    "tag": "bold yellow",
    "ref": "bold red",
}
_MARGIN: Final = "    "

if TYPE_CHECKING:
    Parts = Sequence[str | Styled]


class LogForm(NamedTuple):
    """How a log looks.

    Attributes:
        oneline: One line for each turn.
        date: One of ui/dates' `DATE_MODES`.
        now_ms: What `relative` counts from.
        abbreviate: Shortens an id.
        decorate: Gives the refs at a turn, as (kind, name, target).
        is_decorated: Whether it gives any.
        drawer: Draws the history beside the text.
        is_abbreviated: Whether the id of a turn is shortened where it stands in full.
    """

    oneline: bool
    date: str
    now_ms: int
    abbreviate: Callable[[ObjectId], str]
    decorate: Callable[[ObjectId], Sequence[tuple[str, str, str | None]]]
    is_decorated: bool = True
    drawer: GraphDrawer | None = None
    is_abbreviated: bool = False


def print_log(terminal: Terminal, entries: Iterable[Any], form: LogForm) -> None:
    """Print entries, each with `oid`, `data` and `parents`, as porcelain/log yields them."""
    if form.drawer is not None:
        lines_of = _oneline if form.oneline else _long_lines
        print_drawn(
            terminal,
            entries,
            form.drawer,
            lambda entry: lines_of(entry, form),
            is_dense=form.oneline,
        )
        return
    if form.oneline:
        _print_oneline(terminal, entries, form)
        return
    is_first = True
    for entry in entries:
        if not is_first:
            terminal.line("")
        is_first = False
        for parts in iter_lines(entry.oid, entry.data, form):
            terminal.line(*parts)


def _oneline(entry: Any, form: LogForm) -> Iterable[Parts]:
    return (oneline_parts(entry.oid, entry.data, form),)


def _long_lines(entry: Any, form: LogForm) -> Iterable[Parts]:
    return iter_lines(entry.oid, entry.data, form)


def _print_oneline(terminal: Terminal, entries: Iterable[Any], form: LogForm) -> None:
    if terminal.color or form.is_decorated:
        for entry in entries:
            terminal.line(*oneline_parts(entry.oid, entry.data, form))
        return
    abbreviate = form.abbreviate
    for entry in entries:  # the same lines, put together without parts: logs are long
        subject = decode_subject(entry.data)
        summary = subject.summary
        text = subject.role if summary is None else f"{subject.role}: {summary}"
        if not text.isprintable():
            text = escape_line(text)
        terminal.line(f"{abbreviate(entry.oid)} {text}")


def oneline_parts(oid: ObjectId, data: bytes, form: LogForm) -> Parts:
    """Return a turn on one line: `<id> (<refs>) <role>: <summary>`."""
    subject = decode_subject(data)
    summary = subject.summary
    text = subject.role if summary is None else f"{subject.role}: {escape_line(summary)}"
    refs = form.decorate(oid)
    if not refs:
        return Styled(form.abbreviate(oid), "yellow"), " " + text
    return Styled(form.abbreviate(oid), "yellow"), *decoration_parts(refs), " " + text


def iter_lines(oid: ObjectId, data: bytes, form: LogForm) -> Iterator[Parts]:
    """Yield the lines of a turn in the long form."""
    turn = decode_turn(data)
    yield from iter_header(oid, turn, form)
    if turn.summary is not None:
        yield ("",)
        yield (_MARGIN + escape_line(turn.summary),)


def iter_header(oid: ObjectId, turn: Turn, form: LogForm) -> Iterator[Parts]:
    """Yield the lines that say which turn it is, whose, and when."""
    shown = form.abbreviate(oid) if form.is_abbreviated else oid
    yield Styled(f"turn {shown}", "yellow"), *decoration_parts(form.decorate(oid))
    if len(turn.parents) > 1:
        yield ("Merge: " + " ".join(map(form.abbreviate, turn.parent_ids)),)
    role = turn.role if turn.model is None else f"{turn.role} ({escape_line(turn.model)})"
    yield (f"Role:  {role}",)
    if turn.time is not None:
        yield (f"Date:  {format_date(turn.time, form.date, now_ms=form.now_ms)}",)


def turn_members(oid: ObjectId, data: bytes) -> dict[str, object]:
    """Return a turn as the members of a JSON object: its id, and what it holds.

    `session` is the id of the session; what else a leader says of it is in `leader`.
    """
    turn: dict[str, object] = decode_canonical(data, where="turn")
    session = turn.pop("session", None)
    members: dict[str, object] = {"oid": str(oid), **turn}
    if isinstance(session, dict):
        members["session"] = session.get("id") or session.get("parent")
        members["leader"] = session
    return members


def decoration_parts(
    refs: Sequence[tuple[str, str, str | None]], *, is_wrapped: bool = True
) -> list[str | Styled]:
    """Return the refs at a turn, in brackets if wrapped; nothing where there is none."""
    if not refs:
        return []
    parts: list[str | Styled] = [Styled(" (", "yellow")] if is_wrapped else []
    for number, (kind, name, target) in enumerate(refs):
        if number:
            parts.append(Styled(", ", "yellow"))
        parts.append(Styled(escape_line(name), _STYLES[kind]))
        if target is not None:
            parts += [Styled(" -> ", "bold cyan"), Styled(escape_line(target), "bold green")]
        elif kind == "tag":
            parts[-1] = Styled(
                f"tag: {escape_line(name)}".replace("tag: tags/", "tag: "), _STYLES[kind]
            )
    return [*parts, Styled(")", "yellow")] if is_wrapped else parts


def print_drawn(
    terminal: Terminal,
    entries: Iterable[Any],
    drawer: GraphDrawer,
    lines_of: Callable[[Any], Iterable[Parts]],
    *,
    is_dense: bool,
) -> None:
    """Print entries beside a drawing of how they hang together.

    Args:
        terminal: Where to.
        entries: With `oid` and `parents`, every child before its parents.
        drawer: Draws.
        lines_of: Gives the lines of an entry.
        is_dense: No empty line stands between two.
    """
    passing = ""
    is_first = True
    for entry in entries:
        if not (is_first or is_dense):
            terminal.line(passing.rstrip())
        is_first = False
        drawing = drawer.draw(entry.oid, entry.parents)
        for row in drawing.before:
            terminal.line(row)
        width = len(drawing.row)
        rows = [drawing.row, *(row.ljust(width) for row in drawing.after)]
        passing = drawing.passing
        count = 0
        for parts in lines_of(entry):
            row = rows[count] if count < len(rows) else passing.ljust(width)
            count += 1
            if parts == ("",):
                terminal.line(row.rstrip())
            else:
                terminal.line(row, *parts)
        for row in rows[count:]:
            terminal.line(row.rstrip())
