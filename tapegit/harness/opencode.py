"""OpenCode: what the messages of its sessions are, as `opencode export` writes them.

Source: tapesdialect-opencode(7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.dialects.call_subject import summarize_file_call
from tapegit.dialects.meaning.part_summary import PartSummary, summarize_part, summarize_parts
from tapegit.dialects.opencode.record import (
    COMPACTED,
    OpenCodeMessage,
    decode_record,
    find_failure,
    is_export,
    iter_message_parts,
)
from tapegit.dialects.parts import Compaction, Text, ToolResult
from tapegit.dialects.syntax.bodies import read_members
from tapegit.dialects.syntax.members import iter_array
from tapegit.harness.facts import Document, Harness, RecordFacts, SessionFacts, UsageFacts

if TYPE_CHECKING:
    from tapegit.dialects.parts import AnyPart
    from tapegit.dialects.syntax.bodies import Members

DIALECT: Final = "opencode@1"


def read_facts(record: OpenCodeMessage) -> RecordFacts:
    """Return what a message is."""
    info = record.info
    time_ms = info.members("time").count("created")
    parts = list(iter_message_parts(record))
    if record.role == "event":
        return RecordFacts(
            "event",
            "event",
            is_boundary=True,
            headline=_summarize_event(record, parts),
            time_ms=time_ms,
            usage=_read_usage(info.members("tokens")),
            model=info.name("modelID"),
        )
    said = [part for part in parts if not isinstance(part, ToolResult)]
    own = [part for part in said if not (isinstance(part, Text) and part.injected)]
    cwd = info.members("path").name("cwd")
    summary = summarize_parts(own, cwd=cwd, summarize=summarize_file_call)
    if summary == PartSummary():
        summary = summarize_parts(said, cwd=cwd)
    facts = RecordFacts(
        "message",
        record.role,  # type: ignore[arg-type]
        is_prompt=record.role == "user",
        time_ms=time_ms,
        headline=summary.headline,
        labels=summary.labels,
        fallback=summary.fallback,
    )
    if record.role != "assistant":
        return facts
    return facts._replace(
        tools=summary.tools,
        model=info.name("modelID"),
        provider=info.name("providerID"),
        stop=info.name("finish"),
        usage=_read_usage(info.members("tokens")),
    )


def _summarize_event(record: OpenCodeMessage, parts: list[AnyPart]) -> str:
    if any(isinstance(part, Compaction) for part in parts):
        return COMPACTED
    failure = find_failure(record.info)
    line = summarize_part(failure) if failure is not None else None
    return line or record.info.name("role") or "record"


def _read_usage(tokens: Members) -> UsageFacts | None:
    cache = tokens.members("cache")
    output, reasoning = tokens.count("output"), tokens.count("reasoning")
    usage = UsageFacts(
        input=tokens.count("input"),
        output=None if output is None else output + (reasoning or 0),
        cache_read=cache.count("read"),
        cache_write_5m=cache.count("write"),
        reasoning=reasoning,
    )
    return usage if usage != UsageFacts() else None


def read_document(data: bytes) -> Document:
    """Return what an export says of its session, and its messages."""
    members = read_members(data)
    info = members.members("info")
    times = info.members("time")
    return Document(
        session=SessionFacts(
            id=info.name("id"),
            version=info.name("version"),
            cwd=info.name("directory"),
            parent=info.name("parentID"),
        ),
        start_ms=times.count("created"),
        time_ms=times.count("updated"),
        elements=iter_array(members.get("messages", b"")),
    )


def _summarize_leader(session: SessionFacts) -> str:
    place = f"in {session.cwd}" if session.cwd else None
    return " ".join(filter(None, ("opencode", session.version, place)))


OPENCODE: Final = Harness(
    name="opencode",
    dialect=DIALECT,
    recognise=is_export,
    decode=decode_record,
    begin=lambda: read_facts,
    summarize_session=_summarize_leader,
    document=read_document,
)
