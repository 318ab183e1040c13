"""Which agents a turn says were spawned, and by which tool calls.

A harness gives an agent a tape of its own, which does not say where it began; what says so is
the result of the call, or what the harness notes beside it. Pure: the bytes of a turn in, pairs
out. A harness whose transcripts never tell has no line in the table.

Source: tapes-log(1), "AGENTS".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import msgspec

from tapegit.dialects.syntax.json_records import read_document, read_raw_records
from tapegit.dialects.syntax.members import (
    NO_VALUE,
    decode_members,
    decode_string,
    is_object,
    iter_array,
    read_text,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


class Spawned(NamedTuple):
    """An agent, or the id of its session, and the id of the call that spawned it."""

    agent: str
    call_id: str


class _ClaudeRecord(msgspec.Struct):
    type: msgspec.Raw = NO_VALUE
    message: msgspec.Raw = NO_VALUE
    result: msgspec.Raw = msgspec.field(default=NO_VALUE, name="toolUseResult")
    data: msgspec.Raw = NO_VALUE
    call_id: msgspec.Raw = msgspec.field(default=NO_VALUE, name="parentToolUseID")


class _Agent(msgspec.Struct):
    id: msgspec.Raw = msgspec.field(default=NO_VALUE, name="agentId")


class _Message(msgspec.Struct):
    content: msgspec.Raw = NO_VALUE


class _Block(msgspec.Struct):
    type: msgspec.Raw = NO_VALUE
    tool_use_id: msgspec.Raw = NO_VALUE


class _CodexRecord(msgspec.Struct):
    type: msgspec.Raw = NO_VALUE
    payload: msgspec.Raw = NO_VALUE


class _CodexPayload(msgspec.Struct):
    type: msgspec.Raw = NO_VALUE
    call_id: msgspec.Raw = NO_VALUE
    output: msgspec.Raw = NO_VALUE
    new_thread_id: msgspec.Raw = NO_VALUE
    event_id: msgspec.Raw = NO_VALUE
    agent_thread_id: msgspec.Raw = NO_VALUE
    kind: msgspec.Raw = NO_VALUE


class _OpenCodeMessage(msgspec.Struct):
    parts: msgspec.Raw = NO_VALUE


class _OpenCodePart(msgspec.Struct):
    call_id: msgspec.Raw = msgspec.field(default=NO_VALUE, name="callID")
    state: msgspec.Raw = NO_VALUE


class _OpenCodeState(msgspec.Struct):
    metadata: msgspec.Raw = NO_VALUE


class _OpenCodeMetadata(msgspec.Struct):
    session: msgspec.Raw = msgspec.field(default=NO_VALUE, name="sessionId")


class _CodexResult(msgspec.Struct):
    agent_id: msgspec.Raw = NO_VALUE


def iter_spawned(dialect: str | None, pieces: Iterable[bytes]) -> Iterator[Spawned]:
    """Yield the agents that the raw bytes of a turn name, in the order of the source.

    What is spawned by several calls is yielded for each; nothing is yielded of a dialect that
    does not tell.
    """
    family = (dialect or "").partition("@")[0]
    if family not in _READERS:
        return
    mark, read = _READERS[family]
    for value in _iter_values(pieces, are_lines=family not in _DOCUMENTS):
        if mark in value:
            yield from read(value)


def _iter_values(pieces: Iterable[bytes], *, are_lines: bool) -> Iterator[bytes]:
    """Yield the JSON of each record of a turn; an element of a document is one."""
    if not are_lines:
        value = read_document(b"".join(pieces))
        if value is not None:
            yield value
        return
    for record in read_raw_records().read_all(pieces):
        if record.value is not None:
            yield record.value


def _read_claude(value: bytes) -> Iterator[Spawned]:
    record = decode_members(_ClaudeRecord, value)
    call_id = read_text(record.call_id)
    agent = _read_agent(record.data)
    if call_id is not None and agent is not None:
        yield Spawned(agent, call_id)
    agent = _read_agent(record.result)
    if agent is None or not is_object(record.message):
        return
    for element in iter_array(decode_members(_Message, record.message).content):
        block = decode_members(_Block, element)
        call_id = read_text(block.tool_use_id)
        if read_text(block.type) == "tool_result" and call_id is not None:
            yield Spawned(agent, call_id)


def _read_agent(raw: msgspec.Raw) -> str | None:
    return read_text(decode_members(_Agent, raw).id) if is_object(raw) else None


def _read_codex(value: bytes) -> Iterator[Spawned]:
    record = decode_members(_CodexRecord, value)
    payload = decode_members(_CodexPayload, record.payload)
    kind = read_text(payload.type)
    agent = call_id = None
    if kind == "collab_agent_spawn_end":
        agent, call_id = read_text(payload.new_thread_id), read_text(payload.call_id)
    elif kind == "sub_agent_activity" and read_text(payload.kind) == "started":
        agent, call_id = read_text(payload.agent_thread_id), read_text(payload.event_id)
    elif kind == "function_call_output":
        result = decode_string(payload.output) or ""
        given = decode_members(_CodexResult, result.encode("utf-8", "surrogatepass"))
        agent, call_id = read_text(given.agent_id), read_text(payload.call_id)
    if agent is not None and call_id is not None:
        yield Spawned(agent, call_id)


def _read_opencode(value: bytes) -> Iterator[Spawned]:
    for element in iter_array(decode_members(_OpenCodeMessage, value).parts):
        part = decode_members(_OpenCodePart, element)
        metadata = decode_members(_OpenCodeState, part.state).metadata
        session = read_text(decode_members(_OpenCodeMetadata, metadata).session)
        call_id = read_text(part.call_id)
        if session is not None and call_id is not None:
            yield Spawned(session, call_id)


_DOCUMENTS: Final = frozenset({"opencode"})
_READERS: Final[dict[str, tuple[bytes, Callable[[bytes], Iterator[Spawned]]]]] = {
    "claude-code": (b'"agentId"', _read_claude),
    "codex": (b"", _read_codex),
    "opencode": (b'"sessionId"', _read_opencode),
}
"""For each family of dialects what a record must hold at least, and what reads it."""
