"""A request of any dialect as a body of Ollama's `/api/chat`.

Source: tapesdialect-ollama-chat(7), "Encoding".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from tapegit.dialects.exchange import Encoded
from tapegit.dialects.losses import Losses, object_of
from tapegit.dialects.ollama_chat.parts import NAME
from tapegit.dialects.openai_chat.encode import encode_tool
from tapegit.dialects.parts import AnyPart, Attachment, Text, Thinking, ToolCall, ToolResult

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tapegit.dialects.exchange import Message, Request

_ROLES: Final = frozenset({"user", "assistant", "system", "tool"})


def encode_request(request: Request) -> Encoded:
    """Return a request's body, and what is not in it."""
    losses = Losses(request, NAME)
    body: dict[str, Any] = {"model": request.model} if request.model else {}
    messages = list(_rest("system", request.system, losses))
    for number, message in enumerate(request.messages, 1):
        losses.message = number
        messages += _messages(message, losses)
    body["messages"] = messages
    losses.message = None
    tools = [made for tool in request.tools if (made := encode_tool(tool, losses)) is not None]
    body |= {"tools": tools} if tools else {}
    for name, value in request.parameters.items():
        if losses.is_same or name == "stream":
            body[name] = msgspec.Raw(value.encode())
        else:
            losses.add("parameter", name)
    return Encoded(msgspec.json.encode(body), tuple(losses.found))


def _messages(message: Message, losses: Losses) -> Iterator[dict[str, Any]]:
    """Yield a message as one or more: each result is one of its own, before the rest."""
    if message.role not in _ROLES:
        losses.add("role", message.role)
        return
    rest: list[AnyPart] = []
    for part in losses.client_parts(message):
        if isinstance(part, ToolResult):
            yield _result(part, losses)
        else:
            rest.append(part)
    yield from _rest("user" if message.role == "tool" else message.role, rest, losses)


def _rest(role: str, parts: Iterable[AnyPart], losses: Losses) -> Iterator[dict[str, Any]]:
    """Yield a message of parts that are no results; texts are joined by LF."""
    texts: list[str] = []
    thoughts: list[str] = []
    images: list[str] = []
    calls: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, Text | ToolCall) and part.signature is not None:
            losses.add("signature", getattr(part, "name", "text"))
        if isinstance(part, Text):
            texts.append(part.text)
        elif isinstance(part, ToolCall):
            calls.append(_call(part, losses))
        elif isinstance(part, Thinking) and losses.is_same:
            thoughts.append(part.text)
        elif isinstance(part, Attachment) and part.kind == "image" and part.data is not None:
            images.append(part.data)
        else:
            losses.add_part(part)
    made: dict[str, Any] = {"thinking": "\n".join(thoughts)} if thoughts else {}
    made |= {"images": images} if images else {}
    made |= {"tool_calls": calls} if calls else {}
    if made or texts:
        yield {"role": role, "content": "\n".join(texts), **made}


def _call(part: ToolCall, losses: Losses) -> dict[str, Any]:
    arguments: object = object_of(part.arguments)
    if arguments is None:
        losses.add("arguments", part.name)
        arguments = {"input": part.arguments}
    made: dict[str, Any] = {"function": {"name": part.name, "arguments": arguments}}
    return {"id": part.id, **made} if part.id is not None else made


def _result(part: ToolResult, losses: Losses) -> dict[str, Any]:
    if part.is_error:
        losses.add("is_error", part.call_id or part.name or "")
    images = []
    for attachment in part.attachments:
        if attachment.kind == "image" and attachment.data is not None:
            images.append(attachment.data)
        else:
            losses.add("attachment", attachment.kind)
    made: dict[str, Any] = {"role": "tool", "content": part.text}
    made |= {"tool_call_id": part.call_id} if part.call_id is not None else {}
    made |= {"tool_name": part.name} if part.name is not None else {}
    return {**made, "images": images} if images else made
