"""A request of any dialect as a body of OpenAI's Chat Completions interface.

Source: tapesdialect-openai-chat(7), "Encoding".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from tapegit.dialects.exchange import Encoded
from tapegit.dialects.losses import Losses, object_of
from tapegit.dialects.openai_chat.parts import NAME
from tapegit.dialects.parts import (
    AnyPart,
    Attachment,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Unknown,
)
from tapegit.dialects.syntax.data_urls import url_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tapegit.dialects.exchange import Message, Request, Tool

_ROLES: Final = frozenset({"user", "assistant", "system", "tool"})


def encode_request(request: Request) -> Encoded:
    """Return a request's body, and what is not in it."""
    losses = Losses(request, NAME)
    body: dict[str, Any] = {"model": request.model} if request.model else {}
    system = _content(request.system, losses)
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    for number, message in enumerate(request.messages, 1):
        losses.message = number
        if message.role in _ROLES:
            messages += _messages(message, losses)
        else:
            losses.add("role", message.role)
    body["messages"] = messages
    losses.message = None
    tools = [made for tool in request.tools if (made := encode_tool(tool, losses)) is not None]
    body |= {"tools": tools} if tools else {}
    body |= losses.parameters(request)
    return Encoded(msgspec.json.encode(body), tuple(losses.found))


def _messages(message: Message, losses: Losses) -> Iterator[dict[str, Any]]:
    """Yield a message as one or more: each result is one of its own, before the rest."""
    rest: list[AnyPart] = []
    for part in losses.client_parts(message):
        if isinstance(part, ToolResult):
            yield from _result(part, losses)
        else:
            rest.append(part)
    role = "user" if message.role == "tool" else message.role
    thoughts = [part for part in rest if isinstance(part, Thinking)]
    calls = [part for part in rest if isinstance(part, ToolCall)]
    made: dict[str, Any] = {}
    if thoughts:
        made |= _thoughts(thoughts, losses)
    others = [part for part in rest if not isinstance(part, Thinking | ToolCall)]
    content = _content(others, losses)
    made |= {"content": content} if content else {}
    if calls:
        made["tool_calls"] = [_call(part, losses) for part in calls]
    if made:
        yield {"role": role, **made}


def _thoughts(thoughts: list[Thinking], losses: Losses) -> dict[str, Any]:
    """Return thoughts as the interface takes its own back; those of others it does not."""
    if losses.is_same and not any(thought.signature for thought in thoughts):
        return {"reasoning_content": "".join(thought.text for thought in thoughts)}
    for thought in thoughts:
        losses.add_part(thought)
    return {}


def _content(parts: Sequence[AnyPart], losses: Losses) -> str | list[object]:
    """Return content: a string where it is one text, else a list."""
    made: list[object] = []
    for part in parts:
        if isinstance(part, Text):
            if part.signature is not None:
                losses.add("signature", "text")
            if part.text:
                made.append({"type": "text", "text": part.text})
        elif isinstance(part, Attachment):
            made += _attachment(part, losses)
        elif isinstance(part, Unknown):
            raw = losses.raw_of(part)
            made += [] if raw is None else [raw]
        else:
            losses.add_part(part)
    if len(made) == 1 and isinstance(made[0], dict) and made[0]["type"] == "text":
        text: str = made[0]["text"]
        return text
    return made


def _call(part: ToolCall, losses: Losses) -> dict[str, Any]:
    if part.signature is not None:
        losses.add("signature", part.name)
    function = {"name": part.name, "arguments": part.arguments}
    return {"id": losses.id_of_call(part), "type": "function", "function": function}


def _result(part: ToolResult, losses: Losses) -> Iterator[dict[str, Any]]:
    call_id = losses.id_of_result(part)
    if call_id is None:
        losses.add_part(part)
        return
    if part.is_error:
        losses.add("is_error", call_id)
    for attachment in part.attachments:
        losses.add("attachment", attachment.kind)
    yield {"role": "tool", "tool_call_id": call_id, "content": part.text}


def _attachment(part: Attachment, losses: Losses) -> list[object]:
    url = url_of(part)
    file_id = url.removeprefix("file:") if url is not None and url.startswith("file:") else None
    if url is not None and file_id is None and part.kind == "image":
        return [{"type": "image_url", "image_url": {"url": url}}]
    if part.kind == "document" and part.data is not None:
        return [{"type": "file", "file": {"file_data": url}}]
    if part.kind == "document" and file_id is not None and losses.is_same:
        return [{"type": "file", "file": {"file_id": file_id}}]
    losses.add("attachment", part.kind)
    return []


def encode_tool(tool: Tool, losses: Losses) -> object | None:
    """Return a tool's definition; None, and a loss, where another provider runs it."""
    if losses.is_same:
        return object_of(tool.raw)
    if tool.parameters is None and tool.description is None:
        losses.add("tool", tool.name)
        return None
    function: dict[str, Any] = {"name": tool.name}
    function |= {"description": tool.description} if tool.description else {}
    schema = object_of(tool.parameters) if tool.parameters is not None else None
    function |= {"parameters": schema} if schema is not None else {}
    return {"type": "function", "function": function}
