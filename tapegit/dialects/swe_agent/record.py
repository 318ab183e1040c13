"""One message of a trajectory of SWE-agent or mini-swe-agent, or a trajectory as one document.

Both write the messages of OpenAI's interfaces, with members of their own beside them.

Source: tapesdialect-swe-agent(7) and tapesdialect-mini-swe-agent(7), "What a record is".
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec.structs import replace

from tapegit.dialects.openai_chat import parts as openai_chat_parts
from tapegit.dialects.openai_responses import parts as openai_responses_parts
from tapegit.dialects.parts import Failure, Text, Thinking, ToolResult
from tapegit.dialects.syntax.bodies import Members, read_members, unknown
from tapegit.dialects.syntax.members import (
    clean_text,
    decode_string,
    is_object,
    iter_array,
    starts_with,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tapegit.dialects.parts import AnyPart

ELEMENT_COUNT_MAX: Final = 4096
MESSAGE_ROLES: Final = frozenset({"system", "user", "assistant", "tool"})
SUBMITTED: Final = "Submitted"
FINAL_COMMANDS: Final = (
    "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT",
    "MICRO_SWE_AGENT_FINAL_OUTPUT",
)
"""What mini-swe-agent tells the model to print at the end, in one of the first two messages."""

_TASK_STARTS: Final = ("ISSUE:\n", "<pr_description>\n")
_TASK_LINE: Final = "Consider the following PR description:\n"
_TASK_SEARCH_LENGTH: Final = 4096
_raw_decoder: Final = msgspec.json.Decoder(msgspec.Raw)


class AgentMessage(msgspec.Struct):
    """A message, looked into once; `role` is `event` for what is no message."""

    role: str
    members: Members
    data: bytes


def decode_record(data: bytes) -> AgentMessage:
    """Return one message; a value that is no object gives an event without anything.

    Raises:
        msgspec.DecodeError: The bytes are no JSON.
    """
    value = bytes(_raw_decoder.decode(data))
    members = read_members(value)
    return AgentMessage(_find_role(members), members, value)


def is_swe_agent(value: bytes) -> bool:
    """Return whether JSON is a whole trajectory of SWE-agent."""
    if not is_object(value):
        return False
    members = read_members(value)
    history = members.get("history", b"")
    if not starts_with(memoryview(history), "["):
        return False
    if starts_with(memoryview(members.get("trajectory", b"")), "[") and "info" in members:
        return True
    first = next(iter_array(history), None)
    message = read_members(first) if first is not None else Members()
    return message.name("agent") is not None and message.name("role") is not None


def is_mini_swe_agent(value: bytes) -> bool:
    """Return whether JSON is a whole trajectory of mini-swe-agent."""
    if starts_with(memoryview(value), "["):
        return _is_bare_list(value)
    members = read_members(value) if is_object(value) else Members()
    if not starts_with(memoryview(members.get("messages", b"")), "["):
        return False
    stated = members.name("trajectory_format") or ""
    is_stated = members.members("info").name("mini_version") is not None
    return is_stated or stated.startswith("mini-swe-agent")


def iter_message_parts(record: AgentMessage) -> Iterator[AnyPart]:
    """Yield the parts of a message, or of an event."""
    members = record.members
    if record.role == "event":
        yield from _iter_event(record)
    elif record.role == "tool":
        yield _read_result(record)
    elif "output" in members:
        for raw in members.elements("output"):
            yield from openai_responses_parts.iter_item(raw)
    elif members.name("type") == "message":
        yield from openai_responses_parts.iter_content(members.get("content", b""))
    else:
        yield from _iter_chat(members)


def find_task(text: str) -> str:
    """Return the text of a prompt from where it says what is to be done."""
    for start in _TASK_STARTS:
        found = text.find(start, 0, _TASK_SEARCH_LENGTH)
        if found >= 0:
            return text[found + len(start) :].removeprefix(_TASK_LINE)
    return text


def _find_role(members: Members) -> str:
    if members.name("type") == "function_call_output":
        return "tool"
    role = members.name("role")
    if role is None and members.name("object") == "response":
        return "assistant"
    return role if role in MESSAGE_ROLES else "event"


def _is_bare_list(value: bytes) -> bool:
    """Return whether JSON is a list of messages that mini-swe-agent's instructions begin."""
    for element in islice(iter_array(value), 2):
        members = read_members(element)
        content = members.string("content") or ""
        if members.name("role") not in MESSAGE_ROLES:
            return False
        if any(command in content for command in FINAL_COMMANDS):
            return True
    return False


def _iter_event(record: AgentMessage) -> Iterator[AnyPart]:
    members = record.members
    status = members.members("extra").name("exit_status")
    text = members.string("content")
    if members.name("role") != "exit" or text is None:
        yield unknown(members.name("role") or "record", record.data)
    elif status == SUBMITTED:
        yield Text(text=text, injected=True)
    else:
        yield Failure(text=text)


def _iter_chat(members: Members) -> Iterator[AnyPart]:
    blocks = list(islice(members.elements("thinking_blocks"), ELEMENT_COUNT_MAX))
    for raw in blocks:
        block = read_members(raw)
        signature = block.string("signature") or None
        yield Thinking(
            text=block.string("thinking") or "",
            is_signed=signature is not None,
            is_redacted=block.name("type") == "redacted_thinking",
            signature=signature,
        )
    is_demo = members.flag("is_demo")
    for part in openai_chat_parts.iter_parts(members):
        if isinstance(part, Thinking) and blocks:
            continue  # the same text a second time
        if isinstance(part, Text) and is_demo:
            yield Text(text=part.text, injected=True)
        else:
            yield part


def _read_result(record: AgentMessage) -> AnyPart:
    members = record.members
    if members.name("type") == "function_call_output":
        (part,) = openai_responses_parts.iter_item(record.data)
        return part
    (part,) = openai_chat_parts.decode_message(record.data).parts
    first = next(members.elements("tool_call_ids"), None)
    call_id = clean_text(decode_string(first)) if first is not None else None
    if call_id is None or not isinstance(part, ToolResult):
        return part
    return replace(part, call_id=call_id)
