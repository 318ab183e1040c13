"""A log in any form: presets and formats, statistics, agents, NUL between turns, a drawing.

`ui/log` has the two forms that are asked for most, and is all that those load.

Source: tapes-log(1), "FORMATS".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tapegit.objects.canonical import decode_canonical
from tapegit.objects.turn import Turn, decode_turn
from tapegit.ui.escape import escape_line, format_json
from tapegit.ui.log import iter_header, iter_lines, oneline_parts, print_drawn
from tapegit.ui.show import describe_usage, iter_facts, iter_part
from tapegit.ui.terminal import Styled
from tapegit.ui.turn_format import USAGE_NAMES, FormatView, Literal, TurnFormat, parse_turn_format

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tapegit.dialects.parts import AnyPart
    from tapegit.objects.oid import ObjectId
    from tapegit.ui.log import LogForm, Parts
    from tapegit.ui.terminal import Terminal

    Piece = str | Styled | Literal
    Preset = Callable[[ObjectId, bytes, LogForm], Iterator[Parts]]

PRESET_DEFAULT: Final = "medium"
ONELINE: Final = "oneline"
FORMATS: Final = {"reference": "%h (%s, %as)"}
"""Presets that are formats."""

_MARGIN: Final = "    "
_FILE_WIDTH_MAX: Final = 60


class LogLayout(NamedTuple):
    """How the turns of a log look.

    Attributes:
        form: Dates, ids, refs; and the drawing, if any.
        preset: The lines of a turn, where there is no format of the user's.
        is_dense: No empty line stands between two turns.
        format: The user's format.
        read_body: Gives the texts that were said in a turn, for a format.
        measure: Gives the numbers of a turn, if they are wanted.
        read_parts: Gives the parts of a turn, if they are wanted.
        nul: NUL stands where a new-line ends, or an empty line parts, turns.
    """

    form: LogForm
    preset: Preset
    is_dense: bool
    format: TurnFormat | None
    read_body: Callable[[Turn], str]
    measure: Callable[[Turn], Any] | None = None
    read_parts: Callable[[Turn], Iterable[AnyPart]] | None = None
    nul: bool = False


def find_preset(name: str) -> tuple[Preset, TurnFormat | None, bool]:
    """Return what prints a turn in a form: lines or a format, and whether turns stand close.

    Raises:
        UserError: The format has a field that is not known.
        KeyError: There is no form of this name.
    """
    if name in FORMATS:
        name = FORMATS[name]
    if "%" in name or name.startswith(("format:", "tformat:")) or not name:
        return iter_lines, parse_turn_format(name), True
    return _PRESETS[name], None, name == ONELINE


def print_full(terminal: Terminal, entries: Iterable[Any], layout: LogLayout) -> None:
    """Print entries, each with `oid`, `data`, `parents` and `agents`."""
    drawer = layout.form.drawer
    if drawer is not None:
        print_drawn(
            terminal,
            entries,
            drawer,
            lambda entry: map(_as_parts, iter_block(entry, layout)),
            is_dense=layout.is_dense,
        )
        return
    form = layout.format
    if form is not None and not form.pieces:
        entries = iter(()) if layout.measure is None else entries
    ends_itself = form is None or form.is_terminated
    mark = "\0" if layout.nul else "\n"
    is_first = True
    for entry in entries:
        lines = list(iter_block(entry, layout))
        if not is_first and (not ends_itself or not layout.is_dense):
            terminal.data(mark.encode())
        is_first = False
        for number, line in enumerate(lines, 1):
            _write(terminal, line)
            is_last = number == len(lines)
            if not is_last or (ends_itself and not layout.is_dense):
                terminal.data(b"\n")
            elif ends_itself:
                terminal.data(mark.encode())


def iter_block(entry: Any, layout: LogLayout) -> Iterator[Sequence[Piece]]:
    """Yield the lines of one turn."""
    turn = None
    if layout.format is not None:
        turn = decode_turn(entry.data)
        view = FormatView(entry.oid, turn, layout.form, layout.read_body)
        yield from _split_lines(layout.format.expand(view))
    else:
        yield from layout.preset(entry.oid, entry.data, layout.form)
    is_oneline = layout.format is None and layout.is_dense
    for agent in entry.agents if layout.form.drawer is None else ():
        yield from iter_agent(agent, layout.form, is_oneline=is_oneline)
    if layout.measure is not None:
        turn = turn or decode_turn(entry.data)
        if not is_oneline and (layout.format is None or layout.format.pieces):
            yield ("",)
        yield from iter_stat(layout.measure(turn), turn)
    if layout.read_parts is not None:
        for part in layout.read_parts(turn or decode_turn(entry.data)):
            yield ("",)
            yield from iter_part(part)


def iter_agent(agent: Any, form: LogForm, *, is_oneline: bool) -> Iterator[Parts]:
    """Yield the lines that say which agent a turn spawned; `agent` is porcelain/agents' value."""
    said = f" {escape_line(agent.summary)}" if agent.summary else ""
    name = escape_line(agent.name)
    if not is_oneline:
        yield ("",)
    yield (
        _MARGIN,
        Styled(form.abbreviate(agent.tip), "yellow"),
        f" agent {name}, {count_words(agent.turn_count, 'turn')}:{said}",
    )


def iter_stat(stat: Any, turn: Turn) -> Iterator[Parts]:
    """Yield the lines of the numbers of a turn: a line for each file, and a sum."""
    names = {path: escape_line(path) for path in stat.files}
    shown = {path: _shorten(name) for path, name in names.items()}
    width = max(map(len, shown.values()), default=0)
    for path, calls in stat.files.items():
        tools = ", ".join(map(escape_line, calls))
        yield (f" {shown[path].ljust(width)} | {calls.total()} ", Styled(tools, "green"))
    words = [count_words(stat.parts, "part"), count_words(stat.size_bytes, "byte")]
    if stat.calls:
        each = ", ".join(
            escape_line(name) if count == 1 else f"{escape_line(name)} {count}"
            for name, count in stat.calls.items()
        )
        words.append(f"{count_words(stat.calls.total(), 'tool call')} ({each})")
    if stat.files:
        words.append(count_words(len(stat.files), "file"))
    tokens = count_tokens(turn)
    if tokens is not None:
        words.append(f"{count_words(tokens, 'token')} ({describe_usage(turn)})")
    yield (" " + ", ".join(words),)


def count_tokens(turn: Turn) -> int | None:
    """Return all tokens of a turn, in and out; None where none are known."""
    usage = turn.usage
    if usage is None:
        return None
    counts = [getattr(usage, name) for name in USAGE_NAMES if name != "reasoning"]
    known = [count for count in counts if count is not None]
    return sum(known) if known else None


def stat_members(stat: Any) -> dict[str, object]:
    """Return the numbers of a turn as the members of a JSON object."""
    return {
        "parts": stat.parts,
        "bytes": stat.size_bytes,
        "calls": dict(stat.calls),
        "files": {path: dict(calls) for path, calls in stat.files.items()},
    }


def count_words(count: int, noun: str) -> str:
    """Return `1 part`, `2 parts`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _shorten(name: str) -> str:
    return name if len(name) <= _FILE_WIDTH_MAX else "..." + name[3 - _FILE_WIDTH_MAX :]


def _split_lines(pieces: Iterable[Piece]) -> Iterator[list[Piece]]:
    line: list[Piece] = []
    for piece in pieces:
        text = piece if isinstance(piece, str) else piece.text
        first, *others = text.split("\n")
        line.append(_like(piece, first))
        for other in others:
            yield line
            line = [_like(piece, other)]
    yield line


def _like(piece: Piece, text: str) -> Piece:
    if isinstance(piece, Styled):
        return Styled(text, piece.style)
    return Literal(text) if isinstance(piece, Literal) else text


def _as_parts(line: Sequence[Piece]) -> Parts:
    parts = tuple(piece.text if isinstance(piece, Literal) else piece for piece in line)
    return parts if any(map(str, parts)) else ("",)


def _write(terminal: Terminal, line: Sequence[Piece]) -> None:
    for piece in line:
        if isinstance(piece, Literal):
            terminal.data(piece.text.encode("utf-8", "surrogateescape"))
        else:
            terminal.text(piece)


def _oneline(oid: ObjectId, data: bytes, form: LogForm) -> Iterator[Parts]:
    yield oneline_parts(oid, data, form)


def _short(oid: ObjectId, data: bytes, form: LogForm) -> Iterator[Parts]:
    turn = decode_turn(data)
    for parts in iter_header(oid, turn, form):
        if not str(parts[0]).startswith("Date: "):
            yield parts
    yield from _message(turn)


def iter_shown(oid: ObjectId, data: bytes, form: LogForm) -> Iterator[Parts]:
    """Yield the lines of a turn as `show` has them, its summary in place of its parts."""
    yield from iter_head(oid, data, form)
    yield from _message(decode_turn(data))


def iter_head(oid: ObjectId, data: bytes, form: LogForm) -> Iterator[Parts]:
    """Yield the lines of a turn that `show` has above its parts."""
    turn = decode_turn(data)
    yield from iter_header(oid, turn, form)
    yield from iter_facts(turn)


def _full(oid: ObjectId, data: bytes, form: LogForm) -> Iterator[Parts]:
    turn = decode_turn(data)
    yield from iter_head(oid, data, form)
    if turn.tools:
        yield (f"Tools: {', '.join(map(escape_line, turn.tools))}",)
    if turn.dialect is not None:
        yield (f"Dialect: {escape_line(turn.dialect)}",)
    if turn.redacted is not None:
        rules = (f"{count} {escape_line(rule)}" for rule, count in turn.redacted.rules)
        yield (f"Redacted: {', '.join(rules)}",)
    yield from _message(turn)


def _raw(oid: ObjectId, data: bytes, form: LogForm) -> Iterator[Parts]:
    """Yield every field of a turn, a line for each as it is stored, then the summary."""
    yield next(iter_header(oid, decode_turn(data), form))
    members: dict[str, Any] = decode_canonical(data, where="turn")
    for name, value in members.items():
        if name == "parents":
            for parent in value:
                yield (f"parent {parent}",)
        elif name == "raw":
            for piece in value:
                at = f" {piece['at']}" if "at" in piece else ""
                yield (f"raw {piece['oid']}{at}",)
        elif name != "summary":
            text = escape_line(value) if isinstance(value, str) else format_json(value)
            yield (f"{escape_line(name)} {text}",)
    yield from _message(decode_turn(data))


def _message(turn: Turn) -> Iterator[Parts]:
    if turn.summary is not None:
        yield ("",)
        yield (_MARGIN + escape_line(turn.summary),)


_PRESETS: Final[dict[str, Preset]] = {
    "oneline": _oneline,
    "short": _short,
    PRESET_DEFAULT: iter_lines,
    "full": _full,
    "raw": _raw,
}
PRESETS: Final = (*_PRESETS, *FORMATS)
