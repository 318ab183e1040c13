"""What users and guards decided about a turn of a tape, and what was allowed without asking.

A call that was refused has a result that says so; it stands in a turn after that of the call.

Source: tapes-step(1), "DECISIONS".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.meaning.decisions import GUARD, Decision, find_decision, read_policy
from tapegit.dialects.meaning.injected import dialect_name
from tapegit.dialects.parts import ToolCall, ToolResult
from tapegit.porcelain.turns.parts import iter_pieces
from tapegit.search.documents import REFUSED_STOPS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.objects.rope_reader import Find
    from tapegit.porcelain.step.step import Tape

REACH_COUNT_MAX: Final = 256
"""Turns that are read to find the result of a call, or the call of a result."""

_STATING: Final = {"claude-code": ("user",), "codex": ("user", "tool", "event")}
"""Roles of the turns whose records say what is allowed, by dialect."""


class Decided(NamedTuple):
    """What became of a call, or of a turn.

    Attributes:
        tool: That was called; empty where no call is meant.
        decision: What was decided; None where nothing is recorded.
        number: Of the turn that says so; None where there is none: the call has no result.
    """

    tool: str
    decision: Decision | None
    number: int | None


def iter_decided(tape: Tape) -> Iterator[Decided]:
    """Yield what was decided about the calls of a turn, or what the turn tells of."""
    shown = tape.show()
    parts = tuple(shown.parts)
    if shown.turn.stop in REFUSED_STOPS:
        yield Decided("", Decision(GUARD, "refused"), tape.position)
    calls = [part for part in parts if isinstance(part, ToolCall)]
    if calls:
        answers = _find_results(tape, {call.id for call in calls if call.id})
        for call in calls:
            number, result = answers.get(call.id or "", (None, None))
            decision = find_decision(result) if result is not None else None
            yield Decided(call.name, decision, number)
    for part in parts:
        decision = find_decision(part)
        if decision is not None:
            name = _find_name(tape, part) if isinstance(part, ToolResult) else ""
            yield Decided(name, decision, tape.position)


def find_policy(tape: Tape, find: Find) -> dict[str, str]:
    """Return what was allowed without asking at a turn, as far as a source says it."""
    for number in range(tape.position, -1, -1):
        turn = tape.read(number)
        name = dialect_name(turn.dialect)
        if turn.role in _STATING.get(name, ()):
            policy = read_policy(name, b"".join(iter_pieces(find, turn)))
            if policy:
                return policy
    return {}


def _find_results(tape: Tape, ids: set[str]) -> dict[str, tuple[int, ToolResult]]:
    found: dict[str, tuple[int, ToolResult]] = {}
    last = min(tape.position + REACH_COUNT_MAX, len(tape.oids) - 1)
    for number in range(tape.position + 1, last + 1):
        if len(found) == len(ids):
            break
        if tape.read(number).role == "assistant":
            continue
        for part in tape.show(number).parts:
            if isinstance(part, ToolResult) and part.call_id in ids:
                found.setdefault(part.call_id or "", (number, part))
    return found


def _find_name(tape: Tape, result: ToolResult) -> str:
    """Return the tool that a result is of, or `call` where that is not known."""
    if result.name:
        return result.name
    for number in range(tape.position - 1, max(tape.position - REACH_COUNT_MAX, -1), -1):
        if tape.read(number).role != "assistant":
            continue
        for part in tape.show(number).parts:
            if isinstance(part, ToolCall) and part.id == result.call_id:
                return part.name
    return "call"
