"""A request of any dialect as a body of Anthropic's Messages interface.

Source: tapesdialect-anthropic-messages(7), "Encoding".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from tapegit.dialects.anthropic_messages.parts import NAME
from tapegit.dialects.exchange import Encoded
from tapegit.dialects.losses import Losses, object_of
from tapegit.dialects.parts import (
    AnyPart,
    Attachment,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
    Unknown,
)

if TYPE_CHECKING:
    from tapegit.dialects.exchange import Message, Request, Tool

_ROLES: Final = {"tool": "user", "user": "user", "assistant": "assistant", "system": "system"}
_NO_ARGUMENTS: Final = msgspec.Raw(b'{"type":"object"}')


def encode_request(request: Request) -> Encoded:
    """Return a request's body, and what is not in it."""
    losses = Losses(request, NAME)
    body: dict[str, Any] = {"model": request.model} if request.model else {}
    system = [block for part in request.system if (block := _block(part, losses)) is not None]
    messages: list[dict[str, Any]] = []
    last_role = None
    for number, message in enumerate(request.messages, 1):
        losses.message = number
        blocks = _blocks(message, losses)
        # Results of parallel calls are one message here.
        if message.role == last_role == "tool":
            messages[-1]["content"] += blocks
        elif blocks:
            messages.append({"role": _ROLES[message.role], "content": blocks})
            last_role = message.role
    body["messages"] = messages
    body |= {"system": system} if system else {}
    losses.message = None
    tools = [made for tool in request.tools if (made := _tool(tool, losses)) is not None]
    body |= {"tools": tools} if tools else {}
    body |= losses.parameters(request)
    return Encoded(msgspec.json.encode(body), tuple(losses.found))


def _blocks(message: Message, losses: Losses) -> list[Any]:
    if message.role not in _ROLES:
        losses.add("role", message.role)
        return []
    blocks = [_block(part, losses) for part in losses.client_parts(message)]
    return [block for block in blocks if block is not None]


def _block(part: AnyPart, losses: Losses) -> object | None:  # noqa: PLR0911 one for each kind
    if isinstance(part, Text):
        if part.signature is not None:
            losses.add("signature", "text")
        return {"type": "text", "text": part.text} if part.text else None
    if isinstance(part, Thinking) and losses.is_same and part.signature is not None:
        if part.is_redacted:
            return {"type": "redacted_thinking", "data": part.signature}
        return {"type": "thinking", "thinking": part.text, "signature": part.signature}
    if isinstance(part, ToolCall):
        return _call(part, losses)
    if isinstance(part, ToolResult):
        return _result(part, losses)
    if isinstance(part, Attachment):
        return _attachment(part, losses)
    if isinstance(part, Unknown):
        return losses.raw_of(part)
    losses.add_part(part)
    return None


def _call(part: ToolCall, losses: Losses) -> dict[str, Any]:
    if part.signature is not None:
        losses.add("signature", part.name)
    arguments: object = object_of(part.arguments)
    if arguments is None:
        losses.add("arguments", part.name)
        arguments = {"input": part.arguments}
    call_id = losses.id_of_call(part)
    return {"type": "tool_use", "id": call_id, "name": part.name, "input": arguments}


def _result(part: ToolResult, losses: Losses) -> dict[str, Any] | None:
    call_id = losses.id_of_result(part)
    if call_id is None:
        losses.add_part(part)
        return None
    content: list[Any] = [{"type": "text", "text": part.text}] if part.text else []
    made = (_attachment(attachment, losses) for attachment in part.attachments)
    content += [block for block in made if block is not None]
    result: dict[str, Any] = {"type": "tool_result", "tool_use_id": call_id, "content": content}
    return {**result, "is_error": True} if part.is_error else result


def _attachment(part: Attachment, losses: Losses) -> dict[str, Any] | None:
    source: dict[str, Any] = {}
    if part.data is not None and part.media_type is not None:
        source = {"type": "base64", "media_type": part.media_type, "data": part.data}
    elif part.url is not None and part.url.startswith("file:") and losses.is_same:
        source = {"type": "file", "file_id": part.url.removeprefix("file:")}
    elif part.url is not None and part.url.startswith(("http://", "https://")):
        source = {"type": "url", "url": part.url}
    if not source or part.kind not in {"image", "document"}:
        losses.add("attachment", part.kind)
        return None
    return {"type": part.kind, "source": source}


def _tool(tool: Tool, losses: Losses) -> object | None:
    if losses.is_same:
        return object_of(tool.raw)
    if tool.parameters is None and tool.description is None:
        losses.add("tool", tool.name)
        return None
    schema = object_of(tool.parameters) if tool.parameters is not None else None
    made: dict[str, Any] = {"name": tool.name, "input_schema": schema or _NO_ARGUMENTS}
    return {**made, "description": tool.description} if tool.description else made
