"""The one line that stands for a turn of a pi session.

Source: tapesdialect-pi(7), "Summary".
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from tapegit.dialects.call_subject import summarize_call
from tapegit.dialects.pi.record import ELEMENT_COUNT_MAX, Block, Entry, Message, is_true
from tapegit.dialects.syntax.lines import first_line
from tapegit.dialects.syntax.members import (
    decode_members,
    decode_string,
    iter_array,
    read_count,
    read_text,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    import msgspec


def iter_blocks(content: msgspec.Raw) -> Iterator[Block]:
    """Yield the blocks of content, a string as one of text."""
    if decode_string(content) is not None:
        yield Block(text=content)
        return
    for element in islice(iter_array(content), ELEMENT_COUNT_MAX):
        yield decode_members(Block, element)


def summarize_content(content: msgspec.Raw) -> str | None:
    """Return the first line of the first text that is not blank, else `[image]` for an image."""
    has_image = False
    for block in iter_blocks(content):
        line = first_line(decode_string(block.text) or "")
        if line:
            return line
        has_image = has_image or read_text(block.type) == "image"
    return "[image]" if has_image else None


def summarize_result(message: Message) -> str:
    """Return the line of a tool's result."""
    line = summarize_content(message.content)
    if is_true(message.isError):
        return f"error: {line}" if line else "error"
    return line or "ok"


def summarize_command(message: Message) -> str:
    """Return the line of a command that the user ran."""
    return f"! {first_line(decode_string(message.command) or '') or ''}".rstrip()


def summarize_tool_call(block: Block, cwd: str | None) -> str:
    """Return a call as `Name: argument`, or its name alone."""
    return summarize_call(read_text(block.name) or "tool", block.arguments, cwd)


def summarize_failure(message: Message) -> str:
    """Return the line of an answer that never came."""
    stop = read_text(message.stopReason) or "error"
    line = first_line(decode_string(message.errorMessage) or "")
    return f"{stop}: {line}" if line else stop


def summarize_compaction(entry: Entry) -> str:
    """Return the line of a compaction."""
    tokens = read_count(entry.tokensBefore)
    return "compacted" if tokens is None else f"compacted ({tokens} tokens)"


def summarize_branch(entry: Entry) -> str:
    """Return the line of the summary of a branch that was left."""
    line = first_line(decode_string(entry.summary) or "")
    return f"branch summary: {line}" if line else "branch summary"


def summarize_session(cwd: str | None) -> str:
    """Return the line of a leader."""
    return f"pi in {cwd}" if cwd else "pi"
