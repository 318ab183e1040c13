"""The one line that stands for a turn of a Claude Code transcript.

Pure functions from what one record says to the line, or the pieces of the line, that it adds;
the recorder joins the pieces of a message and cleans the result.

Source: tapesdialect-claude-code(7), "Summary".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import msgspec

from tapegit.dialects.call_subject import find_subject
from tapegit.dialects.claude_code.record import (
    Block,
    ClaudeRecord,
    CompactMetadata,
    decode_blocks,
    decode_leniently,
)
from tapegit.dialects.syntax.lines import BLANKS, LINE_LENGTH_MAX, first_line
from tapegit.dialects.syntax.members import clean_count, clean_text, decode_string, has_value

if TYPE_CHECKING:
    from collections.abc import Iterable

INJECTED_TAGS: Final = (
    "system-reminder",
    "ide_opened_file",
    "ide_selection",
    "local-command-caveat",
)
"""A text that begins with one of these was put there by the harness."""

_TAGS: Final = (
    "local-command-stdout",
    "local-command-stderr",
    "bash-stdout",
    "bash-stderr",
    "tool_use_error",
    *INJECTED_TAGS,
)
_INJECTED = re.compile(r"[ \t\r\n]*<(?:" + "|".join(INJECTED_TAGS) + ")>")
_TAGGED = re.compile(r"[ \t\r\n]*<(" + "|".join(_TAGS) + ")>")
_COMMAND_NAME = re.compile(r"<command-name>([^<]{0,1000})</command-name>")
_COMMAND_ARGS = re.compile(r"<command-args>([^<]{0,1000})")
_BASH_INPUT = re.compile(r"[ \t\r\n]*<bash-input>([^<]{0,1000})")
_COMMAND_HEAD_LENGTH: Final = 4000

_ARGUMENTS: Final = (
    "command",
    "file_path",
    "notebook_path",
    "path",
    "pattern",
    "query",
    "url",
    "skill",
    "description",
    "subject",
    "prompt",
    "name",
    "task_id",
)
_PATH_ARGUMENTS: Final = frozenset({"file_path", "notebook_path", "path"})
_ArgumentValues = msgspec.defstruct(
    "_ArgumentValues", [(name, msgspec.Raw, msgspec.Raw()) for name in _ARGUMENTS]
)
_arguments_decoder: Final = msgspec.json.Decoder(_ArgumentValues)


class ApiError(msgspec.Struct):
    """`error` of an `api_error` record, as far as one line needs it."""

    status: int | None = None
    message: str | None = None
    type: str | None = None


def is_injected(text: str) -> bool:
    """Return whether a text of a user's message was put there by the harness."""
    return _INJECTED.match(text) is not None


def summarize_user(content: str | list[Block] | None, *, is_compact_summary: bool) -> str | None:
    """Return the line of a user's message."""
    line = _summarize_prompt(content)
    return f"[compacted] {line}" if line and is_compact_summary else line


def summarize_result(block: Block) -> str:
    """Return the line of a tool's result."""
    content = decode_blocks(block.content) if has_value(block.content) else None
    line = None
    for text in [content] if isinstance(content, str) else _texts(content):
        line = line or first_line(_strip_tag(text))
    if line is None and isinstance(content, list):
        line = _name_attachment(content)
    if block.is_error:
        return f"error: {line}" if line else "error"
    return line or "ok"


def summarize_call(block: Block, cwd: str | None) -> str:
    """Return a call as `Name: argument`, or its name alone."""
    name = block.name or "tool"
    try:
        values = _arguments_decoder.decode(block.input)
    except msgspec.DecodeError:
        return name
    line = find_subject(values, _ARGUMENTS, _PATH_ARGUMENTS, cwd)
    return f"{name}: {line}" if line else name


def summarize_event(record: ClaudeRecord) -> str:
    """Return the line of a `system` record that is an event."""
    if record.subtype == "compact_boundary":
        return "compacted" + _describe_compaction(record.compactMetadata)
    if record.subtype == "microcompact_boundary":
        return "microcompacted" + _describe_compaction(record.microcompactMetadata)
    if record.subtype == "api_error":
        return _describe_api_error(record.error)
    text = decode_string(record.content) or ""
    return _summarize_text(text) or "local command"


def summarize_session(version: str | None, cwd: str | None, branch: str | None) -> str:
    """Return the line of a leader."""
    parts = ["claude-code"]
    if version:
        parts.append(version)
    if cwd:
        parts.append(f"in {cwd}")
    if branch:
        parts.append(f"({branch})")
    return " ".join(parts)


def _summarize_prompt(content: str | list[Block] | None) -> str | None:
    if isinstance(content, str):
        return _summarize_text(content)
    texts = list(_texts(content))
    for text in [text for text in texts if not is_injected(text)] or texts:
        line = _summarize_text(text)
        if line:
            return line
    return _name_attachment(content or [])


def _summarize_text(text: str) -> str | None:
    head = text[:_COMMAND_HEAD_LENGTH]
    name = _COMMAND_NAME.search(head)
    if name is not None:
        args = _COMMAND_ARGS.search(head)
        return first_line(f"{name[1].strip(BLANKS)} {args[1].strip(BLANKS) if args else ''}")
    typed = _BASH_INPUT.match(head)
    if typed is not None:
        return first_line(f"! {typed[1].strip(BLANKS)}")
    return first_line(_strip_tag(text))


def _strip_tag(text: str) -> str:
    tag = _TAGGED.match(text)
    if tag is None:
        return text
    return text[tag.end() : tag.end() + 4 * LINE_LENGTH_MAX].replace(f"</{tag[1]}>", "")


def _texts(content: list[Block] | None) -> Iterable[str]:
    return (block.text for block in content or () if block.type == "text" and block.text)


def _name_attachment(content: list[Block]) -> str | None:
    for block in content:
        if block.type in ("image", "document"):
            return f"[{block.type}]"
    return None


def _describe_compaction(metadata: CompactMetadata | None) -> str:
    if metadata is None:
        return ""
    parts = [metadata.trigger] if clean_text(metadata.trigger) else []
    tokens = clean_count(metadata.preTokens)
    if tokens is not None:
        parts.append(f"{tokens} tokens")
    return f" ({', '.join(filter(None, parts))})" if parts else ""


def _describe_api_error(raw: msgspec.Raw) -> str:
    said = decode_string(raw) if has_value(raw) else None
    if said is None and has_value(raw):
        error = decode_leniently(ApiError, bytes(raw))
        status = clean_count(error.status)
        said = str(status) if status is not None else error.message or error.type
    line = first_line(said) if said else None
    return f"api error: {line}" if line else "api error"
