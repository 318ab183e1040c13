"""One record of a Codex rollout, with the members that threading, fields and parts need.

All members stay as they stand in the source until they are asked for, so none can be of a type
that refuses the others.

Source: tapesdialect-codex(7), "What a record is".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from tapegit.dialects.syntax.members import (
    NO_VALUE,
    decode_members,
    decode_string,
    has_value,
    is_object,
    read_text,
)
from tapegit.dialects.syntax.members import decode_record as decode_struct

if TYPE_CHECKING:
    from tapegit.dialects.syntax.members import Json

ENVELOPE_TYPES: Final = frozenset(
    {
        "compacted",
        "event_msg",
        "inter_agent_communication",
        "inter_agent_communication_metadata",
        "realtime_item",
        "response_item",
        "retained_context",
        "security_risk_score",
        "session_meta",
        "token_usage_record",
        "turn_context",
        "world_state",
    }
)
CALL_TYPES: Final = frozenset(
    {
        "custom_tool_call",
        "function_call",
        "image_generation_call",
        "local_shell_call",
        "tool_search_call",
        "web_search_call",
    }
)
OUTPUT_TYPES: Final = frozenset(
    {
        "custom_tool_call_output",
        "function_call_output",
        "local_shell_call_output",
        "tool_search_output",
    }
)
COMPACTION_TYPES: Final = frozenset({"compaction", "context_compaction"})
ITEM_TYPES: Final = (
    CALL_TYPES | OUTPUT_TYPES | COMPACTION_TYPES | {"agent_message", "message", "reasoning"}
)


class Envelope(msgspec.Struct):
    """A line of a rollout; of one without an envelope, the members that tell what it is."""

    timestamp: msgspec.Raw = NO_VALUE
    type: msgspec.Raw = NO_VALUE
    payload: msgspec.Raw = NO_VALUE
    record_type: msgspec.Raw = NO_VALUE
    id: msgspec.Raw = NO_VALUE
    instructions: msgspec.Raw = NO_VALUE


class Payload(msgspec.Struct):
    """`payload`, of whatever type."""

    type: msgspec.Raw = NO_VALUE
    role: msgspec.Raw = NO_VALUE
    content: msgspec.Raw = NO_VALUE
    summary: msgspec.Raw = NO_VALUE
    encrypted_content: msgspec.Raw = NO_VALUE
    name: msgspec.Raw = NO_VALUE
    namespace: msgspec.Raw = NO_VALUE
    arguments: msgspec.Raw = NO_VALUE
    input: msgspec.Raw = NO_VALUE
    action: msgspec.Raw = NO_VALUE
    result: msgspec.Raw = NO_VALUE
    execution: msgspec.Raw = NO_VALUE
    call_id: msgspec.Raw = NO_VALUE
    id: msgspec.Raw = NO_VALUE
    output: msgspec.Raw = NO_VALUE
    tools: msgspec.Raw = NO_VALUE
    text: msgspec.Raw = NO_VALUE
    message: msgspec.Raw = NO_VALUE
    reason: msgspec.Raw = NO_VALUE
    num_turns: msgspec.Raw = NO_VALUE
    info: msgspec.Raw = NO_VALUE
    model: msgspec.Raw = NO_VALUE


class Meta(msgspec.Struct):
    """`payload` of `session_meta`, or a first line without an envelope."""

    id: msgspec.Raw = NO_VALUE
    cwd: msgspec.Raw = NO_VALUE
    cli_version: msgspec.Raw = NO_VALUE
    git: msgspec.Raw = NO_VALUE
    forked_from_id: msgspec.Raw = NO_VALUE
    parent_thread_id: msgspec.Raw = NO_VALUE
    agent_path: msgspec.Raw = NO_VALUE
    agent_nickname: msgspec.Raw = NO_VALUE
    source: msgspec.Raw = NO_VALUE


class Source(msgspec.Struct):
    """`source` of the meta, where another thread is what began this one."""

    subagent: msgspec.Raw = NO_VALUE


class Subagent(msgspec.Struct):
    """`subagent` of the source."""

    thread_spawn: msgspec.Raw = NO_VALUE


class ThreadSpawn(msgspec.Struct):
    """`thread_spawn` of the subagent: which thread it was, and what it calls this one."""

    parent_thread_id: msgspec.Raw = NO_VALUE
    agent_path: msgspec.Raw = NO_VALUE
    agent_nickname: msgspec.Raw = NO_VALUE


class Git(msgspec.Struct):
    """`git` of the meta."""

    branch: msgspec.Raw = NO_VALUE
    commit_hash: msgspec.Raw = NO_VALUE
    repository_url: msgspec.Raw = NO_VALUE


class TokenInfo(msgspec.Struct):
    """`info` of `token_count`."""

    total_token_usage: msgspec.Raw = NO_VALUE
    last_token_usage: msgspec.Raw = NO_VALUE


class TokenUsage(msgspec.Struct):
    """The tokens of one response."""

    input_tokens: msgspec.Raw = NO_VALUE
    cached_input_tokens: msgspec.Raw = NO_VALUE
    cache_write_input_tokens: msgspec.Raw = NO_VALUE
    output_tokens: msgspec.Raw = NO_VALUE
    reasoning_output_tokens: msgspec.Raw = NO_VALUE


class Content(msgspec.Struct):
    """An element of the content of a message, of a reasoning, or of an output."""

    type: msgspec.Raw = NO_VALUE
    text: msgspec.Raw = NO_VALUE
    image_url: msgspec.Raw = NO_VALUE


class CodexRecord(msgspec.Struct):
    """A record, looked into once.

    `kind` is the envelope's type, `type` the payload's; the payload of a line without an
    envelope is the line.
    """

    kind: str | None
    type: str | None
    timestamp: str | None
    payload: Payload
    raw: msgspec.Raw


def decode_record(data: bytes) -> CodexRecord:
    """Return one record; a value that is no object gives one without anything.

    Raises:
        msgspec.DecodeError: The bytes are no JSON.
    """
    envelope = decode_struct(Envelope, data)
    kind = read_text(envelope.type)
    raw = envelope.payload
    if not has_value(raw):
        raw = msgspec.Raw(data)
        if kind in ITEM_TYPES:
            kind = "response_item"
        elif is_old_meta(envelope):
            kind = "session_meta"
    payload = decode_members(Payload, raw)
    return CodexRecord(kind, read_text(payload.type), read_text(envelope.timestamp), payload, raw)


def is_old_meta(envelope: Envelope) -> bool:
    """Return whether a line is the first one of a rollout without envelopes."""
    return (
        has_value(envelope.id)
        and has_value(envelope.instructions)
        and not has_value(envelope.type)
        and not has_value(envelope.payload)
    )


def is_codex(value: bytes) -> bool:
    """Return whether a record, given as JSON, can only come from Codex."""
    try:
        envelope = decode_struct(Envelope, value)
    except msgspec.DecodeError:
        return False
    if has_value(envelope.payload):
        is_known = read_text(envelope.type) in ENVELOPE_TYPES
        return is_known and has_value(envelope.timestamp) and is_object(envelope.payload)
    if read_text(envelope.record_type) == "state":
        return True
    return is_old_meta(envelope) and has_value(envelope.timestamp)


def read_string(raw: Json) -> str | None:
    """Return a string of any length, or None where the JSON is something else."""
    return decode_string(raw) if len(raw) else None
