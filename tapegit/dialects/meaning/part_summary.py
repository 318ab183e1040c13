"""The one line that stands for a message, worked out from its parts, whatever dialect it is of.

Source: tapesdialect-swe-agent(7), "Summary".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from tapegit.dialects.call_subject import summarize_call
from tapegit.dialects.parts import (
    AnyPart,
    Attachment,
    Compaction,
    Failure,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from tapegit.dialects.syntax.lines import first_line

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    SummarizeCall = Callable[[str, bytes, str | None], str]


TOOL_NAME_LENGTH_MAX: Final = 200
_SURROGATES: Final = ("utf-8", "surrogatepass")


class PartSummary(NamedTuple):
    """What can stand for a message: a headline, else its labels, else the fallback."""

    headline: str | None = None
    labels: tuple[str, ...] = ()
    fallback: str | None = None
    tools: tuple[str, ...] = ()


def summarize_parts(
    parts: Iterable[AnyPart],
    *,
    cwd: str | None = None,
    summarize: SummarizeCall = summarize_call,
) -> PartSummary:
    """Return what can stand for a message, and the names of the tools that it calls.

    Args:
        parts: Of the message, in order.
        cwd: The working directory, taken off paths in calls.
        summarize: Gives the line of a call: of its name, its arguments as JSON, and `cwd`.
    """
    headline = attachment = fallback = None
    labels = []
    tools = []
    for part in parts:
        if isinstance(part, ToolCall):
            labels.append(summarize(part.name, part.arguments.encode(*_SURROGATES), cwd))
            if 0 < len(part.name) <= TOOL_NAME_LENGTH_MAX:
                tools.append(part.name)
        elif isinstance(part, Thinking):
            fallback = fallback or "(thinking)"
        elif isinstance(part, Attachment):
            attachment = attachment or ("[image]" if part.kind == "image" else "[file]")
        else:
            headline = headline or summarize_part(part)
    return PartSummary(headline or attachment, tuple(labels), fallback, tuple(tools))


def summarize_part(part: AnyPart) -> str | None:
    """Return the line of a text, a result, an error or a compaction; None where it says nothing."""
    if isinstance(part, ToolResult):
        line = first_line(part.text) or ("[image]" if part.attachments else None)
        if part.is_error:
            return f"error: {line}" if line else "error"
        return line or "ok"
    if isinstance(part, Failure):
        line = first_line(part.text)
        return f"error: {line}" if line else "error"
    if isinstance(part, Compaction):
        return "compacted"
    return first_line(part.text) if isinstance(part, Text) else None
