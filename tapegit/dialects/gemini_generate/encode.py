"""A request of any dialect as a body of Gemini's generateContent interface.

The model is no member of it: who sends it puts the name into the URL.

Source: tapesdialect-gemini-generate(7), "Encoding".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from tapegit.dialects.exchange import Encoded
from tapegit.dialects.gemini_generate.parts import NAME
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

_ROLES: Final = {"user": "user", "tool": "user", "assistant": "model"}


def encode_request(request: Request) -> Encoded:
    """Return a request's body, and what is not in it."""
    writer = _Writer(Losses(request, NAME))
    losses = writer.losses
    system = writer.parts(request.system)
    body: dict[str, Any] = {"systemInstruction": {"parts": system}} if system else {}
    contents: list[dict[str, Any]] = []
    last_role = None
    for number, message in enumerate(request.messages, 1):
        losses.message = number
        parts = writer.message(message)
        # Results of parallel calls are one message here.
        if message.role == last_role == "tool":
            contents[-1]["parts"] += parts
        elif parts:
            contents.append({"role": _ROLES[message.role], "parts": parts})
            last_role = message.role
    body["contents"] = contents
    losses.message = None
    tools = [made for tool in request.tools if (made := _tool(tool, losses)) is not None]
    body |= {"tools": [{"functionDeclarations": tools}]} if tools else {}
    for name, value in request.parameters.items():
        if losses.is_same:
            body[name] = msgspec.Raw(value.encode())
        else:
            losses.add("parameter", name)
    return Encoded(msgspec.json.encode(body), tuple(losses.found))


class _Writer:
    """Writes parts, and remembers the names of calls: a result is sent with its call's name."""

    def __init__(self, losses: Losses) -> None:
        self.losses = losses
        self._names: dict[str, str] = {}
        self._waiting: list[str] = []

    def message(self, message: Message) -> list[object]:
        """Return the parts of a message."""
        if message.role not in _ROLES:
            self.losses.add("role", message.role)
            return []
        return self.parts(tuple(self.losses.client_parts(message)))

    def parts(self, parts: tuple[AnyPart, ...]) -> list[object]:
        """Return parts as the interface has them."""
        return [made for part in parts if (made := self._part(part)) is not None]

    def _part(self, part: AnyPart) -> object | None:  # noqa: PLR0911 one for each kind
        if isinstance(part, Text):
            made: dict[str, Any] = {"text": part.text, **self._signature(part)}
            return made if part.text or part.signature else None
        if isinstance(part, Thinking) and self.losses.is_same:
            return {"text": part.text, "thought": True, **self._signature(part)}
        if isinstance(part, ToolCall):
            return self._call(part)
        if isinstance(part, ToolResult):
            return self._result(part)
        if isinstance(part, Attachment):
            return self._attachment(part)
        if isinstance(part, Unknown):
            return self.losses.raw_of(part)
        self.losses.add_part(part)
        return None

    def _signature(self, part: Text | Thinking | ToolCall) -> dict[str, str]:
        if part.signature is None:
            return {}
        if self.losses.is_same:
            return {"thoughtSignature": part.signature}
        self.losses.add("signature", getattr(part, "name", "text"))
        return {}

    def _call(self, part: ToolCall) -> dict[str, Any]:
        arguments: object = object_of(part.arguments)
        if arguments is None:
            self.losses.add("arguments", part.name)
            arguments = {"input": part.arguments}
        if part.id is None:
            self._waiting.append(part.name)
        else:
            self._names[part.id] = part.name
        call = {"name": part.name, "args": arguments}
        call |= {"id": part.id} if part.id is not None else {}
        return {"functionCall": call, **self._signature(part)}

    def _result(self, part: ToolResult) -> dict[str, Any] | None:
        waiting = self._waiting.pop(0) if part.call_id is None and self._waiting else None
        name = part.name or self._names.get(part.call_id or "") or waiting
        if name is None:
            self.losses.add_part(part)
            return None
        for attachment in part.attachments:
            self.losses.add("attachment", attachment.kind)
        key = "error" if part.is_error else "output"
        result: dict[str, Any] = {"name": name, "response": {key: part.text}}
        result |= {"id": part.call_id} if part.call_id is not None else {}
        return {"functionResponse": result}

    def _attachment(self, part: Attachment) -> dict[str, Any] | None:
        if part.data is not None and part.media_type is not None:
            return {"inlineData": {"mimeType": part.media_type, "data": part.data}}
        if part.url is not None and self.losses.is_same:
            typed = {"mimeType": part.media_type} if part.media_type else {}
            return {"fileData": {"fileUri": part.url, **typed}}
        self.losses.add("attachment", part.kind)
        return None


def _tool(tool: Tool, losses: Losses) -> object | None:
    schema = object_of(tool.parameters) if tool.parameters is not None else None
    if losses.is_same and (tool.description is not None or schema is not None):
        return object_of(tool.raw)
    if tool.parameters is None and tool.description is None:
        losses.add("tool", tool.name)
        return None
    made: dict[str, Any] = {"name": tool.name}
    made |= {"description": tool.description} if tool.description else {}
    return {**made, "parametersJsonSchema": schema} if schema is not None else made
