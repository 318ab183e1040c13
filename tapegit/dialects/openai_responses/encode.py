"""A request of any dialect as a body of OpenAI's Responses interface.

Source: tapesdialect-openai-responses(7), "Encoding".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from tapegit.dialects.exchange import Encoded
from tapegit.dialects.losses import Losses, object_of
from tapegit.dialects.openai_responses.parts import NAME
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
    from collections.abc import Iterator

    from tapegit.dialects.exchange import Message, Request, Tool

_ROLES: Final = {"tool": "user", "user": "user", "assistant": "assistant", "system": "system"}


def encode_request(request: Request) -> Encoded:
    """Return a request's body, and what is not in it."""
    losses = Losses(request, NAME)
    body: dict[str, Any] = {"model": request.model} if request.model else {}
    instructions: list[str] = []
    for part in request.system:
        if isinstance(part, Text):
            instructions.append(part.text)
        else:
            losses.add_part(part)
    body |= {"instructions": "\n\n".join(instructions)} if instructions else {}
    items: list[object] = []
    for number, message in enumerate(request.messages, 1):
        losses.message = number
        items += _items(message, losses)
    body["input"] = items
    body |= {"previous_response_id": request.previous} if request.previous else {}
    losses.message = None
    tools = [made for tool in request.tools if (made := _tool(tool, losses)) is not None]
    body |= {"tools": tools} if tools else {}
    body |= losses.parameters(request)
    return Encoded(msgspec.json.encode(body), tuple(losses.found))


def _items(message: Message, losses: Losses) -> Iterator[object]:
    """Yield the items that a message is; texts and attachments in a row are one."""
    if message.role not in _ROLES:
        yield from _others(message, losses)
        return
    role = _ROLES[message.role]
    content: list[object] = []
    for part in losses.client_parts(message):
        if isinstance(part, Text | Attachment):
            content += _content(part, role, losses)
            continue
        if content:
            yield {"type": "message", "role": role, "content": content}
            content = []
        yield from _item(part, losses)
    if content:
        yield {"type": "message", "role": role, "content": content}


def _others(message: Message, losses: Losses) -> Iterator[object]:
    """Yield what is no message but stands among them, where it is of this dialect."""
    for part in message.parts:
        raw = losses.raw_of(part) if isinstance(part, Unknown) else None
        if raw is not None:
            yield raw
        elif not isinstance(part, Unknown):
            losses.add_part(part)


def _content(part: Text | Attachment, role: str, losses: Losses) -> list[object]:
    if isinstance(part, Attachment):
        return _attachment(part, losses)
    if part.signature is not None:
        losses.add("signature", "text")
    kind = "output_text" if role == "assistant" else "input_text"
    return [{"type": kind, "text": part.text}] if part.text else []


def _item(part: AnyPart, losses: Losses) -> Iterator[object]:
    if isinstance(part, ToolCall):
        if part.signature is not None:
            losses.add("signature", part.name)
        call = {"type": "function_call", "call_id": losses.id_of_call(part)}
        yield {**call, "name": part.name, "arguments": part.arguments}
    elif isinstance(part, ToolResult):
        yield from _result(part, losses)
    elif isinstance(part, Thinking) and losses.is_same:
        summary = [{"type": "summary_text", "text": part.text}] if part.text else []
        signed = {"encrypted_content": part.signature} if part.signature else {}
        yield {"type": "reasoning", "summary": summary, **signed}
    elif isinstance(part, Unknown):
        raw = losses.raw_of(part)
        if raw is not None:
            yield raw
    else:
        losses.add_part(part)


def _result(part: ToolResult, losses: Losses) -> Iterator[object]:
    call_id = losses.id_of_result(part)
    if call_id is None:
        losses.add_part(part)
        return
    if part.is_error:
        losses.add("is_error", call_id)
    output: object = part.text
    attached = [made for one in part.attachments for made in _attachment(one, losses)]
    if attached:
        output = [*([{"type": "input_text", "text": part.text}] if part.text else []), *attached]
    yield {"type": "function_call_output", "call_id": call_id, "output": output}


def _attachment(part: Attachment, losses: Losses) -> list[object]:
    url = url_of(part)
    key = {"image": "image_url", "document": "file_url"}.get(part.kind)
    if url is not None and url.startswith("file:"):
        key, url = ("file_id", url.removeprefix("file:")) if key and losses.is_same else (None, url)
    elif part.kind == "document" and part.data is not None:
        key = "file_data"
    if key is None or url is None:
        losses.add("attachment", part.kind)
        return []
    return [{"type": "input_image" if part.kind == "image" else "input_file", key: url}]


def _tool(tool: Tool, losses: Losses) -> object | None:
    if losses.is_same:
        return object_of(tool.raw)
    if tool.parameters is None and tool.description is None:
        losses.add("tool", tool.name)
        return None
    made: dict[str, Any] = {"type": "function", "name": tool.name}
    made |= {"description": tool.description} if tool.description else {}
    schema = object_of(tool.parameters) if tool.parameters is not None else None
    return {**made, "parameters": schema} if schema is not None else made
