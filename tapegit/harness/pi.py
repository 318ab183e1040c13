"""pi: what the entries of its sessions are.

A session is a tree in one file: each entry names the one it goes on from. Files of the first
version have no ids, and are a line.

Source: tapesdialect-pi(7).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tapegit.dialects.pi.record import Block, Entry, Message, PiRecord, Usage, decode_record, is_pi
from tapegit.dialects.pi.summary import (
    iter_blocks,
    summarize_branch,
    summarize_command,
    summarize_compaction,
    summarize_content,
    summarize_failure,
    summarize_result,
    summarize_session,
    summarize_tool_call,
)
from tapegit.dialects.syntax.members import (
    decode_members,
    has_value,
    read_count,
    read_text,
)
from tapegit.harness.facts import EXTRA, Harness, RecordFacts, SessionFacts, UsageFacts
from tapegit.harness.places import Place
from tapegit.harness.timestamps import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.harness.places import ReadText, Surroundings

DIALECT: Final = "pi@1"
TOOL_NAME_LENGTH_MAX: Final = 200
_FILE_NAME = re.compile(r"(?:.*[/\\])?[^/\\_]*_([^/\\]+)\.jsonl", re.DOTALL)


class SessionReader:
    """Says what the entries of one session are, in order; it remembers the working directory."""

    def __init__(self) -> None:
        self._cwd: str | None = None

    def read(self, record: PiRecord) -> RecordFacts:
        """Return what an entry is."""
        entry = record.entry
        if record.type == "session":
            session = _read_session(entry)
            self._cwd = self._cwd or session.cwd
            return RecordFacts("extra", time_ms=_read_time(record), session=session)
        uuid = read_text(entry.id)
        return self._read(record)._replace(
            uuid=uuid,
            parent_uuid=read_text(entry.parentId),
            is_placed=uuid is not None,
            time_ms=_read_time(record),
        )

    def _read(self, record: PiRecord) -> RecordFacts:
        entry, message = record.entry, record.message
        if record.type == "message":
            return self._read_message(record.role, message)
        if record.type == "compaction":
            line = summarize_compaction(entry)
            return RecordFacts("event", "event", is_boundary=True, headline=line)
        if record.type == "branch_summary":
            return RecordFacts("event", "event", headline=summarize_branch(entry))
        if record.type == "custom_message":
            return RecordFacts("message", "user", headline=summarize_content(entry.content))
        return EXTRA

    def _read_message(self, role: str | None, message: Message) -> RecordFacts:
        if role == "assistant":
            return self._read_assistant(message)
        if role == "toolResult":
            return RecordFacts("message", "tool", headline=summarize_result(message))
        if role == "bashExecution":
            return RecordFacts("message", "user", headline=summarize_command(message))
        if role in {"user", "custom", "hookMessage"}:
            line = summarize_content(message.content)
            return RecordFacts("message", "user", is_prompt=role == "user", headline=line)
        return EXTRA

    def _read_assistant(self, message: Message) -> RecordFacts:
        headline = None
        calls: list[Block] = []
        is_thinking = False
        for block in iter_blocks(message.content):
            kind = read_text(block.type)
            headline = headline or summarize_content(block.text)
            if kind == "toolCall":
                calls.append(block)
            is_thinking = is_thinking or kind == "thinking"
        stop = read_text(message.stopReason)
        if stop in {"aborted", "error"} and headline is None and not calls:
            return RecordFacts(
                "event",
                "event",
                headline=summarize_failure(message),
                model=read_text(message.model),
                provider=read_text(message.provider),
                stop=stop,
                usage=_read_usage(message),
            )
        names = (read_text(block.name) for block in calls)
        return RecordFacts(
            "message",
            "assistant",
            headline=headline,
            labels=tuple(summarize_tool_call(block, self._cwd) for block in calls),
            fallback="(thinking)" if is_thinking else None,
            tools=tuple(name for name in names if name and len(name) <= TOOL_NAME_LENGTH_MAX),
            model=read_text(message.model),
            provider=read_text(message.provider),
            stop=stop,
            usage=_read_usage(message),
        )


def _read_time(record: PiRecord) -> int | None:
    stated = read_text(record.entry.timestamp)
    time_ms = parse_timestamp(stated) if stated else None
    return read_count(record.message.timestamp) if time_ms is None else time_ms


def _read_session(entry: Entry) -> SessionFacts:
    parent = read_text(entry.parentSession) or read_text(entry.branchedFrom)
    match = _FILE_NAME.fullmatch(parent) if parent else None
    return SessionFacts(
        id=read_text(entry.id),
        cwd=read_text(entry.cwd),
        parent=match[1] if match is not None else parent,
    )


def _read_usage(message: Message) -> UsageFacts | None:
    if not has_value(message.usage):
        return None
    usage = decode_members(Usage, message.usage)
    return UsageFacts(
        input=read_count(usage.input),
        output=read_count(usage.output),
        cache_read=read_count(usage.cacheRead),
        cache_write_5m=read_count(usage.cacheWrite),
    )


def _summarize_leader(session: SessionFacts) -> str:
    return summarize_session(session.cwd)


def iter_places(surroundings: Surroundings) -> Iterator[Place]:
    """Yield where pi keeps its sessions."""
    home = surroundings.folder("PI_CODING_AGENT_DIR", ".pi/agent")
    yield Place(f"{home}/sessions", ("**/*.jsonl",), belongs)


def belongs(relative: str, directory: str, read: ReadText) -> bool | None:
    """Say by the name of its folder, `--<directory>--`, whether a session may be of one."""
    own = "--" + re.sub(r"[/\\:]", "-", directory.removeprefix("/"))
    name, _, rest = relative.partition("/")
    if not rest:
        return None  # early versions had one folder for all
    if name == f"{own}--":
        return True
    return None if name.startswith(f"{own}-") else False


PI: Final = Harness(
    name="pi",
    dialect=DIALECT,
    recognise=is_pi,
    decode=decode_record,
    begin=lambda: SessionReader().read,
    summarize_session=_summarize_leader,
    places=iter_places,
)
