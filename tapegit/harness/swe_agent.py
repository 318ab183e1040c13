"""SWE-agent and mini-swe-agent: what the messages of their trajectories are.

Source: tapesdialect-swe-agent(7) and tapesdialect-mini-swe-agent(7).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tapegit.dialects.meaning.part_summary import summarize_parts
from tapegit.dialects.openai_chat import parts as openai_chat_parts
from tapegit.dialects.openai_responses import parts as openai_responses_parts
from tapegit.dialects.parts import Text
from tapegit.dialects.swe_agent.record import (
    AgentMessage,
    decode_record,
    find_task,
    is_mini_swe_agent,
    is_swe_agent,
    iter_message_parts,
)
from tapegit.dialects.syntax.bodies import Members, read_members
from tapegit.dialects.syntax.lines import first_line
from tapegit.dialects.syntax.members import iter_array, read_seconds, starts_with
from tapegit.harness.content_ids import content_id
from tapegit.harness.facts import Document, Harness, RecordFacts, SessionFacts, UsageFacts
from tapegit.harness.places import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.dialects.syntax.members import Json
    from tapegit.harness.places import Surroundings
    from tapegit.objects.turn import Usage

DIALECT: Final = "swe-agent@1"
MINI_DIALECT: Final = "mini-swe-agent@1"


def read_facts(record: AgentMessage) -> RecordFacts:
    """Return what a message is."""
    members = record.members
    extra = members.members("extra")
    time_ms = read_seconds(extra.get("timestamp", b""))
    parts = list(iter_message_parts(record))
    if record.role == "event":
        status = extra.name("exit_status") or members.name("role") or "record"
        is_exit = members.name("role") == "exit"
        headline = f"exit: {first_line(status)}" if is_exit else status
        return RecordFacts("event", "event", is_boundary=True, headline=headline, time_ms=time_ms)
    if record.role == "user" and not members.flag("is_demo"):
        parts = [Text(text=find_task(p.text)) if isinstance(p, Text) else p for p in parts]
    summary = summarize_parts(parts)
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
    answer = members if "output" in members else extra.members("response")
    choice = next(answer.elements("choices"), b"")
    return facts._replace(
        tools=summary.tools,
        model=answer.name("model"),
        stop=read_members(choice).name("finish_reason"),
        usage=_read_usage(answer.members("usage")),
    )


def _read_usage(usage: Members) -> UsageFacts | None:
    is_chat = "prompt_tokens" in usage or "completion_tokens" in usage
    reader = openai_chat_parts if is_chat else openai_responses_parts
    found: Usage | None = reader.read_usage(usage)
    if found is None:
        return None
    return UsageFacts(
        input=found.input,
        output=found.output,
        cache_read=found.cache_read,
        cache_write_5m=found.cache_write_5m,
        reasoning=found.reasoning,
    )


def read_document(data: bytes) -> Document:
    """Return what a trajectory of SWE-agent says, and its messages."""
    members = read_members(data)
    history = members.get("history", b"")
    steps = read_members(next(members.elements("trajectory"), b""))
    head = [members.get("environment", b""), members.get("replay_config", b"")]
    head += [steps.get("execution_time", b""), *_iter_head(history)]
    version = members.members("info").name("swe_agent_version")
    return Document(
        session=SessionFacts(id=content_id(head), version=version),
        start_ms=None,
        time_ms=None,
        elements=iter_array(history),
    )


def read_mini_document(data: bytes) -> Document:
    """Return what a trajectory of mini-swe-agent says, and its messages."""
    is_list = starts_with(memoryview(data), "[")
    members = Members() if is_list else read_members(data)
    messages: Json = data if is_list else members.get("messages", b"")
    info = members.members("info")
    times = list(_iter_times(messages))
    head = [members.get("instance_id", b""), *_iter_head(messages)]
    return Document(
        session=SessionFacts(
            id=content_id(head),
            version=info.name("mini_version"),
            cwd=info.members("config").members("environment").name("cwd"),
        ),
        start_ms=times[0] if times else None,
        time_ms=times[-1] if times else None,
        elements=iter_array(messages),
    )


def _iter_head(messages: Json) -> Iterator[Json]:
    """Yield the messages up to the first answer."""
    for element in iter_array(messages):
        yield element
        if decode_record(bytes(element)).role == "assistant":
            return


def _iter_times(messages: Json) -> Iterator[int]:
    for element in iter_array(messages):
        extra = read_members(element).members("extra")
        time_ms = read_seconds(extra.get("timestamp", b""))
        if time_ms is not None:
            yield time_ms


def iter_mini_places(surroundings: Surroundings) -> Iterator[Place]:
    """Yield where mini-swe-agent keeps its newest trajectory; others are where runs put them."""
    folder = surroundings.folder("MSWEA_GLOBAL_CONFIG_DIR", ".config/mini-swe-agent")
    yield Place(folder, ("*.traj.json",))


SWE_AGENT: Final = Harness(
    name="swe-agent",
    dialect=DIALECT,
    recognise=is_swe_agent,
    decode=decode_record,
    begin=lambda: read_facts,
    summarize_session=lambda _: "swe-agent",
    document=read_document,
)
MINI_SWE_AGENT: Final = SWE_AGENT._replace(
    name="mini-swe-agent",
    dialect=MINI_DIALECT,
    recognise=is_mini_swe_agent,
    summarize_session=lambda _: "mini-swe-agent",
    document=read_mini_document,
    places=iter_mini_places,
)
