"""What `step` says, as the members of JSON objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tapegit.dialects.meaning.arguments import format_value
from tapegit.dialects.parts import part_members
from tapegit.ui.turn_format import USAGE_NAMES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tapegit.objects.turn import Turn
    from tapegit.ui.step import ShownChange, ShownDecided

    Members = dict[str, object]


def stop(number: int, count: int, shown: Any) -> Members:
    """Return where one stands; `shown` has `oid`, `turn` and `parts`."""
    turn: Turn = shown.turn
    return {
        "step": number,
        "last": count - 1,
        "oid": str(shown.oid),
        "role": turn.role,
        "summary": turn.summary,
        "model": turn.model,
        "parts": [part_members(part) for part in shown.parts],
    }


def turns(numbered: Iterable[tuple[int, Turn]]) -> Members:
    """Return turns by number, role and summary."""
    return {
        "turns": [
            {"step": number, "role": turn.role, "summary": turn.summary}
            for number, turn in numbered
        ]
    }


def changes(new: Iterable[tuple[int, Turn]], changed: Iterable[ShownChange]) -> Members:
    """Return what came, and settings; what is no text is JSON in a text."""
    return {
        **turns(new),
        "settings": [
            {"name": each.name, "before": _text(each.before), "after": _text(each.after)}
            for each in changed
        ],
    }


def decisions(decided: Iterable[ShownDecided], policy: Mapping[str, str]) -> Members:
    """Return what became of calls, and what needed no asking."""
    rows: list[Members] = []
    for each in decided:
        row: Members = {"tool": each.tool or None, "at": each.number}
        if each.decision is not None:
            row |= {"who": each.decision.who, "what": each.decision.what}
            row["text"] = each.decision.text or None
        rows.append(row)
    return {"decided": rows, "policy": dict(policy)}


def usage(turn: Turn) -> Members:
    """Return tokens and times."""
    counts = {name: getattr(turn.usage, name) for name in USAGE_NAMES} if turn.usage else None
    return {
        "model": turn.model,
        "usage": counts,
        "ttft_ms": turn.ttft_ms,
        "duration_ms": turn.duration_ms,
        "stop": turn.stop,
    }


def parts(shown: Any, kind: str) -> Members:
    """Return the parts of a turn that are of a kind."""
    found = [part_members(part) for part in shown.parts]
    return {"parts": [members for members in found if members["part"] == kind]}


def request(asked: Any, text: str | None) -> Members:
    """Return a request, or what of it was asked for, as text."""
    body = asked.body.decode("utf-8", "replace") if text is None else text
    return {"is_recorded": asked.is_recorded, "losses": asked.loss_count, "text": body}


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else format_value(value)
