"""Claude Code: what the records of its transcripts are.

Source: tapesdialect-claude-code(7).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tapegit.dialects.claude_code.record import (
    Block,
    ClaudeRecord,
    Message,
    RecordUsage,
    decode_look,
    decode_record,
)
from tapegit.dialects.claude_code.summary import (
    summarize_call,
    summarize_event,
    summarize_result,
    summarize_session,
    summarize_user,
)
from tapegit.dialects.syntax.lines import first_line
from tapegit.dialects.syntax.members import clean_count, clean_text, decode_string, has_value
from tapegit.harness.facts import Harness, RecordFacts, SessionFacts, UsageFacts
from tapegit.harness.places import Place
from tapegit.harness.timestamps import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.harness.places import ReadText, Surroundings

DIALECT: Final = "claude-code@1"
EVENT_SUBTYPES: Final = frozenset(
    {"compact_boundary", "microcompact_boundary", "api_error", "local_command"}
)
TOOL_NAME_LENGTH_MAX: Final = 200
FOLDER_LENGTH_MAX: Final = 200
"""A longer name of a project's folder is cut there, and ends in a hash."""

_ENVELOPE: Final = ("sessionId", "uuid", "parentUuid", "cwd", "timestamp")
_SIGNATURES: Final = {
    "summary": "leafUuid",
    "file-history-snapshot": "snapshot",
    "queue-operation": "operation",
    "progress": "data",
    "system": "sessionId",
}
_NOT_PLAIN: Final = re.compile(r"[^A-Za-z0-9]")


def is_claude_code(value: bytes) -> bool:
    """Return whether a record, given as JSON, can only come from Claude Code."""
    look = decode_look(value)
    if look is None:
        return False
    kind = decode_string(look.type) if has_value(look.type) else None
    if kind in {"user", "assistant"}:
        has_envelope = any(has_value(getattr(look, name)) for name in _ENVELOPE)
        return has_envelope and bytes(look.message).startswith(b"{")
    return kind in _SIGNATURES and has_value(getattr(look, _SIGNATURES[kind]))


def read_facts(record: ClaudeRecord) -> RecordFacts:
    """Return what a record says, for threading."""
    if record.message is not None:
        if record.type == "assistant":
            return _read_assistant(record, record.message)
        if record.type == "user":
            return _read_user(record, record.message)
    if record.type == "system" and record.subtype in EVENT_SUBTYPES:
        is_boundary = record.subtype == "compact_boundary"
        return _facts(record, "event", is_boundary=is_boundary, headline=summarize_event(record))
    return RecordFacts(
        "extra",
        uuid=clean_text(record.uuid),
        time_ms=_read_time(record),
        session=_read_session(record),
    )


def _read_assistant(record: ClaudeRecord, message: Message) -> RecordFacts:
    content = message.content
    blocks = content if isinstance(content, list) else []
    texts = [content] if isinstance(content, str) else [block.text for block in blocks]
    headline = None
    for text in texts:
        headline = headline or (first_line(text) if text else None)
    calls = [block for block in blocks if block.type == "tool_use"]
    is_thinking = any(block.type in ("thinking", "redacted_thinking") for block in blocks)
    return _facts(
        record,
        "assistant",
        message_id=clean_text(message.id),
        headline=headline,
        labels=tuple(summarize_call(block, record.cwd) for block in calls),
        fallback="(thinking)" if is_thinking else None,
        tools=tuple(filter(None, (_tool_name(block) for block in calls))),
        model=clean_text(message.model),
        stop=clean_text(message.stop_reason),
        usage=_read_usage(message.usage),
    )


def _read_user(record: ClaudeRecord, message: Message) -> RecordFacts:
    if isinstance(message.content, list):
        for block in message.content:
            if block.type == "tool_result":
                return _facts(record, "tool", headline=summarize_result(block))
    headline = summarize_user(message.content, is_compact_summary=record.isCompactSummary is True)
    return _facts(
        record, "user", is_prompt=clean_text(record.sourceToolUseID) is None, headline=headline
    )


def _facts(record: ClaudeRecord, role: str, **more: object) -> RecordFacts:
    return RecordFacts(
        "event" if role == "event" else "message",
        role,  # type: ignore[arg-type]
        is_side=record.isSidechain is True,
        agent=clean_text(record.agentId),
        uuid=clean_text(record.uuid),
        parent_uuid=clean_text(record.parentUuid),
        time_ms=_read_time(record),
        session=_read_session(record),
        **more,  # type: ignore[arg-type]
    )


def _read_time(record: ClaudeRecord) -> int | None:
    return parse_timestamp(record.timestamp) if record.timestamp else None


def _read_session(record: ClaudeRecord) -> SessionFacts:
    return SessionFacts(
        clean_text(record.sessionId),
        clean_text(record.version),
        clean_text(record.cwd),
        clean_text(record.gitBranch),
    )


def _read_usage(usage: RecordUsage | None) -> UsageFacts | None:
    if usage is None:
        return None
    cache = usage.cache_creation
    written_5m = usage.cache_creation_input_tokens
    written_1h = None
    if cache is not None:
        written_5m, written_1h = cache.ephemeral_5m_input_tokens, cache.ephemeral_1h_input_tokens
    return UsageFacts(
        input=clean_count(usage.input_tokens),
        output=clean_count(usage.output_tokens),
        cache_read=clean_count(usage.cache_read_input_tokens),
        cache_write_5m=clean_count(written_5m),
        cache_write_1h=clean_count(written_1h),
    )


def _tool_name(block: Block) -> str | None:
    return block.name if block.name and len(block.name) <= TOOL_NAME_LENGTH_MAX else None


def _summarize_leader(session: SessionFacts) -> str:
    return summarize_session(session.version, session.cwd, session.branch)


def iter_places(surroundings: Surroundings) -> Iterator[Place]:
    """Yield where Claude Code keeps its transcripts."""
    folders = [surroundings.folder("CLAUDE_CONFIG_DIR", ".claude")]
    if not surroundings.environ.get("CLAUDE_CONFIG_DIR"):
        folders.append(surroundings.folder("XDG_CONFIG_HOME", ".config") + "/claude")
    for folder in folders:
        yield Place(f"{folder}/projects", ("**/*.jsonl",), belongs)


def belongs(relative: str, directory: str, read: ReadText) -> bool | None:
    """Say by the name of its folder whether a transcript may be of a directory.

    All but letters and digits became dashes in that name, so others have the same one.
    """
    own = _NOT_PLAIN.sub("-", directory)
    name = _NOT_PLAIN.sub("-", relative.partition("/")[0])
    if name == own:
        return True
    if len(name) > FOLDER_LENGTH_MAX:
        return None if name.startswith(own[:FOLDER_LENGTH_MAX]) else False
    return None if name.startswith(f"{own}-") else False


CLAUDE_CODE: Final = Harness(
    name="claude-code",
    dialect=DIALECT,
    recognise=is_claude_code,
    decode=decode_record,
    begin=lambda: read_facts,
    summarize_session=_summarize_leader,
    places=iter_places,
)
