"""The one line that stands for a turn of a Gemini CLI session.

Source: tapesdialect-gemini-cli(7), "Summary".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tapegit.dialects.call_subject import summarize_call
from tapegit.dialects.gemini_cli.record import InlineData, ToolCallRecord, iter_parts_of
from tapegit.dialects.syntax.lines import first_line
from tapegit.dialects.syntax.members import decode_members, decode_string, has_value, read_text

if TYPE_CHECKING:
    from tapegit.dialects.syntax.members import Json


def summarize_content(content: Json) -> str | None:
    """Return the first line of the first text that is no thought and not blank, else a file."""
    attachment = None
    for part, _ in iter_parts_of(content):
        text = decode_string(part.text)
        line = first_line(text) if text and bytes(part.thought) != b"true" else None
        if line:
            return line
        if attachment is None and (has_value(part.inlineData) or has_value(part.fileData)):
            data = decode_members(InlineData, part.inlineData or part.fileData)
            is_image = (read_text(data.mimeType) or "").startswith("image/")
            attachment = "[image]" if is_image else "[file]"
    return attachment


def summarize_tool_call(call: ToolCallRecord) -> str:
    """Return a call as `Name: argument`, or its name alone."""
    return summarize_call(read_text(call.name) or "tool", call.args, None)


def summarize_event(kind: str, content: Json) -> str:
    """Return the line of a message that is an event: its type, and what it says."""
    line = summarize_content(content)
    return f"{kind}: {line}" if line else kind


def summarize_replacement(count: int) -> str:
    """Return the line of a record that puts other messages in place of all."""
    return f"history replaced by {count} message{'' if count == 1 else 's'}"
