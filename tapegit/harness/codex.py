"""Codex: what the records of its rollouts are.

A rollout gives its messages no ids: which items make one response follows from their order, and
from the counts of tokens that stand before or after the items of a response.

Source: tapesdialect-codex(7).
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Final

from tapegit.dialects.codex.record import (
    CALL_TYPES,
    COMPACTION_TYPES,
    OUTPUT_TYPES,
    CodexRecord,
    Git,
    Meta,
    Source,
    Subagent,
    ThreadSpawn,
    TokenInfo,
    TokenUsage,
    decode_record,
    is_codex,
    read_string,
)
from tapegit.dialects.codex.summary import (
    call_name,
    is_injected,
    iter_texts,
    summarize_call,
    summarize_event,
    summarize_message,
    summarize_output,
    summarize_session,
)
from tapegit.dialects.syntax.lines import first_line
from tapegit.dialects.syntax.members import clean_count, decode_members, read_count, read_text
from tapegit.harness.facts import EXTRA, Harness, RecordFacts, SessionFacts, UsageFacts
from tapegit.harness.places import Place
from tapegit.harness.timestamps import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.harness.places import Surroundings

DIALECT: Final = "codex@1"
EVENT_TYPES: Final = frozenset(
    {
        "entered_review_mode",
        "error",
        "exited_review_mode",
        "stream_error",
        "thread_rolled_back",
        "turn_aborted",
    }
)
ECHO_TYPES: Final = frozenset({"agent_message", "agent_reasoning", "agent_reasoning_raw_content"})
PROMPT_COUNT_MAX: Final = 4096
TOOL_NAME_LENGTH_MAX: Final = 200


class RolloutReader:
    """Says what the records of one rollout are, in order.

    A *response* is what the model answered to one request. It is done when its count of tokens
    has come after its items, or when something that begins the next comes after a result.
    """

    def __init__(self) -> None:
        self._count = 0
        self._model: str | None = None
        self._total: bytes | None = None
        self._response = 0
        self._is_open = False
        self._has_items = False
        self._has_usage = False
        self._is_usage_first = False
        self._has_output = False
        self._place: str | None = None
        self._prompts: deque[str | None] = deque(maxlen=PROMPT_COUNT_MAX)

    def read(self, record: CodexRecord) -> RecordFacts:
        """Return what a record is."""
        self._count += 1
        facts = self._read(record)
        if facts.shape == "extra":
            return facts._replace(time_ms=_read_time(record))
        self._place = str(self._count)
        return facts._replace(uuid=self._place, time_ms=_read_time(record))

    def _read(self, record: CodexRecord) -> RecordFacts:
        kind = record.kind
        if kind == "response_item":
            return self._read_item(record, record.type or "")
        if kind == "event_msg":
            return self._read_event(record, record.type or "")
        if kind == "compacted":
            self._end_response()
            line = summarize_event("compacted", record.payload)
            return RecordFacts("event", "event", is_boundary=True, headline=line)
        if kind == "turn_context":
            self._model = read_text(record.payload.model) or self._model
            if self._has_output:
                self._end_response()
        if kind == "session_meta":
            return RecordFacts("extra", session=_read_meta(record))
        return EXTRA

    def _read_item(self, record: CodexRecord, kind: str) -> RecordFacts:
        payload = record.payload
        if kind in {"agent_message", "message"}:
            return self._read_said(record, kind)
        if kind == "reasoning":
            return self._answer(RecordFacts("message", "assistant", fallback="(thinking)"))
        if kind in CALL_TYPES:
            name = call_name(kind, payload)
            tools = (name,) if len(name) <= TOOL_NAME_LENGTH_MAX else ()
            label = summarize_call(kind, payload)
            return self._answer(RecordFacts("message", "assistant", labels=(label,), tools=tools))
        if kind in COMPACTION_TYPES:
            self._end_response()
            return RecordFacts("event", "event", is_boundary=True, headline="compacted")
        if kind in OUTPUT_TYPES:
            self._has_output = True
            return RecordFacts("message", "tool", headline=summarize_output(payload))
        return EXTRA

    def _read_said(self, record: CodexRecord, kind: str) -> RecordFacts:
        payload = record.payload
        if kind == "agent_message":
            self._end_response()
            line = summarize_message(payload)
            return RecordFacts("message", "user", is_prompt=True, headline=line)
        role = read_text(payload.role)
        if role == "assistant":
            line = next(filter(None, map(first_line, iter_texts(payload.content))), None)
            return self._answer(RecordFacts("message", "assistant", headline=line))
        return self._read_prompt(record, is_user=role == "user")

    def _read_prompt(self, record: CodexRecord, *, is_user: bool) -> RecordFacts:
        self._end_response()
        line = summarize_message(record.payload)
        if not is_user:
            return RecordFacts("message", "system", is_prompt=True, headline=line)
        if not all(map(is_injected, iter_texts(record.payload.content))):
            self._prompts.append(self._place)
        return RecordFacts("message", "user", is_prompt=True, headline=line)

    def _read_event(self, record: CodexRecord, kind: str) -> RecordFacts:
        payload = record.payload
        if kind == "token_count":
            return self._read_tokens(record)
        if kind in ECHO_TYPES:
            said = read_string(payload.text) or read_string(payload.message) or ""
            line = first_line(said)
            if kind != "agent_message":
                line = f"(thinking) {line}" if line else None
            return self._echo(RecordFacts("message", "assistant", is_echo=True, fallback=line))
        if kind not in EVENT_TYPES:
            return EXTRA
        self._end_response()
        line = summarize_event(kind, payload)
        facts = RecordFacts("event", "event", is_boundary=True, headline=line)
        if kind == "thread_rolled_back":
            return self._roll_back(facts, read_count(payload.num_turns) or 0)
        return facts

    def _roll_back(self, facts: RecordFacts, count: int) -> RecordFacts:
        """Return the event that goes on from what came before the prompts that are dropped."""
        if not 0 < count <= len(self._prompts):
            return facts
        place = None
        for _ in range(count):
            place = self._prompts.pop()
        return facts._replace(is_placed=True, parent_uuid=place)

    def _read_tokens(self, record: CodexRecord) -> RecordFacts:
        info = decode_members(TokenInfo, record.payload.info)
        total = bytes(info.total_token_usage)
        if not total or total == self._total:
            return EXTRA
        self._total = total
        usage = _read_usage(decode_members(TokenUsage, info.last_token_usage))
        if self._has_usage:
            self._end_response()
        self._begin_response()
        self._has_usage = True
        self._is_usage_first = not self._has_items
        return self._own(RecordFacts("message", "assistant", is_echo=True, usage=usage))

    def _answer(self, facts: RecordFacts) -> RecordFacts:
        """Return an item of the model's answer, as part of its response."""
        is_done = self._has_usage and not self._is_usage_first
        if is_done or (self._has_output and not self._is_usage_first):
            self._end_response()
        self._begin_response()
        self._has_items = True
        return self._own(facts)

    def _echo(self, facts: RecordFacts) -> RecordFacts:
        """Return what is said again, or before, beside the items of a response."""
        is_done = self._has_usage and not self._is_usage_first
        if self._has_output or is_done:
            self._end_response()
        self._begin_response()
        return self._own(facts)

    def _own(self, facts: RecordFacts) -> RecordFacts:
        return facts._replace(message_id=str(self._response), model=self._model)

    def _begin_response(self) -> None:
        if not self._is_open:
            self._is_open = True
            self._response += 1

    def _end_response(self) -> None:
        self._is_open = self._has_items = self._has_output = False
        self._has_usage = self._is_usage_first = False


def _read_time(record: CodexRecord) -> int | None:
    return parse_timestamp(record.timestamp) if record.timestamp else None


def _read_meta(record: CodexRecord) -> SessionFacts:
    meta = decode_members(Meta, record.raw)
    git = decode_members(Git, meta.git)
    subagent = decode_members(Source, meta.source).subagent
    spawn = decode_members(ThreadSpawn, decode_members(Subagent, subagent).thread_spawn)
    parents = (meta.forked_from_id, meta.parent_thread_id, spawn.parent_thread_id)
    agents = (meta.agent_path, meta.agent_nickname, spawn.agent_path, spawn.agent_nickname)
    return SessionFacts(
        id=read_text(meta.id),
        version=read_text(meta.cli_version),
        cwd=read_text(meta.cwd),
        branch=read_text(git.branch),
        parent=next(filter(None, map(read_text, parents)), None),
        agent=next(filter(None, map(read_text, agents)), None),
        commit=read_text(git.commit_hash),
        remote=read_text(git.repository_url),
    )


def _read_usage(usage: TokenUsage) -> UsageFacts:
    given, cached = read_count(usage.input_tokens), read_count(usage.cached_input_tokens)
    written = read_count(usage.cache_write_input_tokens)
    return UsageFacts(
        input=None if given is None else clean_count(given - (cached or 0) - (written or 0)),
        output=read_count(usage.output_tokens),
        cache_read=cached,
        cache_write_5m=written,
        reasoning=read_count(usage.reasoning_output_tokens),
    )


def _summarize_leader(session: SessionFacts) -> str:
    return summarize_session(session.version, session.cwd, session.branch)


def iter_places(surroundings: Surroundings) -> Iterator[Place]:
    """Yield where Codex keeps its rollouts; which directory one is of stands in it."""
    home = surroundings.folder("CODEX_HOME", ".codex")
    for name in ("sessions", "archived_sessions"):
        yield Place(f"{home}/{name}", ("**/*.jsonl", "**/*.jsonl.zst"))


CODEX: Final = Harness(
    name="codex",
    dialect=DIALECT,
    recognise=is_codex,
    decode=decode_record,
    begin=lambda: RolloutReader().read,
    summarize_session=_summarize_leader,
    places=iter_places,
)
