"""Gemini CLI: what the records of its sessions are, as lines and as one document.

Source: tapesdialect-gemini-cli(7).
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import TYPE_CHECKING, Final

from tapegit.dialects.gemini_cli.record import (
    EVENT_TYPES,
    GeminiRecord,
    Line,
    Tokens,
    decode_record,
    is_document,
    is_session,
    iter_calls,
    iter_parts_of,
    new_messages,
)
from tapegit.dialects.gemini_cli.summary import (
    summarize_content,
    summarize_event,
    summarize_replacement,
    summarize_tool_call,
)
from tapegit.dialects.syntax.members import (
    clean_count,
    decode_members,
    has_value,
    is_object,
    iter_array,
    read_count,
    read_text,
)
from tapegit.harness.facts import (
    EXTRA,
    Document,
    Harness,
    RecordFacts,
    SessionFacts,
    UsageFacts,
)
from tapegit.harness.places import Place
from tapegit.harness.timestamps import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.dialects.syntax.members import Json
    from tapegit.harness.places import ReadText, Surroundings

DIALECT: Final = "gemini-cli@1"
MESSAGE_COUNT_MAX: Final = 131_072
TOOL_NAME_LENGTH_MAX: Final = 200


class SessionReader:
    """Says what the records of one session are, in order; it knows where each message stands."""

    def __init__(self) -> None:
        self._count = 0
        self._place: str | None = None
        self._before: OrderedDict[str, str | None] = OrderedDict()

    def read(self, record: GeminiRecord) -> RecordFacts:
        """Return what a record is."""
        self._count += 1
        line = record.line
        if record.type is not None:
            return self._own(record, _read_message(record.type, line))
        rewind_to = read_text(line.rewind_to)
        if rewind_to is not None:
            self._place = self._go_back(rewind_to)
            headline = "rewound" if self._place is not None else "rewound to the beginning"
            return self._own(record, _event(headline))
        count = new_messages(line)
        if count is not None:
            return self._own(record, _event(summarize_replacement(count)))
        session = SessionFacts(id=read_text(line.sessionId))
        return EXTRA._replace(session=session, time_ms=_read_time(line.startTime))

    def _own(self, record: GeminiRecord, facts: RecordFacts) -> RecordFacts:
        """Return facts with their place: each message goes on from the one before it."""
        parent = self._place
        message_id = read_text(record.line.id) if record.type is not None else None
        if message_id is not None and message_id not in self._before:
            if len(self._before) >= MESSAGE_COUNT_MAX:
                self._before.popitem(last=False)
            self._before[message_id] = parent
        self._place = str(self._count)
        return facts._replace(
            is_placed=True,
            uuid=self._place,
            parent_uuid=parent,
            time_ms=_read_time(record.line.timestamp),
        )

    def _go_back(self, message_id: str) -> str | None:
        """Return the place before a message, and forget it and all after it."""
        if message_id not in self._before:
            self._before.clear()
            return None
        while True:
            last, place = self._before.popitem()
            if last == message_id:
                return place


def _read_message(kind: str, line: Line) -> RecordFacts:
    if kind in EVENT_TYPES:
        return RecordFacts("event", "event", headline=summarize_event(kind, line.content))
    if kind == "gemini":
        return _read_answer(line)
    for part, _ in iter_parts_of(line.content):
        if has_value(part.functionResponse):
            return RecordFacts("message", "tool", headline="ok")
    return RecordFacts("message", "user", is_prompt=True, headline=summarize_content(line.content))


def _read_answer(line: Line) -> RecordFacts:
    calls = list(iter_calls(line))
    names = (read_text(call.name) for call in calls)
    is_thinking = any(True for _ in iter_array(line.thoughts))
    return RecordFacts(
        "message",
        "assistant",
        message_id=read_text(line.id),
        is_whole=True,
        headline=summarize_content(line.content),
        labels=tuple(summarize_tool_call(call) for call in calls),
        fallback="(thinking)" if is_thinking else None,
        tools=tuple(name for name in names if name and len(name) <= TOOL_NAME_LENGTH_MAX),
        model=read_text(line.model),
        usage=_read_usage(line.tokens),
    )


def _event(headline: str) -> RecordFacts:
    return RecordFacts("event", "event", is_boundary=True, headline=headline)


def _read_time(raw: Json) -> int | None:
    stated = read_text(raw)
    return parse_timestamp(stated) if stated else None


def _read_usage(raw: Json) -> UsageFacts | None:
    if not is_object(raw):
        return None
    tokens = decode_members(Tokens, raw)
    given, cached, tool = map(read_count, (tokens.input, tokens.cached, tokens.tool))
    output, thoughts = read_count(tokens.output), read_count(tokens.thoughts)
    return UsageFacts(
        input=None if given is None else clean_count(given - (cached or 0) + (tool or 0)),
        output=None if output is None else clean_count(output + (thoughts or 0)),
        cache_read=cached,
        reasoning=thoughts,
    )


def read_document(data: bytes) -> Document:
    """Return what a session that is one document says, and its messages."""
    line = decode_record(data).line
    return Document(
        session=SessionFacts(id=read_text(line.sessionId)),
        start_ms=_read_time(line.startTime),
        time_ms=_read_time(line.lastUpdated),
        elements=iter_array(line.messages),
    )


def _summarize_leader(session: SessionFacts) -> str:
    return "gemini-cli"


def iter_places(surroundings: Surroundings) -> Iterator[Place]:
    """Yield where Gemini CLI keeps its sessions."""
    home = surroundings.folder("GEMINI_CLI_HOME", "")
    patterns = ("*/chats/**/*.json", "*/chats/**/*.jsonl")
    yield Place(f"{home}/.gemini/tmp", patterns, belongs)


def belongs(relative: str, directory: str, read: ReadText) -> bool | None:
    """Say by the name of its folder whether a session is of a directory.

    That is the hash of the project's path; or a word, and then a file in it says the path.
    """
    name = relative.partition("/")[0]
    if name == hashlib.sha256(directory.encode("utf-8", "surrogateescape")).hexdigest():
        return True
    root = (read(f"{name}/.project_root") or "").strip()
    return root == directory or root.startswith(f"{directory}/")


GEMINI_CLI: Final = Harness(
    name="gemini-cli",
    dialect=DIALECT,
    recognise=is_session,
    decode=decode_record,
    begin=lambda: SessionReader().read,
    summarize_session=_summarize_leader,
    places=iter_places,
)
GEMINI_CLI_DOCUMENT: Final = GEMINI_CLI._replace(recognise=is_document, document=read_document)
