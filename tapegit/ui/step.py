"""What `step` says: where one stands, and what of a turn was asked for."""
# ruff: noqa: D102 - the docstring of the protocol names its fields

from __future__ import annotations

import os
import sys
from difflib import unified_diff
from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from tapegit.dialects.meaning.arguments import format_value, split_arguments
from tapegit.dialects.parts import Thinking, ToolCall
from tapegit.ui.escape import escape_line
from tapegit.ui.log import iter_header
from tapegit.ui.show import describe_usage, iter_facts, iter_part, print_part
from tapegit.ui.terminal import Styled

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Protocol

    from tapegit.objects.turn import Turn
    from tapegit.ui.log import LogForm, Parts
    from tapegit.ui.terminal import Terminal

    class ShownChange(Protocol):
        """A setting, and its values before and now."""

        @property
        def name(self) -> str: ...
        @property
        def before(self) -> object: ...
        @property
        def after(self) -> object: ...

    class ShownDecision(Protocol):
        """What was decided, by whom, and what was said with it."""

        @property
        def who(self) -> str: ...
        @property
        def what(self) -> str: ...
        @property
        def text(self) -> str: ...

    class ShownDecided(Protocol):
        """What became of a call: a decision, or the number of the turn with its result."""

        @property
        def tool(self) -> str: ...
        @property
        def decision(self) -> ShownDecision | None: ...
        @property
        def number(self) -> int | None: ...


AROUND_COUNT: Final = 5
VALUE_LENGTH_MAX: Final = 200
LINE_LENGTH_MAX: Final = 400
"""Of a line of a stop, where a person reads it."""
HEIGHT_DEFAULT: Final = 24
HEIGHT_MIN: Final = 12


def format_prompt(number: int, count: int) -> str:
    """Return the prompt: where one stands, and how far the tape goes."""
    return f"(#{number} of {count - 1}) "


def find_height() -> int:
    """Return how many lines of a stop fit on the screen, with the prompt below them."""
    try:
        lines = os.get_terminal_size(sys.stdout.fileno()).lines
    except (OSError, ValueError):
        lines = 0
    return max((lines or HEIGHT_DEFAULT) - 3, HEIGHT_MIN)


def print_stop(
    terminal: Terminal, number: int, shown: Any, form: LogForm, line_count_max: int | None = None
) -> None:
    """Print the turn that one stands at, with its number before it.

    Args:
        terminal: Where to.
        number: Of the turn.
        shown: It; has `oid`, `turn` and `parts`.
        form: How ids look.
        line_count_max: More lines are only counted, and long ones cut.
    """
    terminal.line(Styled(f"#{number}", "bold cyan"), f"  {shown.turn.role}")
    count = 1
    for parts in _iter_stop(shown, form):
        count += 1
        if line_count_max is None:
            terminal.line(*parts)
        elif count <= line_count_max:
            terminal.line(*_cut(parts, LINE_LENGTH_MAX))
    if line_count_max is not None and count > line_count_max:
        more = count - line_count_max
        terminal.line(Styled(f"… {more} more line{'' if more == 1 else 's'}: 'show'", "dim"))


def _iter_stop(shown: Any, form: LogForm) -> Iterator[Parts]:
    yield from iter_header(shown.oid, shown.turn, form)
    yield from iter_facts(shown.turn)
    for part in shown.parts:
        yield ("",)
        yield from iter_part(part)


def _cut(parts: Parts, length_max: int) -> Iterator[str | Styled]:
    """Yield the parts of a line up to a length."""
    left = length_max
    for part in parts:
        text = str(part)
        if len(text) > left:
            kept = text[:left] + "…"
            yield Styled(kept, part.style) if isinstance(part, Styled) else kept
            return
        left -= len(text)
        yield part


def print_lines(terminal: Terminal, turns: Iterable[tuple[int, Turn]], here: int) -> None:
    """Print one line for each turn; the one that one stands at is marked."""
    for number, turn in turns:
        mark = "> " if number == here else "  "
        says = f"{turn.role}: {turn.summary}" if turn.summary else turn.role
        terminal.line(mark, Styled(f"#{number}", "cyan"), f"  {escape_line(says)}")


def print_thinking(terminal: Terminal, shown: Any) -> bool:
    """Print the reasoning of a turn; return whether there is any."""
    found = [part for part in shown.parts if isinstance(part, Thinking)]
    for part in found:
        print_part(terminal, part)
    return bool(found)


def print_calls(terminal: Terminal, shown: Any) -> bool:
    """Print the calls of a turn, their arguments one by one; return whether there are any."""
    found = [part for part in shown.parts if isinstance(part, ToolCall)]
    for part in found:
        terminal.line(Styled(escape_line(part.name), "cyan"))
        for name, value in split_arguments(part.arguments) or [("", part.arguments)]:
            first, *rest = value.split("\n")
            terminal.line("  ", Styled(escape_line(name), "bold"), f": {first}")
            for line in rest:
                terminal.line(f"    {line}")
    return bool(found)


def print_usage(terminal: Terminal, turn: Turn) -> bool:
    """Print what a turn cost and how long it took; return whether anything is known."""
    facts = [
        ("tokens", describe_usage(turn)),
        ("model", turn.model or ""),
        ("first token", _seconds(turn.ttft_ms)),
        ("answer", _seconds(turn.duration_ms)),
        ("stop", turn.stop or ""),
    ]
    known = [(name, value) for name, value in facts if value]
    for name, value in known:
        terminal.line(f"{name}: {escape_line(value)}")
    return bool(known)


def _seconds(time_ms: int | None) -> str:
    return "" if time_ms is None else f"{time_ms / 1000:.3f} s"


def print_decisions(
    terminal: Terminal, decided: Iterable[ShownDecided], policy: Mapping[str, str]
) -> bool:
    """Print what was decided, and what needed no asking; return whether anything is known."""
    has_any = False
    for each in decided:
        has_any = True
        subject = (Styled(escape_line(each.tool), "cyan"), ": ") if each.tool else ()
        if each.decision is not None:
            style = "green" if each.decision.what == "approved" else "red"
            says = Styled(f"{each.decision.what} by the {each.decision.who}", style)
            terminal.line(*subject, says, f" (#{each.number})")
            for line in filter(None, each.decision.text.split("\n")):
                terminal.line(f"    {line}")
        elif each.number is not None:
            terminal.line(*subject, f"not refused: its result is in #{each.number}")
        else:
            terminal.line(*subject, "no result")
    for name, value in sorted(policy.items()):
        terminal.line(f"{escape_line(name)}: {escape_line(value)}")
    return has_any or bool(policy)


def print_changes(
    terminal: Terminal, new: Iterable[tuple[int, Turn]], changes: Iterable[ShownChange]
) -> bool:
    """Print what came since the answer before, and settings with their values then and now.

    Returns:
        Whether there is any of it.
    """
    has_any = False
    for number, turn in new:
        has_any = True
        says = f"{turn.role}: {turn.summary}" if turn.summary else turn.role
        terminal.line("+ ", Styled(f"#{number}", "cyan"), f"  {escape_line(says)}")
    for change in changes:
        has_any = True
        terminal.line(Styled(escape_line(change.name), "bold"))
        for sign, line in _iter_changed(change.before, change.after):
            terminal.line("  ", Styled(f"{sign} {line}", "red" if sign == "-" else "green"))
    return has_any


def _iter_changed(before: object, after: object) -> Iterator[tuple[str, str]]:
    """Yield the lines that went and that came."""
    old, new = ([] if value is None else _value(value).split("\n") for value in (before, after))
    for line in islice(unified_diff(old, new, n=0, lineterm=""), 2, None):  # two are names
        if line[0] in "+-":
            text = escape_line(line[1:])
            cut = text if len(text) <= VALUE_LENGTH_MAX else text[: VALUE_LENGTH_MAX - 1] + "…"
            yield line[0], cut


def _value(value: object) -> str:
    return value if isinstance(value, str) else format_value(value)


def print_help(terminal: Terminal, views: Mapping[str, str]) -> None:
    """Print the words there are."""
    for words, what in (
        ("next [N], back [N]", "the next turn, or the N-th; Enter says the last word again"),
        ("#46, #-1, first, last", "a turn by its number"),
        (
            "next WHAT, back WHAT",
            "WHAT: error, tool [NAME], file PATH, role NAME, decision, /PATTERN/",
        ),
        ("/PATTERN, ?PATTERN", "the next turn, or the one before, that says it"),
        *views.items(),
        ("quit", "leave"),
    ):
        terminal.line(Styled(f"{words:<24}", "bold"), what)
